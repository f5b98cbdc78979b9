//! Random rules and requests.

use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::command::{CommandSpec, all};

use crate::several::random::Random;

fn pick<'a>(random: &mut Random, choices: &[&'a str]) -> &'a str {
    choices[random.below(choices.len())]
}

/// Any rule, and what looks like one.
pub(super) fn any(random: &mut Random) -> String {
    match random.below(16) {
        0 => pick(random, WHOLE).to_owned(),
        1..=4 => category(random),
        5..=7 => command(random),
        8 => pick(random, ODD_COMMANDS).to_owned(),
        9 | 10 => pick(random, KEYS).to_owned(),
        11 => pick(random, CHANNELS).to_owned(),
        12 => pick(random, PASSWORDS).to_owned(),
        13 => pick(random, FLAGS).to_owned(),
        14 => pick(random, SELECTORS).to_owned(),
        _ => format!(
            "({} {} {})",
            category(random),
            pick(random, &KEYS[..8]),
            pick(random, &CHANNELS[..3])
        ),
    }
}

/// Rules that leave a user something of the commands on data.
pub(super) fn of_family(random: &mut Random) -> Vec<String> {
    let mut rules = vec!["resetkeys".to_owned(), "clearselectors".to_owned()];
    for _ in 0..1 + random.below(3) {
        rules.push(match random.below(4) {
            0 => {
                pick(random, &["+@all", "+@read", "-@write", "+@write", "-@slow", "+@fast"]).into()
            }
            1 => category(random).replace("nosuch", "keyspace"),
            2 => command(random),
            _ => format!("(+@all {})", pick(random, &KEYS[..8])),
        });
    }
    rules.extend((0..3).map(|_| pick(random, &KEYS[..8]).to_owned()));
    // Who may not do this is not seen to do anything else.
    rules.extend(["+multi", "+exec", "+discard"].map(str::to_owned));
    rules
}

/// A request to tell whether the user may run a command, with as many arguments as it takes, or nearly.
pub(super) fn dry_run(random: &mut Random) -> Vec<Vec<u8>> {
    let row = any_command(random);
    let mut words: Vec<String> = ["ACL", "DRYRUN", "user"].map(str::to_owned).to_vec();
    words.extend(row.name.split('|').map(str::to_owned));
    let least = usize::from(row.arity.unsigned_abs()) + 3;
    let more = if row.arity < 0 { random.below(5) } else { 0 };
    while words.len() < least + more {
        words.push(pick(random, ARGUMENTS).to_owned());
    }
    if random.below(30) == 0 {
        words.pop();
    }
    words.into_iter().map(String::into_bytes).collect()
}

fn any_command(random: &mut Random) -> &'static CommandSpec {
    &all()[random.below(all().len())]
}

fn sign(random: &mut Random) -> &'static str {
    pick(random, &["+", "-"])
}

fn category(random: &mut Random) -> String {
    let mut names: Vec<&str> = AclCategories::all().names().collect();
    names.extend(["nosuch", "", "ALL", "Read"]);
    format!("{}@{}", sign(random), pick(random, &names))
}

fn command(random: &mut Random) -> String {
    let name = any_command(random).name;
    let name = if random.below(6) == 0 { name.to_ascii_uppercase() } else { name.to_owned() };
    format!("{}{name}", sign(random))
}

const WHOLE: &[&str] = &[
    "+@all",
    "-@all",
    "+@ALL",
    "allcommands",
    "nocommands",
    "AllKeys",
    "resetkeys",
    "resetkeys",
    "allchannels",
    "resetchannels",
    "resetchannels",
    "reset",
    "~*",
    "&*",
];

/// The first eight are good ones.
const KEYS: &[&str] = &[
    "~a*",
    "~*",
    "%R~b*",
    "%W~{tag}*",
    "%RW~c*",
    "%r~*",
    "~[ab]",
    "%wr~binary*",
    "%Rx",
    "%R",
    "%RR~x",
    "%R~x~y",
    "~",
    "~a b",
    "%~a",
    "%",
    "%w~",
    "~a",
    "%R~a",
    "%W~a",
];

/// The first three are good ones.
const CHANNELS: &[&str] = &["&a*", "&[b]", "&streams", "&", "&a b", "&*", "&1", "&a*"];

const ODD_COMMANDS: &[&str] = &[
    "+select|0",
    "+select|1",
    "+SELECT|a",
    "+get|x",
    "+get|x|y",
    "-get|x",
    "+debug|sleep",
    "+config|nosuch",
    "+config|get|x",
    "+config|",
    "+get|",
    "+nosuch|x",
    "+nosuch",
    "-nosuch",
    "+",
    "-",
    "+|x",
    "+@",
    "-@",
    "@read",
    "+client|id",
    "-client|kill",
    "+acl",
    "-acl|whoami",
    "+publish",
];

const PASSWORDS: &[&str] = &[
    ">p",
    ">q",
    "<p",
    "<q",
    ">",
    "nopass",
    "resetpass",
    "#ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "!ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "#BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "#abc",
    "!abc",
];

const FLAGS: &[&str] = &[
    "on",
    "OFF",
    "off",
    "sanitize-payload",
    "skip-sanitize-payload",
    "clearselectors",
    "nonsense",
    "",
];

const SELECTORS: &[&str] = &[
    "(%R~a* +get)",
    "( )",
    "()",
    "(on)",
    "(+@read ~b* &c)",
    "(+select|2 -@all +select|3 ~*)",
    "(",
    ")",
    "(+get",
    "~a)",
    "(~\"a\" '+set' \"&x\")",
    "(\"~a)",
    "(allkeys allchannels allcommands)",
    "(~* ~a)",
];

const ARGUMENTS: &[&str] = &[
    "a", "b", "c", "{tag}x", "binary", "1", "2", "0", "STREAMS", "STORE", "GET", "KEYS", "", "BY",
    "abc", "LIMIT", "sleep", "x",
];
