//! `CONFIG`.

use std::env;

use reddoor_protocol::reply_error::ReplyError;

use crate::config::Config;
use crate::config::change::{May, set_failed};
use crate::config::rewrite::Extent;
use crate::config::settings::{OomScore, Settings};
use crate::error::system_words;
use crate::execute::{Call, Handler, Origin, is_permitted};
use crate::log;
use crate::node::Node;
use crate::replication::SyncCounts;
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
    let protected = call.node.config.settings().protected_configs;
    let may = May {
        change_protected: is_permitted(protected, call.client),
        is_loading: call.node.persistence.loading.is_some(),
    };
    let mut config = call.node.config.clone();
    config.set(pairs, may)?;
    let before = std::mem::replace(&mut call.node.config, config);
    apply(call.node, before, call.origin)?;
    call.reply.ok();
    Ok(())
}

/// Does something that new settings ask for, given those before them.
type Step = fn(&mut Node, &Settings, Origin<'_>) -> Result<(), ReplyError>;

/// What may fail, in its order.
const STEPS: [Step; 5] =
    [enter_directory, adjust_oom_score, listen_anew, follow_plainly, follow_append_setting];

/// Does what the settings of the node ask for; if a part of it fails, all is as it was before.
fn apply(node: &mut Node, before: Config, origin: Origin<'_>) -> Result<(), ReplyError> {
    let settings_before = before.settings().clone();
    for (done, step) in STEPS.iter().enumerate() {
        if let Err(error) = step(node, &settings_before, origin) {
            let failed = std::mem::replace(&mut node.config, before);
            for step in STEPS[..done].iter().rev() {
                // What could be done before can be done again, and if not, the first error says enough.
                let _ = step(node, failed.settings(), origin);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Follows a change of what cannot fail.
fn follow_plainly(node: &mut Node, before: &Settings, _: Origin<'_>) -> Result<(), ReplyError> {
    log::set_level(&node.config.settings().log_level);
    let password = &node.config.settings().password;
    if *password != before.password {
        node.acl.set_default_password(password);
    }
    node.settings_changed();
    Ok(())
}

/// Switches the append-only file on or off.
fn follow_append_setting(
    node: &mut Node,
    _: &Settings,
    origin: Origin<'_>,
) -> Result<(), ReplyError> {
    node.follow_append_setting(origin)
        .map_err(|_| set_failed("appendonly", "Unable to turn on AOF. Check server logs."))
}

fn listen_anew(node: &mut Node, before: &Settings, _: Origin<'_>) -> Result<(), ReplyError> {
    node.listen_anew(before)
}

fn adjust_oom_score(node: &mut Node, before: &Settings, _: Origin<'_>) -> Result<(), ReplyError> {
    let after = node.config.settings().oom_score;
    if after == before.oom_score {
        return Ok(());
    }
    let name = if after == OomScore::Kept || before.oom_score == OomScore::Kept {
        "oom-score-adj"
    } else {
        "oom-score-adj-values"
    };
    node.adjust_oom_score().map_err(|_| {
        set_failed(name, "Failed to apply new oom_score_adj configuration, check server logs.")
    })
}

/// Follows a change of `dir`.
fn enter_directory(node: &mut Node, before: &Settings, _: Origin<'_>) -> Result<(), ReplyError> {
    let dir = node.config.settings().dir.clone();
    if dir == before.dir {
        return Ok(());
    }
    let entered = env::set_current_dir(&dir).and_then(|()| env::current_dir());
    let entered = entered.map_err(|error| set_failed("dir", &system_words(&error)))?;
    node.config.note_directory(&entered);
    Ok(())
}

fn resetstat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let expired_keys_before = call.node.stats.expired_keys_before + call.node.expired_count();
    call.node.stats = Stats::default();
    call.node.stats.expired_keys_before = expired_keys_before;
    call.node.persistence.reset_counts();
    call.node.replication.counts = SyncCounts::default();
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
