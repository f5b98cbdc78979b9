//! What a client queued since `MULTI`, and the runs in which it reaches the nodes.
//!
//! In: commands, each with where it runs. Out: for each slot one unbroken run of bytes from `MULTI` to `EXEC`.
//!
//! ```text
//! queued    SET a 1   PING   INCR {b}   GET a          slots of a and b differ
//! runs      MULTI SET a 1, GET a EXEC   (positions 0, 3)
//!           MULTI INCR {b} EXEC         (position 2)
//! here      PING                        (position 1)
//! ```
//!
//! A command that is split outside of transactions (`MSET a 1 b 2`) has a part in the run of each of its slots, and the
//! parts have one position.
//!
//! Invariants: nothing of a transaction is sent before `EXEC`; a command that was refused while queueing spoils
//! the whole; commands of one slot keep their order.
//!
//! Not here: nodes, sessions, what commands do.

use std::ops::Range;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::slot::Slot;
use thiserror::Error;

use crate::config::CrossSlot;
use crate::join::{Join, JoinBy, PartKeys};
use crate::key_mapping::reply::ReplyShape;

/// What opens a run at a node.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// What closes a run at a node.
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Where a queued command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the owner of its keys' slot.
    Slot(Slot),
    /// At whatever node the others run; by itself, at the owner of this slot if one is given.
    AnyNode(Option<Slot>),
    /// At the front door.
    Here,
    /// At the owners of several slots, in parts: the split of this number.
    Parts(usize),
}

/// What one slot gets of a command that is split.
#[derive(Clone, Debug)]
pub(crate) struct SplitPart {
    /// Where its keys lie.
    pub(crate) slot: Slot,
    /// The request for them.
    pub(crate) request: Vec<u8>,
    /// Which they are among all keys of the command.
    pub(crate) keys: PartKeys,
}

/// A command in parts.
#[derive(Debug)]
struct Split {
    by: JoinBy,
    parts: Vec<SplitPart>,
}

/// What a transaction may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    /// Bytes of all commands.
    pub(crate) bytes_max: usize,
    /// Commands (count).
    pub(crate) commands_max: usize,
    /// Whether keys may lie in several slots.
    pub(crate) cross_slot: CrossSlot,
}

/// Why a command was not queued. The transaction is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum QueueError {
    /// Its keys lie in another slot than those before.
    #[error(
        "CROSSSLOT commands of one transaction have keys in slots {0} and {1}; \
         transactions.cross_slot = \"per_slot\" runs one transaction for each slot"
    )]
    CrossSlot(Slot, Slot),
    /// Its keys lie in another slot than those of `WATCH`.
    #[error(
        "CROSSSLOT WATCH guards slot {0} and the transaction has keys in slot {1}; with WATCH all keys must \
         share a slot, whatever transactions.cross_slot says"
    )]
    Unguarded(Slot, Slot),
    /// There are too many bytes of commands.
    #[error("OVERLOAD bytes of one transaction: limit of {0} reached; the command was not applied")]
    Bytes(usize),
    /// There are too many commands.
    #[error(
        "OVERLOAD commands of one transaction: limit of {0} reached; the command was not applied"
    )]
    Commands(usize),
}

impl QueueError {
    /// The error as a client is told it.
    pub(crate) fn to_reply(self) -> ReplyError {
        ReplyError::new(self.to_string())
    }
}

#[derive(Clone, Debug)]
struct Queued {
    bytes: Range<usize>,
    place: Place,
}

/// A transaction that is not run yet.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    bytes: Vec<u8>,
    commands: Vec<Queued>,
    splits: Vec<Split>,
    /// Bytes of their parts.
    splits_bytes: usize,
    /// The slot of the first key.
    slot: Option<Slot>,
    /// Whether a command was refused, so that `EXEC` will be.
    pub(crate) is_spoilt: bool,
    /// Whether it is held back while clients may not write.
    pub(crate) waits_for_pause: bool,
    /// The database that a queued `SELECT` chooses for what is queued behind it.
    pub(crate) database: Option<u32>,
    /// Elements of the reply in which the client's keys have to be put back.
    pub(crate) mapped: Vec<(usize, ReplyShape)>,
}

/// What one node runs of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Whose owner runs it; `None`: any primary.
    pub(crate) slot: Option<Slot>,
    /// Positions of its commands in the transaction.
    pub(crate) positions: Vec<u32>,
    /// The requests from `MULTI` to `EXEC`.
    pub(crate) bytes: Vec<u8>,
}

impl Run {
    /// Replies that its node gives (count): one for each command, and for `MULTI` and `EXEC`.
    pub(crate) fn replies_count(&self) -> u32 {
        u32::try_from(self.positions.len() + 2).unwrap_or(u32::MAX)
    }
}

impl Transaction {
    /// Queues a command, given as its bytes. `watched` is the slot that `WATCH` guards.
    ///
    /// # Errors
    /// It was not queued; the caller spoils the transaction.
    pub(crate) fn queue(
        &mut self,
        place: Place,
        request: &[u8],
        watched: Option<Slot>,
        limits: &QueueLimits,
    ) -> Result<(), QueueError> {
        let slot = match place {
            Place::Slot(slot) => Some(slot),
            Place::AnyNode(_) | Place::Here | Place::Parts(_) => None,
        };
        self.admit(request.len(), slot.into_iter(), watched, limits)?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(request);
        self.commands.push(Queued { bytes: start..self.bytes.len(), place });
        Ok(())
    }

    /// As [`Transaction::queue`], for a command in parts, whose replies are joined so.
    ///
    /// # Errors
    /// As [`Transaction::queue`].
    pub(crate) fn queue_split(
        &mut self,
        by: JoinBy,
        parts: Vec<SplitPart>,
        watched: Option<Slot>,
        limits: &QueueLimits,
    ) -> Result<(), QueueError> {
        let bytes = parts.iter().map(|part| part.request.len()).sum();
        self.admit(bytes, parts.iter().map(|part| part.slot), watched, limits)?;
        let end = self.bytes.len();
        self.commands.push(Queued { bytes: end..end, place: Place::Parts(self.splits.len()) });
        self.splits.push(Split { by, parts });
        self.splits_bytes += bytes;
        Ok(())
    }

    /// Whether there is room for a command with keys in these slots.
    fn admit(
        &mut self,
        bytes: usize,
        slots: impl Iterator<Item = Slot>,
        watched: Option<Slot>,
        limits: &QueueLimits,
    ) -> Result<(), QueueError> {
        if self.commands.len() >= limits.commands_max {
            return Err(QueueError::Commands(limits.commands_max));
        }
        if self.bytes_len() + bytes > limits.bytes_max {
            return Err(QueueError::Bytes(limits.bytes_max));
        }
        for slot in slots {
            match (watched, self.slot) {
                (Some(watched), _) if watched != slot => {
                    return Err(QueueError::Unguarded(watched, slot));
                }
                (_, Some(first)) if first != slot && limits.cross_slot == CrossSlot::Refuse => {
                    return Err(QueueError::CrossSlot(first, slot));
                }
                _ => self.slot = self.slot.or(Some(slot)),
            }
        }
        Ok(())
    }

    /// The first command whose keys say where the transaction runs.
    pub(crate) fn first_request(&self) -> Option<&[u8]> {
        let is_placed = |queued: &&Queued| matches!(queued.place, Place::Slot(_));
        let first = self.commands.iter().find(is_placed)?;
        self.bytes.get(first.bytes.clone())
    }

    /// Bytes of the commands queued.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len() + self.splits_bytes
    }

    /// Commands queued (count).
    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    /// What the nodes run, one run for each slot. With `watched` there is a run for that slot even if no command
    /// goes there: its `EXEC` tells whether the keys are as they were.
    pub(crate) fn runs(&self, watched: Option<Slot>) -> Vec<Run> {
        let home = watched.or(self.slot).or_else(|| self.slot_of_wanderers());
        let needs_home = watched.is_some()
            || self.commands.iter().any(|queued| matches!(queued.place, Place::AnyNode(_)));
        let mut runs: Vec<Run> = Vec::new();
        if needs_home {
            runs.push(Run { slot: home, positions: Vec::new(), bytes: MULTI.to_vec() });
        }
        let mut add = |slot: Option<Slot>, position: u32, bytes: &[u8]| {
            let index = runs.iter().position(|run| run.slot == slot).unwrap_or_else(|| {
                runs.push(Run { slot, positions: Vec::new(), bytes: MULTI.to_vec() });
                runs.len() - 1
            });
            runs[index].positions.push(position);
            runs[index].bytes.extend_from_slice(bytes);
        };
        for (queued, position) in self.commands.iter().zip(0..) {
            let bytes = &self.bytes[queued.bytes.clone()];
            match queued.place {
                Place::Slot(slot) => add(Some(slot), position, bytes),
                Place::AnyNode(_) => add(home, position, bytes),
                Place::Here => {}
                Place::Parts(split) => {
                    let parts = self.splits.get(split).map_or(&[][..], |split| &split.parts);
                    parts.iter().for_each(|part| add(Some(part.slot), position, &part.request));
                }
            }
        }
        runs.iter_mut().for_each(|run| run.bytes.extend_from_slice(EXEC));
        runs
    }

    /// For each command in parts its position, and what joins the replies to them, in the order of the runs.
    pub(crate) fn joins(&self, runs: &[Run]) -> Vec<(u32, Join)> {
        let positions = self.commands.iter().zip(0..).filter_map(|(queued, position)| {
            let Place::Parts(split) = queued.place else { return None };
            Some((position, self.splits.get(split)?))
        });
        positions
            .map(|(position, Split { by, parts })| {
                let part_of = |run: &Run| parts.iter().find(|part| Some(part.slot) == run.slot);
                let keys = runs.iter().filter_map(part_of).map(|part| part.keys.clone());
                (position, Join::new(*by, keys))
            })
            .collect()
    }

    /// What the front door runs: positions, and the requests behind one another.
    pub(crate) fn local_commands(&self) -> (Vec<u32>, Vec<u8>) {
        let (mut positions, mut bytes) = (Vec::new(), Vec::new());
        for (queued, position) in self.commands.iter().zip(0..) {
            if queued.place == Place::Here {
                positions.push(position);
                bytes.extend_from_slice(&self.bytes[queued.bytes.clone()]);
            }
        }
        (positions, bytes)
    }

    /// The slot of the first command without keys that has a wish of its own.
    fn slot_of_wanderers(&self) -> Option<Slot> {
        self.commands.iter().find_map(|queued| match queued.place {
            Place::AnyNode(slot) => slot,
            Place::Slot(_) | Place::Here | Place::Parts(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits =
        QueueLimits { bytes_max: 100, commands_max: 5, cross_slot: CrossSlot::Refuse };

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    /// The runs as `slot: positions bytes`, without what opens and closes them.
    fn told(transaction: &Transaction, watched: Option<Slot>) -> Vec<String> {
        let runs = transaction.runs(watched).into_iter();
        runs.map(|run| {
            let inner = &run.bytes[MULTI.len()..run.bytes.len() - EXEC.len()];
            assert_eq!(run.replies_count() as usize, run.positions.len() + 2);
            let slot = run.slot.map_or_else(|| "any".to_owned(), |slot| slot.to_string());
            format!("{slot}: {:?} {}", run.positions, String::from_utf8_lossy(inner))
        })
        .collect()
    }

    #[test]
    fn commands_without_keys_go_where_the_others_go() {
        let mut transaction = Transaction::default();
        transaction.queue(Place::AnyNode(None), b"a", None, &LIMITS).unwrap();
        transaction.queue(Place::Here, b"b", None, &LIMITS).unwrap();
        assert_eq!(told(&transaction, None), ["any: [0] a"]);
        transaction.queue(Place::Slot(slot(7)), b"c", None, &LIMITS).unwrap();
        assert_eq!(told(&transaction, None), ["7: [0, 2] ac"]);
        assert_eq!(transaction.local_commands(), (vec![1], b"b".to_vec()));
    }

    #[test]
    fn several_slots_are_refused_or_run_apart() {
        let mut transaction = Transaction::default();
        transaction.queue(Place::Slot(slot(7)), b"a", None, &LIMITS).unwrap();
        let error = transaction.queue(Place::Slot(slot(8)), b"b", None, &LIMITS).unwrap_err();
        assert_eq!(error, QueueError::CrossSlot(slot(7), slot(8)));
        let limits = QueueLimits { cross_slot: CrossSlot::PerSlot, ..LIMITS };
        transaction.queue(Place::Slot(slot(8)), b"b", None, &limits).unwrap();
        transaction.queue(Place::Slot(slot(7)), b"c", None, &limits).unwrap();
        assert_eq!(told(&transaction, None), ["7: [0, 2] ac", "8: [1] b"]);
    }

    #[test]
    fn a_command_in_parts_has_one_in_each_run() {
        let limits = QueueLimits { cross_slot: CrossSlot::PerSlot, ..LIMITS };
        let part = |number, request: &[u8]| SplitPart {
            slot: slot(number),
            request: request.to_vec(),
            keys: PartKeys(vec![u32::from(number) - 7]),
        };
        let parts = vec![part(7, b"m"), part(8, b"n")];
        let mut transaction = Transaction::default();
        transaction.queue(Place::Slot(slot(8)), b"a", None, &limits).unwrap();
        transaction.queue_split(JoinBy::Key, parts.clone(), None, &limits).unwrap();
        transaction.queue(Place::Slot(slot(7)), b"b", None, &limits).unwrap();
        assert_eq!(told(&transaction, None), ["8: [0, 1] an", "7: [1, 2] mb"]);
        assert_eq!(transaction.bytes_len(), 4);

        let runs = transaction.runs(None);
        let positions = runs.iter().map(|run| PartKeys(run.positions.clone()));
        let by = JoinBy::Transaction { resp: reddoor_protocol::encode::Resp::V2, runs: 2 };
        let mut join = Join::new(by, positions).with_inner(transaction.joins(&runs));
        join.hand_in(0, b"*2\r\n+a\r\n*1\r\n:8\r\n");
        join.hand_in(1, b"*2\r\n*1\r\n:7\r\n+b\r\n");
        let mut reply = Vec::new();
        join.write(&mut reply);
        assert_eq!(reply, b"*3\r\n+a\r\n*2\r\n:7\r\n:8\r\n+b\r\n");

        let refused = Transaction::default().queue_split(JoinBy::Key, parts.clone(), None, &LIMITS);
        assert_eq!(refused, Err(QueueError::CrossSlot(slot(7), slot(8))));
        let watched = Some(slot(7));
        let refused = Transaction::default().queue_split(JoinBy::Key, parts, watched, &limits);
        assert_eq!(refused, Err(QueueError::Unguarded(slot(7), slot(8))));
    }

    #[test]
    fn a_watched_slot_is_asked_even_for_nothing() {
        let mut transaction = Transaction::default();
        assert_eq!(told(&transaction, None), [""; 0]);
        assert_eq!(told(&transaction, Some(slot(9))), ["9: [] "]);
        let limits = QueueLimits { cross_slot: CrossSlot::PerSlot, ..LIMITS };
        let error =
            transaction.queue(Place::Slot(slot(8)), b"b", Some(slot(9)), &limits).unwrap_err();
        assert_eq!(error, QueueError::Unguarded(slot(9), slot(8)));
    }

    #[test]
    fn a_transaction_is_bounded() {
        let mut transaction = Transaction::default();
        let too_long = transaction.queue(Place::Here, &[b'x'; 101], None, &LIMITS);
        assert_eq!(too_long, Err(QueueError::Bytes(100)));
        for _ in 0..5 {
            transaction.queue(Place::Here, b"x", None, &LIMITS).unwrap();
        }
        let one_more = transaction.queue(Place::Here, b"x", None, &LIMITS);
        assert_eq!(one_more, Err(QueueError::Commands(5)));
    }
}
