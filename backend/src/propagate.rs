//! What a change becomes for those who repeat it: replicas and the append-only file.
//!
//! 1. A handler changes data. If it says nothing, the command as it came is its effect; what would come out otherwise
//!    at another time or place it words anew ([`Call::propagate_as`]), and what it does beside that it adds
//!    ([`Call::propagate_too`]). A command that changed nothing has no effect.
//! 2. Keys whose time came while it ran were removed first, and each is an effect of its own.
//! 3. When the command ends, with its whole transaction or script, its effects are one unit ([`Node::end_unit`]), which
//!    is repeated whole or not at all: several effects stand between `MULTI` and `EXEC`.
//!
//! Nothing of this is done, and nothing is allocated, while nobody consumes effects.
//!
//! Invariant: outside a command no effect waits.
//! Source: redis `src/server.c` alsoPropagate, propagatePendingCommands.

mod unit;

use reddoor_protocol::encode::{encode_request, write_bulk, write_header};
use reddoor_protocol::request::Args;

use crate::data::lazy_free::Freeing;
use crate::execute::Call;
use crate::node::Node;

pub(crate) use unit::{Reach, Unit};

/// Who repeats effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    Replicas,
    AppendOnlyFile,
}

/// The effects of what is under way.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// One bit for each [`Consumer`].
    consumers: u8,
    unit: Unit,
    own: Own,
    /// The effect of the command under way, where it is [`Own::Reworded`].
    own_bytes: Vec<u8>,
    /// Whom the effects of commands may concern at most.
    reach: Reach,
}

/// What the effect of the command under way is, beside those that were added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Own {
    /// The command as it came, if it has changed anything.
    #[default]
    IfChanged,
    /// The command as it came, whatever it has changed.
    Always(Reach),
    Reworded,
    Nothing,
}

impl Effects {
    /// Whether anybody consumes effects.
    #[inline]
    pub(crate) fn are_wanted(&self) -> bool {
        self.consumers != 0
    }

    /// Bounds whom the effects of commands concern, until the next call.
    pub(crate) fn bound(&mut self, reach: Reach) {
        self.reach = reach;
    }

    /// Adds an effect to those of the unit.
    pub(crate) fn add(&mut self, db: usize, args: &[&[u8]]) {
        self.add_for(db, args, Reach::All);
    }

    /// As [`Effects::add`], for some of those who repeat effects.
    pub(crate) fn add_for(&mut self, db: usize, args: &[&[u8]], reach: Reach) {
        if self.are_wanted() {
            encode_request(self.unit.open(), args.iter().copied());
            self.unit.close(db, reach);
        }
    }

    fn add_own(&mut self, db: usize, args: Args<'_>, has_changed: bool) {
        let reach = match self.own {
            Own::IfChanged if has_changed => Reach::All,
            Own::Always(reach) => reach,
            Own::Reworded => {
                self.unit.open().append(&mut self.own_bytes);
                return self.unit.close(db, self.reach);
            }
            Own::IfChanged | Own::Nothing => return,
        };
        encode_request(self.unit.open(), args.iter());
        self.unit.close(db, reach.and(self.reach));
    }
}

impl Node {
    /// Begins or ends to collect effects for somebody.
    pub(crate) fn want_effects(&mut self, consumer: Consumer, are_wanted: bool) {
        let bit = 1 << consumer as u8;
        self.effects.consumers &= !bit;
        self.effects.consumers |= if are_wanted { bit } else { 0 };
        self.keep_journal();
    }

    /// Does what nobody is to repeat.
    pub(crate) fn without_effects<T>(&mut self, run: impl FnOnce(&mut Node) -> T) -> T {
        let consumers = std::mem::take(&mut self.effects.consumers);
        let result = run(self);
        self.effects.consumers = consumers;
        self.keep_journal();
        result
    }

    /// A key was removed because its time had come, or to make room.
    pub(crate) fn propagate_removal(&mut self, db: usize, key: &[u8], word: Removal) {
        if self.effects.are_wanted() {
            self.effects.add(db, &[word.word(), key]);
        }
    }

    /// Hands all effects since the last call to whoever repeats them, as one unit. That of a script that lies still
    /// has not ended.
    #[inline]
    pub(crate) fn end_unit(&mut self) {
        if !self.effects.unit.is_empty() && !self.scripting.is_busy() {
            self.hand_over();
        }
    }

    /// As [`Node::end_unit`], of effects that have nothing to do with each other.
    pub(crate) fn end_apart(&mut self) {
        if !self.effects.unit.is_empty() && !self.scripting.is_busy() {
            self.effects.unit.take_apart();
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let mut unit = std::mem::take(&mut self.effects.unit);
        self.feed_replicas(&unit);
        self.append_unit(&unit);
        unit.clear();
        self.effects.unit = unit;
    }
}

/// How keys go that nobody asked to remove: at once, or with their memory given back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    Del,
    Unlink,
}

impl Removal {
    /// That by which a value is freed then.
    pub(crate) fn of(freeing: Freeing) -> Removal {
        match freeing {
            Freeing::Now => Removal::Del,
            Freeing::Later => Removal::Unlink,
        }
    }

    /// The command that does so.
    pub(crate) fn word(self) -> &'static [u8] {
        match self {
            Removal::Del => b"DEL",
            Removal::Unlink => b"UNLINK",
        }
    }
}

impl Call<'_> {
    /// Lets another command be the effect of this one. The last call counts; if nothing was changed it must not be made.
    pub(crate) fn propagate_as(&mut self, args: &[&[u8]]) {
        self.propagate_words(args.iter().copied());
    }

    /// As [`Call::propagate_as`], for arguments that are counted before they are told.
    pub(crate) fn propagate_words<'w>(&mut self, args: impl ExactSizeIterator<Item = &'w [u8]>) {
        let effects = &mut self.node.effects;
        if effects.are_wanted() {
            effects.own = Own::Reworded;
            effects.own_bytes.clear();
            encode_request(&mut effects.own_bytes, args);
        }
    }

    /// Lets the command with some arguments replaced, told by their ascending indexes, be its effect.
    pub(crate) fn propagate_with(&mut self, replaced: &[(usize, &[u8])]) {
        let effects = &mut self.node.effects;
        if !effects.are_wanted() {
            return;
        }
        effects.own = Own::Reworded;
        let out = &mut effects.own_bytes;
        out.clear();
        write_header(out, b'*', self.args.len());
        let mut replaced = replaced.iter().peekable();
        for (index, arg) in self.args.iter().enumerate() {
            let arg = replaced.next_if(|(at, _)| *at == index).map_or(arg, |(_, arg)| *arg);
            write_bulk(out, arg);
        }
    }

    /// Adds an effect, which stands before the command's own.
    pub(crate) fn propagate_too(&mut self, args: &[&[u8]]) {
        self.node.effects.add(self.client.db, args);
    }

    /// Lets the command itself have no effect.
    pub(crate) fn propagate_nothing(&mut self) {
        self.node.effects.own = Own::Nothing;
    }

    /// Lets the command be its effect even if it changed nothing.
    pub(crate) fn propagate_always(&mut self, reach: Reach) {
        self.node.effects.own = Own::Always(reach);
    }

    /// Runs a part of the command under way (its handler, or a command within it) and collects its effect.
    #[inline]
    pub(crate) fn collect_effect<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        if !self.node.effects.are_wanted() {
            return run(self);
        }
        let outer = std::mem::take(&mut self.node.effects.own);
        let (db, changes) = (self.client.db, self.node.changes);
        let result = run(self);
        self.node.tell_journal();
        let has_changed = self.node.changes != changes;
        self.node.effects.add_own(db, self.args, has_changed);
        self.node.effects.own = outer;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_has_nothing_to_do_with_each_other_leaves_the_next_transaction_whole() {
        let config = Config::from_args(&[]).expect("no mistakes in nothing");
        let mut node = Node::new(config, None);
        node.want_effects(Consumer::AppendOnlyFile, true);
        node.end_apart();
        node.effects.add(0, &[b"SET", b"a", b"1"]);
        node.effects.add(0, &[b"SET", b"b", b"2"]);
        let mut out = Vec::new();
        node.effects.unit.write(&mut out, &mut Some(0), Reach::File);
        assert!(out.starts_with(b"*1\r\n$5\r\nMULTI\r\n"), "{}", out.escape_ascii());
    }
}
