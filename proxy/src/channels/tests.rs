//! Topics move between carriers, and nobody hears a message twice or before the confirmation.

use super::*;
use crate::errand::Seq;

const ONE: FeedKey = FeedKey { place: 0, number: 1 };
const TWO: FeedKey = FeedKey { place: 1, number: 2 };

fn channel(name: &str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.as_bytes().into() }
}

fn waiter(session: usize) -> Waiter {
    Waiter { session, client: ClientId(session as u64), seq: Seq(0), part: 0 }
}

/// A worker where session 1 listens to `a`, carried by `ONE` and confirmed.
fn settled() -> (Channels, TopicId) {
    let mut channels = Channels::default();
    let (id, is_new) = channels.listen(channel("a"), 1, ClientId(1));
    assert!(is_new);
    assert_eq!(channels.place(id, &[ONE]), Placement { ask: vec![ONE], let_go: vec![] });
    assert_eq!(channels.confirm_later(waiter(1), vec![id], b"ok".to_vec()), None);
    assert!(channels.confirmed(id, ONE));
    assert_eq!(channels.place(id, &[ONE]), Placement::default());
    let due = channels.take_due();
    assert_eq!(due.iter().map(|(_, reply)| reply.as_slice()).collect::<Vec<_>>(), [b"ok"]);
    (channels, id)
}

fn hearers(channels: &Channels, id: TopicId, feed: FeedKey) -> Vec<usize> {
    let mut sessions: Vec<usize> = channels.hearers(id, feed, false).map(|(s, _)| s).collect();
    sessions.sort_unstable();
    sessions
}

#[test]
fn a_second_listener_shares_what_the_first_asked_for() {
    let (mut channels, id) = settled();
    assert_eq!(channels.listen(channel("a"), 2, ClientId(2)), (id, false));
    assert_eq!(hearers(&channels, id, ONE), [1]);
    assert_eq!(channels.confirm_later(waiter(2), vec![id], b"now".to_vec()), Some(b"now".to_vec()));
    assert_eq!(hearers(&channels, id, ONE), [1, 2]);
    assert_eq!(channels.leave(id, 1), None);
    assert_eq!(channels.leave(id, 2), Some(vec![ONE]));
    assert_eq!((channels.listeners_count(), channels.find(&channel("a"))), (0, None));
}

#[test]
fn the_old_carrier_goes_on_until_the_new_one_has_confirmed() {
    let (mut channels, id) = settled();
    assert_eq!(channels.place(id, &[TWO]), Placement { ask: vec![TWO], let_go: vec![] });
    assert_eq!((hearers(&channels, id, ONE), hearers(&channels, id, TWO)), (vec![1], vec![]));
    channels.confirmed(id, TWO);
    assert_eq!(channels.place(id, &[TWO]), Placement { ask: vec![], let_go: vec![ONE] });
    assert_eq!((hearers(&channels, id, ONE), hearers(&channels, id, TWO)), (vec![], vec![1]));
}

#[test]
fn a_topic_whose_carrier_has_ended_waits_for_another() {
    let (mut channels, id) = settled();
    channels.feed_ended(ONE);
    channels.listen(channel("a"), 2, ClientId(2));
    assert_eq!(channels.confirm_later(waiter(2), vec![id], Vec::new()), None);
    assert_eq!(channels.place(id, &[]), Placement::default());
    assert_eq!(channels.place(id, &[TWO]).ask, [TWO]);
    channels.confirmed(id, TWO);
    assert_eq!(channels.place(id, &[TWO]), Placement::default());
    assert_eq!(channels.take_due().len(), 1);
    assert_eq!(hearers(&channels, id, TWO), [1, 2]);
}

#[test]
fn messages_of_each_node_s_own_keys_are_taken_from_every_carrier() {
    let mut channels = Channels::default();
    let pattern = Topic { kind: TopicKind::Pattern, name: b"__key*".as_slice().into() };
    assert_eq!(pattern.carriers(), Carriers::EveryPrimary);
    let (id, _) = channels.listen(pattern, 1, ClientId(1));
    channels.place(id, &[ONE, TWO]);
    channels.confirmed(id, ONE);
    assert_eq!(channels.confirm_later(waiter(1), vec![id], Vec::new()), None);
    channels.confirmed(id, TWO);
    channels.place(id, &[ONE, TWO]);
    assert_eq!(channels.take_due().len(), 1);
    for (feed, is_of_node, count) in
        [(ONE, true, 1), (TWO, true, 1), (ONE, false, 1), (TWO, false, 0)]
    {
        assert_eq!(channels.hearers(id, feed, is_of_node).count(), count);
    }
}

#[test]
fn a_confirmation_that_nobody_waits_for_is_given_up() {
    let mut channels = Channels::default();
    let (id, _) = channels.listen(channel("a"), 1, ClientId(1));
    channels.confirm_later(waiter(1), vec![id], Vec::new());
    assert!(channels.take_abandoned(|_| true).is_empty());
    let abandoned = channels.take_abandoned(|_| false);
    assert_eq!(abandoned.len(), 1);
    assert_eq!(abandoned[0].1, [id]);
    assert!(!channels.is_confirmed(id, 1) && channels.is_listening(id, 1));
}

#[test]
fn a_pattern_is_carried_everywhere_only_if_it_may_fit_a_node_s_own_channels() {
    let table = [
        ("*", Carriers::EveryPrimary),
        ("__k*", Carriers::EveryPrimary),
        ("__keyevent@0__:del", Carriers::EveryPrimary),
        ("\\__key", Carriers::EveryPrimary),
        ("news.*", Carriers::Owner(HOME)),
        ("__keyx*", Carriers::Owner(HOME)),
    ];
    for (pattern, carriers) in table {
        let topic = Topic { kind: TopicKind::Pattern, name: pattern.as_bytes().into() };
        assert_eq!(topic.carriers(), carriers, "{pattern}");
    }
}
