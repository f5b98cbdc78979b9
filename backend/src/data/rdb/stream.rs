//! Streams as bytes: nodes as they are, what is known of all entries, then consumer groups.

use std::collections::BTreeMap;

use crate::data::rdb::compact;
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::Writer;
use crate::data::stream::Stream;
use crate::data::stream::group::Group;
use crate::data::stream::id::Id;
use crate::data::stream::node::Node;

/// Whether what Redis 7 knows of a stream is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Only the last ID.
    Before7,
    Since7,
}

/// Stands for a group's count of read entries that nobody can tell.
const UNKNOWN: u64 = u64::MAX;

pub(super) fn write(stream: &Stream, out: &mut Writer<'_>) {
    out.length(stream.nodes().len() as u64);
    for (id, node) in stream.nodes() {
        out.string(&id.to_bytes());
        out.string(node.as_bytes());
    }
    let marks = stream.marks();
    out.length(marks.len);
    for id in [marks.last_id, marks.first_id, marks.max_deleted_id] {
        write_id(id, out);
    }
    out.length(marks.entries_added);
    out.length(stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        out.string(name);
        write_group(group, out);
    }
}

fn write_id(id: Id, out: &mut Writer<'_>) {
    out.length(id.ms);
    out.length(id.seq);
}

fn write_group(group: &Group, out: &mut Writer<'_>) {
    write_id(group.last_id, out);
    out.length(group.entries_read.unwrap_or(UNKNOWN));
    out.length(group.pending().len() as u64);
    for (id, pending) in group.pending() {
        out.raw(&id.to_bytes());
        out.milliseconds(pending.delivered_at_ms);
        out.length(pending.deliveries);
    }
    out.length(group.consumers().len() as u64);
    for consumer in group.consumers() {
        out.string(&consumer.name);
        out.milliseconds(consumer.seen_at_ms);
        out.length(consumer.pending.len() as u64);
        consumer.pending.iter().for_each(|id| out.raw(&id.to_bytes()));
    }
}

/// Reads a stream, which may well be empty.
pub(super) fn read(bytes: &mut Reader<'_>, form: Form) -> Result<Stream, ReadError> {
    let mut stream = Stream::default();
    for _ in 0..bytes.length()? {
        let key = bytes.string()?;
        let id = key.as_ref().try_into().map(Id::from_bytes).map_err(|_| ReadError::Malformed)?;
        let node =
            Node::from_listpack(compact::listpack(bytes)?).map_err(|_| ReadError::Malformed)?;
        stream.push_node_back(id, node).map_err(|_| ReadError::Malformed)?;
    }
    read_marks(bytes, form, &mut stream)?;
    for _ in 0..bytes.length()? {
        let name = bytes.string()?;
        let last_id = read_id(bytes)?;
        let entries_read = match form {
            Form::Before7 => stream.marks().entries_until(last_id),
            Form::Since7 => Some(bytes.length()?).filter(|count| *count != UNKNOWN),
        };
        if !stream.create_group(name.as_ref(), last_id, entries_read) {
            return Err(ReadError::Malformed);
        }
        let group = stream.group_mut(name.as_ref()).ok_or(ReadError::Malformed)?;
        read_consumers(bytes, group)?;
    }
    Ok(stream)
}

/// What is known of all entries must be true of those that were read.
fn read_marks(bytes: &mut Reader<'_>, form: Form, stream: &mut Stream) -> Result<(), ReadError> {
    let len = bytes.length()?;
    let last_id = read_id(bytes)?;
    let (mut max_deleted_id, mut entries_added) = (Id::MIN, len);
    if form == Form::Since7 {
        // The first ID is found in the nodes.
        read_id(bytes)?;
        max_deleted_id = read_id(bytes)?;
        entries_added = bytes.length()?;
    }
    if len != stream.marks().len || stream.last_entry_id().is_some_and(|id| id > last_id) {
        return Err(ReadError::Malformed);
    }
    stream.set_marks(last_id, Some(max_deleted_id), Some(entries_added));
    Ok(())
}

fn read_id(bytes: &mut Reader<'_>) -> Result<Id, ReadError> {
    Ok(Id { ms: bytes.length()?, seq: bytes.length()? })
}

/// Reads first what is pending in the whole group, then whose each of it is.
fn read_consumers(bytes: &mut Reader<'_>, group: &mut Group) -> Result<(), ReadError> {
    let mut unclaimed = BTreeMap::new();
    for _ in 0..bytes.length()? {
        let id = Id::from_bytes(bytes.array()?);
        let record = (bytes.milliseconds()?, bytes.length()?);
        if unclaimed.insert(id, record).is_some() {
            return Err(ReadError::Malformed);
        }
    }
    for _ in 0..bytes.length()? {
        let name = bytes.string()?;
        let seen_at_ms = bytes.milliseconds()?;
        let consumer =
            group.create_consumer(name.as_ref(), seen_at_ms).ok_or(ReadError::ConsumerTwice)?;
        for _ in 0..bytes.length()? {
            let id = Id::from_bytes(bytes.array()?);
            let (delivered_at_ms, deliveries) =
                unclaimed.remove(&id).ok_or(ReadError::Malformed)?;
            group.deliver(id, consumer, delivered_at_ms);
            if let Some(pending) = group.pending_mut(id) {
                pending.deliveries = deliveries;
            }
        }
    }
    if unclaimed.is_empty() { Ok(()) } else { Err(ReadError::Malformed) }
}
