//! Keys against `COMMAND GETKEYS` and `COMMAND GETKEYSANDFLAGS`, with seeded random requests.

use reddoor_protocol::command::{CommandSpec, all, keys, resolve};
use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::Args;

use crate::oracle::{Oracle, answer};

/// Set it to repeat a run, or to try others.
const SEED_VARIABLE: &str = "COMMAND_KEYS_SEED";

/// Requests per row and protocol version (count).
const REQUESTS: usize = 300;

/// What arguments are made of: whatever some rule for keys looks at, and what only resembles it.
const WORDS: [&str; 47] = [
    "0",
    "1",
    "1",
    "2",
    "2",
    "3",
    "4",
    "-1",
    "00",
    "01",
    "+1",
    " 2",
    "2 ",
    "2x",
    "x2",
    "1.5",
    "",
    "2147483647",
    "2147483648",
    "4294967297",
    "9223372036854775807",
    "99999999999999999999",
    "a",
    "b",
    "c",
    "STORE",
    "store",
    "StoreDist",
    "STREAMS",
    "streams",
    "KEYS",
    "keys",
    "LIMIT",
    "GET",
    "get",
    "BY",
    "by",
    "AUTH",
    "auth2",
    "BLOCK",
    "COUNT",
    "GROUP",
    "NOACK",
    "LEFT",
    "SET",
    "u8",
    "#0",
];

#[test]
fn keys_are_those_of_command_getkeys() {
    let Some(oracle) = Oracle::start() else { return };
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("{SEED_VARIABLE}={seed}");
    let mut random = Random(seed);
    for resp in [Resp::V2, Resp::V3] {
        let mut client = oracle.connect(resp);
        for spec in all() {
            let count = if spec.keys.is_empty() { 5 } else { REQUESTS };
            let requests: Vec<Vec<&[u8]>> =
                (0..count).map(|_| random.request(spec)).filter(|r| !is_lone_pfmerge(r)).collect();
            for subcommand in ["GETKEYS", "GETKEYSANDFLAGS"] {
                let whole = |request: &Vec<&'static [u8]>| {
                    [&[b"COMMAND", subcommand.as_bytes()], &request[..]].concat()
                };
                requests.iter().for_each(|request| client.send(&whole(request)));
                for request in &requests {
                    let theirs = client.receive().1.escape_ascii().to_string();
                    let ours = answer(&whole(request), resp).escape_ascii().to_string();
                    assert_eq!(ours, theirs, "{subcommand} {}", shown(request));
                }
            }
        }
    }
}

/// Commands for which `COMMAND GETKEYS` follows the specs, and the slot what the command uses.
const OTHER_FOR_THE_SLOT: [&str; 4] = ["xread", "xreadgroup", "georadius", "georadiusbymember"];

#[test]
fn positions_are_the_same_however_they_are_asked_for() {
    let mut random = Random(11);
    let mut indexes = vec![99];
    for spec in all() {
        for _ in 0..REQUESTS {
            let request = random.request(spec);
            let args = Args::from_slices(&request);
            let found = keys::find_keys(spec, args);
            let result = keys::key_indexes(spec, args, &mut indexes);
            if !OTHER_FOR_THE_SLOT.contains(&spec.name) {
                assert_eq!(found.is_ok(), result.is_ok(), "{}", shown(&request));
                let found: Vec<u32> = found.into_iter().flatten().map(|(index, _)| index).collect();
                assert_eq!(found, indexes, "{}", shown(&request));
            }
            assert!(indexes.iter().all(|index| (*index as usize) < args.len()));
            if let (Some(index), Ok(())) = (spec.single_key_index(), result) {
                assert_eq!(indexes, [u32::try_from(index).unwrap()]);
            }
        }
    }
}

#[test]
fn shard_channels_pick_a_slot_though_they_are_no_keys() {
    for (request, expect) in [
        (&["spublish", "c", "m"][..], &[1][..]),
        (&["ssubscribe", "c", "d"], &[1, 2]),
        (&["publish", "c", "m"], &[]),
        (&["eval", "s", "0", "a"], &[]),
        (&["pfmerge", "d"], &[1]),
    ] {
        let request: Vec<&[u8]> = request.iter().map(|arg| arg.as_bytes()).collect();
        let args = Args::from_slices(&request);
        let mut indexes = Vec::new();
        keys::key_indexes(resolve(args).unwrap(), args, &mut indexes).unwrap();
        assert_eq!(indexes, expect);
    }
}

/// A Redis names no key then, though the command runs; here its destination is one.
fn is_lone_pfmerge(request: &[&[u8]]) -> bool {
    request.len() == 2 && request[0] == b"pfmerge"
}

fn shown(request: &[&[u8]]) -> String {
    request.iter().map(|arg| format!("'{}' ", arg.escape_ascii())).collect()
}

/// splitmix64: the same requests on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    /// A request for this row with about as many arguments as it takes, of any words.
    fn request(&mut self, spec: &'static CommandSpec) -> Vec<&'static [u8]> {
        let mut args: Vec<&[u8]> = spec.name.split('|').map(str::as_bytes).collect();
        let least = usize::from(spec.arity.unsigned_abs());
        let count = match self.below(8) {
            0 => least.saturating_sub(1),
            1..=4 if spec.arity < 0 => least + self.below(9),
            _ => least,
        };
        while args.len() < count {
            args.push(WORDS[self.below(WORDS.len())].as_bytes());
        }
        args
    }
}
