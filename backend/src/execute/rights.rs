//! Whether the user of a client may run a command; if not, the log of users says so.
//!
//! For a user that may do everything this is one look at a flag.
//!
//! Source: redis `src/acl.c` ACLCheckAllPerm, `src/multi.c` execCommand, `src/script.c` scriptVerifyACL.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use crate::acl::{Context, Denial, Entry, Reason};
use crate::client::Client;
use crate::clock;
use crate::commands::describe_client;
use crate::node::Node;

/// Whether a client may run a command.
///
/// # Errors
/// What it may not do, which has been noted.
#[inline]
pub(crate) fn check(
    node: &mut Node,
    client: &Client,
    request: (&CommandSpec, Args<'_>),
    context: Context,
) -> Result<(), Denial> {
    if client.login.user.is_unrestricted() {
        return Ok(());
    }
    check_rules(node, client, request, context)
}

fn check_rules(
    node: &mut Node,
    client: &Client,
    (spec, args): (&CommandSpec, Args<'_>),
    context: Context,
) -> Result<(), Denial> {
    let user = &client.login.user;
    let result = user.rules().check(spec, args);
    if let Err(denial) = result {
        let object = match denial {
            Denial::Command => spec.name.as_bytes(),
            Denial::Key(index) | Denial::Channel(index) => args.get(index).unwrap_or_default(),
        };
        note(node, client, denial.into(), context, (object, user.name()));
    }
    result
}

/// Notes that a client could not become a user, which it asked for by this command.
pub(crate) fn note_refused_login(
    node: &mut Node,
    client: &Client,
    context: Context,
    (command, user): (&[u8], &[u8]),
) {
    note(node, client, Reason::Auth, context, (command, user));
}

fn note(
    node: &mut Node,
    client: &Client,
    reason: Reason,
    context: Context,
    (object, user): (&[u8], &[u8]),
) {
    let at_ms = clock::unix_ms();
    let entry = Entry {
        count: 1,
        reason,
        context,
        object: object.to_vec(),
        user: user.to_vec(),
        at_ms,
        client: describe_client(client, node, at_ms),
    };
    let len_max = node.config.settings().acl.log_len_max;
    node.acl.log.push(entry, len_max);
}

impl Denial {
    /// The refusal of a command.
    pub(crate) fn reply(self, spec: &CommandSpec) -> ReplyError {
        ReplyError::new(match self {
            Denial::Command => format!(
                "NOPERM this user has no permissions to run the '{}' command",
                spec.name
            ),
            Denial::Key(_) => {
                "NOPERM this user has no permissions to access one of the keys used as arguments"
                    .to_owned()
            }
            Denial::Channel(_) => {
                "NOPERM this user has no permissions to access one of the channels used as arguments"
                    .to_owned()
            }
        })
    }

    /// The refusal of a command that was allowed when it was queued.
    pub(crate) fn reply_at_exec(self) -> ReplyError {
        let reason = match self {
            Denial::Command => "no permission to execute the command or subcommand",
            Denial::Key(_) => "no permission to touch the specified keys",
            Denial::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        ReplyError::new(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
             This command is no longer allowed for the following reason: {reason}"
        ))
    }

    /// The refusal of a command of a script.
    pub(crate) fn reply_to_script(self) -> ReplyError {
        ReplyError::from_static(match self {
            Denial::Command => {
                "ERR The user executing the script can't run this command or subcommand"
            }
            Denial::Key(_) => {
                "ERR The user executing the script can't access at least one of the keys mentioned in the \
                 command arguments"
            }
            Denial::Channel(_) => {
                "ERR The user executing the script can't publish to the channel mentioned in the command"
            }
        })
    }
}
