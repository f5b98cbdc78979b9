//! Rules and what they allow.

use reddoor_protocol::command::resolve;
use reddoor_protocol::request::Args;

use super::*;

fn rules(words: &str) -> Rules {
    let mut rules = Rules::new(FirstChannels::None);
    let words = gather(words.split_ascii_whitespace().map(str::as_bytes)).unwrap();
    words.iter().for_each(|word| rules.apply(word, FirstChannels::None).unwrap());
    rules
}

fn denial(rules: &Rules, request: &str) -> Result<(), Denial> {
    let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    let args = Args::from_slices(&words);
    rules.check(resolve(args).unwrap(), args)
}

#[track_caller]
fn check(words: &str, table: &[(&str, Result<(), Denial>)]) {
    let rules = rules(words);
    table
        .iter()
        .for_each(|(request, expect)| assert_eq!(denial(&rules, request), *expect, "{request}"));
}

#[test]
fn keys_are_read_and_written_by_different_patterns() {
    check(
        "+@all %R~r* %W~w* ~b*",
        &[
            ("GET r", Ok(())),
            ("GET w", Err(Denial::Key(1))),
            ("SET w 1", Ok(())),
            ("SET w 1 GET", Err(Denial::Key(1))),
            ("SET b 1 GET", Ok(())),
            ("COPY r w", Ok(())),
            ("COPY w r", Err(Denial::Key(1))),
            // Neither the value nor facts that would tell it.
            ("EXISTS r w x", Err(Denial::Key(3))),
            ("PING", Ok(())),
        ],
    );
}

#[test]
fn one_selector_has_to_allow_all_of_a_command() {
    check(
        "+get ~a (+set ~b) (+publish &c)",
        &[
            ("GET a", Ok(())),
            ("GET b", Err(Denial::Key(1))),
            ("SET a 1", Err(Denial::Key(1))),
            ("SET b 1", Ok(())),
            ("DEL a", Err(Denial::Command)),
            ("PUBLISH d x", Err(Denial::Channel(1))),
            ("AUTH x", Ok(())),
        ],
    );
}

#[test]
fn patterns_are_subscribed_to_by_the_letter() {
    check(
        "+@pubsub &a* &[b]",
        &[
            ("SUBSCRIBE ab a b", Ok(())),
            ("SUBSCRIBE a c", Err(Denial::Channel(2))),
            ("PSUBSCRIBE a*", Ok(())),
            ("PSUBSCRIBE ab", Err(Denial::Channel(1))),
            ("UNSUBSCRIBE c", Ok(())),
            ("SPUBLISH b x", Ok(())),
        ],
    );
}

#[test]
fn subcommands_and_first_arguments() {
    check(
        "+config|get +select|0 +client -client|kill",
        &[
            ("CONFIG GET x", Ok(())),
            ("CONFIG SET x y", Err(Denial::Command)),
            ("SELECT 0", Ok(())),
            ("SELECT 1", Err(Denial::Command)),
            ("CLIENT ID", Ok(())),
            ("CLIENT KILL a", Err(Denial::Command)),
        ],
    );
}

#[test]
fn only_who_may_do_everything_is_unrestricted() {
    let is_unrestricted = |words| User::new(b"u", rules(words)).is_unrestricted();
    assert!(is_unrestricted("+@all ~* &*"));
    assert!(is_unrestricted("+get (+@all ~* &*)"));
    assert!(is_unrestricted("+@all -get +get ~* &*"));
    assert!(!is_unrestricted("+@all ~*"));
    assert!(!is_unrestricted("+@all &* ~a"));
    assert!(!is_unrestricted("+@all &* %R~*"));
    assert!(!is_unrestricted("+@all -acl|whoami ~* &*"));
    assert!(!is_unrestricted("+@all ~* (+@all &*)"));
}

#[test]
fn a_user_that_changes_is_the_same_and_one_made_anew_is_not() {
    let mut acl = Acl::new("", &[], FirstChannels::None);
    acl.set(b"u", rules("on nopass"));
    let user = acl.admit(b"u", b"anything").unwrap();
    acl.set(b"u", rules("on >p"));
    assert!(acl.has(&user) && acl.admit(b"u", b"anything").is_none());
    assert!(acl.admit(b"u", b"p").is_some());
    assert!(acl.remove(b"u") && !acl.remove(b"u"));
    acl.set(b"u", rules("on nopass"));
    assert!(!acl.has(&user));
    assert!(acl.has(&acl.default_user()));
}

#[test]
fn who_is_off_is_not_admitted_and_strangers_are_the_default_user() {
    let mut acl = Acl::new("secret", &[], FirstChannels::None);
    assert!(acl.shuts_out_strangers());
    assert!(acl.admit(DEFAULT, b"secret").is_some() && acl.admit(DEFAULT, b"x").is_none());
    acl.set_default_password("");
    assert!(!acl.shuts_out_strangers() && acl.default_user().is_unrestricted());
    acl.set(DEFAULT, rules("off nopass"));
    assert!(acl.shuts_out_strangers() && acl.admit(DEFAULT, b"").is_none());
}

/// Random rules, of those that can follow one another.
fn random_rules(seed: u64) -> Rules {
    let mut random = crate::data::random::Random::from_seed(seed);
    let rows = reddoor_protocol::command::all();
    let categories: Vec<&str> =
        reddoor_protocol::command::flags::AclCategories::all().names().collect();
    let mut word = |is_inside: bool| -> String {
        let sign = ["+", "-"][random.below(2)];
        match random.below(if is_inside { 6 } else { 10 }) {
            0 => format!("{sign}@all"),
            1 | 2 => format!("{sign}@{}", categories[random.below(categories.len())]),
            3 => format!("{sign}{}", rows[random.below(rows.len())].name),
            4 => format!("+select|{}", random.below(3)),
            5 => ["%R~a", "%W~a", "%RW~b", "~c*", "&c", "resetkeys"][random.below(6)].to_owned(),
            6 => ["on", "off"][random.below(2)].to_owned(),
            7 => [">a", ">b", "resetpass"][random.below(3)].to_owned(),
            8 => {
                ["nopass", "sanitize-payload", "skip-sanitize-payload"][random.below(3)].to_owned()
            }
            _ => "clearselectors".to_owned(),
        }
    };
    let mut words = String::new();
    for _ in 0..8 {
        words.push_str(&word(false));
        words.push(' ');
    }
    for _ in 0..seed % 3 {
        words.push_str(&format!("({} {} {}) ", word(true), word(true), word(true)));
    }
    rules(&words)
}

#[test]
fn what_is_told_of_rules_makes_them_again() {
    for seed in 0..400 {
        let own = random_rules(seed);
        let told = String::from_utf8(own.describe()).unwrap();
        let again = rules(&told);
        assert_eq!(String::from_utf8(again.describe()).unwrap(), told, "seed {seed}");
        for row in reddoor_protocol::command::all() {
            let args: Vec<&[u8]> = vec![row.name.as_bytes(), b"1", b"2"];
            let args = Args::from_slices(&args);
            assert_eq!(again.check(row, args), own.check(row, args), "seed {seed} {}", row.name);
        }
    }
}
