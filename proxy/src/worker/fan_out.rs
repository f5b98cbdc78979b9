//! Requests to many nodes: sent, awaited, and finished by what the answers are for.

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::policy::ReplyPolicy;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request};
use reddoor_protocol::request::Args;

use super::Worker;
use super::clock::micros;
use super::dispatch::{Asking, errand, may_run_twice, outstanding};
use crate::channels::TopicKind;
use crate::cross_slot;
use crate::errand::{Bound, Caching, Errand, Lane, NodeIndex, Purpose, Travel, Waiter};
use crate::error::Unavailable;
use crate::fan_out::{Gather, Job, Reach, Start, Target};
use crate::join::answers::JoinHint;
use crate::join::elements;
use crate::local::info::counters;
use crate::metrics::label::{Limit, Outcome, RefreshReason};
use crate::scripts::parse_digest;

const CONFIG_RESETSTAT: CommandId = CommandId::of("config|resetstat");

/// A step that waits until there are nodes to be asked.
#[derive(Debug)]
pub(super) struct Postponed {
    due_us: u64,
    waiter: Waiter,
    step: Step,
}

/// A step of a request to many nodes.
#[derive(Debug)]
pub(super) enum Step {
    /// Nodes are to be asked.
    Ask(Start),
    /// A scan is to go on.
    Scan(Box<crate::scan::ScanPage>, Resp),
}

impl Worker {
    /// Sends a request to all the nodes that its row asks for.
    pub(super) fn run_fan_out(
        &mut self,
        key: usize,
        command: &'static CommandSpec,
        reach: Reach,
        args: Args<'_>,
    ) {
        let Some(resp) = self.sessions.get(key).map(|entry| entry.session.resp) else { return };
        if command.id() == CONFIG_RESETSTAT {
            counters::reset(&self.answerer.shared);
        }
        if self.run_walk(key, command, args) {
            return;
        }
        let (job, lane) = match command.reply {
            ReplyPolicy::Special => (Job::Sizes, Lane::Shared),
            ReplyPolicy::SumByName => (Job::Listeners(self.surpluses(args)), Lane::Shared),
            ReplyPolicy::LogicalAnd => (Job::Scripts(self.known_scripts(args)), Lane::Shared),
            policy => (Job::Join { policy, hint: JoinHint::of(args) }, lane_of(command)),
        };
        let mut request = Vec::new();
        match &job {
            Job::Sizes => encode_request(&mut request, [&b"DBSIZE"[..]].into_iter()),
            _ => encode_request(&mut request, args.iter()),
        }
        let bound = if may_run_twice(command) { Bound::Question } else { Bound::Part };
        self.ask_nodes(key, command, Start { job, reach, request, resp, lane, bound });
    }

    /// Asks nodes; what they answer becomes the reply to the session's next request in turn.
    pub(super) fn ask_nodes(&mut self, key: usize, command: &'static CommandSpec, start: Start) {
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(entry) = self.sessions.get_mut(key) else { return };
        let (client, seq) = (entry.session.id, entry.session.expect(outstanding));
        self.begin(Waiter { session: key, client, seq, part: 0 }, start);
    }

    /// Asks nodes for a request that has its place in the queue.
    pub(super) fn begin(&mut self, waiter: Waiter, start: Start) {
        match self.targets(&start.reach) {
            Ok(targets) => self.send_parts(waiter, start, targets),
            Err(reason) => self.postpone(waiter, Step::Ask(start), reason),
        }
    }

    /// Who is to be asked, or why that cannot be told yet.
    fn targets(&self, reach: &Reach) -> Result<Vec<Target>, Unavailable> {
        let addr_of = |node: NodeIndex| self.routes.node(node).map(|node| node.addr.clone());
        match reach {
            Reach::Primaries => {
                let shards = self.routes.shards().ok_or(Unavailable::NotCovered)?;
                let targets = shards.into_iter().filter_map(|(slot, node)| {
                    addr_of(node).map(|addr| Target { addr, slot: Some(slot) })
                });
                Ok(targets.collect())
            }
            Reach::Nodes => {
                // Before the first topology there is nothing to be complete about.
                self.routes.shards().ok_or(Unavailable::NotCovered)?;
                let nodes = self.routes.living();
                Ok(nodes.map(|node| Target { addr: node.addr.clone(), slot: None }).collect())
            }
            Reach::Node(addr) => Ok(vec![Target { addr: addr.clone(), slot: None }]),
        }
    }

    fn send_parts(&mut self, waiter: Waiter, start: Start, targets: Vec<Target>) {
        let Start { job, request, resp, lane, bound, .. } = start;
        self.metrics.split(targets.len());
        let requests = vec![request.as_slice(); targets.len()];
        self.gather(waiter, job, (resp, lane, bound), targets, &requests);
    }

    /// Sends each target its request; the answers come together in the session.
    pub(super) fn gather(
        &mut self,
        waiter: Waiter,
        job: Job,
        (resp, lane, bound): (Resp, Lane, Bound),
        targets: Vec<Target>,
        requests: &[&[u8]],
    ) {
        let Some(outstanding) = self.waiting(&waiter).copied() else { return };
        let bytes_max = self.config.limits.join_bytes_max;
        let travel = match job {
            Job::Track => Travel::Pinned(Purpose::Track),
            Job::Wait => Travel::Pinned(Purpose::Acks),
            _ => Travel::Shared,
        };
        let gather = Gather::new(job, resp, targets, bytes_max);
        let session = &mut self.sessions[waiter.session].session;
        let whole = errand(waiter.session, session, waiter.seq, None, &outstanding);
        let whole = Errand { travel, caching: Caching::Usual, resp, bound, lane, ..whole };
        session.gather(waiter.seq, Box::new(gather));
        for (request, part) in requests.iter().zip(0..) {
            self.forward_part(Errand { waiter: Waiter { part, ..waiter }, ..whole }, request);
        }
    }

    /// Sends a part to its node, or to the one that took its shard over.
    pub(crate) fn forward_part(&mut self, errand: Errand, request: &[u8]) {
        let Waiter { session, seq, part, .. } = errand.waiter;
        if self.waiting(&errand.waiter).is_none() {
            return;
        }
        let gather = self.sessions[session].session.gathering(seq);
        let Some(target) = gather.and_then(|gather| gather.target(part)).cloned() else { return };
        let node = self.routes.find(&target.addr);
        let Some(slot) = target.slot else {
            return match node {
                Some(node) => self.send(node, errand, request, Asking::No),
                None => {
                    let addr = target.addr.as_str().to_owned();
                    self.fail_unavailable(errand.waiter, Unavailable::Unreachable(addr));
                }
            };
        };
        if let Some(node) = node.filter(|node| self.routes.is_owner(*node)) {
            return self.send(node, errand, request, Asking::No);
        }
        let Some(heir) = self.routes.owner(slot) else {
            self.refresh.request(RefreshReason::SlotUncovered);
            return self.hold_request(errand, request, Unavailable::NoOwner(slot));
        };
        let Some(addr) = self.routes.node(heir).map(|node| node.addr.clone()) else { return };
        let gather = self.sessions[session].session.gathering(seq);
        if gather.is_some_and(|gather| gather.move_part(part, &addr)) {
            self.send(heir, errand, request, Asking::No);
        } else {
            // Its slots went to a node that has answered, or will, without them.
            self.fail_unavailable(errand.waiter, Unavailable::Regrouped);
        }
    }

    /// Every node has answered: replies, or asks again.
    pub(super) fn gathered(&mut self, waiter: Waiter, gather: Gather) {
        if gather.is_too_large() {
            self.metrics.limit_reached(Limit::JoinBytes);
        }
        let mut reply = Vec::new();
        let has_failed = gather.is_too_large() || gather.answers().has_failed();
        match gather.job {
            Job::Track => self.tracking_answered(waiter.session, has_failed),
            Job::Wait if has_failed => self.end_asked_pins(waiter.session),
            _ => {}
        }
        match &gather.job {
            Job::Join { policy, hint } if !gather.is_too_large() => {
                gather.answers().write(*policy, *hint, &mut reply);
            }
            Job::Listeners(more) if !gather.is_too_large() => {
                gather.answers().write_sums(more, &mut reply);
            }
            Job::Scripts(known) if !gather.is_too_large() => {
                gather.answers().write_known(known, &mut reply);
            }
            Job::Info(question) => question.write(&gather, &mut reply),
            Job::Scan(_) => return self.scan_page_came(waiter, gather),
            Job::Store { .. } if gather.answers().bytes().any(cross_slot::is_overtaken) => {
                return self.begin_across_anew(waiter, gather);
            }
            Job::Steps(_) => return self.answer_steps(waiter, gather),
            Job::Upload => return self.send_upload(waiter, &gather),
            _ if has_failed => gather.write_failure(&mut reply),
            Job::Sizes => return self.pick_random_key(waiter, &gather),
            Job::Total => return self.total_came(waiter, &gather),
            Job::Sample => return self.sample_came(waiter, &gather),
            Job::Unlink(_) => {
                let resp = gather.resp;
                let Job::Unlink(page) = gather.job else { return };
                return self.walk_on(waiter, page, resp);
            }
            Job::Wait => {
                let least = gather.answers().bytes().filter_map(elements::integer).min();
                ReplyWriter::new(&mut reply, gather.resp).integer(least.unwrap_or(0));
            }
            Job::Track => ReplyWriter::new(&mut reply, gather.resp).ok(),
            Job::Config(question) => question.write(&gather, &mut reply),
            Job::CrossSlot(_) => return self.answer_across(waiter, gather),
            Job::Store { reply: stored, .. } => reply.extend_from_slice(stored),
            Job::Passthrough | Job::Join { .. } | Job::Listeners(_) | Job::Scripts(_) => {
                gather.answers().bytes().for_each(|bytes| reply.extend_from_slice(bytes));
            }
        }
        self.finish_fan_out(waiter, &reply);
    }

    /// Which of the scripts that `SCRIPT EXISTS` names can be run although a node may lack them.
    fn known_scripts(&self, args: Args<'_>) -> Vec<bool> {
        let scripts = &self.answerer.shared.scripts;
        let is_known = |text| parse_digest(text).is_some_and(|d| scripts.recall(&d).is_some());
        args.iter().skip(2).map(is_known).collect()
    }

    /// How many clients more listen to each channel of `PUBSUB NUMSUB` or `SHARDNUMSUB` than nodes know of.
    fn surpluses(&self, args: Args<'_>) -> Vec<i64> {
        let is_plain = args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"numsub"));
        let kind = if is_plain { TopicKind::Channel } else { TopicKind::Shard };
        let listeners = &self.answerer.shared.listeners;
        args.iter().skip(2).map(|channel| listeners.surplus_by_name(kind, channel)).collect()
    }

    /// Hands in the one reply that came of many answers.
    pub(super) fn finish_fan_out(&mut self, waiter: Waiter, reply: &[u8]) {
        let outcome = if reply.first() == Some(&b'-') { Outcome::Error } else { Outcome::Ok };
        self.deliver_as(waiter, reply, outcome);
    }

    /// Chooses a node by the number of its keys, so that each key of the cluster has the same chance.
    fn pick_random_key(&mut self, waiter: Waiter, gather: &Gather) {
        let answers = gather.answers();
        let sizes: Option<Vec<u64>> = answers
            .bytes()
            .map(|bytes| elements::integer(bytes).and_then(|size| u64::try_from(size).ok()))
            .collect();
        let sizes = sizes.unwrap_or_default();
        let total: u64 = sizes.iter().sum();
        let mut reply = Vec::new();
        if total == 0 {
            ReplyWriter::new(&mut reply, gather.resp).null();
            return self.finish_fan_out(waiter, &reply);
        }
        let mut rank = self.random() % total;
        let chosen = sizes.iter().zip(answers.by_node()).find(|(size, _)| {
            let is_here = rank < **size;
            rank = rank.saturating_sub(**size);
            is_here
        });
        let Some((_, (addr, _))) = chosen else { return };
        if self.has_databases() {
            return self.sample(waiter, addr, gather.resp);
        }
        let mut request = Vec::new();
        encode_request(&mut request, [&b"RANDOMKEY"[..]].into_iter());
        let reach = Reach::Node(addr.clone());
        self.begin(waiter, Start::question(Job::Passthrough, reach, request, gather.resp));
    }

    /// A number without a pattern.
    pub(super) fn random(&mut self) -> u64 {
        next_random(&mut self.random_state)
    }

    /// Keeps a step until there may be nodes to be asked.
    pub(super) fn postpone(&mut self, waiter: Waiter, step: Step, reason: Unavailable) {
        let Some(held_until_us) = self.begin_hold(&waiter) else { return };
        self.refresh.request(RefreshReason::SlotUncovered);
        let due_us = self.clock.now_us() + micros(self.config.request.retry_delay);
        if due_us >= held_until_us {
            return self.fail_unavailable(waiter, reason);
        }
        let max = self.config.failover.hold_requests_max;
        if self.postponed.len() >= max {
            return self.refuse_hold(waiter, Limit::HoldRequests, max);
        }
        self.metrics.retry();
        self.postponed.push_back(Postponed { due_us, waiter, step });
    }

    /// Goes on with the steps that have waited long enough.
    pub(super) fn run_due_steps(&mut self) {
        let now_us = self.clock.now_us();
        while self.postponed.front().is_some_and(|postponed| postponed.due_us <= now_us) {
            let Some(Postponed { waiter, step, .. }) = self.postponed.pop_front() else { return };
            match step {
                Step::Ask(start) => self.begin(waiter, start),
                Step::Scan(page, resp) => self.scan_step(waiter, page, resp),
            }
        }
    }
}

/// The number that comes next in a row without a pattern, which never comes to zero.
pub(super) fn next_random(state: &mut u64) -> u64 {
    // Xorshift: full period over all numbers but zero.
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// What a node takes while it is busy must not stand behind what keeps it busy.
fn lane_of(command: &CommandSpec) -> Lane {
    if command.flags.contains(CommandFlags::ALLOW_BUSY) { Lane::Control } else { Lane::Shared }
}
