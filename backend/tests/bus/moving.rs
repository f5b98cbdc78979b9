//! Keys of every type on their way between real servers and nodes of ours.

use std::process::Command;

use crate::process::{form_cluster, has_program, has_redis_server, start_nodes, wait_agreement};

/// One key of each type and form, all in one slot.
const KEYS: &[(&str, &[&str])] = &[
    ("{t}int", &["SET {t}int 12345"]),
    ("{t}text", &["SET {t}text aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
    ("{t}list", &["RPUSH {t}list a 1 b -70000", "EXPIRE {t}list 5000"]),
    ("{t}intset", &["SADD {t}intset 1 70000 -3"]),
    ("{t}set", &["SADD {t}set only"]),
    ("{t}hash", &["HSET {t}hash a 1 b two"]),
    ("{t}zset", &["ZADD {t}zset 1.5 a -inf b 3 c"]),
    ("{t}stream", &["XADD {t}stream 5-1 a 1", "XGROUP CREATE {t}stream g 0"]),
    ("{t}hll", &["PFADD {t}hll a b c"]),
];

#[test]
fn redis_cli_moves_keys_of_every_type_to_ours_and_back() {
    if !has_redis_server() || !has_program("redis-cli") {
        return;
    }
    // The real server has the lower half of all slots, where the slot of `t` is not: ours begins.
    let nodes = start_nodes(1, 1);
    form_cluster(&nodes);
    let (real, ours) = (&nodes[0], &nodes[1]);
    let first = if ours.ask("SET {t}first 1") == "OK" { ours } else { real };
    let other = if first.port == ours.port { real } else { ours };
    KEYS.iter().flat_map(|(_, commands)| *commands).for_each(|command| {
        assert!(!first.ask(command).starts_with("ERR"), "{command}");
    });
    let dumps = |node: &crate::process::Node| -> Vec<String> {
        KEYS.iter().map(|(key, _)| node.ask(&format!("DUMP {key}"))).collect()
    };
    let before = dumps(first);
    for (from, to) in [(first, other), (other, first)] {
        reshard(from, to);
        wait_agreement(&nodes);
        assert_eq!(dumps(to), before);
        assert!(to.ask("TTL {t}list").parse::<u32>().is_ok_and(|ttl| ttl > 4000));
        assert_eq!(from.ask("CLUSTER COUNTKEYSINSLOT 15891"), "0");
    }
}

/// Moves all slots from one node to another, as an operator does.
fn reshard(from: &crate::process::Node, to: &crate::process::Node) {
    let (from_id, to_id) = (from.id(), to.id());
    let addr = format!("127.0.0.1:{}", from.port);
    let output = Command::new("redis-cli")
        .args(["--cluster", "reshard", &addr, "--cluster-from", &from_id, "--cluster-to", &to_id])
        .args(["--cluster-slots", "16384", "--cluster-yes"])
        .output()
        .expect("redis-cli");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
