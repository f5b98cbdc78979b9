//! The answers of [`route`] as a table, each row one state of slot 5 and one request for it.

use std::collections::BTreeMap;

use reddoor_protocol::topology::NodeId;

use super::*;
use crate::cluster::core::{CoreSettings, Remembered};
use crate::cluster::member::{MemberFlags, SlotSet};
use crate::data::random::Random;

const NOW_MS: u64 = 1_000_000;

/// When the state of the cluster is told.
const TOLD_MS: u64 = NOW_MS + 5_000;

fn id(digit: u8) -> NodeId {
    NodeId::parse(&[digit; NodeId::LEN]).unwrap()
}

fn slot() -> Slot {
    Slot::new(5).unwrap()
}

/// What is going on with slot 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Mine,
    Theirs,
    Nobodys,
    Migrating,
    Importing,
    /// Theirs, and this node is their replica.
    Copied,
}

/// A cluster of this node and another one, at 10.0.0.2:7002; all slots but slot 5 are the other one's.
fn core(state: State, requires_full_coverage: bool) -> Core {
    let mut me = Member::new(
        id(b'a'),
        MemberFlags::PRIMARY | MemberFlags::MYSELF,
        ("10.0.0.1".to_owned(), 7001, 17001),
        NOW_MS,
    );
    let mut other =
        Member::new(id(b'b'), MemberFlags::PRIMARY, ("10.0.0.2".to_owned(), 7002, 17002), NOW_MS);
    other.hostname = "two.example".to_owned();
    other.slots = SlotSet::from_bytes(&[0xff; SlotSet::BYTES]);
    other.slots.remove(slot());
    match state {
        State::Mine | State::Migrating => me.slots.insert(slot()),
        State::Theirs | State::Importing => other.slots.insert(slot()),
        State::Nobodys => {}
        State::Copied => {
            other.slots.insert(slot());
            me.flags = MemberFlags::REPLICA | MemberFlags::MYSELF;
            me.primary = Some(other.id);
        }
    }
    let under_way = |is_so: bool| -> BTreeMap<Slot, NodeId> {
        is_so.then_some((slot(), other.id)).into_iter().collect()
    };
    let remembered = Remembered {
        migrating: under_way(state == State::Migrating),
        importing: under_way(state == State::Importing),
        members: vec![me, other],
        ..Remembered::default()
    };
    let settings = CoreSettings {
        node_timeout_ms: 60_000,
        requires_full_coverage,
        port: 7001,
        bus_port: 17001,
        ..CoreSettings::sample()
    };
    let mut core = Core::restore(settings, Random::from_seed(1), remembered, NOW_MS).unwrap();
    // The state of the cluster is not told before a while has passed.
    core.handle_tick(NOW_MS);
    core.handle_tick(TOLD_MS);
    while core.poll_action().is_some() {}
    core
}

/// What may be said of a request, one letter each: `w`rite, `a`sking, `r`eadonly, `m`igrate, `t`wice the same
/// key, `x` for keys in several slots; then how many keys exist and how many are missing.
fn ask(core: &Core, settings: &RouteSettings, request: (&str, usize, usize)) -> String {
    let (letters, existing, missing) = request;
    let query = RouteQuery {
        is_shard_channel: false,
        slot: slot(),
        keys: match existing + missing {
            _ if letters.contains('x') => Keys::InSeveralSlots,
            2.. if !letters.contains('t') => Keys::SeveralInSlot,
            _ => Keys::One,
        },
        is_write: letters.contains('w'),
        is_asking: letters.contains('a'),
        is_readonly: letters.contains('r'),
        is_migrate: letters.contains('m'),
        now_ms: TOLD_MS,
    };
    match route(core, settings, &query, || Presence { existing, missing }) {
        Ok(()) => "leave".to_owned(),
        Err(error) => error.to_string(),
    }
}

const BY_IP: RouteSettings = RouteSettings {
    allows_reads_when_down: false,
    allows_pubsub_when_down: true,
    endpoint: Endpoint::Ip,
};

#[test]
fn every_state_of_a_slot_gives_the_answer_of_a_redis() {
    let (moved, ask_other) = ("MOVED 5 10.0.0.2:7002", "ASK 5 10.0.0.2:7002");
    let again = "TRYAGAIN Multiple keys request during rehashing of slot";
    let cross = "CROSSSLOT Keys in request don't hash to the same slot";
    let table = [
        (State::Mine, ("w", 0, 1), "leave"),
        (State::Mine, ("wa", 1, 1), "leave"),
        (State::Theirs, ("", 1, 0), moved),
        (State::Theirs, ("a", 1, 0), moved),
        (State::Theirs, ("r", 1, 0), moved),
        (State::Mine, ("x", 2, 0), cross),
        (State::Theirs, ("x", 2, 0), cross),
        (State::Nobodys, ("", 1, 0), "CLUSTERDOWN Hash slot not served"),
        (State::Nobodys, ("x", 2, 0), "CLUSTERDOWN Hash slot not served"),
        (State::Migrating, ("x", 1, 1), cross),
        (State::Migrating, ("w", 1, 0), "leave"),
        (State::Migrating, ("w", 3, 0), "leave"),
        (State::Migrating, ("", 0, 1), ask_other),
        (State::Migrating, ("", 0, 2), ask_other),
        (State::Migrating, ("", 1, 1), again),
        (State::Migrating, ("wm", 1, 1), "leave"),
        (State::Importing, ("wm", 0, 2), "leave"),
        (State::Theirs, ("wm", 1, 1), moved),
        (State::Importing, ("", 1, 0), moved),
        (State::Importing, ("a", 0, 1), "leave"),
        (State::Importing, ("a", 2, 0), "leave"),
        (State::Importing, ("a", 1, 1), again),
        (State::Importing, ("a", 0, 2), again),
        (State::Importing, ("at", 0, 2), "leave"),
        (State::Importing, ("ax", 1, 1), cross),
        (State::Copied, ("", 1, 0), moved),
        (State::Copied, ("r", 1, 0), "leave"),
        (State::Copied, ("rw", 1, 0), moved),
    ];
    for (state, request, expected) in table {
        let core = core(state, false);
        assert!(core.is_ok(), "{state:?}");
        assert_eq!(ask(&core, &BY_IP, request), expected, "{state:?} {request:?}");
    }
}

#[test]
fn a_cluster_that_is_down_serves_reads_only_where_the_settings_allow_that() {
    // A slot without an owner is enough. The slot asked for has one: it is the second node's next slot.
    let core = core(State::Nobodys, true);
    assert!(!core.is_ok());
    let reads = RouteSettings { allows_reads_when_down: true, ..BY_IP };
    let mut query = RouteQuery {
        is_shard_channel: false,
        slot: Slot::new(6).unwrap(),
        keys: Keys::One,
        is_write: false,
        is_asking: false,
        is_readonly: false,
        is_migrate: false,
        now_ms: TOLD_MS,
    };
    let answer = |settings: &RouteSettings, query: &RouteQuery| {
        route(&core, settings, query, Presence::default).unwrap_err().to_string()
    };
    assert_eq!(answer(&BY_IP, &query), "CLUSTERDOWN The cluster is down");
    assert_eq!(answer(&reads, &query), "MOVED 6 10.0.0.2:7002");
    query.is_write = true;
    let expected = "CLUSTERDOWN The cluster is down and only accepts read commands";
    assert_eq!(answer(&reads, &query), expected);
}

#[test]
fn clients_are_sent_to_the_name_that_the_settings_prefer() {
    let core = core(State::Theirs, false);
    for (endpoint, expected) in [
        (Endpoint::Ip, "MOVED 5 10.0.0.2:7002"),
        (Endpoint::Hostname, "MOVED 5 two.example:7002"),
        (Endpoint::Unknown, "MOVED 5 :7002"),
    ] {
        let settings = RouteSettings {
            allows_reads_when_down: false,
            allows_pubsub_when_down: true,
            endpoint,
        };
        assert_eq!(ask(&core, &settings, ("", 1, 0)), expected);
    }
}
