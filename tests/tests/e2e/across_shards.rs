//! What lies on all shards is asked of all of them, and answered as by one Redis that holds everything.

use std::collections::{BTreeMap, BTreeSet};

use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real | bundled: keys_are_counted_listed_picked_and_flushed, a_node_that_is_gone_fails_the_whole,
    what_clients_ask_as_they_connect_needs_no_node, figures_of_all_nodes_are_added,
    the_cluster_is_shown_where_allowed, scripts_and_functions_are_everywhere, a_busy_script_is_killed);
over_clusters!(real: settings_of_nodes_are_told_and_changed_where_allowed,
    what_nodes_tell_of_themselves_is_joined, replicas_are_waited_for);

const ALLOW: [(&str, &str); 2] = [("admin.commands", "allow"), ("admin.cluster_commands", "allow")];

fn both(door: &FrontDoor) -> [Client; 2] {
    [door.client(), door.client_v3()]
}

fn keys_are_counted_listed_picked_and_flushed(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    for mut client in both(&door) {
        assert_eq!(client.ask("RANDOMKEY"), "nil");
        assert_eq!(client.ask("DBSIZE"), ":0");
        let names = keys("all", 300);
        names.iter().for_each(|key| assert_eq!(client.ask(&format!("SET {key} 1")), "OK"));
        assert_eq!(client.ask("DBSIZE"), ":300");
        let Value::Array(listed) = client.call(&["KEYS", "all:*"]) else { panic!("no array") };
        let listed: BTreeSet<String> = listed.iter().map(text).collect();
        assert_eq!(listed, names.iter().cloned().collect());
        assert_eq!(client.ask("KEYS all:7"), "[all:7]");
        let picked: BTreeSet<u16> =
            (0..60).map(|_| cluster.owner_of(&client.ask("RANDOMKEY")).port()).collect();
        assert_eq!(picked.len(), 3, "each node is chosen at times");
        assert_eq!(client.ask("FLUSHALL NOSUCH"), "-ERR syntax error");
        assert_eq!(client.ask("DBSIZE"), ":300");
        assert_eq!(client.ask("FLUSHDB"), "OK");
        assert_eq!(client.ask("KEYS *"), "[]");
        for option in ["", " ASYNC", " SYNC"] {
            assert_eq!(client.ask("MSET a 1 b 2 c 3"), "OK");
            assert_eq!(client.ask(&format!("FLUSHALL{option}")), "OK");
            assert_eq!(client.ask("DBSIZE"), ":0");
        }
    }
    // In a pipeline they keep their place.
    let mut client = door.client();
    for line in ["SET a 1", "DBSIZE", "SET b 1", "DBSIZE", "FLUSHALL", "DBSIZE", "PING"] {
        client.send_line(line);
    }
    let replies: Vec<String> = (0..7).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, ["OK", ":1", "OK", ":2", "OK", ":0", "PONG"]);
}

fn a_node_that_is_gone_fails_the_whole(kind: Kind) {
    let mut cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("failover.hold_ms", "500")]);
    let mut client = door.client();
    assert_eq!(client.ask("DBSIZE"), ":0");
    cluster.nodes[1].kill();
    for line in ["DBSIZE", "KEYS *", "FLUSHALL", "RANDOMKEY", "INFO keyspace"] {
        let reply = client.ask(line);
        assert!(reply.starts_with("-PARTIAL 1 of 3 parts failed: "), "{line}: {reply}");
    }
    // Unasked for, figures of nodes are left out whole, and this is said.
    let info = client.ask("INFO");
    assert!(info.contains("cluster_figures:missing, PARTIAL 1 of 3 parts failed"), "{info}");
    assert!(info.contains("loading:0\r\n") && !info.contains("# Keyspace"), "{info}");
}

fn what_clients_ask_as_they_connect_needs_no_node(kind: Kind) {
    let mut cluster = Cluster::start(kind, 1);
    let door = FrontDoor::start(&cluster.seeds(), &[("failover.hold_ms", "300")]);
    cluster.nodes[0].kill();
    for mut client in both(&door) {
        assert!(client.ask("INFO persistence").contains("loading:0\r\n"));
        assert!(client.ask("INFO server").contains("redis_version:7.0.15\r\n"));
        assert!(client.ask("INFO replication").contains("role:master\r\n"));
        assert!(client.ask("CONFIG GET save").starts_with(['[', '{']));
        assert!(client.ask("CONFIG GET appendonly").contains("no"));
    }
}

/// The fields of an `INFO` text.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(':')).collect()
}

fn figures_of_all_nodes_are_added(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    for mut client in both(&door) {
        keys("sum", 90).iter().for_each(|key| drop(client.ask(&format!("SET {key} 1 EX 1000"))));
        let both = client.ask("INFO cpu all");
        assert!(
            both.contains("master_repl_offset:0")
                && both.contains("latency_percentiles_usec_set:p50=")
        );
        assert!(
            both.contains("rdb_bgsave_in_progress:0") && both.contains("rdb_last_bgsave_status:ok")
        );
        for line in ["INFO keyspace", "INFO", "INFO everything"] {
            let info = client.ask(line);
            let db0 = *fields(&info).get("db0").unwrap_or_else(|| panic!("{line}: {info}"));
            assert!(db0.starts_with("keys=90,expires=90,avg_ttl="), "{db0}");
        }
        let memory = client.ask("INFO memory");
        let memory: u64 = fields(&memory)["used_memory"].parse().unwrap();
        let mut each = |node: &str| -> u64 {
            let info = client.ask(&format!("INFO node:{node} memory"));
            fields(&info)["used_memory"].parse().unwrap()
        };
        let most: u64 =
            cluster.nodes.iter().map(|node| node.addr()).map(|a| each(&a)).max().unwrap();
        assert!(memory > 2 * most, "{memory} is the sum of three, the largest {most}");
        assert_eq!(
            client.ask("INFO node:127.0.0.1:1 memory"),
            "-ERR no such node, see node0, node1, ... in INFO proxy"
        );
    }
}

fn scripts_and_functions_are_everywhere(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    for mut client in both(&door) {
        let digest = text(&client.call(&["SCRIPT", "LOAD", "return 7"]));
        assert_eq!(digest.len(), 40);
        for node in &cluster.nodes {
            assert_eq!(node.ask(&format!("SCRIPT EXISTS {digest}")), "[:1]");
        }
        let unknown = "0".repeat(40);
        assert_eq!(client.ask(&format!("SCRIPT EXISTS {digest} {unknown}")), "[:1, :0]");
        // One node has run it, and any can be given it.
        assert_eq!(client.ask("EVAL return(7) 0"), ":7");
        let evaluated = "bc70ae583496ef68242126e5f723b4224435af02";
        assert_eq!(client.ask(&format!("SCRIPT EXISTS {evaluated}")), "[:1]");
        assert_eq!(cluster.nodes[0].ask("SCRIPT FLUSH"), "OK");
        assert_eq!(client.ask(&format!("SCRIPT EXISTS {digest}")), "[:1]");
        assert_eq!(client.ask("SCRIPT FLUSH SYNC"), "OK");
        assert_eq!(client.ask(&format!("SCRIPT EXISTS {digest}")), "[:0]");
        let idle = "-NOTBUSY No scripts in execution right now.";
        assert_eq!(client.ask("SCRIPT KILL"), idle);
        assert_eq!(client.ask("FUNCTION KILL"), idle);

        let library = "#!lua name=lib\nredis.register_function('seven', function() return 7 end)";
        assert_eq!(text(&client.call(&["FUNCTION", "LOAD", library])), "lib");
        let taken = "-ERR Library 'lib' already exists";
        assert_eq!(text(&client.call(&["FUNCTION", "LOAD", library])), taken);
        assert_eq!(text(&client.call(&["FUNCTION", "LOAD", "REPLACE", library])), "lib");
        for node in &cluster.nodes {
            assert_eq!(node.ask("FCALL seven 0"), ":7");
        }
        assert!(client.ask("FUNCTION LIST").contains("seven"));
        assert!(client.ask("FUNCTION STATS").contains("LUA"));
        let dump = client.call(&["FUNCTION", "DUMP"]);
        assert_eq!(client.ask("FUNCTION DELETE lib"), "OK");
        assert_eq!(cluster.nodes[2].ask("FUNCTION LIST"), "[]");
        let dump = dump.as_bytes().unwrap();
        assert_eq!(text(&client.call(&[b"FUNCTION".as_slice(), b"RESTORE", dump])), "OK");
        assert_eq!(cluster.nodes[2].ask("FCALL seven 0"), ":7");
        assert_eq!(client.ask("FUNCTION FLUSH"), "OK");
    }
}

fn a_busy_script_is_killed(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("workers.count", "1")]);
    assert!(cluster.nodes.iter().all(|n| n.ask("CONFIG SET busy-reply-threshold 50") == "OK"));
    let (mut busy, mut other) = (door.client(), door.client());
    busy.send(&["EVAL", "while true do end", "1", "k"]);
    wait_until("the script to be killed", || other.ask("SCRIPT KILL") == "OK");
    let reply = text(&busy.reply());
    assert!(reply.contains("Script killed by user"), "{reply}");
}

fn settings_of_nodes_are_told_and_changed_where_allowed(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let refusing = FrontDoor::before(&cluster);
    let mut client = refusing.client();
    let refusal = client.ask("CONFIG SET lfu-log-factor 9");
    assert!(refusal.starts_with("-NOTALLOWED command 'config|set' changes nodes"), "{refusal}");
    assert!(refusal.ends_with("they may change where admin.settings is \"tuning\""), "{refusal}");
    let tuning = FrontDoor::start(&cluster.seeds(), &[("admin.settings", "tuning")]);
    let mut client = tuning.client();
    for (line, name) in [
        ("CONFIG SET maxmemory 1", "config|set"),
        ("CONFIG REWRITE", "config|rewrite"),
        ("DEBUG SLEEP 0", "debug"),
        ("SHUTDOWN NOSAVE", "shutdown"),
        ("REPLICAOF no one", "replicaof"),
        ("FAILOVER", "failover"),
        ("ACL SETUSER x", "acl|setuser"),
        ("MODULE LOAD /x", "module|load"),
    ] {
        let refusal = format!(
            "-NOTALLOWED command '{name}' changes nodes, which clients may where admin.commands is \"allow\""
        );
        assert_eq!(client.ask(line), refusal, "{line}");
    }
    assert_eq!(client.ask("CONFIG SET notify-keyspace-events KEA save ''"), "OK");
    assert!(
        cluster.nodes.iter().all(|n| n.ask("CONFIG GET notify-keyspace-events").contains("AKE"))
    );
    assert_eq!(
        client.ask("CONFIG SET save 1"),
        "-ERR CONFIG SET failed (possibly related to argument 'save') - can't set immutable config"
    );
    let door = FrontDoor::start(&cluster.seeds(), &ALLOW);
    for mut client in both(&door) {
        assert_eq!(client.ask("CONFIG SET hash-max-listpack-entries 77 lfu-log-factor 9"), "OK");
        for node in &cluster.nodes {
            assert_eq!(node.ask("CONFIG GET lfu-log-factor"), "[lfu-log-factor, 9]");
        }
        let told = client.ask("CONFIG GET hash-max-listpack-entries");
        assert!(told.contains("hash-max-listpack-entries") && told.contains("77"), "{told}");
        let port = door.addr.port().to_string();
        let own = client.ask("CONFIG GET [pm]*");
        assert!(own.contains(&port) && own.contains("maxmemory-samples"), "{own}");
        assert_eq!(own.matches("maxclients").count(), 1, "{own}");
        assert_eq!(
            client.ask("CONFIG SET maxclients 7"),
            "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - can't set immutable config"
        );
        let wrong = "CONFIG SET nosuch 1";
        assert_eq!(client.ask(wrong), cluster.nodes[0].ask(wrong));
        assert_eq!(client.ask("CONFIG RESETSTAT"), "OK");
        // The command that asks for it may be counted, and the one before.
        let errors = client.ask("INFO stats");
        let errors = errors.lines().find_map(|line| line.strip_prefix("total_error_replies:"));
        assert!(errors.unwrap().trim().parse::<u64>().unwrap() <= 1);
        assert_eq!(client.ask("ACL SETUSER someone on nopass ~* +@all"), "OK");
        assert_eq!(cluster.nodes[2].ask("ACL USERS"), "[default, someone]");
        assert_eq!(client.ask("ACL DELUSER someone"), ":1");
        assert_eq!(client.ask("DEBUG SLEEP 0"), "OK");
        assert_eq!(client.ask("SET k 1"), "OK");
        assert!(client.ask("DEBUG OBJECT k").contains("encoding:int"));
        assert_eq!(client.ask("DEBUG OBJECT nosuch"), "-ERR no such key");
        assert_eq!(client.ask("DEBUG PROTOCOL integer"), ":12345");
        assert_eq!(text(&client.call(&["CONFIG", "SET", "save", "7 1"])), "OK");
        assert_eq!(cluster.nodes[1].ask("CONFIG GET save"), "[save, 7 1]");
        assert!(client.ask("CONFIG GET save").contains("7 1"));
    }
}

fn what_nodes_tell_of_themselves_is_joined(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[]);
    for (node, seconds) in cluster.nodes.iter().zip(["0.004", "0.040", "0.100"]) {
        assert_eq!(node.ask("CONFIG SET slowlog-log-slower-than 0"), "OK");
        assert_eq!(node.ask("CONFIG SET latency-monitor-threshold 1"), "OK");
        assert_eq!(node.ask(&format!("DEBUG SLEEP {seconds}")), "OK");
    }
    for mut client in both(&door) {
        keys("slow", 30).iter().for_each(|key| drop(client.ask(&format!("SET {key} 1"))));
        for (line, count) in [("SLOWLOG GET", 10), ("SLOWLOG GET 4", 4)] {
            let Value::Array(rows) = client.call(&reddoor_tests::client::words(line)) else {
                panic!("rows")
            };
            assert_eq!(rows.len(), count, "{line}");
            let time = |row: &Value| row.as_array().unwrap()[1].as_integer().unwrap();
            assert!(rows.windows(2).all(|pair| time(&pair[0]) >= time(&pair[1])));
        }
        let Value::Integer(len) = client.call(&["SLOWLOG", "LEN"]) else { panic!("a number") };
        assert!(len >= 33, "{len}");
        let latest = client.ask("LATENCY LATEST");
        // A busy machine may have made other events.
        assert!(latest.contains("[command, :"), "{latest}");
        assert!(client.ask("LATENCY HISTORY command").starts_with("[[:"));
        let advice = client.ask("LATENCY DOCTOR");
        assert!(advice.contains("Dave"), "{advice}");
        let graph = client.ask("LATENCY GRAPH command");
        assert!(graph.contains(&cluster.nodes[1].addr()), "{graph}");
        assert_eq!(client.ask("LATENCY HISTORY nosuch"), "[]");
        let histogram = client.call(&["LATENCY", "HISTOGRAM", "set"]);
        let calls = histogram.field("set").and_then(|set| set.field("calls")?.as_integer());
        assert!(calls.unwrap() >= 30, "{histogram:?}");
        let stats = client.call(&["MEMORY", "STATS"]);
        assert_eq!(stats.field("keys.count").and_then(Value::as_integer), Some(30));
        assert!(client.ask("MEMORY DOCTOR").starts_with("Hi Sam"));
        assert!(client.ask("MEMORY USAGE slow:1").starts_with(':'));
        assert_eq!(client.ask("MEMORY PURGE"), "OK");
        assert_eq!(client.ask("OBJECT ENCODING slow:1"), "int");
        assert!(client.ask("LASTSAVE").starts_with(':'));
        assert!(client.ask("LOLWUT").contains("Redis ver. 7"));
        assert!(client.ask("TIME").starts_with('['));
        assert_eq!(client.ask("PUBSUB NUMSUB a b"), "[a, :0, b, :0]");
        assert_eq!(client.ask("PUBSUB SHARDNUMSUB a"), "[a, :0]");
        assert_eq!(client.ask("PUBSUB NUMPAT"), ":0");
        assert_eq!(client.ask("PUBSUB CHANNELS"), "[]");
        assert_eq!(client.ask("PUBSUB SHARDCHANNELS *"), "[]");
    }
    let mut client = door.client();
    assert_eq!(client.ask("LATENCY RESET command"), ":3");
    assert_eq!(client.ask("SLOWLOG RESET"), "OK");
    let mut listeners: Vec<Client> = cluster.nodes.iter().map(|node| node.client()).collect();
    for listener in &mut listeners {
        listener.ask("SUBSCRIBE news");
        listener.ask("PSUBSCRIBE n*");
    }
    assert_eq!(client.ask("PUBSUB CHANNELS"), "[news]");
    assert_eq!(client.ask("PUBSUB NUMSUB news old"), "[news, :3, old, :0]");
    assert_eq!(client.ask("PUBSUB NUMPAT"), ":3");
    let mut crowd: Vec<Client> = (0..5).map(|_| door.client()).collect();
    for listener in &mut crowd {
        assert_eq!(listener.ask("SUBSCRIBE crowd"), "[subscribe, crowd, :1]");
        assert_eq!(listener.ask("SSUBSCRIBE shard"), "[ssubscribe, shard, :1]");
    }
    assert_eq!(client.ask("PUBSUB NUMSUB old crowd news"), "[old, :0, crowd, :5, news, :3]");
    assert_eq!(client.ask("PUBSUB SHARDNUMSUB shard"), "[shard, :5]");
    assert_eq!(client.ask("BGSAVE"), "Background saving started");
}

fn replicas_are_waited_for(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::before(&cluster);
    for mut client in both(&door) {
        client.send_line("SET waited 1");
        client.send_line("WAIT 1 60000");
        assert_eq!(
            (client.reply(), client.reply()),
            (Value::Simple(b"OK".into()), Value::Integer(1))
        );
    }
}

fn the_cluster_is_shown_where_allowed(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let hiding = FrontDoor::before(&cluster);
    let mut client = hiding.client();
    let off = "-ERR This instance has cluster support disabled";
    assert_eq!(client.ask("CLUSTER SLOTS"), off);
    let door = FrontDoor::start(&cluster.seeds(), &[("admin.cluster_commands", "allow")]);
    for mut client in both(&door) {
        assert_eq!(client.ask("CLUSTER KEYSLOT foo"), ":12182");
        assert!(client.ask("CLUSTER INFO").contains("cluster_slots_assigned:16384"));
        assert!(client.ask("CLUSTER NODES").contains(&cluster.nodes[1].addr()));
        assert!(client.ask("CLUSTER SLOTS").contains(":16383"));
        assert!(client.ask("CLUSTER SHARDS").contains("slots"));
        assert_eq!(client.ask("CLUSTER MYID").len(), 40);
        assert_eq!(client.ask("SET foo 1"), "OK");
        assert_eq!(client.ask("CLUSTER COUNTKEYSINSLOT 12182"), ":1");
        assert_eq!(client.ask("CLUSTER GETKEYSINSLOT 12182 10"), "[foo]");
        assert_eq!(client.ask("CLUSTER COUNTKEYSINSLOT 99999"), "-ERR Invalid slot");
        assert!(client.ask("CLUSTER RESET").starts_with("-NOTALLOWED "));
        assert_eq!(client.ask("READONLY"), off);
    }
}

#[test]
fn answers_that_are_too_large_together_fail() {
    let node = FakeNode::start();
    let settings = [("limits.join_bytes_max", "65536")];
    let door = FrontDoor::start(&node.addr().to_string(), &settings);
    let mut client = door.client();
    client.send_line("KEYS *");
    let key = "x".repeat(70_000);
    node.expect_call("KEYS *").reply(format!("*1\r\n$70000\r\n{key}\r\n"));
    let refusal = "-OVERLOAD bytes joined into one reply: limit of 65536 reached; the command was not applied";
    assert_eq!(text(&client.reply()), refusal);
    assert_eq!(door.metric("reddoor_limits_reached_total{limit=\"join_bytes_max\"}"), 1.0);
    client.send_line("DBSIZE");
    node.expect_call("DBSIZE").reply(":3\r\n");
    assert_eq!(text(&client.reply()), ":3");
}

#[test]
fn a_shard_whose_primary_is_replaced_is_asked_at_the_new_one() {
    let (old, new) = (FakeNode::start(), FakeNode::start());
    old.set_view(&(old.line("myself,master", 1, "0-16383") + &new.line("slave", 1, "")));
    let door = FrontDoor::start(&old.addr().to_string(), &[]);
    let mut client = door.client();
    client.send_line("DBSIZE");
    old.expect_call("DBSIZE");
    new.set_view(&(old.line("slave,fail", 1, "") + &new.line("myself,master", 2, "0-16383")));
    old.end();
    new.expect_call("DBSIZE").reply(":3\r\n");
    assert_eq!(text(&client.reply()), ":3");
}
