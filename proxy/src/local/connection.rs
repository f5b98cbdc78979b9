//! The connection itself: `PING`, `ECHO`, `HELLO`, `AUTH`, `SELECT`, `QUIT`, `RESET`, `TIME`.

use std::time::{SystemTime, UNIX_EPOCH};

use reddoor_protocol::encode::{ReplyWriter, Resp};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};
use subtle::ConstantTimeEq;

use super::{Answered, Answerer, Requester};
use crate::session::hold::Watch;
use crate::session::identity::Identity;
use crate::session::{Ending, ReplyMode};

pub(super) fn ping(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let is_listening = requester.session.subscriptions.count() > 0;
    match args.len() {
        // A client of RESP2 that listens expects nothing but arrays.
        1 | 2 if is_listening && requester.session.resp == Resp::V2 => requester.reply(|reply| {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.get(1).unwrap_or_default());
        }),
        1 => requester.reply(|reply| reply.simple("PONG")),
        2 => requester.reply(|reply| reply.bulk(&args[1])),
        _ => requester.refuse(&ReplyError::wrong_arity("ping")),
    }
}

pub(super) fn echo(_: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    requester.reply(|reply| reply.bulk(&args[1]))
}

pub(super) fn time(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    // A clock before 1970 is told as 1970.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    requester.reply(|reply| {
        reply.array(2);
        reply.bulk(now.as_secs().to_string().as_bytes());
        reply.bulk(now.subsec_micros().to_string().as_bytes());
    })
}

/// To its clients the front door is one primary without replicas.
pub(super) fn role(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    requester.reply(|reply| {
        reply.array(3);
        reply.bulk(b"master");
        reply.integer(0);
        reply.array(0);
    })
}

/// There is one user.
pub(super) fn whoami(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    requester.reply(|reply| reply.bulk(b"default"))
}

/// Chooses the database. Unless the front door maps keys there is one, as in every cluster.
pub(super) fn select(
    answerer: &Answerer,
    requester: &mut Requester<'_>,
    args: Args<'_>,
) -> Answered {
    match answerer.mapping.database(&args[1]) {
        Ok(database) => {
            requester.session.database = database;
            requester.ok()
        }
        Err(error) => requester.refuse(&error),
    }
}

/// The client is closed once this reply, and all before it, are written.
pub(super) fn quit(_: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let answered = requester.ok();
    requester.session.ending = Ending::AfterReplies;
    answered
}

/// Everything that the client set goes back to what it was when it connected.
pub(super) fn reset(answerer: &Answerer, requester: &mut Requester<'_>, _: Args<'_>) -> Answered {
    let session = &mut *requester.session;
    session.resp = Resp::V2;
    session.identity.name.clear();
    session.reply_mode = ReplyMode::On;
    session.no_evict = false;
    session.transaction = None;
    session.watch = Watch::Nothing;
    session.tracking = None;
    session.database = 0;
    session.is_authenticated = answerer.config.auth.password.is_none();
    requester.reply(|reply| reply.simple("RESET"));
    Answered::Anew
}

pub(super) fn auth(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let (username, password) = match args.len() {
        2 => (b"default".as_slice(), &args[1]),
        3 => (&args[1], &args[2]),
        _ => return requester.refuse(&ReplyError::SYNTAX),
    };
    if args.len() == 2 && answerer.config.auth.password.is_none() {
        return requester.refuse(&ReplyError::new(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        ));
    }
    if !is_password_right(answerer, username, password) {
        return requester.refuse(&ReplyError::WRONG_PASS);
    }
    requester.session.is_authenticated = true;
    requester.ok()
}

/// Compares in a time that does not tell how much of the password was right.
fn is_password_right(answerer: &Answerer, username: &[u8], password: &[u8]) -> bool {
    let is_password = match &answerer.config.auth.password {
        Some(secret) => secret.expose().as_bytes().ct_eq(password).into(),
        // Without a password the default user may be anybody.
        None => true,
    };
    is_password && username == b"default"
}

/// What `HELLO` asks for, before any of it is done.
#[derive(Default)]
struct Hello<'a> {
    resp: Option<Resp>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

/// Takes the options of `HELLO` apart, with the errors of a Redis in its order.
fn parse_hello<'a>(args: Args<'a>) -> Result<Hello<'a>, ReplyError> {
    let mut hello = Hello::default();
    let Some(version) = args.get(1) else { return Ok(hello) };
    hello.resp = Some(match parse_integer(version) {
        Some(2) => Resp::V2,
        Some(3) => Resp::V3,
        Some(_) => return Err(ReplyError::NO_PROTO),
        None => {
            return Err(ReplyError::new("ERR Protocol version is not an integer or out of range"));
        }
    });
    let mut index = 2;
    while let Some(option) = args.get(index) {
        let more = args.len() - index - 1;
        if option.eq_ignore_ascii_case(b"auth") && more >= 2 {
            hello.login = Some((arg(args, index + 1), arg(args, index + 2)));
            index += 3;
        } else if option.eq_ignore_ascii_case(b"setname") && more >= 1 {
            let name = arg(args, index + 1);
            if !is_printable(name) {
                return Err(BAD_NAME);
            }
            hello.name = Some(name);
            index += 2;
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(ReplyError::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(hello)
}

fn arg<'a>(args: Args<'a>, index: usize) -> &'a [u8] {
    args.get(index).unwrap_or_default()
}

pub(super) fn hello(
    answerer: &Answerer,
    requester: &mut Requester<'_>,
    args: Args<'_>,
) -> Answered {
    let hello = match parse_hello(args) {
        Ok(hello) => hello,
        Err(error) => return requester.refuse(&error),
    };
    if let Some((username, password)) = hello.login {
        if !is_password_right(answerer, username, password) {
            return requester.refuse(&ReplyError::WRONG_PASS);
        }
        requester.session.is_authenticated = true;
    }
    if !requester.session.is_authenticated {
        return requester.refuse(&ReplyError::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = hello.name {
        requester.session.identity.name = name.to_vec();
    }
    if let Some(resp) = hello.resp {
        requester.session.resp = resp;
    }
    let (resp, id) = (requester.session.resp, requester.session.id);
    requester.reply(|reply| {
        reply.map(7);
        pair(reply, "server", "redis");
        pair(reply, "version", &answerer.config.compat.redis_version);
        reply.bulk(b"proto");
        reply.integer(resp.number());
        reply.bulk(b"id");
        reply.integer(i64::try_from(id.0).unwrap_or(i64::MAX));
        pair(reply, "mode", "standalone");
        pair(reply, "role", "master");
        reply.bulk(b"modules");
        reply.array(0);
    })
}

fn pair(reply: &mut ReplyWriter<'_>, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}

/// A client's name that `CLIENT LIST` could not show on one line.
pub(super) const BAD_NAME: ReplyError = ReplyError::from_static(
    "ERR Client names cannot contain spaces, newlines or special characters.",
);

/// Whether every byte shows as one character without being a space.
pub(super) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

impl Identity {
    /// Sets the name; an empty one takes it away.
    pub(super) fn rename(&mut self, name: &[u8]) {
        self.name = name.to_vec();
    }
}
