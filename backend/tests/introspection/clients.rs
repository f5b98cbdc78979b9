//! `CLIENT LIST`: what it tells of clients in every state.

use crate::server::{Kind, Server, has_redis_server};
use crate::tcp_client::Client;

/// What a client does before somebody looks at it.
const STATES: &[&[&str]] = &[
    &["PING"],
    &["CLIENT SETNAME me", "SELECT 3"],
    &["HELLO 3"],
    &["SUBSCRIBE a b", "PSUBSCRIBE c*", "SSUBSCRIBE d"],
    &["MULTI", "SET a 1", "GET a"],
    &["WATCH changed", "SET changed 1", "MULTI"],
    &["BLPOP nosuch 0"],
    &["MONITOR"],
    &["CLIENT NO-EVICT on"],
    &["CLIENT TRACKING on"],
    &["CLIENT TRACKING on BCAST PREFIX a"],
    &["NOSUCH"],
    &["GET"],
    &["CONFIG GET port"],
    &["DEBUG SLEEP 0"],
    &["REPLCONF listening-port 1", "SYNC"],
];

/// Fields of addresses, times and sizes, which no two servers share.
const OWN: [&str; 14] = [
    "id",
    "addr",
    "laddr",
    "fd",
    "age",
    "idle",
    "qbuf",
    "qbuf-free",
    "argv-mem",
    "multi-mem",
    "rbs",
    "rbp",
    "tot-mem",
    "omem",
];

/// The names of all fields, and what the others say.
fn facts(line: &str) -> Vec<String> {
    let fields = line.trim().split(' ').map(|field| field.split_once('=').unwrap());
    let told = |(name, value): (&str, &str)| {
        if OWN.contains(&name) { name.to_owned() } else { format!("{name}={value}") }
    };
    fields.map(told).collect()
}

#[test]
fn clients_in_every_state_are_told_alike() {
    if !has_redis_server() {
        return;
    }
    let told = [Kind::Real, Kind::Ours].map(|kind| {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(kind, dir.path(), "--repl-diskless-sync no");
        let mut asker = server.client();
        let mut states = Vec::new();
        let mut kept: Vec<Client> = Vec::new();
        for state in STATES {
            let mut client = server.client();
            let id = client.ask("CLIENT ID");
            state.iter().for_each(|request| client.send(request));
            let list = || asker.ask(&format!("CLIENT LIST ID {}", &id[1..]));
            let last = state.last().unwrap().split(' ').next().unwrap().to_lowercase();
            let line = crate::server::wait_for("the client's last command", {
                let mut list = list;
                move || {
                    let line = list();
                    let has_come = line.contains(&format!("cmd={last}")) || last == "nosuch";
                    // A copy is begun by the node's own work, later.
                    (has_come && (last != "sync" || line.contains("flags=S"))).then_some(line)
                }
            });
            states.push((state.join(", "), facts(&line)));
            kept.push(client);
        }
        let own = facts(&asker.ask("CLIENT INFO"));
        states.push(("CLIENT INFO".to_owned(), own));
        states
    });
    let [theirs, ours] = told;
    let differing = theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours);
    let shown: Vec<String> = differing
        .map(|(theirs, ours)| format!("{}\n{:?}\n{:?}", ours.0, theirs.1, ours.1))
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}
