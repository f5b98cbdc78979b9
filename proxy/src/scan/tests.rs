//! A scan over nodes `h:1`, `h:2`, … that answer as told.

use std::sync::Arc;

use super::*;
use crate::cluster_map::ClusterMap;
use crate::metrics::node::NodeMetrics;

const IDS: [&str; 3] = [
    "07c37dfeb235213a872192d90877d0cd55635b91",
    "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1",
    "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca",
];

/// Nodes with these slots, as the node at `myself` tells of them.
fn text(slots: &[&str], myself: usize) -> String {
    let line = |(index, slots): (usize, &&str)| {
        let flags = if index == myself { "myself,master" } else { "master" };
        format!("{} h:{}@9 {flags} - 0 0 {} connected {slots}\n", IDS[index], index + 1, index + 1)
    };
    slots.iter().enumerate().map(line).collect()
}

fn routes(slots: &[&str]) -> Routes {
    let mut routes = Routes::new();
    let map = ClusterMap::new(&nodes_text::parse(&text(slots, 0)).unwrap());
    routes.adopt(&map, |_| Arc::new(NodeMetrics::default()));
    routes
}

fn view(slots: &[&str], myself: usize) -> NodeView {
    NodeView::parse(&text(slots, myself), "h").unwrap()
}

fn process(number: u8) -> ProcessId {
    ProcessId::of_info(&[b"run_id:", &[b'0' + number][..]].concat()).unwrap()
}

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

/// Opens the pass that comes next, on the node that it must be.
fn open(state: &mut ScanState, slots: &[&str], node: usize, first: u16) {
    let next = state.next(&routes(slots)).unwrap();
    assert_eq!(next, (slot(first), NodeAddr::new("h", u16::try_from(node).unwrap() + 1)));
    let process = process(u8::try_from(node).unwrap());
    assert!(state.open(next, process, &view(slots, node), &routes(slots)));
}

const EVEN: [&str; 3] = ["0-5000", "5001-10000", "10001-16383"];

#[test]
fn each_node_is_walked_over_once_however_its_slots_lie() {
    let slots = ["0-10 100-200", "11-99 300-16383", "201-299"];
    let mut state = ScanState::new();
    for (node, first) in [(0, 0), (1, 11), (2, 201)] {
        assert!(!state.is_over());
        open(&mut state, &slots, node, first);
        state.close(&view(&slots, node));
    }
    assert!(state.is_over());
}

#[test]
fn only_keys_in_slots_that_are_not_done_count() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    assert!(state.counts(slot(5000)) && !state.counts(slot(5001)));
    state.close(&view(&EVEN, 0));
    let moved = ["", "0-10000", "10001-16383"];
    open(&mut state, &moved, 1, 5001);
    assert!(!state.counts(slot(5000)) && state.counts(slot(5001)));
}

#[test]
fn a_slot_that_left_meanwhile_is_walked_over_again_where_it_is() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    let moved = ["0-4998", "4999-10000", "10001-16383"];
    state.close(&view(&moved, 0));
    open(&mut state, &moved, 1, 4999);
    assert!(state.counts(slot(4999)) && state.counts(slot(5001)));
}

#[test]
fn a_slot_that_came_meanwhile_is_not_done() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    let moved = ["0-5002", "5003-10000", "10001-16383"];
    state.close(&view(&moved, 0));
    open(&mut state, &moved, 0, 5001);
    assert!(!state.counts(slot(5000)) && state.counts(slot(5002)));
}

#[test]
fn keys_that_went_ahead_of_their_slot_are_fetched_by_a_detour() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    let leaving = format!("0-5000 [7->-{}]", IDS[2]);
    state.close(&view(&[&leaving, EVEN[1], EVEN[2]], 0));
    open(&mut state, &EVEN, 2, 7);
    assert!(state.counts(slot(7)) && state.counts(slot(10001)) && !state.counts(slot(8)));
    state.close(&view(&EVEN, 2));
    open(&mut state, &EVEN, 1, 5001);
    state.close(&view(&EVEN, 1));
    assert!(state.is_over());
}

#[test]
fn a_node_that_does_not_have_the_slot_opens_nothing() {
    let mut state = ScanState::new();
    let next = state.next(&routes(&EVEN)).unwrap();
    let replica = format!("{} h:1@9 myself,slave {} 0 0 1 connected\n", IDS[0], IDS[1]);
    let view = NodeView::parse(&replica, "h").unwrap();
    assert!(!state.open(next, process(0), &view, &routes(&EVEN)));
}

#[test]
fn another_front_door_goes_on_with_a_cursor() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    state.close(&view(&EVEN, 0));
    let between = state.name(&routes(&EVEN), 1);
    assert_eq!(ScanState::read(between, &routes(&EVEN)).done, state.done);
    open(&mut state, &EVEN, 1, 5001);
    state.pass.as_mut().unwrap().inner = 77;
    let cursor = state.name(&routes(&EVEN), 1);
    assert!(cursor < 1 << 53);
    let read = ScanState::read(cursor, &routes(&EVEN));
    let pass = read.pass.unwrap();
    assert_eq!((pass.addr.as_str(), pass.inner, read.done), ("h:2", 77, state.done));
    assert!(pass.process.is(process(1)) && !pass.process.is(process(2)));
}

#[test]
fn a_cursor_of_slots_that_have_moved_begins_anew_elsewhere() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    state.close(&view(&EVEN, 0));
    let cursor = state.name(&routes(&EVEN), 1);
    let moved = routes(&["0-4999", "5000-10000", "10001-16383"]);
    let read = ScanState::read(cursor, &moved);
    assert_eq!((read.next(&moved).unwrap().0, read.done.iter().count()), (slot(0), 0));
    for odd in [1, u64::MAX, 1 << 62, (1 << 53) - 1] {
        assert_eq!(ScanState::read(odd, &moved).done.iter().count(), 0, "{odd}");
    }
}

#[test]
fn a_node_cursor_that_is_too_large_stays_in_the_session() {
    let mut state = ScanState::new();
    open(&mut state, &EVEN, 0, 0);
    state.pass.as_mut().unwrap().inner = 1 << 50;
    let cursor = state.name(&routes(&EVEN), 12345);
    assert!(cursor > 0 && cursor < 1 << 53);
    assert!(ScanState::read(cursor, &routes(&EVEN)).pass.is_none());
}
