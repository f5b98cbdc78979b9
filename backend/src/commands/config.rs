//! `CONFIG`.

use std::env;

use reddoor_protocol::reply_error::ReplyError;

use crate::config::Config;
use crate::config::rewrite::Extent;
use crate::config::settings::Settings;
use crate::execute::{Call, Handler, Origin, is_permitted};
use crate::log;
use crate::node::Node;
use crate::stats::Stats;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("config|get", get),
    ("config|set", set),
    ("config|resetstat", resetstat),
    ("config|rewrite", rewrite),
    ("config|help", super::help),
];

fn get(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let found = call.node.config.matching(call.args.iter().skip(2));
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    Ok(())
}

fn set(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if !call.args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    let args = call.args;
    let pairs = (2..args.len()).step_by(2).map(|index| {
        (args.get(index).unwrap_or_default(), args.get(index + 1).unwrap_or_default())
    });
    let is_open = is_permitted(call.node.config.settings().protected_configs, call.client);
    let password_before = call.node.config.settings().password.clone();
    let mut config = call.node.config.clone();
    config.set(pairs, is_open)?;
    enter_directory(&mut config, call.node.config.settings())?;
    call.node.config = config;
    log::set_level(&call.node.config.settings().log_level);
    let password = &call.node.config.settings().password;
    if *password != password_before {
        call.node.acl.set_default_password(password);
    }
    call.node.settings_changed();
    follow_append_setting(call.node, call.origin)?;
    call.reply.ok();
    Ok(())
}

/// Switches the append-only file on or off; if that fails, the setting is as it was.
fn follow_append_setting(node: &mut Node, origin: Origin<'_>) -> Result<(), ReplyError> {
    if node.follow_append_setting(origin).is_ok() {
        return Ok(());
    }
    let pair = [(b"appendonly".as_slice(), b"no".as_slice())];
    node.config.set(pair.into_iter(), false)?;
    Err(ReplyError::from_static(
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server \
         logs.",
    ))
}

/// Follows a change of `dir`, the last thing that can fail.
fn enter_directory(config: &mut Config, before: &Settings) -> Result<(), ReplyError> {
    let dir = config.settings().dir.clone();
    if dir == before.dir {
        return Ok(());
    }
    let entered = env::set_current_dir(&dir).and_then(|()| env::current_dir());
    let entered = entered.map_err(|error| {
        ReplyError::new(format!(
            "ERR CONFIG SET failed (possibly related to argument 'dir') - {error}"
        ))
    })?;
    config.note_directory(&entered);
    Ok(())
}

fn resetstat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let expired_keys_before = call.node.stats.expired_keys_before + call.node.expired_count();
    call.node.stats = Stats::default();
    call.node.stats.expired_keys_before = expired_keys_before;
    call.node.persistence.reset_counts();
    call.reply.ok();
    Ok(())
}

fn rewrite(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let file = call
        .node
        .config
        .file()
        .ok_or(ReplyError::new("ERR The server is running without a config file"))?;
    let users = call.node.acl.lines();
    call.node.config.rewrite(file, Extent::Changed, &users).map_err(|error| {
        tracing::warn!("CONFIG REWRITE failed: {error}");
        ReplyError::new(format!("ERR Rewriting config file: {error}"))
    })?;
    tracing::info!("CONFIG REWRITE executed with success.");
    call.reply.ok();
    Ok(())
}
