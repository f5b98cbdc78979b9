//! Commands over several slots that wait for one of their keys to change: who waits for what, and who is woken.
//!
//! The story of one that finds nothing:
//! 1. every key was looked at by a connection on which the node tells when it changes, once; from then on it may change
//!    at any moment, also while the command looks at others;
//! 2. it rests, unless one of its keys has changed since it looked at that: then it looks at that one again;
//! 3. a change wakes the first of those that rest for the key, and only that one: what it takes is a change again, which
//!    wakes the next. Where taking leaves the key as it is (`XREAD`), a change wakes all;
//! 4. it looks at the key, by which the node tells of its next change, and takes from it, or rests again in its place.
//!
//! Invariant: while somebody rests for a key, its node tells of its next change, or somebody is looking at it who will
//! rest, take from it, or be ended, of which the next one is told.
//! Costs O(log commands) for each key; a change costs a step for each command that looks at the key already.
//! Not here: connections, sessions, the clock.

use std::collections::{BTreeSet, HashMap};

use super::steps::Steps;
use crate::errand::{ClientId, Waiter};

/// The place of a command among those that wait: who came first has the lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    commands: HashMap<Ticket, Command>,
    /// A client waits for one command at most.
    by_client: HashMap<ClientId, Ticket>,
    keys: HashMap<Box<[u8]>, KeyQueue>,
    /// When those are over that do not wait for ever, in microseconds of the worker's clock.
    due: BTreeSet<(u64, Ticket)>,
    last: u64,
}

#[derive(Debug)]
struct Command {
    waiter: Waiter,
    /// Its keys, with the number of changes that were known when it looked at them.
    keys: Vec<(Box<[u8]>, u64)>,
    until_us: u64,
    is_over: bool,
    /// What is left to do of it while it rests; it is elsewhere while it looks.
    resting: Option<Box<dyn Steps>>,
}

#[derive(Debug, Default)]
struct KeyQueue {
    /// Commands that take from it.
    takers: BTreeSet<Ticket>,
    /// Commands that leave it as it is.
    readers: BTreeSet<Ticket>,
    /// Changes that were told (count).
    changes: u64,
}

/// A command that is to go on.
#[derive(Debug)]
pub(crate) struct Woken {
    /// Who waits for its reply.
    pub(crate) waiter: Waiter,
    /// What is left to do.
    pub(crate) steps: Box<dyn Steps>,
    /// The key that has changed; `None`: its time is over.
    pub(crate) key: Option<Box<[u8]>>,
}

impl Waiting {
    /// Commands that wait or look (count).
    pub(crate) fn count(&self) -> usize {
        self.commands.len()
    }

    /// A command begins to look at its keys; it may wait until this moment, in microseconds of the worker's clock.
    pub(crate) fn enter(&mut self, waiter: Waiter, steps: &dyn Steps, until_us: u64) {
        debug_assert!(!self.by_client.contains_key(&waiter.client), "one command at a time");
        self.last += 1;
        let ticket = Ticket(self.last);
        let mut known: Vec<(Box<[u8]>, u64)> = Vec::new();
        for key in steps.awaited() {
            let queue = self.keys.entry(key.clone()).or_default();
            let set = if steps.leaves_keys() { &mut queue.readers } else { &mut queue.takers };
            if set.insert(ticket) {
                known.push((key.clone(), queue.changes));
            }
        }
        if until_us != u64::MAX {
            self.due.insert((until_us, ticket));
        }
        self.by_client.insert(waiter.client, ticket);
        let command = Command { waiter, keys: known, until_us, is_over: false, resting: None };
        self.commands.insert(ticket, command);
    }

    /// A command has found nothing. Gives it back when it has to go on all the same.
    pub(crate) fn rest(&mut self, client: ClientId, steps: Box<dyn Steps>) -> Option<Woken> {
        let ticket = self.by_client.get(&client)?;
        let command = self.commands.get_mut(ticket)?;
        let changes = |key: &[u8]| self.keys.get(key).map_or(0, |queue| queue.changes);
        let changed = command.keys.iter_mut().find(|(key, known)| changes(key) != *known);
        if changed.is_none() && !command.is_over {
            command.resting = Some(steps);
            return None;
        }
        let key = changed.filter(|_| !command.is_over).map(|(key, known)| {
            *known = changes(key);
            key.clone()
        });
        Some(Woken { waiter: command.waiter, steps, key })
    }

    /// A key has changed: wakes whom that concerns.
    pub(crate) fn stir(&mut self, key: &[u8]) -> Vec<Woken> {
        let Some(queue) = self.keys.get_mut(key) else { return Vec::new() };
        queue.changes += 1;
        self.wake(key)
    }

    /// Wakes the first of those that rest for a key, and all that leave the key as it is.
    fn wake(&mut self, key: &[u8]) -> Vec<Woken> {
        let Some(queue) = self.keys.get(key) else { return Vec::new() };
        let commands = &mut self.commands;
        let mut rouse = |ticket: &Ticket| {
            let command = commands.get_mut(ticket)?;
            let steps = command.resting.take()?;
            if let Some((_, known)) = command.keys.iter_mut().find(|(own, _)| **own == *key) {
                *known = queue.changes;
            }
            Some(Woken { waiter: command.waiter, steps, key: Some(key.into()) })
        };
        let first = queue.takers.iter().find_map(&mut rouse);
        first.into_iter().chain(queue.readers.iter().filter_map(&mut rouse)).collect()
    }

    /// Any key may have changed, and no node tells of any: wakes all.
    pub(crate) fn stir_all(&mut self) -> Vec<Woken> {
        let keys: Vec<Box<[u8]>> = self.keys.keys().cloned().collect();
        for queue in self.keys.values_mut() {
            queue.changes += 1;
        }
        let mut woken = Vec::new();
        // Who has several keys looks at the others when it would rest.
        keys.iter().for_each(|key| woken.extend(self.wake(key)));
        woken
    }

    /// Takes those out whose time is over. One that looks just now is over when it would rest.
    pub(crate) fn take_over(&mut self, now_us: u64) -> Vec<Woken> {
        let mut over = Vec::new();
        while let Some((until_us, ticket)) = self.due.first().copied().filter(|due| due.0 <= now_us)
        {
            self.due.remove(&(until_us, ticket));
            let Some(command) = self.commands.get_mut(&ticket) else { continue };
            command.is_over = true;
            if let Some(steps) = command.resting.take() {
                over.push(Woken { waiter: command.waiter, steps, key: None });
            }
        }
        over
    }

    /// A client has what it waited for, or its time is over.
    pub(crate) fn served(&mut self, client: ClientId) {
        self.remove(client);
    }

    /// A client waits no longer, without having what it waited for. If it was looking at keys, those who rest for them
    /// are woken: it may have been told of a change in their place.
    pub(crate) fn leave(&mut self, client: ClientId) -> Vec<Woken> {
        let Some(command) = self.remove(client).filter(|command| command.resting.is_none()) else {
            return Vec::new();
        };
        command.keys.iter().flat_map(|(key, _)| self.wake(key)).collect()
    }

    fn remove(&mut self, client: ClientId) -> Option<Command> {
        let ticket = self.by_client.remove(&client)?;
        let command = self.commands.remove(&ticket)?;
        self.due.remove(&(command.until_us, ticket));
        for (key, _) in &command.keys {
            let Some(queue) = self.keys.get_mut(key) else { continue };
            queue.takers.remove(&ticket);
            queue.readers.remove(&ticket);
            if queue.takers.is_empty() && queue.readers.is_empty() {
                self.keys.remove(key);
            }
        }
        Some(command)
    }
}

#[cfg(test)]
mod tests;
