//! `INFO` field by field: the same names in the same order in every section, whatever the server does.

use std::collections::BTreeMap;

use crate::server::{Kind, Server, has_redis_server, wait_for};
use crate::told_by_both;

/// What a redis-server tells of the way it was built, which a node has no equal of.
const NOT_HAD: [&str; 2] = ["atomicvar_api", "gcc_version"];

/// What only a node tells, most of it as later versions of Redis do.
const OWN: [&str; 4] = [
    "reddoor_version",
    "evicted_scripts",
    "client_output_buffer_limit_disconnections",
    "client_query_buffer_limit_disconnections",
];

/// Requests that leave something to tell in every section.
const REQUESTS: &[&str] = &[
    "SET a 1",
    "GET a",
    "EXPIRE a 1000",
    "HSET h f v",
    "INCR h",
    "NOSUCH",
    "GET",
    "EVAL return(redis.call('get','a')) 0",
    "EVAL return(redis.call('incr','h')) 0",
    "EVALSHA 0000000000000000000000000000000000000000 0",
    "CONFIG GET port",
    "CLIENT SETNAME me",
    "XADD s 1-1 f v",
    "OBJECT ENCODING a",
    "PING",
];

/// The names of all fields by section, each section in its order.
fn names(server: &Server) -> BTreeMap<String, Vec<String>> {
    let text = server.ask("INFO everything");
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            section = title.to_owned();
            sections.entry(section.clone()).or_default();
        } else {
            let name = line.split(':').next().unwrap().to_owned();
            sections.entry(section.clone()).or_default().push(name);
        }
    }
    for (title, names) in &mut sections {
        names.retain(|name| !NOT_HAD.contains(&name.as_str()) && !OWN.contains(&name.as_str()));
        // These come in the order of a hash table.
        if ["Commandstats", "Latencystats", "Errorstats"].contains(&title.as_str()) {
            names.sort();
        }
    }
    sections
}

/// Compares both kinds with these directives, after some requests. What `prepare` gives back is kept as long.
fn check<T>(directives: &str, prepare: impl Fn(&Server) -> T) {
    let told = told_by_both(directives, |server| {
        let _kept = prepare(server);
        let mut client = server.client();
        for request in REQUESTS {
            client.ask(request);
        }
        names(server)
    });
    let [theirs, ours] = told;
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "sections, {directives}"
    );
    let mut differences = String::new();
    for (title, names) in theirs.iter().filter(|(title, names)| ours[*title] != **names) {
        differences.push_str(&format!("{title}\nredis: {names:?}\nnode:  {:?}\n", ours[title]));
    }
    assert!(differences.is_empty(), "{directives}\n{differences}");
}

#[test]
fn a_server_alone_tells_the_same_fields() {
    if has_redis_server() {
        check("", |_| {});
        check("--latency-tracking no --min-replicas-to-write 0 --maxmemory 100mb", |_| {});
    }
}

#[test]
fn one_that_appends_tells_the_same_fields() {
    if has_redis_server() {
        check("--appendonly yes", |_| {});
    }
}

#[test]
fn one_in_a_cluster_tells_the_same_fields() {
    if has_redis_server() {
        check("--cluster-enabled yes", |server| {
            assert_eq!(server.ask("CLUSTER ADDSLOTSRANGE 0 16383"), "OK");
            wait_for("a cluster of one", || {
                server.ask("CLUSTER INFO").contains("cluster_state:ok").then_some(())
            });
        });
    }
}

#[test]
fn primaries_and_replicas_tell_the_same_fields() {
    if !has_redis_server() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let primary = Server::start(Kind::Real, dir.path(), "--repl-diskless-sync-delay 0");
    check("", |server| {
        assert_eq!(server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)), "OK");
        server.wait_info("master_link_status", "up");
    });
    check("--min-replicas-to-write 1 --repl-diskless-sync-delay 0", |server| {
        let replica_of = format!("--replicaof 127.0.0.1 {}", server.port);
        let dir = tempfile::tempdir().unwrap();
        let replica = Server::start(Kind::Real, dir.path(), &replica_of);
        server.wait_info("min_slaves_good_slaves", "1");
        replica.wait_info("master_link_status", "up");
        (replica, dir)
    });
}

/// `INFO` with `commandstats` and `errorstats` after the same requests, without times.
#[test]
fn commands_and_errors_are_counted_the_same() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        server.ask("CONFIG RESETSTAT");
        let mut client = server.client();
        for request in REQUESTS {
            client.ask(request);
        }
        counts(server)
    });
    assert_eq!(told[1], told[0]);
}

/// What `INFO` tells of commands and errors, without times, in one order.
fn counts(server: &Server) -> Vec<String> {
    let text = server.ask("INFO commandstats") + &server.ask("INFO errorstats");
    let without_times = |line: &str| -> String {
        let fields = line.split(',').filter(|field| !field.starts_with("usec"));
        fields.collect::<Vec<_>>().join(",")
    };
    let mut lines: Vec<String> = text.lines().map(|line| without_times(line.trim())).collect();
    lines.sort();
    lines
}

#[test]
fn waits_that_somebody_ends_have_failed() {
    if !has_redis_server() {
        return;
    }
    let told = told_by_both("", |server| {
        let mut waiting = server.client();
        let id = waiting.ask("CLIENT ID").replace(':', "");
        let ends = [
            ("BLPOP nothing 0", format!("CLIENT UNBLOCK {id}")),
            ("BLPOP nothing 0", format!("CLIENT UNBLOCK {id} ERROR")),
            ("WAIT 1 0", format!("CLIENT UNBLOCK {id} ERROR")),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "DEL s".to_owned()),
        ];
        ends.map(|(wait, end)| {
            server.ask("XGROUP CREATE s g $ MKSTREAM");
            server.ask("CONFIG RESETSTAT");
            waiting.send(wait);
            server.wait_info("blocked_clients", "1");
            server.ask(&end);
            let told = ["blpop", "wait:", "xreadgroup", "errorstat_"];
            let mut counts = counts(server);
            counts.retain(|line| told.iter().any(|name| line.contains(name)));
            (waiting.read(), counts)
        })
    });
    assert_eq!(told[1], told[0]);
}

#[test]
fn connections_that_migrate_keeps_are_told() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(Kind::Ours, dir.path(), "");
    let target = Server::start(Kind::Ours, other.path(), "");
    assert_eq!(server.info("migrate_cached_sockets"), "0");
    server.ask("SET a b");
    assert_eq!(server.ask(&format!("MIGRATE 127.0.0.1 {} a 0 60000", target.port)), "OK");
    assert_eq!(server.info("migrate_cached_sockets"), "1");
}
