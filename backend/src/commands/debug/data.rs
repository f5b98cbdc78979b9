//! `DEBUG` of data: digests of it, and keys by the number.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer;
use crate::data::digest::DataDigest;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::Call;

/// `DEBUG DIGEST`: equal on nodes with equal data.
pub(super) fn digest(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.simple(&DataDigest::of_databases(&call.node.databases).to_string());
    Ok(())
}

/// `DEBUG DIGEST-VALUE key …`: zeros for a key that is not there.
pub(super) fn digest_values(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.array(call.args.len() - 2);
    for key in call.args.iter().skip(2) {
        let record = call.node.peek(call.at(), key);
        let digest = record.map(|record| DataDigest::of_value(&record.value, record.is_volatile()));
        call.reply.simple(&digest.unwrap_or_default().to_string());
    }
    Ok(())
}

/// `DEBUG POPULATE count [prefix] [size]`: keys `prefix:number` that were not there before.
pub(super) fn populate(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = u32::try_from(integer(call.arg(2))?).map_err(|_| ReplyError::NOT_INTEGER)?;
    let prefix = String::from_utf8_lossy(call.args.get(3).unwrap_or(b"key")).into_owned();
    let size = match call.args.get(4) {
        Some(size) => usize::try_from(integer(size)?).map_err(|_| ReplyError::NOT_INTEGER)?,
        None => 0,
    };
    let at = call.at();
    for number in 0..count {
        let key = format!("{prefix}:{number}");
        if call.node.peek(at, key.as_bytes()).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size.min(call.node.config.settings().bulk_bytes_max), 0);
        }
        let value = Value::String(Str::text(&value));
        call.node.databases[at.db].insert(key.as_bytes(), value, None, at.now_ms);
        call.changed(key.as_bytes());
        call.propagate_nothing();
    }
    call.reply.ok();
    Ok(())
}
