//! Lists as bytes: node by node, each a listpack or one long element.

use crate::data::list::{End, Limits, List, Node};
use crate::data::listpack::Listpack;
use crate::data::rdb::compact;
use crate::data::rdb::read::{ReadError, Reader};
use crate::data::rdb::write::Writer;

/// What precedes a node.
const PLAIN: u64 = 1;
const PACKED: u64 = 2;

pub(super) fn write(list: &List, out: &mut Writer<'_>) {
    out.length(list.nodes().count() as u64);
    for node in list.nodes() {
        match node {
            Node::Plain(element) => {
                out.length(PLAIN);
                out.string(element);
            }
            Node::Packed { elements, .. } => {
                out.length(PACKED);
                out.string(elements.as_bytes());
            }
        }
    }
}

/// Reads elements one by one.
pub(super) fn read(bytes: &mut Reader<'_>, limits: Limits) -> Result<List, ReadError> {
    let mut list = List::default();
    for _ in 0..bytes.count()? {
        list.push(End::Back, bytes.string()?.as_ref(), limits);
    }
    Ok(list)
}

/// Reads nodes, each with what it is.
pub(super) fn read_nodes(bytes: &mut Reader<'_>) -> Result<List, ReadError> {
    let mut list = List::default();
    for _ in 0..bytes.count()? {
        let node = match bytes.length()? {
            PLAIN => {
                let element = bytes.string()?;
                if element.as_ref().is_empty() {
                    return Err(ReadError::Malformed);
                }
                Node::Plain(element.as_ref().into())
            }
            PACKED => Node::packed(compact::listpack(bytes)?),
            _ => return Err(ReadError::Malformed),
        };
        list.push_node_back(node);
    }
    check_not_empty(list)
}

/// Reads nodes that are ziplists all.
pub(super) fn read_ziplists(bytes: &mut Reader<'_>) -> Result<List, ReadError> {
    let mut list = List::default();
    for _ in 0..bytes.count()? {
        list.push_node_back(Node::packed(compact::ziplist(bytes)?));
    }
    check_not_empty(list)
}

pub(super) fn from_listpack(elements: Listpack) -> Result<List, ReadError> {
    let mut list = List::default();
    list.push_node_back(Node::packed(elements));
    check_not_empty(list)
}

fn check_not_empty(list: List) -> Result<List, ReadError> {
    if list.is_empty() { Err(ReadError::Empty) } else { Ok(list) }
}
