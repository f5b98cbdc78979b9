//! `DEBUG`: what tests do to a node. Locked unless `enable-debug-command` opens it.

mod disk;

mod encoding;

use std::thread;
use std::time::Duration;

use reddoor_protocol::command::glob::{self, Case};
use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::{integer, is};
use crate::commands::keys;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] = &[("debug", debug)];

fn debug(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let (name, count) = (call.arg(1), call.args.len());
    let served: [(&str, std::ops::RangeInclusive<usize>, Handler); 16] = [
        ("SLEEP", 3..=3, sleep),
        ("SET-ACTIVE-EXPIRE", 3..=3, set_active_expire),
        ("OBJECT", 3..=4, object),
        ("HTSTATS-KEY", 3..=3, table_stats),
        ("ERROR", 3..=3, error),
        ("LOG", 3..=3, log),
        ("POPULATE", 3..=5, populate),
        ("PROTOCOL", 3..=3, protocol),
        ("STRINGMATCH-LEN", 4..=4, match_string),
        ("QUICKLIST-PACKED-THRESHOLD", 3..=3, encoding::packed_threshold),
        ("LISTPACK", 3..=3, encoding::listpack),
        ("QUICKLIST", 3..=4, encoding::quicklist),
        ("RELOAD", 2..=5, disk::reload),
        ("LOADAOF", 2..=2, disk::load_append_only_file),
        ("CHANGE-REPL-ID", 2..=2, change_replication_id),
        ("SEGFAULT", 2..=2, |_| std::process::abort()),
    ];
    let found = served.iter().find(|(word, counts, _)| is(name, word) && counts.contains(&count));
    match found {
        Some((_, _, handler)) => handler(call),
        None => Err(ReplyError::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
            String::from_utf8_lossy(name)
        ))),
    }
}

/// Holds up the whole node, which is the purpose.
fn sleep(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let text = std::str::from_utf8(call.arg(2)).unwrap_or_default();
    // As C's strtod: what is no number is zero.
    let seconds = text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    thread::sleep(seconds.unwrap_or_default());
    call.reply.ok();
    Ok(())
}

fn set_active_expire(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.is_expiring = call.arg(2) != b"0";
    call.reply.ok();
    Ok(())
}

fn object(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let now_ms = call.now_ms;
    let fill = call.node.list_limits().fill;
    let shares_integers = call.node.config.settings().shares_integers;
    let record = call.node.peek(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let idle = record.usage.idle_s(now_ms);
    let line = format!(
        "Value at:0x0 refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle}{}",
        keys::refcount(&record.value, shares_integers),
        record.value.encoding(),
        record.value.heap_bytes(),
        record.usage.bits(),
        encoding::list_facts(&record.value, fill),
    );
    call.reply.simple(&line);
    Ok(())
}

/// `DEBUG HTSTATS-KEY key`: how even the chains of a table are.
fn table_stats(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let record = call.node.peek(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let chain_lens = match &record.value {
        Value::Hash(hash) => hash.chain_lens(),
        Value::Set(set) => set.chain_lens(),
        _ => None,
    };
    let chain_lens = chain_lens.ok_or(ReplyError::new(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    let (buckets, elements) = (chain_lens.len(), chain_lens.iter().sum::<usize>());
    let used = chain_lens.iter().filter(|len| **len > 0).count();
    let longest = chain_lens.iter().copied().max().unwrap_or(0);
    let average = elements as f64 / used as f64;
    let mut text = format!(
        "Hash table 0 stats (main hash table):\n table size: {buckets}\n number of elements: {elements}\n \
         different slots: {used}\n max chain length: {longest}\n avg chain length (counted): {average:.2}\n \
         avg chain length (computed): {average:.2}\n Chain length distribution:\n"
    );
    for len in 0..=longest {
        let count = chain_lens.iter().filter(|found| **found == len).count();
        if count > 0 {
            let percent = count as f64 * 100.0 / buckets as f64;
            text.push_str(&format!("   {len}: {count} ({percent:.2}%)\n"));
        }
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn error(call: &mut Call<'_>) -> Result<(), ReplyError> {
    Err(ReplyError::new(String::from_utf8_lossy(call.arg(2)).into_owned()))
}

fn log(call: &mut Call<'_>) -> Result<(), ReplyError> {
    tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(call.arg(2)));
    call.reply.ok();
    Ok(())
}

/// `DEBUG POPULATE count [prefix] [size]`: keys `prefix:number` that were not there before.
fn populate(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let count = u32::try_from(integer(call.arg(2))?).map_err(|_| ReplyError::NOT_INTEGER)?;
    let prefix = String::from_utf8_lossy(call.args.get(3).unwrap_or(b"key")).into_owned();
    let size = match call.args.get(4) {
        Some(size) => usize::try_from(integer(size)?).map_err(|_| ReplyError::NOT_INTEGER)?,
        None => 0,
    };
    let at = call.at();
    for number in 0..count {
        let key = format!("{prefix}:{number}");
        if call.node.peek(at, key.as_bytes()).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size.min(call.node.config.settings().bulk_bytes_max), 0);
        }
        let value = Value::String(Str::text(&value));
        call.node.databases[at.db].insert(key.as_bytes(), value, None, at.now_ms);
        call.changed(key.as_bytes());
        call.propagate_nothing();
    }
    call.reply.ok();
    Ok(())
}

/// `DEBUG PROTOCOL type`: one reply of that type.
fn protocol(call: &mut Call<'_>) -> Result<(), ReplyError> {
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
fn match_string(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let len = usize::try_from(integer(call.arg(2))?).map_err(|_| ReplyError::NOT_INTEGER)?;
    let text = vec![b'a'; len.min(call.node.config.settings().bulk_bytes_max)];
    call.reply.integer(i64::from(glob::is_match(call.arg(3), &text, Case::Exact)));
    Ok(())
}

fn change_replication_id(call: &mut Call<'_>) -> Result<(), ReplyError> {
    call.node.replication.renew_id(&mut call.node.random);
    call.reply.ok();
    Ok(())
}
