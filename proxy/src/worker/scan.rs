//! `SCAN` over the whole cluster: one page of one node for each request, see [`scan`](crate::scan) for the story.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::encode::{ReplyWriter, Resp, write_bulk, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;
use reddoor_protocol::slot::Slot;

use super::Worker;
use super::dispatch::outstanding;
use super::fan_out::Step;
use crate::cluster_map::NodeAddr;
use crate::errand::{Bound, Lane, Waiter};
use crate::error::Unavailable;
use crate::fan_out::{Gather, Job, Target};
use crate::join::elements::{self, bulk_text};
use crate::key_mapping;
use crate::scan::{NodeView, PassProcess, ProcessId, ScanPage, ScanStage, ScanState};

const WHO: &[u8] = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n";
const SLOTS: &[u8] = b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nNODES\r\n";

/// One page of a node: its own next cursor, the keys that count, encoded, and how many they are.
struct Keys {
    next: u64,
    encoded: Vec<u8>,
    count: usize,
}

impl Worker {
    /// Begins a scan, or goes on with the one that the cursor names.
    pub(super) fn run_scan(&mut self, key: usize, command: &'static CommandSpec, args: Args<'_>) {
        let outstanding = outstanding(command, self.clock.now_us(), self.config.request.timeout);
        let Some(cursor) = parse_cursor(args.get(1).unwrap_or_default()) else {
            let error = ReplyError::from_static("ERR invalid cursor");
            return self.answer_error(key, Some(command), &error);
        };
        let Some(session) = self.sessions.get_mut(key).map(|entry| &mut entry.session) else {
            return;
        };
        let resp = session.resp;
        let state = match &session.scan {
            _ if cursor == 0 => ScanState::new(),
            Some(known) if known.cursor == cursor => (**known).clone(),
            _ => ScanState::read(cursor, &self.routes),
        };
        let mut options = Vec::new();
        args.iter().skip(2).for_each(|arg| write_bulk(&mut options, arg));
        let options = (options, args.len() - 2);
        let waiter =
            Waiter { session: key, client: session.id, seq: session.expect(outstanding), part: 0 };
        let page = ScanPage { state, options, stage: ScanStage::Idle, walk: None };
        self.scan_step(waiter, Box::new(page), resp);
    }

    /// Asks the node whose turn it is for a page.
    pub(super) fn scan_step(&mut self, waiter: Waiter, mut page: Box<ScanPage>, resp: Resp) {
        match (&page.stage, &page.state.pass) {
            (ScanStage::Detour(slot), _) => {
                let slot = *slot;
                return self.ask_owner(waiter, page, resp, slot);
            }
            (ScanStage::Close { .. }, Some(pass)) => {
                let addr = pass.addr.clone();
                return self.ask_node(waiter, (page, resp), &addr, &[SLOTS]);
            }
            _ => {}
        }
        let Some(pass) = &page.state.pass else {
            let Some((slot, addr)) = page.state.next(&self.routes) else {
                return self.postpone(waiter, Step::Scan(page, resp), Unavailable::NotCovered);
            };
            let request = scan_request(0, &page.options);
            page.stage = ScanStage::Open(slot, addr.clone());
            return self.ask_node(waiter, (page, resp), &addr, &[WHO, SLOTS, &request]);
        };
        let (addr, process) = (pass.addr.clone(), pass.process);
        let request = scan_request(pass.inner, &page.options);
        let is_same = match (process, self.process_at(&addr, resp)) {
            (PassProcess::Known(known), Some(process)) => known == process,
            _ => false,
        };
        if is_same {
            page.stage = ScanStage::Page;
            return self.ask_node(waiter, (page, resp), &addr, &[&request]);
        }
        page.stage = ScanStage::Check;
        self.ask_node(waiter, (page, resp), &addr, &[WHO, &request]);
    }

    fn owner_addr(&self, slot: Slot) -> Option<&NodeAddr> {
        self.routes.node(self.routes.owner(slot)?).map(|node| &node.addr)
    }

    /// Asks a slot's owner for its slots.
    fn ask_owner(&mut self, waiter: Waiter, page: Box<ScanPage>, resp: Resp, slot: Slot) {
        match self.owner_addr(slot).cloned() {
            Some(addr) => self.ask_node(waiter, (page, resp), &addr, &[SLOTS]),
            None => self.postpone(waiter, Step::Scan(page, resp), Unavailable::NotCovered),
        }
    }

    fn ask_node(
        &mut self,
        waiter: Waiter,
        (page, resp): (Box<ScanPage>, Resp),
        addr: &NodeAddr,
        requests: &[&[u8]],
    ) {
        let targets = vec![Target { addr: addr.clone(), slot: None }; requests.len()];
        let way = (resp, Lane::Shared, Bound::Process);
        self.gather(waiter, Job::Scan(page), way, targets, requests);
    }

    /// The node has answered.
    pub(super) fn scan_page_came(&mut self, waiter: Waiter, gather: Gather) {
        let resp = gather.resp;
        let answers: Vec<Vec<u8>> = gather.answers().bytes().map(<[u8]>::to_vec).collect();
        let mut failure = Vec::new();
        gather.write_error(&mut failure);
        let Job::Scan(mut page) = gather.job else { return };
        if !failure.is_empty() {
            return self.scan_failed(waiter, page, resp, &answers, &failure);
        }
        match std::mem::replace(&mut page.stage, ScanStage::Idle) {
            ScanStage::Open(slot, addr) => {
                self.pass_opened(waiter, page, resp, (slot, addr), &answers)
            }
            ScanStage::Check => {
                let process = answers.first().and_then(|info| ProcessId::of_info(info));
                let pass = page.state.pass.as_mut();
                let Some((pass, process)) =
                    pass.zip(process).filter(|(pass, process)| pass.process.is(*process))
                else {
                    return self.restart_pass(waiter, page, resp);
                };
                pass.process = PassProcess::Known(process);
                let addr = pass.addr.clone();
                self.know_process(&addr, resp, process);
                self.take_page(waiter, page, resp, answers.last());
            }
            ScanStage::Page => self.take_page(waiter, page, resp, answers.last()),
            ScanStage::Close { keys, count } => {
                let host = page.state.pass.as_ref().map_or("", |pass| pass.addr.host());
                let view = answers.first().and_then(|text| view_of(text, host));
                let leaving = view.as_ref().and_then(|view| page.state.leaving_unnamed(view));
                if let Some(slot) = leaving {
                    page.stage = ScanStage::Close { keys, count };
                    return self.postpone(
                        waiter,
                        Step::Scan(page, resp),
                        Unavailable::Leaving(slot),
                    );
                }
                match view {
                    Some(view) => page.state.close(&view),
                    None => page.state.abandon(),
                }
                self.reply_page(waiter, page, resp, &keys, count);
            }
            ScanStage::Detour(slot) => self.detour_settled(waiter, page, resp, slot, &answers),
            ScanStage::Idle => {}
        }
    }

    /// The owner of a slot has told where that leaves for; the node that it named before could not be asked.
    fn detour_settled(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        slot: Slot,
        answers: &[Vec<u8>],
    ) {
        let host = self.owner_addr(slot).map_or("", NodeAddr::host);
        let view = answers.first().and_then(|text| view_of(text, host));
        if view.is_some_and(|view| page.state.settle_detour(slot, &view)) {
            return self.scan_step(waiter, page, resp);
        }
        page.stage = ScanStage::Detour(slot);
        self.postpone(waiter, Step::Scan(page, resp), Unavailable::Leaving(slot));
    }

    fn pass_opened(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        (slot, addr): (Slot, NodeAddr),
        answers: &[Vec<u8>],
    ) {
        let [info, view, keys] = answers else { return };
        let process = ProcessId::of_info(info);
        let view = view_of(view, addr.host());
        let Some((process, view)) = process.zip(view) else {
            page.state.avoid(&addr);
            return self.postpone(waiter, Step::Scan(page, resp), Unavailable::ScanBroken);
        };
        if !page.state.open((slot, addr.clone()), process, &view, &self.routes) {
            page.state.avoid(&addr);
            return self.postpone(waiter, Step::Scan(page, resp), Unavailable::ScanBroken);
        }
        self.know_process(&addr, resp, process);
        self.take_page(waiter, page, resp, Some(keys));
    }

    fn take_page(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        answer: Option<&Vec<u8>>,
    ) {
        let keys = answer.and_then(|answer| keys_of(answer, &page.state));
        let (Some(keys), Some(pass)) = (keys, page.state.pass.as_mut()) else {
            let error = b"-BADREPLY SCAN was answered in another shape\r\n";
            return self.finish_fan_out(waiter, error);
        };
        pass.inner = keys.next;
        if keys.next != 0 {
            return self.reply_page(waiter, page, resp, &keys.encoded, keys.count);
        }
        let addr = pass.addr.clone();
        page.stage = ScanStage::Close { keys: keys.encoded, count: keys.count };
        self.ask_node(waiter, (page, resp), &addr, &[SLOTS]);
    }

    fn reply_page(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        keys: &[u8],
        count: usize,
    ) {
        if self.waiting(&waiter).is_none() {
            return;
        }
        if page.walk.is_some() {
            return self.walk_page(waiter, page, resp, (keys, count));
        }
        let is_over = page.state.is_over();
        let nonce = self.random();
        let cursor = if is_over { 0 } else { page.state.name(&self.routes, nonce) };
        let mut reply = Vec::with_capacity(keys.len() + 64);
        let mut writer = ReplyWriter::new(&mut reply, resp);
        writer.array(2);
        writer.bulk(cursor.to_string().as_bytes());
        writer.array(count);
        writer.raw(keys);
        let kept = (!is_over).then(|| Box::new(page.state));
        self.sessions[waiter.session].session.scan = kept;
        self.finish_fan_out(waiter, &reply);
    }

    /// The node is gone, or answered with an error. What it refused, the client is told.
    fn scan_failed(
        &mut self,
        waiter: Waiter,
        mut page: Box<ScanPage>,
        resp: Resp,
        answers: &[Vec<u8>],
        failure: &[u8],
    ) {
        let is_gone = |answer: &Vec<u8>| {
            [&b"-UNAVAILABLE "[..], b"-LINKLOST ", b"-BADREPLY "]
                .iter()
                .any(|code| answer.starts_with(code))
        };
        if !answers.iter().any(is_gone) {
            let refusal = answers.iter().rev().find(|answer| answer.starts_with(b"-"));
            return self.finish_fan_out(waiter, refusal.map_or(failure, Vec::as_slice));
        }
        match std::mem::replace(&mut page.stage, ScanStage::Idle) {
            ScanStage::Close { keys, count } => {
                page.state.abandon();
                self.reply_page(waiter, page, resp, &keys, count);
            }
            ScanStage::Open(slot, addr) if page.state.is_detour(slot, &addr) => {
                page.stage = ScanStage::Detour(slot);
                let reason = Unavailable::Stranded { slot, node: addr.as_str().to_owned() };
                self.postpone(waiter, Step::Scan(page, resp), reason);
            }
            ScanStage::Open(_, addr) => {
                page.state.avoid(&addr);
                self.postpone(waiter, Step::Scan(page, resp), Unavailable::ScanBroken);
            }
            ScanStage::Detour(slot) => {
                page.stage = ScanStage::Detour(slot);
                self.postpone(waiter, Step::Scan(page, resp), Unavailable::ScanBroken);
            }
            ScanStage::Check | ScanStage::Page | ScanStage::Idle => {
                self.restart_pass(waiter, page, resp);
            }
        }
    }

    fn restart_pass(&mut self, waiter: Waiter, mut page: Box<ScanPage>, resp: Resp) {
        page.state.abandon();
        self.postpone(waiter, Step::Scan(page, resp), Unavailable::ScanBroken);
    }

    /// The process at the other end of the link to a node, if it was asked.
    fn process_at(&self, addr: &NodeAddr, resp: Resp) -> Option<ProcessId> {
        let node = self.routes.node(self.routes.find(addr)?)?;
        let key = node.links[Lane::Shared.index(resp)]?;
        self.links.get(key.0)?.link.process
    }

    fn know_process(&mut self, addr: &NodeAddr, resp: Resp, process: ProcessId) {
        let node = self.routes.find(addr).and_then(|node| self.routes.node(node));
        let key = node.and_then(|node| node.links[Lane::Shared.index(resp)]);
        if let Some(entry) = key.and_then(|key| self.links.get_mut(key.0)) {
            entry.link.process = Some(process);
        }
    }
}

/// As Redis reads it: a decimal number below 2⁶⁴.
fn parse_cursor(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn scan_request(cursor: u64, (options, count): &(Vec<u8>, usize)) -> Vec<u8> {
    let mut request = Vec::new();
    write_header(&mut request, b'*', 2 + count);
    write_bulk(&mut request, b"SCAN");
    write_bulk(&mut request, cursor.to_string().as_bytes());
    request.extend_from_slice(options);
    request
}

fn view_of(answer: &[u8], host: &str) -> Option<NodeView> {
    NodeView::parse(std::str::from_utf8(bulk_text(answer)?).ok()?, host)
}

fn keys_of(answer: &[u8], state: &ScanState) -> Option<Keys> {
    let [cursor, keys] = elements::of(answer)?[..] else { return None };
    let next = parse_cursor(bulk_text(cursor)?)?;
    let (mut encoded, mut count) = (Vec::new(), 0);
    for key in elements::of(keys)? {
        if state.counts(key_mapping::slot_of(bulk_text(key)?)) {
            encoded.extend_from_slice(key);
            count += 1;
        }
    }
    Some(Keys { next, encoded, count })
}
