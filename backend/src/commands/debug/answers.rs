//! `DEBUG` subcommands that change nothing: they answer, log or take time.

use std::thread;
use std::time::Duration;

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::double::read_double;
use reddoor_protocol::encode::Resp;
use reddoor_protocol::reply_error::ReplyError;

use crate::client::Client;
use crate::commands::argument::{integer, is};
use crate::commands::debug::unknown;
use crate::execute::Call;

/// Holds up the whole node, which is the purpose.
pub(super) fn sleep(call: &mut Call<'_>) -> Result<(), ReplyError> {
    // What is no number is zero.
    let seconds = read_double(call.arg(2)).number;
    thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    call.reply.ok();
    Ok(())
}

pub(super) fn error(call: &mut Call<'_>) -> Result<(), ReplyError> {
    Err(ReplyError::new(String::from_utf8_lossy(call.arg(2)).into_owned()))
}

pub(super) fn log(call: &mut Call<'_>) -> Result<(), ReplyError> {
    tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(call.arg(2)));
    call.reply.ok();
    Ok(())
}

/// What has no meaning here and does no harm.
pub(super) fn ok(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.reply.ok();
    Ok(())
}

/// `DEBUG REPLYBUFFER PEAK-RESET-TIME time | RESIZING 0|1`
pub(super) fn reply_buffer(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (setting, value) = (call.arg(2), call.arg(3));
    if is(setting, "PEAK-RESET-TIME") && !is(value, "NEVER") && !is(value, "RESET") {
        integer(value)?;
    } else if !is(setting, "PEAK-RESET-TIME") && !is(setting, "RESIZING") {
        return Err(unknown(call));
    }
    ok(call)
}

/// `DEBUG PROTOCOL type`: one reply of that type.
pub(super) fn protocol(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (name, reply) = (call.arg(2).to_ascii_lowercase(), &mut call.reply);
    match name.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        #[expect(clippy::approx_constant, reason = "what a Redis answers here")]
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            // What older clients could not read is left out.
            if reply.resp() == Resp::V3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.resp() == Resp::V2 => {
            return Err(ReplyError::new("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            // What is pushed is no reply, so one follows it.
            reply.bulk(b"Some real reply following the push reply");
        }
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(ReplyError::new(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|\
                 null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// Matches a long text against a pattern, for measuring.
pub(super) fn match_string(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = usize::try_from(integer(call.arg(2))?).map_err(|_| ReplyError::NOT_INTEGER)?;
    let text = vec![b'a'; len.min(call.node.config.settings().bulk_bytes_max)];
    call.reply.integer(i64::from(glob::is_match(call.arg(3), &text, Case::Exact)));
    Ok(())
}

/// `DEBUG STRINGMATCH-TEST`: patterns and texts of a few letters each, as many as take a moment.
pub(super) fn match_random(call: &mut Call<'_>) -> Result<(), ReplyError> {
    const ROUNDS: u32 = 100_000;
    const LETTERS: [u8; 8] = *b"ab*?[]\\-";
    let random = &mut call.node.random;
    let mut text = || -> Vec<u8> {
        (0..random.below(32)).map(|_| LETTERS[random.below(LETTERS.len())]).collect()
    };
    for _ in 0..ROUNDS {
        // Only that it ends is of interest.
        let _ = glob::is_match(&text(), &text(), Case::Exact);
    }
    call.reply.simple("Apparently Redis did not crash: test passed");
    Ok(())
}

/// `DEBUG CLIENT-EVICTION`: how much the clients take together that may be ended for it.
pub(super) fn client_eviction(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.node.config.settings().memory.clients_bytes_max == 0 {
        return Err(ReplyError::new("ERR maxmemory-clients is disabled."));
    }
    let clients = call.node.clients.iter().chain([&*call.client]);
    let counted = clients.filter(|client| !client.is_no_evict && !client.is_replica());
    let bytes: usize = counted.clone().map(Client::memory_bytes).sum();
    let text = format!("tot-mem: {bytes:>10}, clients: {}\n", counted.count());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
