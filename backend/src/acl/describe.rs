//! Users as texts: the line of a file that makes one again, and its parts.
//!
//! Source: redis `src/acl.c` ACLDescribeUser, ACLDescribeSelector.

use super::selector::{Access, KeyPattern, Patterns, Selector};
use super::user::{Rules, Sanitizing, User};

impl User {
    /// `user <name> <rules>`, as it stands in files.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = b"user ".to_vec();
        line.extend_from_slice(self.name());
        line.push(b' ');
        line.extend_from_slice(&self.rules().describe());
        line
    }
}

impl Rules {
    /// Words that are set about the user itself.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let is_on = if self.is_on { "on" } else { "off" };
        let sanitizing = match self.sanitizing {
            Sanitizing::Unsaid => None,
            Sanitizing::Done => Some("sanitize-payload"),
            Sanitizing::Skipped => Some("skip-sanitize-payload"),
        };
        let no_password = self.needs_no_password.then_some("nopass");
        [Some(is_on), no_password, sanitizing].into_iter().flatten()
    }

    /// What each selector allows, the one outside of brackets first.
    pub(crate) fn selectors(&self) -> impl ExactSizeIterator<Item = Told> {
        self.selectors.iter().map(Selector::told)
    }

    /// Rules that make these from nothing.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(|flag| flag.as_bytes().to_vec()).collect();
        words.extend(self.passwords.iter().map(|own| format!("#{}", own.to_hex()).into_bytes()));
        for (index, selector) in self.selectors.iter().enumerate() {
            let text = selector.describe();
            words.push(if index == 0 { text } else { [b"(", text.as_slice(), b")"].concat() });
        }
        words.join(&b' ')
    }
}

/// A selector as texts, each with patterns or rules separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) commands: Vec<u8>,
    pub(crate) keys: Vec<u8>,
    pub(crate) channels: Vec<u8>,
}

impl Selector {
    fn told(&self) -> Told {
        Told {
            commands: self.commands.describe(),
            keys: self.key_rules().join(&b' '),
            channels: self.channel_rules().join(&b' '),
        }
    }

    fn describe(&self) -> Vec<u8> {
        let mut words = self.key_rules();
        if !self.channels.are_all() {
            words.push(b"resetchannels".to_vec());
        }
        words.extend(self.channel_rules());
        words.push(self.commands.describe());
        words.join(&b' ')
    }

    fn key_rules(&self) -> Vec<Vec<u8>> {
        match &self.keys {
            Patterns::All => vec![b"~*".to_vec()],
            Patterns::Some(patterns) => patterns.iter().map(KeyPattern::rule).collect(),
        }
    }

    fn channel_rules(&self) -> Vec<Vec<u8>> {
        match &self.channels {
            Patterns::All => vec![b"&*".to_vec()],
            Patterns::Some(patterns) => {
                patterns.iter().map(|pattern| [b"&", pattern.as_slice()].concat()).collect()
            }
        }
    }
}

impl KeyPattern {
    fn rule(&self) -> Vec<u8> {
        let sign: &[u8] = if self.access.is_all() {
            b"~"
        } else if self.access.contains(Access::READ) {
            b"%R~"
        } else {
            b"%W~"
        };
        [sign, &self.pattern].concat()
    }
}
