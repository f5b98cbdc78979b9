//! `ACL SETUSER`, `DELUSER`, `GETUSER`, `LIST`, `USERS`, `LOAD` and `SAVE`.

use std::rc::Rc;

use reddoor_protocol::reply_error::ReplyError;

use crate::acl::{DEFAULT, Name, Rules, Told, gather, has_spaces};
use crate::client::Client;
use crate::commands::acl::{dismiss, dismiss_removed};
use crate::commands::argument::quoted;
use crate::error::system_words;
use crate::execute::Call;
use crate::pubsub::{Kind, PubSub};

/// All rules are followed, or none.
pub(super) fn setuser(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let name = call.arg(2);
    if has_spaces(name) {
        return Err(ReplyError::new("ERR Usernames can't contain spaces or null characters"));
    }
    let words = gather(call.args.iter().skip(3)).map_err(|open| {
        let word = quoted(call.arg(3 + open.index)).into_owned();
        ReplyError::new(format!("ERR Unmatched parenthesis in acl selector starting at '{word}'."))
    })?;
    let channels = call.node.config.settings().acl.first_channels;
    let known = call.node.acl.find(name).cloned();
    let before = known.as_ref().map(|user| user.rules().clone());
    let mut rules = before.clone().unwrap_or_else(|| Rules::new(channels));
    for word in &words {
        rules.apply(word, channels).map_err(|error| {
            let word = quoted(word);
            ReplyError::new(format!("ERR Error in ACL SETUSER modifier '{word}': {error}"))
        })?;
    }
    if let (Some(user), Some(before)) = (known, before)
        && rules.may_lose_channels(&before)
    {
        dismiss(call, |client, node| {
            Rc::ptr_eq(&client.login.user, &user) && !may_go_on(client, &node.pubsub, &rules)
        });
    }
    call.node.acl.set(name, rules);
    call.reply.ok();
    Ok(())
}

/// Whether a client may go on listening to all that it listens to.
fn may_go_on(client: &Client, pubsub: &PubSub, rules: &Rules) -> bool {
    let may_all = |kind, name: fn(&[u8]) -> Name<'_>| {
        pubsub.own_names(client.id, kind).iter().all(|own| rules.may_listen(name(own)))
    };
    !client.subscriptions.are_any()
        || may_all(Kind::Pattern, |name| Name::Pattern(name))
            && may_all(Kind::Channel, |name| Name::Channel(name))
            && may_all(Kind::Shard, |name| Name::Channel(name))
}

pub(super) fn deluser(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let names = call.args.iter().skip(2);
    if names.clone().any(|name| name == DEFAULT) {
        return Err(ReplyError::new("ERR The 'default' user cannot be removed"));
    }
    let count = names.filter(|name| call.node.acl.remove(name)).count();
    dismiss_removed(call);
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn getuser(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let Some(user) = call.node.acl.find(call.arg(2)).cloned() else {
        call.reply.null();
        return Ok(());
    };
    let rules = user.rules();
    call.reply.map(6);
    call.reply.bulk(b"flags");
    let flags: Vec<&str> = rules.flags().collect();
    call.reply.set(flags.len());
    flags.iter().for_each(|flag| call.reply.bulk(flag.as_bytes()));
    call.reply.bulk(b"passwords");
    call.reply.array(rules.passwords().len());
    rules.passwords().iter().for_each(|own| call.reply.bulk(own.to_hex().as_bytes()));
    let mut selectors = rules.selectors();
    selectors.next().into_iter().for_each(|root| write_selector(call, &root));
    call.reply.bulk(b"selectors");
    call.reply.array(selectors.len());
    for selector in selectors {
        call.reply.map(3);
        write_selector(call, &selector);
    }
    Ok(())
}

fn write_selector(call: &mut Call<'_>, selector: &Told) {
    let Told { commands, keys, channels } = selector;
    for (name, text) in [("commands", commands), ("keys", keys), ("channels", channels)] {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(text);
    }
}

pub(super) fn list(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let lines = call.node.acl.lines();
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.bulk(line));
    Ok(())
}

pub(super) fn names(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let users = call.node.acl.users();
    call.reply.array(users.len());
    users.for_each(|user| call.reply.bulk(user.name()));
    Ok(())
}

pub(super) fn load(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let settings = &call.node.config.settings().acl;
    let file = settings.file.as_ref().ok_or(NO_FILE)?;
    let loaded = call.node.acl.load(file, settings.first_channels);
    let mistakes = |text: Vec<u8>| format!("ERR {}", String::from_utf8_lossy(&text));
    loaded.map_err(|text| ReplyError::new(mistakes(text)))?;
    dismiss_removed(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn save(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let file = call.node.config.settings().acl.file.as_ref().ok_or(NO_FILE)?;
    call.node.acl.save(file).map_err(|(what, error)| {
        tracing::warn!("{what} ACL file for ACL SAVE: {}", system_words(&error));
        ReplyError::new(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    call.reply.ok();
    Ok(())
}

const NO_FILE: ReplyError = ReplyError::from_static(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
     SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
     to store users in the Redis configuration.",
);
