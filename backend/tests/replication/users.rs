//! Replicas that are users of their primary, and users that a stream does not ask for leave.

use reddoor_protocol::value::Value;

use crate::process::{Server, has_redis_server, show, wait_until};
use crate::{PAIRS, follow, wait_linked};

const USER: &str = "--user copier on >secret +psync +replconf +ping";

#[test]
fn a_replica_is_the_user_that_it_says_and_may_do_no_more() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let primary = Server::start(primary, USER);
        let replica = Server::start(replica, "--masteruser copier --masterauth secret");
        follow(&replica, primary.port);
        wait_linked(&replica);
        let replicas = primary.ask("CLIENT LIST TYPE replica");
        assert!(replicas.contains("user=copier"), "{replicas}");
        // What the replica's own users may do does not matter to what its primary says.
        assert_eq!(replica.ask("ACL SETUSER default resetkeys %R~*"), "OK");
        assert_eq!(primary.ask("SET key text"), "OK");
        wait_until(|| "the write".to_owned(), || replica.ask("GET key") == "text");
    }
}

#[test]
fn a_replica_that_may_not_copy_is_told_so() {
    if !has_redis_server() {
        return;
    }
    for (primary, replica) in PAIRS {
        let primary = Server::start(primary, "--user copier on >secret +replconf +ping");
        let replica = Server::start(replica, "--masteruser copier --masterauth secret");
        follow(&replica, primary.port);
        let refused = "reason=command;context=toplevel;object=psync;username=copier";
        wait_until(
            || format!("{:?} to refuse {:?}", primary.kind, replica.kind),
            || refusals(&primary).contains(refused),
        );
        assert_eq!(primary.ask("ACL SETUSER copier +psync"), "OK");
        wait_linked(&replica);
    }
}

/// The fields of all entries of the log, one entry a line.
fn refusals(server: &Server) -> String {
    let reply = server.client().call(&[b"ACL", b"LOG"]);
    let lines = elements(&reply).iter().map(|entry| {
        let pairs = elements(entry).chunks(2);
        let pairs = pairs.map(|pair| format!("{}={}", show(&pair[0]), show(&pair[1])));
        pairs.collect::<Vec<_>>().join(";")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn elements(value: &Value) -> &[Value] {
    if let Value::Array(elements) = value { elements } else { &[] }
}
