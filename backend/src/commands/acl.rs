//! `ACL`: users and what they may do.
//!
//! Source: redis `src/acl.c` aclCommand.

mod log;

mod users;

use std::fs::File;
use std::io::Read as _;

use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::command::resolve::resolve_any_arity;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::acl::{Denial, Login, of_category};
use crate::client::{Client, Close};
use crate::commands::argument::{integer, quoted, wrong_subcommand};
use crate::commands::client::end_clients;
use crate::execute::{Call, Handler};
use crate::node::Node;

pub(super) const HANDLERS: &[(&str, Handler)] = &[
    ("acl|cat", cat),
    ("acl|deluser", users::deluser),
    ("acl|dryrun", dryrun),
    ("acl|genpass", genpass),
    ("acl|getuser", users::getuser),
    ("acl|help", super::help),
    ("acl|list", users::list),
    ("acl|load", users::load),
    ("acl|log", log::log),
    ("acl|save", users::save),
    ("acl|setuser", users::setuser),
    ("acl|users", users::names),
    ("acl|whoami", whoami),
];

fn cat(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let names: Vec<&str> = match call.args.len() {
        2 => AclCategories::all().names().collect(),
        3 => {
            let category = AclCategories::by_name(call.arg(2)).ok_or_else(|| {
                // Of a long name the beginning is repeated.
                let name: String = quoted(call.arg(2)).chars().take(128).collect();
                ReplyError::new(format!("ERR Unknown category '{name}'"))
            })?;
            of_category(category).map(|row| row.name).collect()
        }
        _ => return Err(wrong_subcommand(call)),
    };
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name.as_bytes()));
    Ok(())
}

fn whoami(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.bulk(call.client.login.user.name());
    Ok(())
}

/// Bits of a password that is made up, at most, and if nothing is said.
const PASSWORD_BITS_MAX: i64 = 4096;
const PASSWORD_BITS: i64 = 256;

fn genpass(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let bits = match call.args.len() {
        2 => PASSWORD_BITS,
        3 => integer(call.arg(2))?,
        _ => return Err(wrong_subcommand(call)),
    };
    let bits = usize::try_from(bits).ok().filter(|_| (1..=PASSWORD_BITS_MAX).contains(&bits));
    let bits = bits.ok_or_else(|| {
        ReplyError::new(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up \
             to {PASSWORD_BITS_MAX}"
        ))
    })?;
    let digits = bits.div_ceil(4);
    let mut secret = vec![0; digits.div_ceil(2)];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut secret)).map_err(
        |error| ReplyError::new(format!("ERR no random numbers from the system: {error}")),
    )?;
    let mut password: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    password.truncate(digits);
    call.reply.bulk(password.as_bytes());
    Ok(())
}

fn dryrun(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let not_found =
        |what: &str, name| ReplyError::new(format!("ERR {what} '{}' not found", quoted(name)));
    let user = call.node.acl.find(call.arg(2)).ok_or_else(|| not_found("User", call.arg(2)))?;
    let words: Vec<&[u8]> = call.args.iter().skip(3).collect();
    let args = Args::from_slices(&words);
    let spec = resolve_any_arity(args).map_err(|_| not_found("Command", call.arg(3)))?;
    if !spec.accepts(args.len()) {
        return Err(ReplyError::wrong_arity(spec.name));
    }
    let denial = user.rules().check(spec, args).err();
    let text = |index: usize, what: &str| {
        let name = quoted(args.get(index).unwrap_or_default()).into_owned();
        format!("This user has no permissions to access the '{name}' {what}")
    };
    let refusal = match denial {
        None => {
            call.reply.ok();
            return Ok(());
        }
        Some(Denial::Command) => {
            format!("This user has no permissions to run the '{}' command", spec.name)
        }
        Some(Denial::Key(index)) => text(index, "key"),
        Some(Denial::Channel(index)) => text(index, "channel"),
    };
    call.reply.bulk(refusal.as_bytes());
    Ok(())
}

/// Ends the clients that are meant; if the caller is among them, as soon as it has been answered.
fn dismiss(call: &mut Call<'_>, is_meant: impl Fn(&Client, &Node) -> bool) {
    end_clients(call.node, &is_meant);
    if is_meant(call.client, call.node) {
        call.client.close = Some(Close::AfterReplies);
    }
}

/// Ends the clients of users that are there no more. What the caller still does, it does as a stranger.
fn dismiss_removed(call: &mut Call<'_>) {
    let is_removed = |client: &Client, node: &Node| !node.acl.has(&client.login.user);
    dismiss(call, is_removed);
    if is_removed(call.client, call.node) {
        let user = call.node.acl.default_user();
        call.client.login = Login { user, is_authenticated: false };
    }
}
