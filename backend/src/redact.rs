//! Words of requests that nobody else may see: passwords, in the slow log and before monitors.

use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::request::Args;

const AUTH: CommandId = CommandId::of("auth");
const HELLO: CommandId = CommandId::of("hello");
const MIGRATE: CommandId = CommandId::of("migrate");

const CONFIG_SET: CommandId = CommandId::of("config|set");

const SET_USER: CommandId = CommandId::of("acl|setuser");

/// Settings whose values are secrets.
const SECRET_SETTINGS: [&str; 5] =
    ["masterauth", "masteruser", "requirepass", "tls-client-key-file-pass", "tls-key-file-pass"];

/// What stands in the place of a word.
const HIDDEN: &[u8] = b"(redacted)";

/// The arguments of a request as others may see them.
pub(crate) fn shown<'a>(spec: &CommandSpec, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut words: Vec<&[u8]> = args.iter().collect();
    let id = spec.id();
    if id == AUTH {
        words.iter_mut().skip(1).for_each(|word| *word = HIDDEN);
    } else if id == HELLO {
        hide_behind(&mut words, 2, &[("AUTH", 2)]);
    } else if id == SET_USER {
        words.iter_mut().skip(2).for_each(|word| *word = HIDDEN);
    } else if id == CONFIG_SET {
        hide_secret_settings(&mut words);
    } else if id == MIGRATE {
        hide_behind(&mut words, 6, &[("AUTH", 1), ("AUTH2", 2)]);
    }
    words
}

/// Hides the values of secret settings among pairs of names and values.
fn hide_secret_settings(words: &mut [&[u8]]) {
    for index in (3..words.len()).step_by(2) {
        let name = words[index - 1];
        if SECRET_SETTINGS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes())) {
            words[index] = HIDDEN;
        }
    }
}

/// Hides so many words behind each of some options, from an index on. Behind `KEYS` there are no options.
fn hide_behind(words: &mut [&[u8]], from: usize, options: &[(&str, usize)]) {
    let mut index = from;
    while let Some(word) = words.get(index).filter(|word| !word.eq_ignore_ascii_case(b"KEYS")) {
        let is_it = |(name, _): &&(&str, usize)| word.eq_ignore_ascii_case(name.as_bytes());
        let hidden = options.iter().find(is_it).map_or(0, |(_, count)| *count);
        words.iter_mut().skip(index + 1).take(hidden).for_each(|word| *word = HIDDEN);
        index += 1 + hidden;
    }
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::command::resolve;

    use super::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        let table = [
            ("AUTH p", "AUTH (redacted)"),
            ("AUTH u p", "AUTH (redacted) (redacted)"),
            ("HELLO 3 SETNAME auth AUTH u p", "HELLO 3 SETNAME auth (redacted) (redacted) p"),
            ("HELLO 3 auth u p SETNAME n", "HELLO 3 auth (redacted) (redacted) SETNAME n"),
            ("MIGRATE h 1 auth 0 1 COPY AUTH p", "MIGRATE h 1 auth 0 1 COPY AUTH (redacted)"),
            (
                "MIGRATE h 1 \"\" 0 1 AUTH2 u p KEYS auth a",
                "MIGRATE h 1 \"\" 0 1 AUTH2 (redacted) (redacted) KEYS auth a",
            ),
            ("GET auth", "GET auth"),
            ("ACL SETUSER u on >p", "ACL SETUSER (redacted) (redacted) (redacted)"),
            ("ACL DELUSER u v", "ACL DELUSER u v"),
            ("ACL LOG RESET", "ACL LOG RESET"),
            (
                "CONFIG SET maxclients requirepass RequirePass p masterauth q",
                "CONFIG SET maxclients requirepass RequirePass (redacted) masterauth (redacted)",
            ),
        ];
        for (request, expect) in table {
            let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
            let args = Args::from_slices(&words);
            let shown = shown(resolve(args).unwrap(), args).join(&b' ');
            assert_eq!(String::from_utf8(shown).unwrap(), expect);
        }
    }
}
