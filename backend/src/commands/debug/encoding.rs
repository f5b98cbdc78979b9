//! `DEBUG` of how values are kept.

use reddoor_protocol::reply_error::ReplyError;

use crate::config::directive::memory_bytes;
use crate::data::list::Limits;
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

/// What `DEBUG OBJECT` tells of a list beyond what it tells of every value.
pub(super) fn list_facts(value: &Value, fill: i32) -> String {
    let Value::List(list) = value else { return String::new() };
    let (nodes, bytes) = (list.nodes_count(), list.packed_bytes());
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
    let average = list.len() as f64 / nodes as f64;
    format!(
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{fill} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}
