//! A cluster that is not ready to run a command is asked again until it is, or until the command's deadline; what it
//! says meanwhile is not for plain clients.

use reddoor_tests::client::text;
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::port;
use reddoor_tests::wait::wait_until;

/// What a node says instead of running a command; the first word is the code.
const REFUSALS: [&str; 5] = [
    "CLUSTERDOWN The cluster is down",
    "LOADING Redis is loading the dataset in memory",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
];

#[test]
fn a_refused_command_is_sent_again_until_it_runs() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    for refusal in REFUSALS {
        client.send_line("SET k v");
        for _ in 0..3 {
            node.expect_call("SET k v").reply(format!("-{refusal}\r\n"));
        }
        node.expect_call("SET k v").reply("+OK\r\n");
        assert_eq!(text(&client.reply()), "OK");
        let kind = refusal.split(' ').next().unwrap().to_lowercase();
        assert_eq!(door.metric(&format!("reddoor_redirects_total{{kind=\"{kind}\"}}")), 3.0);
    }
}

#[test]
fn a_cluster_that_stays_unready_is_told_at_the_deadline() {
    let node = FakeNode::start();
    let addr = node.addr();
    let door = FrontDoor::start(&addr.to_string(), &[("failover.hold_ms", "200")]);
    let mut refusals = REFUSALS.iter();
    let (mut last_key, mut refusal) = (Vec::new(), "");
    node.answer_all(move |call| {
        if call.args[1] != last_key {
            last_key.clone_from(&call.args[1]);
            refusal = refusals.next().unwrap();
        }
        format!("-{refusal}\r\n").into_bytes()
    });
    let mut client = door.client();
    for (index, refusal) in REFUSALS.iter().enumerate() {
        let code = refusal.split(' ').next().unwrap();
        let reply = client.ask(&format!("SET k{index} v"));
        let (start, end) = (
            format!("-UNAVAILABLE node {addr} answered {code} for "),
            " ms; the command was not applied",
        );
        assert!(reply.starts_with(&start) && reply.ends_with(end), "{reply}");
    }
}

#[test]
fn a_refused_part_is_sent_again_by_itself() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client();
    client.send_line("DEL a b");
    let (first, second) = (node.next_call(), node.next_call());
    first.reply(format!("-{}\r\n", REFUSALS[0]));
    second.reply(":1\r\n");
    node.expect_call(&first.line()).reply(":1\r\n");
    assert_eq!(text(&client.reply()), ":2");
}

#[test]
fn what_was_never_sent_waits_for_a_node_that_is_down() {
    let port = port::deserted();
    let node = FakeNode::start_at(port);
    let door = FrontDoor::start(&node.addr().to_string(), &[]);
    node.end();
    let mut client = door.client();
    client.send_line("SET k v");
    // Only when it was tried in vain does the node come back.
    wait_until("an attempt to connect", || door.metric("reddoor_retries_total") >= 1.0);
    let node = FakeNode::start_at(port);
    node.expect_call("SET k v").reply("+OK\r\n");
    assert_eq!(text(&client.reply()), "OK");
}

#[test]
fn a_node_that_stays_down_is_told_at_the_deadline() {
    let node = FakeNode::start();
    let gone = port::deserted();
    let view = node.line("myself,master", 1, "0-100")
        + &format!("{:040x} 127.0.0.1:{gone}@1 master - 0 0 2 connected 101-16383\n", 7);
    node.set_view(&view);
    let door = FrontDoor::start(&node.addr().to_string(), &[("failover.hold_ms", "200")]);
    let reply = door.client().ask("SET k v");
    let start = format!("-UNAVAILABLE node 127.0.0.1:{gone} could not be reached for ");
    assert!(
        reply.starts_with(&start) && reply.ends_with("; the command was not applied"),
        "{reply}"
    );
}

#[test]
fn a_slot_without_an_owner_is_told_at_the_deadline() {
    let node = FakeNode::start();
    node.set_view(&node.line("myself,master", 1, "0-100"));
    let settings = [("failover.hold_ms", "200")];
    let door = FrontDoor::start_unready(&node.addr().to_string(), &settings);
    let mut client = door.client();
    // Until it has heard what the node tells, the front door knows no node at all.
    wait_until("the slot to be missed", || {
        let reply = client.ask("SET k v");
        assert!(reply.starts_with("-UNAVAILABLE "), "{reply}");
        assert!(reply.ends_with("; the command was not applied"), "{reply}");
        reply.starts_with("-UNAVAILABLE no node owns slot 7629 for ")
    });
}
