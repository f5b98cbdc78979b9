//! A client's request with stored keys in the place of its own.
//!
//! Keys stand where the command's row says. The few commands that name databases, patterns or parts of keys are here
//! by name.
//!
//! Not here: commands that need a walk over the keys of a database (`DBSIZE`, `FLUSHDB`), which the worker does.

use reddoor_protocol::command::key_spec::KeyAccess;
use reddoor_protocol::command::keys::key_indexes;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::{encode_request, write_bulk, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, RequestDecoder, parse_integer};

use super::Mapping;

const COPY: CommandId = CommandId::of("copy");
const KEYS: CommandId = CommandId::of("keys");
const MOVE: CommandId = CommandId::of("move");
const SCAN: CommandId = CommandId::of("scan");
const SORT: CommandId = CommandId::of("sort");
const SORT_RO: CommandId = CommandId::of("sort_ro");
const SWAPDB: CommandId = CommandId::of("swapdb");

/// Where a script's arguments tell how many of them are keys.
const KEYS_COUNT: usize = 2;

/// The command that `MOVE` becomes: a key has another name in another database.
pub(crate) const MOVED_BY: &[u8] = b"RENAMENX";

/// Memory that mapping uses again for each request.
#[derive(Debug, Default)]
pub(crate) struct RequestScratch {
    key_args: Vec<u32>,
    /// The request with stored keys, once one was written.
    pub(crate) bytes: Vec<u8>,
    key: Vec<u8>,
    /// Cuts `bytes` into arguments.
    pub(crate) decoder: RequestDecoder,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// It goes on as it came.
    AsItCame,
    /// It goes on as it stands in the scratch.
    Written,
    /// It is refused.
    Refused(ReplyError),
}

impl Mapping {
    /// Maps a request of a client that has chosen this database.
    pub(crate) fn request(
        &self,
        database: u32,
        command: &CommandSpec,
        args: Args<'_>,
        scratch: &mut RequestScratch,
    ) -> Mapped {
        scratch.bytes.clear();
        match command.id() {
            KEYS => {
                let pattern = self.node_pattern(database, &args[1]);
                encode_request(&mut scratch.bytes, [&args[0], &pattern[..]].into_iter());
                Mapped::Written
            }
            SCAN => self.scan(database, args, scratch),
            COPY if self.databases.is_some() => self.copy(database, args, scratch),
            MOVE if self.databases.is_some() => self.rename(database, args, scratch),
            SWAPDB if self.databases.is_some() => Mapped::Refused(NO_SWAP),
            _ => self.keys(database, command, args, scratch),
        }
    }

    /// Keys stand where the row says; what else names keys is told by the command.
    fn keys(
        &self,
        database: u32,
        command: &CommandSpec,
        args: Args<'_>,
        scratch: &mut RequestScratch,
    ) -> Mapped {
        let RequestScratch { key_args, bytes, key, .. } = scratch;
        // What does not tell its keys any node refuses in the right words.
        if key_indexes(command, args, key_args).is_err() || are_channels(command) {
            return Mapped::AsItCame;
        }
        key_args.sort_unstable();
        let is_script = matches!(command.request, RequestPolicy::Script(_));
        let is_sort = [SORT, SORT_RO].contains(&command.id());
        let last_key = key_args.last().map_or(0, |index| *index as usize);
        let mapped = |index: usize, key: &mut Vec<u8>| {
            let arg = &args[index];
            key.clear();
            if key_args.binary_search_by(|key_arg| (*key_arg as usize).cmp(&index)).is_ok() {
                let is_mapped = self.changes(database, arg);
                self.store(database, arg, key);
                return is_mapped;
            }
            if is_script && index > last_key.max(KEYS_COUNT) {
                return self.script_arg(database, arg, key);
            }
            is_sort && index > 2 && self.sort_pattern(database, &args[index - 1], arg, key)
        };
        if !(1..args.len()).any(|index| mapped(index, key)) {
            return Mapped::AsItCame;
        }
        // A script that has names of keys for arguments only runs where they are once one of them is declared.
        let hides_keys = is_script && key_args.is_empty();
        let declared = (3..args.len()).find(|index| hides_keys && mapped(*index, key));
        write_header(bytes, b'*', args.len() + usize::from(declared.is_some()));
        write_bulk(bytes, &args[0]);
        for index in 1..args.len() {
            if let Some(arg) = declared.filter(|_| index == KEYS_COUNT) {
                mapped(arg, key);
                write_bulk(bytes, b"1");
                write_bulk(bytes, key);
                continue;
            }
            let is_mapped = mapped(index, key);
            write_bulk(bytes, if is_mapped { key } else { &args[index] });
        }
        Mapped::Written
    }

    /// An argument from which a script makes keys by putting something behind it.
    fn script_arg(&self, database: u32, arg: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(mark) = self.colocation.mark_of_script_arg(arg) else { return false };
        let marked = [&mark, arg].concat();
        match &self.databases {
            Some(databases) => databases.store(database, &marked, out),
            None => out.extend_from_slice(&marked),
        }
        true
    }

    /// What `BY` and `GET` make keys from by putting an element in the place of the star.
    fn sort_pattern(&self, database: u32, option: &[u8], arg: &[u8], out: &mut Vec<u8>) -> bool {
        let is_option = [&b"by"[..], b"get"].iter().any(|word| option.eq_ignore_ascii_case(word));
        let Some(star) = arg.iter().position(|byte| *byte == b'*').filter(|_| is_option) else {
            return false;
        };
        // Only behind the star an arrow parts a field from the key.
        let arrow = arg[star..].windows(2).position(|pair| pair == b"->");
        let (key, field) = arg.split_at(arrow.map_or(arg.len(), |arrow| star + arrow));
        let is_mapped = self.changes(database, key);
        self.store(database, key, out);
        out.extend_from_slice(field);
        is_mapped
    }

    /// A page of a scan: a node passes over what surely does not fit, the rest is sorted out in the reply.
    fn scan(&self, database: u32, args: Args<'_>, scratch: &mut RequestScratch) -> Mapped {
        if !args.len().is_multiple_of(2) {
            // An option without its value, which any node refuses.
            return Mapped::AsItCame;
        }
        let pattern = self.node_pattern(database, scan_pattern(args).unwrap_or(b"*"));
        let mut words: Vec<&[u8]> = args.iter().take(2).collect();
        let mut rest = args.iter().skip(2);
        while let Some(option) = rest.next() {
            let value = rest.next();
            if !option.eq_ignore_ascii_case(b"match") {
                words.push(option);
                words.extend(value);
            }
        }
        words.extend([&b"MATCH"[..], &pattern]);
        encode_request(&mut scratch.bytes, words.into_iter());
        Mapped::Written
    }

    /// `COPY` into another database is a copy to another name.
    fn copy(&self, database: u32, args: Args<'_>, scratch: &mut RequestScratch) -> Mapped {
        let (mut target, mut replace) = (database, None);
        let mut options = args.iter().skip(3);
        while let Some(option) = options.next() {
            if option.eq_ignore_ascii_case(b"replace") {
                replace = Some(option);
                continue;
            }
            let number = options.next().filter(|_| option.eq_ignore_ascii_case(b"db"));
            let Some(number) = number else { return Mapped::Refused(ReplyError::SYNTAX) };
            target = match self.database(number) {
                Ok(number) => number,
                Err(error) => return Mapped::Refused(error),
            };
        }
        let (mut from, mut to) = (Vec::new(), Vec::new());
        self.store(database, &args[1], &mut from);
        self.store(target, &args[2], &mut to);
        if from == to {
            return Mapped::Refused(SAME_OBJECT);
        }
        let words = [&args[0], &from[..], &to[..]].into_iter().chain(replace);
        encode_request(&mut scratch.bytes, words.collect::<Vec<_>>().into_iter());
        Mapped::Written
    }

    /// `MOVE` is a renaming to a name that is free.
    fn rename(&self, database: u32, args: Args<'_>, scratch: &mut RequestScratch) -> Mapped {
        let target = match self.database(&args[2]) {
            Ok(target) => target,
            Err(error) => return Mapped::Refused(error),
        };
        if target == database {
            return Mapped::Refused(SAME_OBJECT);
        }
        let (mut from, mut to) = (Vec::new(), Vec::new());
        self.store(database, &args[1], &mut from);
        self.store(target, &args[1], &mut to);
        encode_request(&mut scratch.bytes, [MOVED_BY, &from, &to].into_iter());
        Mapped::Written
    }

    /// The database that a client names.
    ///
    /// # Errors
    /// There is none of this number, in the words of a Redis.
    pub(crate) fn database(&self, text: &[u8]) -> Result<u32, ReplyError> {
        let number = parse_integer(text).ok_or(ReplyError::NOT_INTEGER)?;
        let number = i32::try_from(number).map_err(|_| OUT_OF_INT)?;
        let count = self.databases_count().unwrap_or(1);
        let number = u32::try_from(number).ok().filter(|number| *number < count);
        number.ok_or(ReplyError::DB_OUT_OF_RANGE)
    }
}

/// The pattern of a `SCAN`: a Redis takes the last.
pub(crate) fn scan_pattern<'a>(args: Args<'a>) -> Option<&'a [u8]> {
    let mut found = None;
    for index in (2..args.len()).step_by(2) {
        if args[index].eq_ignore_ascii_case(b"match") {
            found = args.get(index + 1).or(found);
        }
    }
    found
}

/// Whether what picks the slot are shard channels, which belong to no database.
fn are_channels(command: &CommandSpec) -> bool {
    command.keys.iter().any(|spec| spec.access.contains(KeyAccess::NOT_KEY))
}

const SAME_OBJECT: ReplyError =
    ReplyError::from_static("ERR source and destination objects are the same");

const OUT_OF_INT: ReplyError = ReplyError::from_static(
    "ERR value is out of range, value must between -2147483648 and 2147483647",
);

const NO_SWAP: ReplyError = ReplyError::from_static(
    "UNSERVED command 'swapdb' is not served by databases.mode = \"prefix\": the database is part of every stored \
     key, so all keys of two databases would have to be renamed at one moment",
);

#[cfg(test)]
mod tests;
