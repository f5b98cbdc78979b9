//! Settings that reach beyond the node, changed while it serves: where it listens, where it connects from, how ready the
//! system is to end it.

use std::fs;
use std::net::{TcpListener, TcpStream};

use reddoor_tests::port::NodePort;

use crate::server::{Kind, Server, has_redis_server, wait_for};
use crate::tcp_client::{Client, text_of};
use crate::told_by_both;

#[test]
fn a_node_listens_elsewhere_when_it_is_told_to_and_can() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("--protected-mode no --enable-protected-configs yes", |server| {
        let reserved = NodePort::free();
        let other = reserved.number();
        let taken = TcpListener::bind("0.0.0.0:0").unwrap();
        let taken = taken.local_addr().unwrap().port();
        let mut first = server.client();
        let mut said = vec![first.ask(&format!("CONFIG SET port {other}"))];
        // Who was there stays, and everybody else comes by the new port.
        let mut second = Client::connect(other).unwrap();
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
        said.push(second.ask("PING"));
        said.push(
            first
                .ask(&format!("CONFIG SET maxclients 77 port {taken}"))
                .replace(&taken.to_string(), "*"),
        );
        said.push(first.ask("CONFIG GET maxclients"));
        said.push(first.ask("CONFIG SET dir /nosuch"));
        assert!(Client::connect(other).is_ok());
        said.push(first.ask("CONFIG SET bind 999.999.999.999"));
        assert!(Client::connect(other).is_ok());
        said.push(first.ask("CONFIG SET bind "));
        assert!(TcpStream::connect(("127.0.0.1", other)).is_err());
        said.push(first.ask(&format!("CONFIG SET bind 127.0.0.1 port {}", server.port)));
        assert!(Client::connect(server.port).is_ok());
        said
    });
    let [theirs, ours] = told;
    assert_eq!(ours, theirs);
}

#[test]
fn the_system_knows_the_score_of_a_nodes_role() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(Kind::Ours, dir.path(), "");
    let score = || -> i32 {
        let text = fs::read_to_string(format!("/proc/{}/oom_score_adj", server.pid())).unwrap();
        text.trim().parse().unwrap()
    };
    let before = score();
    let values: [&[u8]; 4] = [b"CONFIG", b"SET", b"oom-score-adj-values", b"5 6 7"];
    assert_eq!(text_of(&server.client().call(&values).unwrap()), "OK");
    assert_eq!(score(), before);
    assert_eq!(server.ask("CONFIG SET oom-score-adj relative"), "OK");
    assert_eq!(score(), before + 5);
    assert_eq!(server.ask("REPLICAOF localhost 1"), "OK");
    assert_eq!(score(), before + 6);
    assert_eq!(server.ask("REPLICAOF NO ONE"), "OK");
    assert_eq!(server.ask("CONFIG SET oom-score-adj absolute"), "OK");
    assert_eq!(score(), 5);
    // What fails leaves everything as it was.
    let failed = server.ask("CONFIG SET oom-score-adj no bind 999.999.999.999");
    assert!(failed.contains("Failed to bind"), "{failed}");
    assert_eq!(score(), 5);
    assert_eq!(server.ask("CONFIG SET oom-score-adj no"), "OK");
    assert_eq!(score(), before);
}

#[test]
fn a_replica_connects_from_the_address_that_it_is_given() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [primary, replica] = dirs
        .each_ref()
        .map(|dir| Server::start(Kind::Ours, dir.path(), "--repl-diskless-sync-delay 0"));
    assert_eq!(replica.ask("CONFIG SET bind-source-addr 127.0.0.2"), "OK");
    assert_eq!(replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)), "OK");
    wait_for("the replica to come from 127.0.0.2", || {
        primary.ask("INFO replication").contains("ip=127.0.0.2,").then_some(())
    });
}
