//! `MIGRATE`: keys sent to another server, and removed here once it has them.
//!
//! 1. This node dumps the keys and sends one `RESTORE` for each in a single write, preceded by `AUTH` and `SELECT`.
//! 2. The target answers each; a key that it took is removed here at once, others stay.
//! 3. If the connection breaks or the time is up, keys without an answer stay here, and may be on both sides.
//!
//! The node serves nobody meanwhile, as a Redis does not either: no client may see a key on its way. What bounds
//! it is the command's timeout, which holds for all steps together.
//!
//! Source: redis `src/cluster.c` migrateCommand.

mod target;

use std::time::Duration;

use reddoor_protocol::encode::encode_request;
use reddoor_protocol::reply_error::ReplyError;

use crate::clock;
use crate::commands::argument::{integer, is};
use crate::commands::dump::compression;
use crate::data::rdb::payload;
use crate::execute::{Call, Handler};
use crate::notify::Class;
use target::{Broken, Target};

pub(crate) use target::Kept as MigrateTargets;

pub(super) const HANDLERS: &[(&str, Handler)] = &[("migrate", migrate)];

/// How long it may take where the client gives no positive time.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

/// Longer timeouts are as good as this one, so that no clock overflows: 49 days.
const TIMEOUT_MS_MAX: u32 = u32::MAX;

/// What the client asks for.
#[derive(Debug)]
struct Order<'a> {
    host: &'a [u8],
    port: &'a [u8],
    database: i64,
    timeout: Duration,
    copies: bool,
    replaces: bool,
    user: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    /// Where the keys begin among the arguments, and how many there are.
    keys_from: usize,
    keys_count: usize,
}

impl<'a> Order<'a> {
    fn parse(call: &Call<'a>) -> Result<Order<'a>, ReplyError> {
        let mut order = Order {
            host: call.arg(1),
            port: call.arg(2),
            database: 0,
            timeout: TIMEOUT_DEFAULT,
            copies: false,
            replaces: false,
            user: None,
            password: None,
            keys_from: 3,
            keys_count: 1,
        };
        order.parse_options(call)?;
        let timeout_ms = integer(call.arg(5))?;
        order.database = integer(call.arg(4))?;
        if timeout_ms > 0 {
            let ms = u32::try_from(timeout_ms).unwrap_or(TIMEOUT_MS_MAX);
            order.timeout = Duration::from_millis(u64::from(ms));
        }
        Ok(order)
    }

    fn parse_options(&mut self, call: &Call<'a>) -> Result<(), ReplyError> {
        let args = call.args;
        let mut index = 6;
        let argument = |index| args.get(index).ok_or(ReplyError::SYNTAX);
        while index < args.len() {
            let option = call.arg(index);
            if is(option, "COPY") {
                self.copies = true;
            } else if is(option, "REPLACE") {
                self.replaces = true;
            } else if is(option, "AUTH") {
                self.password = Some(argument(index + 1)?);
                index += 1;
            } else if is(option, "AUTH2") {
                let password = argument(index + 2)?;
                (self.user, self.password) = (Some(call.arg(index + 1)), Some(password));
                index += 2;
            } else if is(option, "KEYS") {
                if !call.arg(3).is_empty() {
                    return Err(ReplyError::new(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                (self.keys_from, self.keys_count) = (index + 1, args.len() - index - 1);
                return Ok(());
            } else {
                return Err(ReplyError::SYNTAX);
            }
            index += 1;
        }
        Ok(())
    }
}

fn migrate(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let order = Order::parse(call)?;
    let (at, args) = (call.at(), call.args);
    let mut keys = Vec::new();
    for key in args.iter().skip(order.keys_from).take(order.keys_count) {
        if call.node.read(at, key).is_some() {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        call.reply.simple("NOKEY");
        return Ok(());
    }
    let kept = call.node.migrate_targets.take(order.host, order.port, order.timeout);
    let refusal = match kept {
        Some(mut target) => match send_keys(call, &order, &mut target, &mut keys) {
            // Nothing was answered, so nothing was removed here.
            Err(_) if target.was_stale() => send_keys_anew(call, &order, &mut keys),
            result => keep(call, &order, target, result),
        },
        None => send_keys_anew(call, &order, &mut keys),
    };
    match refusal.map_err(Broken::to_reply)? {
        Some(refusal) => Err(refusal),
        None => {
            call.reply.ok();
            Ok(())
        }
    }
}

/// The target's first refusal, if there was one.
type Sent = Result<Option<ReplyError>, Broken>;

fn send_keys_anew(call: &mut Call<'_>, order: &Order<'_>, keys: &mut Vec<&[u8]>) -> Sent {
    let mut target = Target::connect(order.host, order.port, order.timeout)?;
    let result = send_keys(call, order, &mut target, keys);
    keep(call, order, target, result)
}

/// Keeps a connection for the next call if the target has answered to everything, and nothing was wrong.
fn keep(call: &mut Call<'_>, order: &Order<'_>, mut target: Target, result: Sent) -> Sent {
    if matches!(result, Ok(None)) {
        target.database = Some(order.database);
        call.node.migrate_targets.keep(order.host, order.port, target);
    }
    result
}

/// Sends all keys and waits for the answers. Keys that have expired meanwhile are left out.
fn send_keys(
    call: &mut Call<'_>,
    order: &Order<'_>,
    target: &mut Target,
    keys: &mut Vec<&[u8]>,
) -> Sent {
    let mut request = Vec::new();
    let greetings_count = encode_greetings(order, target.database, &mut request);
    keys.retain(|key| encode_restore(call, order, key, &mut request));
    target.send(&request)?;
    settle(call, order, target, greetings_count, keys)
}

/// Reads the target's answers and removes what it took. The first refusal, if there was one.
fn settle(
    call: &mut Call<'_>,
    order: &Order<'_>,
    target: &mut Target,
    greetings_count: usize,
    keys: &[&[u8]],
) -> Sent {
    let mut refused_greeting = None;
    for _ in 0..greetings_count {
        let refusal = target.answer()?;
        refused_greeting = refused_greeting.or(refusal);
    }
    let mut first_refusal = None;
    let mut moved: Vec<&[u8]> = vec![b"DEL"];
    for key in keys {
        let refusal = match target.answer() {
            Ok(refusal) => refused_greeting.clone().or(refusal),
            // A refusal that was read already tells more than that the connection broke later.
            Err(_) if first_refusal.is_some() => break,
            Err(broken) => {
                propagate(call, &moved);
                return Err(broken);
            }
        };
        match refusal {
            Some(text) => first_refusal = first_refusal.or(Some(text)),
            None if order.copies => {}
            None => {
                remove(call, key);
                moved.push(key);
            }
        }
    }
    propagate(call, &moved);
    let worded = |text| ReplyError::new(format!("ERR Target instance replied with error: {text}"));
    Ok(first_refusal.map(worded))
}

/// Replicas lose what has moved away; `words` are the command that says so.
fn propagate(call: &mut Call<'_>, words: &[&[u8]]) {
    if words.len() > 1 {
        call.propagate_as(words);
    }
}

fn remove(call: &mut Call<'_>, key: &[u8]) {
    if call.node.databases[call.client.db].remove(key).is_some() {
        call.changed(key);
        call.notify(Class::Generic, "del", key);
    }
}

/// What comes before the keys, on a connection that has selected a database. How many requests.
fn encode_greetings(order: &Order<'_>, selected: Option<i64>, out: &mut Vec<u8>) -> usize {
    let mut count = 0;
    if let Some(password) = order.password {
        match order.user {
            Some(user) => encode_request(out, [b"AUTH", user, password].into_iter()),
            None => encode_request(out, [b"AUTH", password].into_iter()),
        }
        count += 1;
    }
    if selected != Some(order.database) {
        let mut digits = itoa::Buffer::new();
        encode_request(out, [b"SELECT", digits.format(order.database).as_bytes()].into_iter());
        count += 1;
    }
    count
}

/// The request that carries a key. Whether the key has not expired meanwhile.
fn encode_restore(call: &mut Call<'_>, order: &Order<'_>, key: &[u8], out: &mut Vec<u8>) -> bool {
    let compression = compression(call);
    // In a cluster the target is still importing the slot.
    let command = if call.node.cluster.is_some() { "RESTORE-ASKING" } else { "RESTORE" };
    let at = call.at();
    let expires_at_ms = call.node.databases[at.db].expires_at_ms(key);
    let Some(record) = call.node.peek(at, key) else { return false };
    let ttl = match expires_at_ms {
        None => 0,
        Some(time) => match time - clock::unix_ms() {
            ..0 => return false,
            // Zero would mean that it never expires.
            ttl => ttl.max(1),
        },
    };
    let payload = payload::write(&record.value, compression);
    let mut digits = itoa::Buffer::new();
    let mut words = vec![command.as_bytes(), key, digits.format(ttl).as_bytes(), &payload];
    if order.replaces {
        words.push(b"REPLACE");
    }
    encode_request(out, words.into_iter());
    true
}
