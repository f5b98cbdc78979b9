//! Clients are served in the order in which they came, for the keys that became ready.

use super::*;
use crate::data::string::Str;

fn wait(db: usize, keys: &[&[u8]], kind: Awaited) -> KeyWait {
    KeyWait {
        seat: Seat::default(),
        ticket: Ticket::default(),
        db,
        keys: keys.iter().map(|key| Key::from(*key)).collect(),
        kind,
        spec: reddoor_protocol::command::lookup(b"blpop").expect("a row"),
        args: Vec::new(),
    }
}

#[test]
fn clients_of_a_key_come_in_the_order_in_which_they_began_to_wait() {
    let mut blocking = Blocking::default();
    for id in [7, 3, 5] {
        blocking.add(ClientId(id), wait(0, &[b"a", b"b", b"a"], Awaited::List));
    }
    blocking.forget(ClientId(3));
    let mut behind = Ticket::default();
    let mut ids = Vec::new();
    while let Some((ticket, id)) = blocking.next_waiting(0, b"a", behind) {
        behind = ticket;
        ids.push(id.0);
    }
    assert_eq!(ids, [7, 5]);
    assert!(blocking.next_waiting(1, b"a", Ticket::default()).is_none());
    for id in [7, 5] {
        blocking.forget(ClientId(id));
    }
    assert!(blocking.is_idle() && blocking.queues.is_empty());
}

#[test]
fn a_key_is_ready_once_and_only_with_what_is_waited_for() {
    let mut blocking = Blocking::default();
    let string = Value::String(Str::new(b"x"));
    blocking.add(ClientId(1), wait(0, &[b"a"], Awaited::List));
    blocking.mark_ready(0, b"a", Some(&string), Cause::Made);
    blocking.mark_ready(0, b"a", None, Cause::Made);
    assert!(!blocking.has_ready());
    // Who reads for a group hears of every change that takes the stream away.
    blocking.add(ClientId(2), wait(0, &[b"a"], Awaited::StreamOfGroup));
    blocking.mark_ready(0, b"a", None, Cause::Made);
    blocking.mark_ready(0, b"a", Some(&string), Cause::Made);
    assert_eq!(blocking.next_ready(), Some((0, Key::from(b"a".as_slice()))));
    assert!(blocking.next_ready().is_none());
    blocking.mark_ready(0, b"a", None, Cause::Made);
    assert!(blocking.has_ready());
}

#[test]
fn a_list_that_was_there_does_not_become_ready() {
    let mut blocking = Blocking::default();
    blocking.add(ClientId(1), wait(0, &[b"a"], Awaited::List));
    let list = Value::List(Box::default());
    blocking.mark_ready(0, b"a", Some(&list), Cause::Changed);
    assert!(!blocking.has_ready());
    blocking.mark_ready(0, b"a", Some(&list), Cause::Made);
    assert!(blocking.has_ready());
}
