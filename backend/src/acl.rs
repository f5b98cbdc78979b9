//! Users and what they may do.
//!
//! | module | what it holds |
//! |---|---|
//! | `user` | a user and its rules |
//! | `selector` | one set of rules about commands, keys and channels |
//! | `commands` | which commands: bits, categories |
//! | `rule`, `password` | the words of rules; passwords as they are kept |
//! | `check` | whether rules allow a command |
//! | `describe` | users as texts |
//! | `file` | the file of users |
//! | `log` | what was refused lately |
//!
//! Not here: clients and the node. Who asks, and what becomes of those who may no longer, is for `execute` and the
//! commands.
//!
//! Spec: <https://valkey.io/topics/acl/>

mod check;

mod commands;

mod describe;

mod file;

mod log;

mod password;

mod rule;

mod selector;

mod user;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::Rc;

pub(crate) use check::{Denial, Name};
pub(crate) use commands::of_category;
pub(crate) use describe::Told;
pub(crate) use log::{AclLog, Context, Entry, Reason};
pub(crate) use rule::{RuleError, gather, has_spaces};
pub(crate) use selector::FirstChannels;
pub(crate) use user::{Rules, User};

/// The user of clients that have not said who they are.
pub(crate) const DEFAULT: &[u8] = b"default";

/// All users.
#[derive(Debug)]
pub(crate) struct Acl {
    /// Invariant: the default user is among them, and is the same one for ever.
    users: BTreeMap<Box<[u8]>, Rc<User>>,
    default: Rc<User>,
    pub(crate) log: AclLog,
}

/// A user as the settings declare it: its name and the rules, of which the words of a selector are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: Vec<u8>,
    pub(crate) rules: Vec<Vec<u8>>,
}

impl Declared {
    /// What is declared.
    ///
    /// # Errors
    /// The number of the rule that cannot be followed, and why.
    pub(crate) fn read(&self, channels: FirstChannels) -> Result<Rules, (usize, RuleError)> {
        let mut rules = Rules::new(channels);
        if self.name == DEFAULT {
            // There is one already, of which nothing is to be left.
            rules.reset(channels);
        }
        for (index, rule) in self.rules.iter().enumerate() {
            rules.apply(rule, channels).map_err(|error| (index, error))?;
        }
        Ok(rules)
    }
}

impl Acl {
    /// The default user with a password, empty for none, and users that were declared, who may be it.
    pub(crate) fn new(password: &str, declared: &[Declared], channels: FirstChannels) -> Acl {
        let default = Rc::new(User::new(DEFAULT, Rules::everything()));
        let users = BTreeMap::from([(DEFAULT.into(), Rc::clone(&default))]);
        let mut acl = Acl { users, default, log: AclLog::default() };
        acl.set_default_password(password);
        for user in declared {
            // They were found good when the settings were read.
            if let Ok(rules) = user.read(channels) {
                acl.set(&user.name, rules);
            }
        }
        acl
    }

    pub(crate) fn default_user(&self) -> Rc<User> {
        Rc::clone(&self.default)
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<User>> {
        self.users.get(name)
    }

    /// All users by name.
    pub(crate) fn users(&self) -> impl ExactSizeIterator<Item = &Rc<User>> {
        self.users.values()
    }

    /// A line for each user, as they stand in files.
    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        self.users().map(|user| user.line()).collect()
    }

    /// Gives a user these rules; makes it if there is none of the name.
    pub(crate) fn set(&mut self, name: &[u8], rules: Rules) {
        match self.users.get(name) {
            Some(user) => user.set_rules(rules),
            None => {
                self.users.insert(name.into(), Rc::new(User::new(name, rules)));
            }
        }
    }

    /// Removes a user, which must not be the default one. Whether there was one.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        debug_assert!(name != DEFAULT, "there is always a default user");
        self.users.remove(name).is_some()
    }

    /// Whether a user has not been removed.
    pub(crate) fn has(&self, user: &Rc<User>) -> bool {
        self.find(user.name()).is_some_and(|own| Rc::ptr_eq(own, user))
    }

    /// `requirepass`: the default user asks for this password alone; an empty one is none.
    pub(crate) fn set_default_password(&self, password: &str) {
        let mut rules = self.default.rules().clone();
        rules.set_only_password(password.as_bytes());
        self.default.set_rules(rules);
    }

    /// Whether clients that have not said who they are may do nothing.
    pub(crate) fn shuts_out_strangers(&self) -> bool {
        !self.default.rules().let_anyone_in()
    }

    /// The user that a client with this name and password becomes.
    pub(crate) fn admit(&self, name: &[u8], password: &[u8]) -> Option<Rc<User>> {
        let user = self.find(name)?;
        let is_admitted = user.rules().admit(password);
        is_admitted.then(|| Rc::clone(user))
    }

    /// Puts the users of a file in the place of all there are; if it does not say otherwise, the default user may do
    /// everything. Whoever is not the default user is a user that is there no more, even if there is one of its name.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes; nothing has changed.
    pub(crate) fn load(&mut self, file: &Path, channels: FirstChannels) -> Result<(), Vec<u8>> {
        let mut loaded = file::load(file, channels)?;
        self.default.set_rules(loaded.remove(DEFAULT).unwrap_or_else(Rules::everything));
        self.users = loaded
            .into_iter()
            .map(|(name, rules)| (name.clone(), Rc::new(User::new(&name, rules))))
            .collect();
        self.users.insert(DEFAULT.into(), Rc::clone(&self.default));
        Ok(())
    }

    /// Writes all users to a file.
    ///
    /// # Errors
    /// What was being done, and why it cannot be done; the old file is whole.
    pub(crate) fn save(&self, file: &Path) -> Result<(), (&'static str, io::Error)> {
        file::save(file, &self.lines())
    }
}

/// Whose rights a client has, and whether it has shown that it may have them.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: Rc<User>,
    pub(crate) is_authenticated: bool,
}

impl Login {
    /// A client that has just come.
    pub(crate) fn of_stranger(acl: &Acl) -> Login {
        Login { user: acl.default_user(), is_authenticated: !acl.shuts_out_strangers() }
    }

    /// Who may do everything, and is no user.
    pub(crate) fn of_node() -> Login {
        let user = Rc::new(User::new(b"(superuser)", Rules::everything()));
        Login { user, is_authenticated: true }
    }
}

#[cfg(test)]
mod tests;
