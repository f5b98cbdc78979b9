//! Replies keep their order, whatever order they come in.

use proptest::prelude::*;
use reddoor_protocol::command;

use super::output::OUT_DEAD_BYTES_MIN;
use super::*;
use crate::join::{JoinBy, PartKeys};

fn session() -> Session {
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    Session::new(ClientId(1), addr, addr, 0, true)
}

fn outstanding(deadline_us: u64) -> Outstanding {
    let command = command::lookup(b"get").unwrap();
    Outstanding { command, started_us: 0, deadline_us, held_until_us: 0 }
}

#[test]
fn replies_keep_the_order_of_the_requests() {
    let mut session = session();
    let seqs: Vec<Seq> = (0..4).map(|_| session.expect(outstanding(1))).collect();
    session.deliver(seqs[2], 0, b"2");
    session.answer(|out| out.push(b'L'));
    session.deliver(seqs[1], 0, b"1");
    assert_eq!(session.unwritten(), b"");
    session.deliver(seqs[0], 0, b"0");
    assert_eq!(session.unwritten(), b"012");
    session.deliver(seqs[3], 0, b"3");
    assert_eq!(session.unwritten(), b"0123L");
    session.mark_written(5);
    assert!(session.is_drained());
    assert_eq!(session.buffered_bytes(), 0);
}

#[test]
fn a_late_reply_is_dropped_in_its_place() {
    let mut session = session();
    let first = session.expect(outstanding(10));
    let second = session.expect(outstanding(20));
    let third = session.expect(outstanding(20));
    session.deliver(third, 0, b"3");
    session.expire(10, |_, out| out.push(b'T'));
    assert_eq!(session.unwritten(), b"T");
    assert!(matches!(session.deliver(first, 0, b"1"), Delivered::TooLate));
    session.deliver(second, 0, b"2");
    assert!(matches!(session.deliver(second, 0, b"2"), Delivered::TooLate));
    assert_eq!(session.unwritten(), b"T23");
}

#[test]
fn unwanted_replies_are_left_out_in_their_turn() {
    let mut session = session();
    let wanted = session.expect(outstanding(1));
    session.reply_mode = ReplyMode::SkipNext;
    let skipped = session.expect(outstanding(1));
    session.answer(|out| out.push(b'L'));
    session.reply_mode = ReplyMode::Off;
    session.answer(|out| out.push(b'X'));
    session.deliver(skipped, 0, b"S");
    session.deliver(wanted, 0, b"W");
    assert_eq!(session.unwritten(), b"WL");
    session.answer(|out| out.push(b'X'));
    session.reply_mode = ReplyMode::On;
    session.answer(|out| out.push(b'M'));
    assert_eq!(session.unwritten(), b"WLM");
}

proptest! {
    #[test]
    fn any_order_of_replies_gives_the_order_of_requests(
        order in Just((0u8..40).collect::<Vec<_>>()).prop_shuffle(),
        local in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut session = session();
        let mut seqs = Vec::new();
        for index in 0..40u8 {
            if local[usize::from(index)] {
                session.answer(|out| out.push(index));
                seqs.push(None);
            } else {
                seqs.push(Some(session.expect(outstanding(1))));
            }
        }
        for index in order {
            if let Some(seq) = seqs[usize::from(index)] {
                session.deliver(seq, 0, &[index]);
            }
        }
        prop_assert_eq!(session.unwritten().to_vec(), (0u8..40).collect::<Vec<_>>());
        prop_assert_eq!(session.ready_count, 0);
        prop_assert!(session.parked.is_empty());
    }
}

#[test]
fn what_makes_values_stale_comes_behind_those_that_have_come() {
    let mut session = session();
    let first = session.expect(outstanding(1));
    let second = session.expect(outstanding(1));
    session.push_stale(b"a");
    assert_eq!(session.unwritten(), b"a", "nothing has come that it could overtake");
    session.deliver(second, 0, b"2");
    session.push_stale(b"b");
    session.push_stale(b"c");
    assert_eq!(session.unwritten(), b"a");
    session.deliver(first, 0, b"1");
    assert_eq!(session.unwritten(), b"a12bc");
    assert_eq!(session.outstanding_count(), 0);
}

#[test]
fn what_makes_values_stale_waits_for_a_reply_in_parts() {
    let mut session = session();
    let keys = [0, 1].map(|index| PartKeys(vec![index]));
    let join = Join::new(JoinBy::Sum, keys.into_iter());
    let seq = session.expect_parts(outstanding(1), Box::new(join));
    session.deliver(seq, 0, b":1\r\n");
    session.push_stale(b"stale");
    assert_eq!(session.unwritten(), b"");
    session.deliver(seq, 1, b":1\r\n");
    assert_eq!(session.unwritten(), b":2\r\nstale");
}

#[test]
fn what_makes_all_stale_is_said_of_values_on_their_way_too() {
    let mut session = session();
    session.push_flush(b"a");
    let first = session.expect(outstanding(1));
    session.push_flush(b"b");
    assert_eq!(session.unwritten(), b"ab");
    let second = session.expect(outstanding(1));
    session.deliver(first, 0, b"1");
    assert_eq!(session.unwritten(), b"ab1b");
    session.push_flush(b"c");
    session.deliver(second, 0, b"2");
    assert_eq!(session.unwritten(), b"ab1bc2c");
}

#[test]
fn a_reply_that_goes_out_in_pieces_is_whole_and_in_its_place() {
    let mut session = session();
    let link = LinkKey(7);
    let seqs: Vec<Seq> = (0..3).map(|_| session.expect(outstanding(10))).collect();
    assert!(!session.begin_stream(seqs[1], link, 10), "its turn has not come");
    assert!(session.begin_stream(seqs[0], link, 10));
    session.stream(b"a", 20);
    session.deliver(seqs[1], 0, b"1");
    session.push(b"P");
    session.answer(|out| out.push(b'L'));
    assert!(matches!(session.deliver(seqs[0], 0, b"x"), Delivered::TooLate));
    session.stream(b"b", 30);
    assert_eq!((session.unwritten(), session.stream_link()), (&b"ab"[..], Some(link)));
    assert!(session.end_stream().is_some());
    assert!(session.end_stream().is_none());
    assert_eq!(session.unwritten(), b"ab1");
    session.deliver(seqs[2], 0, b"2");
    assert_eq!(session.unwritten(), b"ab12PL");
    assert!(!session.is_streaming());
}

#[test]
fn half_a_reply_is_never_answered_by_something_else() {
    let mut session = session();
    let seq = session.expect(outstanding(10));
    session.expect(outstanding(10));
    assert!(session.begin_stream(seq, LinkKey(7), 20));
    session.stream(b"a", 20);
    session.expire(20, |_, out| out.push(b'T'));
    assert_eq!((session.unwritten(), session.ending), (&b"a"[..], Ending::Open), "not fetched");
    session.mark_written(1);
    session.expire(20, |_, out| out.push(b'T'));
    assert_eq!(session.ending, Ending::Now);
    assert_eq!(session.unwritten(), b"");
}

#[test]
fn an_unwanted_reply_does_not_go_out_in_pieces() {
    let mut session = session();
    session.reply_mode = ReplyMode::SkipNext;
    let seq = session.expect(outstanding(10));
    assert!(!session.begin_stream(seq, LinkKey(7), 10));
}

#[test]
fn what_is_written_of_much_does_not_stay() {
    let mut session = session();
    session.answer(|out| out.extend(0..=255u8));
    for _ in 0..1000 {
        session.answer(|out| out.extend(std::iter::repeat_n(b'x', 1000)));
        session.mark_written(1000);
        assert_eq!(session.buffered_bytes(), 256);
        assert!(session.weight().bytes <= 2 * OUT_DEAD_BYTES_MIN);
    }
}
