//! `DEBUG` of what is kept on disk.

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::config::rewrite::Extent;
use crate::data::rdb::file::fill::Duplicates;
use crate::execute::Call;

/// `DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]`: saves, forgets and reads everything.
pub(super) fn reload(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (mut saves, mut flushes, mut duplicates) = (true, true, Duplicates::Refused);
    for option in call.args.iter().skip(2) {
        if is(option, "MERGE") {
            duplicates = Duplicates::Replaced;
        } else if is(option, "NOFLUSH") {
            flushes = false;
        } else if is(option, "NOSAVE") {
            saves = false;
        } else {
            return Err(ReplyError::from_static(
                "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
            ));
        }
    }
    // As in `LOADAOF` below.
    call.propagate_nothing();
    if saves {
        call.node.save_now().map_err(|_| ReplyError::from_static("ERR"))?;
    }
    if flushes {
        call.node.clear_databases();
    }
    call.node.load_now(duplicates).map_err(|error| {
        tracing::warn!("Error trying to load the RDB dump: {error}");
        ReplyError::from_static("ERR Error trying to load the RDB dump, check server logs.")
    })?;
    tracing::warn!("DB reloaded by DEBUG RELOAD");
    call.reply.ok();
    Ok(())
}

/// `DEBUG CONFIG-REWRITE-FORCE-ALL`
pub(super) fn rewrite_all_settings(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let config = &call.node.config;
    let file = config.file().ok_or(NO_FILE)?;
    config.rewrite(file, Extent::All, &call.node.acl.lines()).map_err(|error| {
        ReplyError::new(format!("ERR CONFIG-REWRITE-FORCE-ALL failed: {error}"))
    })?;
    call.reply.ok();
    Ok(())
}

const NO_FILE: ReplyError =
    ReplyError::from_static("ERR The server is running without a config file");

/// `DEBUG LOADAOF`: forgets everything and reads the append-only file, if there is one.
pub(super) fn load_append_only_file(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // What is read is written down already, and this command could not be read back.
    call.propagate_nothing();
    call.node.load_parts_now().map_err(|error| {
        tracing::warn!("Error trying to load the AOF files: {error}");
        ReplyError::from_static("ERR Error trying to load the AOF files, check server logs.")
    })?;
    tracing::warn!("Append Only File loaded by DEBUG LOADAOF");
    call.reply.ok();
    Ok(())
}
