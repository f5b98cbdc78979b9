//! A user: its name and its rules.
//!
//! Clients hold the user itself, so a change of its rules holds for them from their next command on.
//!
//! Source: redis `src/acl.c` ACLSetUser, ACLCheckUserCredentials.

use std::cell::{Cell, Ref, RefCell};

use reddoor_protocol::inline;

use super::password::Password;
use super::rule::{RuleError, is};
use super::selector::{FirstChannels, Selector};

/// A user, known by its place in memory: one of the same name that was made later is another one.
#[derive(Debug)]
pub(crate) struct User {
    name: Box<[u8]>,
    rules: RefCell<Rules>,
    /// Invariant: what the rules say.
    is_unrestricted: Cell<bool>,
}

impl User {
    pub(super) fn new(name: &[u8], rules: Rules) -> User {
        let is_unrestricted = Cell::new(rules.are_none());
        User { name: name.into(), rules: RefCell::new(rules), is_unrestricted }
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn rules(&self) -> Ref<'_, Rules> {
        self.rules.borrow()
    }

    pub(crate) fn set_rules(&self, rules: Rules) {
        self.is_unrestricted.set(rules.are_none());
        *self.rules.borrow_mut() = rules;
    }

    /// Whether it may run every command, on all keys and channels, so that nothing need be checked.
    #[inline]
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.is_unrestricted.get()
    }
}

/// What a user may do, and how it shows that it is itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Whether clients may become this user.
    pub(super) is_on: bool,
    /// Any password will do.
    pub(super) needs_no_password: bool,
    pub(super) sanitizing: Sanitizing,
    pub(super) passwords: Vec<Password>,
    /// Invariant: there is at least one, which rules outside of brackets change.
    pub(super) selectors: Vec<Selector>,
}

/// Whether values that a user restores are looked through first. Kept and told: they are, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sanitizing {
    Unsaid,
    Done,
    Skipped,
}

impl Rules {
    /// The rules of a user of whom only the name was said.
    pub(crate) fn new(channels: FirstChannels) -> Rules {
        Rules {
            is_on: false,
            needs_no_password: false,
            sanitizing: Sanitizing::Unsaid,
            passwords: Vec::new(),
            selectors: vec![Selector::new(channels)],
        }
    }

    /// The rules of the default user as long as nobody has changed them: everything, without a password.
    pub(super) fn everything() -> Rules {
        let mut rules = Rules::new(FirstChannels::All);
        rules.is_on = true;
        rules.needs_no_password = true;
        for rule in ["~*", "+@all"] {
            rules.selectors[0].apply(rule.as_bytes()).expect("these are rules");
        }
        rules
    }

    /// Whether they forbid nothing.
    fn are_none(&self) -> bool {
        self.selectors.iter().any(Selector::is_unrestricted)
    }

    /// Whether a client may become this user without a password.
    pub(crate) fn let_anyone_in(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    pub(crate) fn need_no_password(&self) -> bool {
        self.needs_no_password
    }

    pub(crate) fn are_on(&self) -> bool {
        self.is_on
    }

    /// The digests of its passwords.
    pub(crate) fn passwords(&self) -> &[Password] {
        &self.passwords
    }

    /// Whether a client with this password may become this user.
    pub(super) fn admit(&self, password: &[u8]) -> bool {
        let password = Password::of(password);
        self.is_on
            && (self.needs_no_password || self.passwords.iter().any(|own| own.fits(&password)))
    }

    /// Asks for this password and no other; an empty one is none.
    pub(super) fn set_only_password(&mut self, password: &[u8]) {
        self.needs_no_password = password.is_empty();
        self.passwords.clear();
        if !password.is_empty() {
            self.passwords.push(Password::of(password));
        }
    }

    /// Makes them those of a new user, which is told by one word more.
    pub(super) fn reset(&mut self, channels: FirstChannels) {
        *self = Rules::new(channels);
        self.sanitizing = Sanitizing::Done;
    }

    /// Follows one rule, of which the words of a selector are one. An empty one changes nothing.
    ///
    /// # Errors
    /// It is no rule, or none that fits those before it; nothing has changed.
    pub(crate) fn apply(&mut self, rule: &[u8], channels: FirstChannels) -> Result<(), RuleError> {
        match rule {
            [] => {}
            rule if is(rule, "on") => self.is_on = true,
            rule if is(rule, "off") => self.is_on = false,
            rule if is(rule, "nopass") => {
                self.needs_no_password = true;
                self.passwords.clear();
            }
            rule if is(rule, "resetpass") => {
                self.needs_no_password = false;
                self.passwords.clear();
            }
            rule if is(rule, "skip-sanitize-payload") => self.sanitizing = Sanitizing::Skipped,
            rule if is(rule, "sanitize-payload") => self.sanitizing = Sanitizing::Done,
            rule if is(rule, "clearselectors") => self.selectors.truncate(1),
            rule if is(rule, "reset") => self.reset(channels),
            [sign @ (b'>' | b'#'), password @ ..] => {
                let password = digest_of(*sign == b'>', password)?;
                self.needs_no_password = false;
                if !self.passwords.contains(&password) {
                    self.passwords.push(password);
                }
            }
            [sign @ (b'<' | b'!'), password @ ..] => {
                let password = digest_of(*sign == b'<', password)?;
                let index = self.passwords.iter().position(|own| *own == password);
                self.passwords.remove(index.ok_or(RuleError::NoSuchPassword)?);
            }
            [b'(', words @ .., b')'] => self.selectors.push(selector_of(words, channels)?),
            rule => self.selectors[0].apply(rule)?,
        }
        Ok(())
    }
}

fn digest_of(is_clear: bool, password: &[u8]) -> Result<Password, RuleError> {
    if is_clear {
        return Ok(Password::of(password));
    }
    Password::of_hex(password).ok_or(RuleError::BadHash)
}

/// A selector of its own from its rules, which may be quoted.
fn selector_of(words: &[u8], channels: FirstChannels) -> Result<Selector, RuleError> {
    let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
    if inline::split(words, &mut bytes, |start, len| ranges.push(start..start + len)).is_err() {
        // Quotes that do not close leave nothing of it, as in a Redis.
        ranges.clear();
    }
    let mut selector = Selector::new(channels);
    ranges.into_iter().try_for_each(|range| selector.apply(&bytes[range]))?;
    Ok(selector)
}
