//! What is published on one node is heard on another, of either kind; shard channels stay where their slot is.

use crate::process::{Kind, Node, form_cluster, has_redis_server, start_nodes, wait_until};

/// A client of one node hears what is published on another.
fn check_publishing(from: &Node, to: &Node) {
    let mut listener = to.client();
    assert_eq!(listener.ask("PSUBSCRIBE news.*"), "[psubscribe, news.*, :1]");
    assert_eq!(from.ask("PUBLISH news.today hello"), ":0");
    assert_eq!(listener.read(), "[pmessage, news.*, news.today, hello]");
}

#[test]
fn a_publication_reaches_clients_of_other_nodes_of_either_kind() {
    let nodes = if has_redis_server() { start_nodes(2, 2) } else { start_nodes(0, 3) };
    form_cluster(&nodes);
    for (index, from) in nodes.iter().enumerate() {
        nodes.iter().skip(index + 1).for_each(|to| {
            check_publishing(from, to);
            check_publishing(to, from);
        });
    }
}

#[test]
fn shard_channels_belong_to_the_owner_of_their_slot() {
    let kinds: &[Kind] = if has_redis_server() { &[Kind::Real, Kind::Ours] } else { &[Kind::Ours] };
    for kind in kinds {
        let nodes = [Node::start(*kind), Node::start(*kind)];
        form_cluster(&nodes);
        let slot = nodes[0].ask("CLUSTER KEYSLOT orders");
        let slot = slot.trim_start_matches(':');
        let is_owner = |node: &&Node| node.ask("SSUBSCRIBE orders").starts_with('[');
        let owner = nodes.iter().find(is_owner).expect("an owner");
        let other = nodes.iter().find(|node| node.port != owner.port).expect("another");
        let mut listener = owner.client();
        assert_eq!(listener.ask("SSUBSCRIBE orders {orders}x"), "[ssubscribe, orders, :1]");
        assert_eq!(listener.read(), "[ssubscribe, {orders}x, :2]");
        let moved = format!("-MOVED {slot} 127.0.0.1:{}", owner.port);
        assert_eq!(other.ask("SSUBSCRIBE orders"), moved);
        assert_eq!(other.ask("SPUBLISH orders x"), moved);
        let refusal = "-CROSSSLOT Keys in request don't hash to the same slot";
        assert_eq!(owner.ask("SSUBSCRIBE orders other"), refusal);
        assert_eq!(owner.ask("SPUBLISH orders x"), ":1");
        assert_eq!(listener.read(), "[smessage, orders, x]");
        // A slot under way is still served by its owner, though no channel is a key of it.
        assert_eq!(owner.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", other.id())), "OK");
        assert_eq!(owner.ask("SPUBLISH orders y"), ":1");
        assert_eq!(listener.read(), "[smessage, orders, y]");
        for node in [other, owner] {
            let assigned = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {}", other.id()));
            assert_eq!(assigned, "OK");
        }
        let ended = [listener.read(), listener.read()];
        assert!(
            ended.contains(&"[sunsubscribe, {orders}x, :1]".to_owned())
                || ended.contains(&"[sunsubscribe, orders, :1]".to_owned()),
            "{ended:?}"
        );
        assert!(ended[1].ends_with(", :0]"), "{ended:?}");
        assert_eq!(listener.ask("PING"), "PONG");
        wait_until("the new owner to serve", || other.ask("SPUBLISH orders z") == ":0");
    }
}

#[test]
fn a_client_that_waits_for_a_key_is_sent_after_its_slot() {
    let kinds: &[Kind] = if has_redis_server() { &[Kind::Real, Kind::Ours] } else { &[Kind::Ours] };
    for kind in kinds {
        let nodes = [Node::start(*kind), Node::start(*kind)];
        form_cluster(&nodes);
        let slot = nodes[0].ask("CLUSTER KEYSLOT queue");
        let slot = slot.trim_start_matches(':');
        let is_owner = |node: &&Node| node.ask("LLEN queue") == ":0";
        let owner = nodes.iter().find(is_owner).expect("an owner");
        let other = nodes.iter().find(|node| node.port != owner.port).expect("another");
        let mut waiting = owner.client();
        waiting.send("BLPOP queue 0");
        wait_until("the client to wait", || {
            owner.ask("INFO clients").contains("blocked_clients:1")
        });
        for node in [other, owner] {
            let assigned = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {}", other.id()));
            assert_eq!(assigned, "OK");
        }
        assert_eq!(waiting.read(), format!("-MOVED {slot} 127.0.0.1:{}", other.port));
        assert_eq!(waiting.ask("PING"), "PONG");
    }
}
