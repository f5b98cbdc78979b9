//! `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`.
//!
//! Source: redis `src/server.c` getKeysSubcommandImpl.

use crate::command::describe::write_simple_set;
use crate::command::key_spec::KeyAccess;
use crate::command::{keys, resolve};
use crate::encode::ReplyWriter;
use crate::reply_error::ReplyError;
use crate::request::Args;

const INVALID_COMMAND: ReplyError = ReplyError::from_static("ERR Invalid command specified");
const NO_KEYS: ReplyError = ReplyError::from_static("ERR The command has no key arguments");
const INVALID_COUNT: ReplyError =
    ReplyError::from_static("ERR Invalid number of arguments specified for command");
const INVALID_ARGUMENTS: ReplyError =
    ReplyError::from_static("ERR Invalid arguments specified for command");

/// What is told of each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDetail {
    /// `COMMAND GETKEYS`.
    Name,
    /// `COMMAND GETKEYSANDFLAGS`.
    NameAndAccess,
}

/// Writes the keys of the request that stands behind the first two arguments.
pub fn write_keys(args: Args<'_>, detail: KeyDetail, writer: &mut ReplyWriter<'_>) {
    let request: Vec<&[u8]> = args.iter().skip(2).collect();
    match keys_of(Args::from_slices(&request)) {
        Err(error) => writer.error(&error),
        Ok(keys) => {
            writer.array(keys.len());
            for (key, access) in keys {
                if detail == KeyDetail::NameAndAccess {
                    writer.array(2);
                }
                writer.bulk(key);
                if detail == KeyDetail::NameAndAccess {
                    write_simple_set(access.names(), "", writer);
                }
            }
        }
    }
}

fn keys_of<'a>(request: Args<'a>) -> Result<Vec<(&'a [u8], KeyAccess)>, ReplyError> {
    let spec = resolve::resolve_any_arity(request).map_err(|_| INVALID_COMMAND)?;
    let is_key = |access: KeyAccess| !access.contains(KeyAccess::NOT_KEY);
    if !spec.keys.iter().any(|keys| is_key(keys.access)) {
        return Err(NO_KEYS);
    }
    if !spec.accepts(request.len()) {
        return Err(INVALID_COUNT);
    }
    let found = keys::find_keys(spec, request).map_err(|_| INVALID_ARGUMENTS)?;
    let keys = found.filter(|(_, access)| is_key(*access));
    Ok(keys.filter_map(|(index, access)| Some((request.get(index as usize)?, access))).collect())
}
