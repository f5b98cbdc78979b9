//! The story of a slot's queue, told step by step.

use reddoor_protocol::command::lookup;
use reddoor_protocol::encode::Resp;

use super::*;
use crate::errand::{Bound, Lane, Reading, Travel};

const DELAY_US: u64 = 100;

fn slot() -> Slot {
    Slot::of_key(b"k")
}

fn held(client: u64, seq: u64) -> Held {
    let waiter = Waiter { session: 0, client: ClientId(client), seq: Seq(seq), part: 0 };
    let errand = Errand {
        waiter,
        travel: Travel::Shared,
        replies: 1,
        command: lookup(b"set").unwrap(),
        slot: Some(slot()),
        resp: Resp::V2,
        bound: Bound::Free,
        lane: Lane::Shared,
        reading: Reading::OWNER,
        caching: crate::errand::Caching::Usual,
        redirects: 0,
        is_scout: false,
        deadline_us: u64::MAX,
    };
    Held { errand, request: vec![0; 10], reason: Unavailable::Queued }
}

/// Queues a request that was read at `started_us`.
fn queue(requests: &mut HeldRequests, started_us: u64, client: u64, seq: u64) {
    let held = held(client, seq);
    let place = Place::of(&held.errand.waiter, started_us);
    requests.queue(slot(), place, held, 0, DELAY_US);
}

fn names(held: &[Held]) -> Vec<(u64, u64)> {
    held.iter().map(|held| (held.errand.waiter.client.0, held.errand.waiter.seq.0)).collect()
}

#[test]
fn requests_leave_in_the_order_in_which_they_were_read_behind_their_scout() {
    let mut requests = HeldRequests::default();
    for (started_us, client, seq) in [(7, 2, 0), (5, 1, 9), (5, 1, 8), (6, 2, 1)] {
        queue(&mut requests, started_us, client, seq);
    }
    assert!(requests.take_due(DELAY_US - 1, |_| true).is_empty());
    let scouts = requests.take_due(DELAY_US, |_| true);
    assert_eq!(names(&scouts), [(1, 8)]);
    assert!(scouts[0].errand.is_scout);
    assert!(requests.take_due(10 * DELAY_US, |_| true).is_empty(), "one scout at a time");
    assert_eq!((requests.count(), requests.bytes()), (4, 40));
    assert_eq!(names(&requests.release(slot())), [(1, 9), (2, 1), (2, 0)]);
    assert_eq!((requests.count(), requests.bytes()), (0, 0));
    assert!(requests.is_idle() && !requests.has_queue(slot()));
}

#[test]
fn a_refused_scout_is_first_again_and_waits_longer_each_time() {
    let mut requests = HeldRequests::default();
    queue(&mut requests, 1, 1, 1);
    queue(&mut requests, 2, 1, 2);
    let mut now_us = DELAY_US;
    for factor in [1, 2, 4, 8, 8] {
        assert_eq!(names(&requests.take_due(now_us, |_| true)), [(1, 1)]);
        requests.scout_refused(slot(), now_us, DELAY_US);
        queue(&mut requests, 1, 1, 1);
        assert_eq!(requests.count(), 2);
        now_us += factor * DELAY_US;
        assert!(requests.take_due(now_us - 1, |_| true).is_empty());
    }
}

#[test]
fn a_scout_that_nobody_awaits_is_followed_by_the_next() {
    let mut requests = HeldRequests::default();
    queue(&mut requests, 1, 1, 1);
    queue(&mut requests, 2, 1, 2);
    assert_eq!(names(&requests.take_due(DELAY_US, |_| true)), [(1, 1)]);
    assert_eq!(names(&requests.take_due(DELAY_US, |_| false)), [(1, 2)]);
    assert!(requests.take_due(DELAY_US, |_| false).is_empty());
    assert_eq!((requests.count(), requests.bytes()), (0, 0));
    assert!(requests.is_idle());
}

#[test]
fn a_change_makes_all_due_once_and_only_those_that_wait_then() {
    let mut requests = HeldRequests::default();
    requests.wake();
    queue(&mut requests, 1, 1, 1);
    requests.keep_loose(held(2, 1), 0, DELAY_US);
    assert!(requests.take_due(0, |_| true).is_empty());
    requests.wake();
    assert_eq!(names(&requests.take_due(0, |_| true)), [(2, 1), (1, 1)]);
    requests.keep_loose(held(3, 1), 0, DELAY_US);
    assert!(requests.take_due(0, |_| true).is_empty());
}

#[test]
fn what_is_over_is_taken_from_everywhere() {
    let mut requests = HeldRequests::default();
    queue(&mut requests, 1, 1, 1);
    queue(&mut requests, 2, 2, 1);
    requests.keep_loose(held(2, 2), 0, DELAY_US);
    let over = requests.take_over(|errand| errand.waiter.client == ClientId(2));
    assert_eq!(names(&over), [(2, 1), (2, 2)]);
    assert_eq!((requests.count(), requests.bytes()), (1, 10));
}
