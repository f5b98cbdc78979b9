//! `DEBUG` of how values are kept.

use reddoor_protocol::reply_error::ReplyError;

use crate::client::Client;
use crate::commands::keys;
use crate::config::directive::memory_bytes;
use crate::data::key::Key;
use crate::data::keyspace::Record;
use crate::data::list::Limits;
use crate::data::rdb::payload;
use crate::data::value::Value;
use crate::execute::Call;

/// `DEBUG QUICKLIST-PACKED-THRESHOLD size`: from how long on an element of a list is kept apart; 0 for the default.
pub(super) fn packed_threshold(call: &mut Call<'_>) -> Result<(), ReplyError> {
    /// A little less than what 32 bits can count. Source: redis `src/quicklist.c` quicklistisSetPackedThreshold.
    const BYTES_MAX: usize = (1 << 32) - (1 << 20);
    let text = std::str::from_utf8(call.arg(2)).unwrap_or_default();
    let bytes = memory_bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
    let bytes = bytes.filter(|bytes| *bytes <= BYTES_MAX).ok_or(ReplyError::new(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    call.node.list_plain_bytes = if bytes == 0 { Limits::PLAIN_BYTES } else { bytes };
    call.reply.ok();
    Ok(())
}

pub(super) fn listpack(call: &mut Call<'_>) -> Result<(), ReplyError> {
    show(call, "listpack", "Listpack structure printed on stdout")
}

pub(super) fn quicklist(call: &mut Call<'_>) -> Result<(), ReplyError> {
    show(call, "quicklist", "Quicklist structure printed on stdout")
}

/// Writes a value of an encoding to the log.
fn show(call: &mut Call<'_>, encoding: &str, answer: &'static str) -> Result<(), ReplyError> {
    let record = call.node.peek(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    if record.value.encoding() != encoding {
        return Err(ReplyError::new(format!("ERR Not a {encoding} encoded object.")));
    }
    tracing::debug!("{:?}", record.value);
    call.reply.simple(answer);
    Ok(())
}

/// `DEBUG OBJECT key`
pub(super) fn object(call: &mut Call<'_>) -> Result<(), ReplyError> {
    /// Bytes of a dump beside the value itself: its type, a version and a checksum.
    const DUMP_FRAME_BYTES: usize = 11;
    let now_ms = call.now_ms;
    let fill = call.node.list_limits().fill;
    let settings = call.node.config.settings();
    let (shares_integers, compression) = (settings.shares_integers, settings.disk.compression);
    // A key whose time has come is told of as long as it is there.
    let database = &call.node.databases[call.client.db];
    let record = database.record(call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let dump = payload::write(&record.value, compression);
    let line = format!(
        "Value at:0x0 refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{}",
        keys::refcount(&record.value, shares_integers),
        record.value.encoding(),
        dump.len() - DUMP_FRAME_BYTES,
        record.usage.bits(),
        record.usage.idle_s(now_ms),
        list_facts(&record.value, fill),
    );
    call.reply.simple(&line);
    Ok(())
}

/// `DEBUG SDSLEN key`
pub(super) fn string_len(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let key = call.arg(2);
    let record = call.node.peek(call.at(), key).ok_or(ReplyError::NO_SUCH_KEY)?;
    let Value::String(string) = &record.value else { return Err(NO_TEXT) };
    if string.encoding() == "int" {
        return Err(NO_TEXT);
    }
    let (len, allocated) = (string.len(), string.heap_bytes());
    call.reply.simple(&format!(
        "key_sds_len:{key_len}, key_sds_avail:0, key_zmalloc: {key_len}, val_sds_len:{len}, val_sds_avail:{}, \
         val_zmalloc: {allocated}",
        allocated.saturating_sub(len),
        key_len = key.len(),
    ));
    Ok(())
}

const NO_TEXT: ReplyError = ReplyError::from_static("ERR Not an sds encoded string.");

/// `DEBUG STRUCTSIZE`: of this node's own structures.
pub(super) fn struct_sizes(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.simple(&format!(
        "bits:{} record:{} key:{} value:{} client:{}",
        usize::BITS,
        size_of::<Record>(),
        size_of::<Key>(),
        size_of::<Value>(),
        size_of::<Client>(),
    ));
    Ok(())
}

/// What `DEBUG OBJECT` tells of a list beyond what it tells of every value.
fn list_facts(value: &Value, fill: i32) -> String {
    let Value::List(list) = value else { return String::new() };
    let (nodes, bytes) = (list.nodes_count(), list.packed_bytes());
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
    let average = list.len() as f64 / nodes as f64;
    format!(
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{fill} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}
