//! `DBSIZE`, `RANDOMKEY` and `FLUSHDB` where one keyspace holds several databases: walks over the keys of one, see
//! [`walk`](crate::walk).
//!
//! - `DBSIZE` of database 0 counts the others, of which there are fewer, and asks the nodes for all.
//! - `RANDOMKEY` first asks one node for a few keys of any database, and walks when none of them is the client's.
//! - `FLUSHDB` removes each page before it asks for the next.
//!
//! A walk has `request.timeout_ms` for each of its steps, not for all together.

use std::sync::Arc;

use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request, write_bulk, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use super::Worker;
use super::clock::micros;
use super::dispatch::outstanding;
use crate::cluster_map::NodeAddr;
use crate::cross_slot::Ask;
use crate::errand::{Bound, Lane, Waiter};
use crate::fan_out::{Gather, Job, Reach, Start, Target};
use crate::join::elements::{self, bulk_text};
use crate::key_mapping;
use crate::scan::{ScanPage, ScanStage, ScanState};
use crate::session::hold::Hold;
use crate::walk::{Found, Goal, Walk};

const DBSIZE: CommandId = CommandId::of("dbsize");
const FLUSHDB: CommandId = CommandId::of("flushdb");

/// Keys that one node is asked for before a walk begins (count).
const SAMPLES: usize = 8;

impl Worker {
    /// Walks for a command, if that is how it is done; false when it is not.
    pub(super) fn run_walk(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        args: Args<'_>,
    ) -> bool {
        if !self.has_databases() || ![DBSIZE, FLUSHDB].contains(&command.id()) {
            return false;
        }
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return true;
        };
        let (database, resp) = (session.database, session.resp);
        if command.id() == DBSIZE && database == 0 {
            let mut request = Vec::new();
            encode_request(&mut request, [&args[0]].into_iter());
            let start = Start::question(Job::Total, Reach::Primaries, request, resp);
            self.ask_nodes(key, command, start);
            return true;
        }
        let goal = if command.id() == FLUSHDB {
            let is_how =
                |arg: &&[u8]| [&b"async"[..], b"sync"].iter().any(|w| arg.eq_ignore_ascii_case(w));
            if args.len() > 2 || !args.iter().skip(1).all(|arg| is_how(&arg)) {
                self.answer_error(key, Some(command), &ReplyError::SYNTAX);
                return true;
            }
            // What the client writes next must not be removed with what was there.
            session.hold = Hold::UntilAnswered;
            Goal::Remove
        } else {
            Goal::Count
        };
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let session = &mut self.sessions[key].session;
        let waiter =
            Waiter { session: key, client: session.id, seq: session.expect(outstanding), part: 0 };
        self.begin_walk(waiter, Walk::new(goal, database), resp);
        true
    }

    /// Whether one keyspace holds several databases.
    pub(super) fn has_databases(&self) -> bool {
        self.maps_keys && self.answerer.mapping.databases_count().is_some()
    }

    fn begin_walk(&mut self, waiter: Waiter, walk: Walk, resp: Resp) {
        let mut options = Vec::new();
        let words = walk.options(&self.answerer.mapping);
        words.iter().for_each(|word| write_bulk(&mut options, word));
        let page = ScanPage {
            state: ScanState::new(),
            options: (options, words.len()),
            stage: ScanStage::Idle,
            walk: Some(Box::new(walk)),
        };
        self.scan_step(waiter, Box::new(page), resp);
    }

    /// The nodes have told how many keys they have of all databases.
    pub(super) fn total_came(&mut self, waiter: Waiter, gather: &Gather) {
        let answers = gather.answers();
        let sizes = answers.bytes().filter_map(elements::integer);
        let all = sizes.filter_map(|size| u64::try_from(size).ok()).sum();
        self.begin_walk(waiter, Walk::new(Goal::CountOthers(all), 0), gather.resp);
    }

    /// Asks a node for some of its keys.
    pub(super) fn sample(&mut self, waiter: Waiter, addr: &NodeAddr, resp: Resp) {
        let mut request = Vec::new();
        encode_request(&mut request, [&b"RANDOMKEY"[..]].into_iter());
        let targets = vec![Target { addr: addr.clone(), slot: None }; SAMPLES];
        let way = (resp, Lane::Shared, Bound::Question);
        self.gather(waiter, Job::Sample, way, targets, &[&request[..]; SAMPLES]);
    }

    /// A node has told some of its keys: one of the client's database is the reply.
    pub(super) fn sample_came(&mut self, waiter: Waiter, gather: &Gather) {
        let Some(entry) = self.sessions.get(waiter.session) else { return };
        let (database, mapping) = (entry.session.database, Arc::clone(&self.answerer.mapping));
        let is_own = |bytes: &&[u8]| {
            bulk_text(bytes).is_some_and(|stored| mapping.visible(database, None, stored).is_some())
        };
        match gather.answers().bytes().find(is_own) {
            Some(reply) => self.finish_fan_out(waiter, reply),
            None => self.begin_walk(waiter, Walk::new(Goal::Choose, database), gather.resp),
        }
    }

    /// A page of a walk has come: `keys` are its stored keys, encoded, and how many they are.
    pub(super) fn walk_page(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        (keys, count): (&[u8], usize),
    ) {
        let Some(walk) = &mut page.walk else { return };
        let mut array = Vec::new();
        write_header(&mut array, b'*', count);
        array.extend_from_slice(keys);
        let found = elements::of(&array).unwrap_or_default();
        let stored: Vec<&[u8]> = found.into_iter().filter_map(bulk_text).collect();
        let state = &mut self.random_state;
        let doomed =
            walk.meet(&self.answerer.mapping, &stored, || super::fan_out::next_random(state));
        let asks = unlinks(doomed);
        self.give_time(&waiter);
        if asks.is_empty() {
            return self.walk_on(waiter, page, resp);
        }
        self.ask_slots(waiter, Job::Unlink(page), &asks);
    }

    /// What a walk has met is done with: it goes on, or is over.
    pub(super) fn walk_on(&mut self, waiter: Waiter, mut page: Box<ScanPage>, resp: Resp) {
        if !page.state.is_over() {
            return self.scan_step(waiter, page, resp);
        }
        let Some(walk) = page.walk.take() else { return };
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, resp);
        match walk.end() {
            Found::Count(count) => writer.integer(i64::try_from(count).unwrap_or(i64::MAX)),
            Found::Key(key) => writer.bulk_or_null(key.as_deref()),
            Found::Removed => writer.ok(),
        }
        self.finish_fan_out(waiter, &reply);
    }

    /// A step went well: the next one has as much time.
    fn give_time(&mut self, waiter: &Waiter) {
        let deadline_us = self.clock.now_us() + micros(self.config.request.timeout);
        if self.waiting(waiter).is_some()
            && let Some(outstanding) =
                self.sessions[waiter.session].session.held_outstanding(waiter.seq)
        {
            outstanding.deadline_us = deadline_us;
        }
    }
}

/// One request for each slot that has some of these keys.
fn unlinks(mut stored: Vec<&[u8]>) -> Vec<Ask> {
    let slot_of = |stored: &&[u8]| key_mapping::slot_of(stored);
    stored.sort_unstable_by_key(|stored| (slot_of(stored), *stored));
    stored.dedup();
    let ask = |keys: &[&[u8]]| {
        let words: Vec<&[u8]> = [&b"UNLINK"[..]].into_iter().chain(keys.iter().copied()).collect();
        Ask::new(slot_of(&keys[0]), &words)
    };
    stored.chunk_by(|a, b| slot_of(a) == slot_of(b)).map(ask).collect()
}
