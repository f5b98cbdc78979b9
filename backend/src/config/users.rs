//! Users that are declared among the directives, and as lines to be declared again.
//!
//! Source: redis `src/acl.c` ACLAppendUserForLoading, `src/config.c` rewriteConfigUserOption.

use reddoor_protocol::inline;

use crate::acl::{Declared, RuleError, gather, has_spaces};
use crate::config::error::{ConfigError, Place, Problem};
use crate::config::settings::AclSettings;
use crate::config::table;

/// Users as they are read, with where they stand.
#[derive(Debug, Default)]
pub(super) struct Users(Vec<(Place, Declared)>);

impl Users {
    /// Takes in what stands behind `user`: a name, and rules.
    pub(super) fn declare(
        &mut self,
        words: &[Vec<u8>],
        place: Place,
        errors: &mut Vec<ConfigError>,
    ) {
        let Some((name, rules)) = words.split_first() else {
            return errors.push(mistake(place, b"", "wrong number of arguments"));
        };
        if has_spaces(name) {
            return errors.push(mistake(place, name, "Spaces not allowed in ACL usernames"));
        }
        if self.0.iter().any(|(_, other)| other.name == *name) {
            let twice = "Duplicate user found. A user can only be defined once in config files";
            return errors.push(mistake(place, name, twice));
        }
        match gather(rules.iter().map(Vec::as_slice)) {
            Ok(rules) => self.0.push((place, Declared { name: name.clone(), rules })),
            Err(open) => {
                let word = String::from_utf8_lossy(&rules[open.index]);
                let expected =
                    format!("Unmatched parenthesis in acl selector starting at '{word}'.");
                errors.push(mistake(place, name, &expected));
            }
        }
    }

    /// The users, when all settings are known. Mistakes in their rules are noted.
    pub(super) fn checked(
        self,
        settings: &AclSettings,
        errors: &mut Vec<ConfigError>,
    ) -> Vec<Declared> {
        if let (Some(file), Some((place, _))) = (&settings.file, self.0.first()) {
            let value = file.display().to_string();
            let expected = "users are declared beside this file, and can be in one place only";
            let problem = Problem::BadValue { value, expected: expected.to_owned() };
            let directive = "aclfile".to_owned();
            errors.push(ConfigError { place: place.clone(), directive, problem });
        }
        let mut users = Vec::new();
        for (place, user) in self.0 {
            if let Err((index, error)) = user.read(settings.first_channels) {
                // Other rules may hold passwords.
                let rule = String::from_utf8_lossy(&user.rules[index]);
                let expected = match error {
                    RuleError::UnknownName => format!("{error}: '{rule}'"),
                    other => other.to_string(),
                };
                errors.push(mistake(place, &user.name, &expected));
            }
            users.push(user);
        }
        users
    }
}

fn mistake(place: Place, name: &[u8], expected: &str) -> ConfigError {
    let value = String::from_utf8_lossy(name).into_owned();
    let problem = Problem::BadValue { value, expected: expected.to_owned() };
    ConfigError { place, directive: table::USER.to_owned(), problem }
}

/// A user's line as a configuration file has it, its end included: words in quotes where they need them.
pub(super) fn config_line(line: &[u8]) -> String {
    let needs_quotes = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\'');
    let words = line.split(|byte| *byte == b' ').map(|word| {
        if word.iter().any(needs_quotes) {
            inline::quoted(word)
        } else {
            String::from_utf8_lossy(word).into_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ") + "\n"
}
