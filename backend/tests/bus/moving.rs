//! Keys of every type on their way between real servers and nodes of ours.

use std::process::Command;

use crate::process::{
    Node, form_cluster, has_program, has_redis_server, start_nodes, wait_agreement, wait_until,
};

/// One key of each type and form, all in slot 0: of several slots redis-cli takes the lowest first.
const KEYS: &[(&str, &[&str])] = &[
    ("{06S}int", &["SET {06S}int 12345"]),
    (
        "{06S}text",
        &["SET {06S}text aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    ),
    ("{06S}list", &["RPUSH {06S}list a 1 b -70000", "EXPIRE {06S}list 5000"]),
    ("{06S}intset", &["SADD {06S}intset 1 70000 -3"]),
    ("{06S}set", &["SADD {06S}set only"]),
    ("{06S}hash", &["HSET {06S}hash a 1 b two"]),
    ("{06S}zset", &["ZADD {06S}zset 1.5 a -inf b 3 c"]),
    ("{06S}stream", &["XADD {06S}stream 5-1 a 1", "XGROUP CREATE {06S}stream g 0"]),
    ("{06S}hll", &["PFADD {06S}hll a b c"]),
];

#[test]
fn redis_cli_moves_keys_of_every_type_to_ours_and_back() {
    if !has_redis_server() || !has_program("redis-cli") {
        return;
    }
    let nodes = start_nodes(1, 1);
    form_cluster(&nodes);
    let (real, ours) = (&nodes[0], &nodes[1]);
    KEYS.iter().flat_map(|(_, commands)| *commands).for_each(|command| {
        let reply = real.ask(command);
        assert!(!reply.contains("ERR"), "{command}: {reply}");
    });
    let dumps = |node: &Node| -> Vec<String> {
        KEYS.iter().map(|(key, _)| node.ask(&format!("DUMP {key}"))).collect()
    };
    let before = dumps(real);
    for (from, to) in [(real, ours), (ours, real)] {
        reshard(from, to);
        wait_agreement(&nodes);
        assert_eq!(dumps(to), before);
        let ttl = to.ask("TTL {06S}list");
        let seconds = ttl.strip_prefix(':').and_then(|ttl| ttl.parse::<u32>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 1000), "{ttl}");
        let counts = [from, to].map(|node| node.ask("CLUSTER COUNTKEYSINSLOT 0"));
        assert_eq!(counts, [":0".to_owned(), format!(":{}", KEYS.len())]);
    }
}

/// Moves the lowest slot from one node to another, as an operator does.
fn reshard(from: &Node, to: &Node) {
    let (from_id, to_id) = (from.id(), to.id());
    let addr = format!("127.0.0.1:{}", from.port);
    let output = Command::new("redis-cli")
        .args(["--cluster", "reshard", &addr, "--cluster-from", &from_id, "--cluster-to", &to_id])
        .args(["--cluster-slots", "1", "--cluster-yes"])
        .output()
        .expect("redis-cli");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Otherwise it would be a primary that serves nothing, where a replica may be missing.
#[test]
fn a_primary_that_gives_its_last_slot_away_copies_who_has_it() {
    if !has_redis_server() {
        return;
    }
    let nodes = start_nodes(2, 2);
    form_cluster(&nodes);
    for [giver, taker] in [[0, 2], [3, 1]].map(|pair| pair.map(|index| &nodes[index])) {
        let slots = giver.view_of(giver.port).expect("itself").slots[0].clone();
        let (first, last) = (*slots.start(), *slots.end());
        assert_eq!(giver.ask(&format!("CLUSTER DELSLOTSRANGE {first} {}", last - 1)), "OK");
        let set_owner = format!("CLUSTER SETSLOT {last} NODE {}", taker.id());
        assert_eq!(giver.ask("CONFIG SET cluster-allow-replica-migration no"), "OK");
        assert_eq!(giver.ask(&set_owner), "OK");
        assert!(giver.ask("ROLE").starts_with("[master"), "{:?} has leave to stay", giver.kind);
        assert_eq!(giver.ask("CONFIG SET cluster-allow-replica-migration yes"), "OK");
        assert_eq!(giver.ask(&format!("CLUSTER ADDSLOTS {first}")), "OK");
        let set_owner = format!("CLUSTER SETSLOT {first} NODE {}", taker.id());
        assert_eq!(giver.ask(&set_owner), "OK");
        let role = giver.ask("ROLE");
        assert!(role.starts_with(&format!("[slave, 127.0.0.1, :{}", taker.port)), "{role}");
        wait_until("it to copy", || giver.is_in_step());
    }
}
