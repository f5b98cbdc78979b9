//! What a vote promises holds: an old primary finds no majority among those who voted for its replica.

use super::histories::{Story, TIMEOUT_MS};
use super::network::ip_of;
use super::{for_many_seeds, histories_count};
use crate::cluster::core::by_hand::Failover;
use crate::cluster::core::*;
use crate::cluster::message::{Body, Kind, Message};

/// The old primary, a voter, and a replica of the third primary; the new primary, which was node 3, is not among them.
const OLD_SIDE: [usize; 3] = [0, 1, 5];

/// Node timeouts for which the network stays parted (count): time enough for each side to give the other one up and
/// to put replicas in the place of its primaries.
const PARTED_TIMEOUTS: u64 = 30;

/// Node timeouts within which a primary serves again whose replica was lost before it was elected (count): two for
/// which votes count, as many until the replica is given up, one to listen to the others, and one for pings between.
const RETURN_TIMEOUTS: u64 = 6;

/// Node 3 is elected while its primary, node 0, is away. Nobody has heard of it when this comes back.
fn elected_unheard(seed: u64) -> Story {
    let mut story = Story::new(3, 1, seed);
    story.network.partition(&[0]);
    run_until_elected(&mut story);
    story
}

fn run_until_elected(story: &mut Story) {
    let end_ms = story.network.now_ms + 10 * TIMEOUT_MS;
    while story.network.core(3).myself().is_replica() {
        story.network.give_up_after(end_ms, "new primary");
        story.run_ms(10);
    }
    let first = Slot::new(0).expect("a slot");
    let owner = story.network.core(1).owner(first).map(|owner| owner.id);
    assert_eq!(owner, Some(story.network.core(0).myself().id), "the voter has not heard of it");
}

/// That nobody else takes writes, too, the story checks at every step.
fn part_for_long(mut story: Story) {
    story.network.partition(&OLD_SIDE);
    story.run_ms(PARTED_TIMEOUTS * TIMEOUT_MS);
    assert_eq!(story.takers(0), [3]);
    story.heal();
}

#[test]
fn a_voter_that_is_cut_off_with_the_old_primary_makes_no_majority_with_it() {
    for_many_seeds(histories_count(12), |seed| part_for_long(elected_unheard(seed)));
}

#[test]
fn a_voter_that_was_started_again_keeps_its_promise() {
    for_many_seeds(histories_count(12), |seed| {
        let mut story = elected_unheard(seed);
        story.network.crash(1);
        story.network.restart(1);
        part_for_long(story);
    });
}

/// What the winner serves it would say with the answer to a ping, which does not come any more.
#[test]
fn a_voter_that_was_started_again_and_heard_half_of_the_news_keeps_its_promise() {
    for_many_seeds(histories_count(12), |seed| {
        let mut story = elected_unheard(seed);
        story.network.crash(1);
        story.network.restart(1);
        let sender = story.network.core(3).own_header();
        let (winner, epoch) = (sender.id, sender.config_epoch);
        let body = Body::Ping { kind: Kind::Ping, gossip: Vec::new(), hostname: None };
        story.network.tell(1, |core, now_ms| {
            let link = core.handle_accept(now_ms, ip_of(3), ip_of(1)).expect("room for a link");
            core.handle_message(now_ms, link, Message { sender, body });
        });
        let has_heard = |member: &Member| member.id == winner && member.config_epoch == epoch;
        assert!(story.network.core(1).members().any(has_heard));
        part_for_long(story);
    });
}

#[test]
fn a_primary_that_voted_for_its_own_replica_makes_no_majority_against_it() {
    for_many_seeds(histories_count(12), |seed| {
        let mut story = Story::new(3, 1, seed);
        story.run_ms(2 * TIMEOUT_MS);
        story.fail_over(3, Failover::Forced);
        run_until_elected(&mut story);
        part_for_long(story);
    });
}

#[test]
fn an_old_primary_serves_again_when_nobody_can_have_won() {
    for_many_seeds(histories_count(12), |seed| {
        let mut story = Story::new(3, 1, seed);
        let voted = |story: &Story| story.network.core(1).last_vote_epoch();
        let before = voted(&story);
        story.network.partition(&[0]);
        let end_ms = story.network.now_ms + 10 * TIMEOUT_MS;
        while voted(&story) == before {
            story.network.give_up_after(end_ms, "vote");
            story.run_ms(10);
        }
        story.network.crash(3);
        story.network.partition(&[]);
        let limit_ms = RETURN_TIMEOUTS * TIMEOUT_MS;
        story.run_until("the old primary to serve", limit_ms, |story| story.takers(0) == [0]);
        story.heal();
    });
}
