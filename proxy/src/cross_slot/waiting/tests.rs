//! Who is woken by what, and that nobody is forgotten.

use super::*;
use crate::cross_slot::Ask;
use crate::cross_slot::steps::{Next, Scene};
use crate::errand::Seq;

/// A command that waits for these keys.
#[derive(Debug)]
struct Waits {
    keys: Vec<Box<[u8]>>,
    is_reader: bool,
}

impl Steps for Waits {
    fn begin(&mut self) -> Vec<Ask> {
        Vec::new()
    }

    fn go_on(&mut self, _: &[&[u8]], _: &mut Scene<'_>) -> Next {
        Next::Wait
    }

    fn awaited(&self) -> &[Box<[u8]>] {
        &self.keys
    }

    fn leaves_keys(&self) -> bool {
        self.is_reader
    }
}

const FOREVER: u64 = u64::MAX;

/// A client begins to look at keys, each a letter.
fn enter(waiting: &mut Waiting, client: u64, keys: &str, until_us: u64) -> Box<dyn Steps> {
    let is_reader = keys.starts_with('r');
    let keys = keys.trim_start_matches('r').bytes().map(|key| [key].into()).collect();
    let steps: Box<dyn Steps> = Box::new(Waits { keys, is_reader });
    let waiter = Waiter { session: 0, client: ClientId(client), seq: Seq(0), part: 0 };
    waiting.enter(waiter, steps.as_ref(), until_us);
    steps
}

/// Clients rest for keys.
fn resting(clients: &[(u64, &str)]) -> Waiting {
    let mut waiting = Waiting::default();
    for (client, keys) in clients {
        let steps = enter(&mut waiting, *client, keys, FOREVER);
        assert!(waiting.rest(ClientId(*client), steps).is_none());
    }
    waiting
}

fn told(woken: &[Woken]) -> Vec<String> {
    let key = |woken: &Woken| {
        woken.key.as_ref().map_or("over".to_owned(), |key| String::from_utf8_lossy(key).into())
    };
    woken.iter().map(|woken| format!("{} {}", woken.waiter.client.0, key(woken))).collect()
}

#[test]
fn a_change_wakes_the_first_that_takes_and_all_that_read() {
    let mut waiting = resting(&[(1, "ab"), (2, "b"), (3, "rb"), (4, "rb"), (5, "b")]);
    let woken = waiting.stir(b"b");
    assert_eq!(told(&woken), ["1 b", "3 b", "4 b"]);
    // It is being looked at; the next change is for the next one.
    assert_eq!(told(&waiting.stir(b"b")), ["2 b"]);
    assert_eq!(told(&waiting.stir(b"c")), [""; 0]);
}

#[test]
fn a_change_while_somebody_looks_is_not_missed() {
    let mut waiting = Waiting::default();
    let steps = enter(&mut waiting, 1, "ab", FOREVER);
    assert!(waiting.stir(b"b").is_empty());
    let woken = waiting.rest(ClientId(1), steps).unwrap();
    assert_eq!(told(std::slice::from_ref(&woken)), ["1 b"]);
    assert!(waiting.rest(ClientId(1), woken.steps).is_none());
    assert_eq!(told(&waiting.stir(b"a")), ["1 a"]);
}

#[test]
fn who_leaves_while_it_looks_hands_the_change_on() {
    let mut waiting = resting(&[(1, "a"), (2, "a"), (3, "a")]);
    assert_eq!(told(&waiting.stir(b"a")), ["1 a"]);
    assert_eq!(told(&waiting.leave(ClientId(1))), ["2 a"]);
    // What it takes is a change, of which its node tells.
    waiting.served(ClientId(2));
    assert_eq!(told(&waiting.stir(b"a")), ["3 a"]);
    assert!(waiting.leave(ClientId(3)).is_empty());
    assert!(waiting.leave(ClientId(3)).is_empty());
    assert_eq!((waiting.count(), waiting.keys.len(), waiting.by_client.len()), (0, 0, 0));
}

#[test]
fn all_keys_are_looked_at_again_when_nobody_tells_of_them() {
    let mut waiting = resting(&[(1, "ab"), (2, "b"), (3, "c")]);
    let mut woken = waiting.stir_all();
    let mut seen = told(&woken);
    // Who looks at one key looks at its others before it rests.
    while let Some(Woken { waiter, steps, .. }) = woken.pop() {
        let again = waiting.rest(waiter.client, steps);
        seen.extend(told(again.as_slice()));
        woken.extend(again);
    }
    for key in ["a", "b", "c"] {
        assert!(seen.iter().any(|told| told.ends_with(key)), "{key}: {seen:?}");
    }
}

#[test]
fn a_wait_is_over_in_time_or_as_soon_as_it_would_rest() {
    let mut waiting = Waiting::default();
    let first = enter(&mut waiting, 1, "a", 10);
    let second = enter(&mut waiting, 2, "a", 20);
    assert!(waiting.rest(ClientId(1), first).is_none());
    assert!(waiting.take_over(9).is_empty());
    assert_eq!(told(&waiting.take_over(30)), ["1 over"]);
    assert_eq!(told(waiting.rest(ClientId(2), second).as_slice()), ["2 over"]);
    waiting.served(ClientId(1));
    waiting.served(ClientId(2));
    assert_eq!((waiting.count(), waiting.due.len()), (0, 0));
}
