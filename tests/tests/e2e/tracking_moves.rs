//! A tracked client never keeps a value that nobody will tell it of: not over replies that wait for each other, not
//! when slots move, links end or a replica takes over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use reddoor_protocol::slot::Slot;
use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::node::Node;
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::{wait_for, wait_until};

over_clusters!(real: a_message_comes_behind_the_value_it_makes_stale, a_slot_that_moves_takes_what_was_read_with_it,
    a_link_that_ends_is_told_of, a_replica_that_takes_over_tells_from_then_on,
    caches_are_right_when_all_is_quiet);

#[track_caller]
fn expect(client: &mut Client, message: &str) {
    assert_eq!(text(&client.reply()), message);
}

/// Two keys, of two nodes.
fn apart(cluster: &Cluster) -> (&Node, &'static str, &'static str) {
    let (slow, quick) = ("foo", "bar");
    let (node, other) = (cluster.owner_of(slow), cluster.owner_of(quick));
    assert_ne!(node.port(), other.port());
    (node, slow, quick)
}

/// One node hangs while another answers and then tells that its answer is stale.
fn a_message_comes_behind_the_value_it_makes_stale(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let settings = [("request.timeout_ms", "60000"), ("workers.count", "1")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let (node, slow, quick) = apart(&cluster);
    let mut other = door.client();
    assert_eq!(other.ask(&format!("MSET {slow} old {quick} old")), "OK");
    let told = || door.metric("reddoor_invalidations_total");
    // A whole reply that waits for the one before it, and a part that waits for the other.
    let parked = vec![format!("GET {slow}"), format!("GET {quick}")];
    let joining = vec![format!("MGET {slow} {quick}")];
    for mode in ["", "BCAST"] {
        for (requests, values) in [(&parked, &["old", "old"][..]), (&joining, &["[old, old]"])] {
            let mut client = door.client_v3();
            assert_eq!(client.ask(&format!("CLIENT TRACKING ON {mode}")), "OK");
            let quick_node = cluster.owner_of(quick);
            assert_eq!(quick_node.ask("CONFIG RESETSTAT"), "OK");
            let before = told();
            node.pause();
            requests.iter().for_each(|request| client.send_line(request));
            wait_until("the quick key to be read", || {
                let stats = quick_node.ask("INFO commandstats");
                stats.contains("cmdstat_get:") || stats.contains("cmdstat_mget:")
            });
            assert_eq!(other.ask(&format!("SET {quick} new")), "OK");
            wait_until("the change to be told", || told() > before);
            node.resume();
            values.iter().for_each(|value| expect(&mut client, value));
            expect(&mut client, &format!(">[invalidate, [{quick}]]"));
            assert_eq!(client.ask(&format!("GET {quick}")), "new");
            assert_eq!(other.ask(&format!("SET {quick} old")), "OK");
            expect(&mut client, &format!(">[invalidate, [{quick}]]"));
        }
    }
}

/// What a tracked client may have cached, as a client library keeps it.
struct Cache {
    client: Client,
    values: HashMap<String, String>,
}

impl Cache {
    fn new(door: &FrontDoor, options: &str) -> Cache {
        let mut client = door.client_v3();
        assert_eq!(client.ask(&format!("CLIENT TRACKING ON {options}")), "OK");
        Cache { client, values: HashMap::new() }
    }

    /// Reads these keys, each by a request of its own and then all by one, in a pipeline.
    fn read(&mut self, keys: &[String]) {
        for key in keys {
            self.client.send(&["GET", key]);
        }
        let all: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        self.client.send(&all);
        for key in keys {
            let value = self.reply();
            self.keep(key, &value);
        }
        if let Value::Array(values) = self.reply() {
            for (key, value) in keys.iter().zip(&values) {
                self.keep(key, value);
            }
        }
    }

    fn keep(&mut self, key: &str, value: &Value) {
        if !matches!(value, Value::Error(_)) {
            self.values.insert(key.to_owned(), text(value));
        }
    }

    /// The next reply; messages before it are obeyed.
    fn reply(&mut self) -> Value {
        loop {
            match self.client.reply() {
                Value::Push(message) => match &message[1] {
                    Value::Array(keys) => {
                        for key in keys {
                            self.values.remove(&text(key));
                        }
                    }
                    _ => self.values.clear(),
                },
                reply => return reply,
            }
        }
    }

    /// Obeys what has come.
    fn hear(&mut self) {
        self.client.send_line("PING");
        assert_eq!(text(&self.reply()), "PONG");
    }

    /// What a key holds, kept from now on. What is read may be told to be stale at once, for reasons of long ago.
    fn get(&mut self, key: &str) -> String {
        wait_for("a value that may be kept", || {
            self.read(&[key.to_owned()]);
            self.values.get(key).cloned()
        })
    }

    /// Waits until a key is not cached any more.
    fn wait_dropped(&mut self, key: &str) {
        wait_until("the change to be told", || {
            self.hear();
            !self.values.contains_key(key)
        });
    }
}

fn a_slot_that_moves_takes_what_was_read_with_it(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let settings = [("request.timeout_ms", "60000"), ("cluster.refresh_interval_ms", "200")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let slot = Slot::of_key(b"{moved}");
    for options in ["", "BCAST", "OPTOUT NOLOOP"] {
        let from = cluster.owner_of_slot(slot);
        let to = cluster.other_than(from);
        let mut cache = Cache::new(&door, options);
        let mut other = door.client();
        other.ask("DEL {moved}absent");
        assert_eq!(other.ask("SET {moved}there 1"), "OK");
        cache.wait_dropped("{moved}there");
        // That a key is not there was cached, too, and the node that said so will not see it come.
        assert_eq!(cache.get("{moved}absent"), "nil");
        assert_eq!(cache.get("{moved}there"), "1");
        cluster.move_slot(slot, from, to);
        // Not by the front door, which has to learn of the move by itself.
        wait_until("the new owner to be written to", || to.ask("SET {moved}absent 2") == "OK");
        cache.wait_dropped("{moved}absent");
        cache.wait_dropped("{moved}there");
        assert_eq!(cache.get("{moved}absent"), "2");
        assert_eq!(other.ask("MSET {moved}absent 3 {moved}there 3"), "OK");
        cache.wait_dropped("{moved}absent");
    }
}

fn a_link_that_ends_is_told_of(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let node = cluster.owner_of("lost");
    let mut caches = ["", "BCAST"].map(|options| Cache::new(&door, options));
    let (mut hearer, mut reader, mut other) = (door.client(), door.client(), door.client());
    let id = hearer.ask("CLIENT ID").trim_start_matches(':').to_owned();
    hearer.ask("SUBSCRIBE __redis__:invalidate");
    assert_eq!(reader.ask(&format!("CLIENT TRACKING ON REDIRECT {id}")), "OK");
    assert_eq!(reader.ask("GET lost"), "nil");
    for round in 0..3 {
        caches.iter_mut().for_each(|cache| drop(cache.get("lost")));
        node.ask("CLIENT KILL TYPE normal SKIPME yes");
        caches.iter_mut().for_each(|cache| cache.wait_dropped("lost"));
        assert_eq!(
            caches[0].get("lost"),
            if round == 0 { "nil".to_owned() } else { round.to_string() }
        );
        wait_until("a write to come through", || {
            other.ask(&format!("SET lost {}", round + 1)) == "OK"
        });
        caches[0].wait_dropped("lost");
    }
    // Of what is told in another's place nothing is lost, either.
    expect(&mut hearer, "[message, __redis__:invalidate, nil]");
    // The one that hears of what it never reads has its link again without having asked for anything.
    let [_, broadcast] = &mut caches;
    broadcast.values.insert("lost".to_owned(), "unread".to_owned());
    wait_until("the key to be told of", || {
        assert_eq!(other.ask("SET lost x"), "OK");
        broadcast.hear();
        !broadcast.values.contains_key("lost")
    });
}

fn a_replica_that_takes_over_tells_from_then_on(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (_, replica) = cluster.pair_of("taken");
    let mut other = door.client();
    assert_eq!(other.ask("SET taken 1"), "OK");
    let mut caches = ["", "BCAST"].map(|options| Cache::new(&door, options));
    for cache in &mut caches {
        assert_eq!(cache.get("taken"), "1");
    }
    replica.fail_over();
    // Nothing is asked by the front door's clients: it has to see the change by itself.
    for cache in &mut caches {
        cache.wait_dropped("taken");
    }
    for value in ["2", "3"] {
        for cache in &mut caches {
            cache.get("taken");
        }
        assert_eq!(other.ask(&format!("SET taken {value}")), "OK");
        for cache in &mut caches {
            cache.wait_dropped("taken");
            assert_eq!(cache.get("taken"), value);
        }
    }
}

/// Reads and writes go on while slots move, links end and a replica takes over. Once nobody writes any more, every
/// value that is still cached is the right one.
fn caches_are_right_when_all_is_quiet(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let settings = [("request.timeout_ms", "80000"), ("workers.count", "2")];
    let door = FrontDoor::start(&cluster.seeds(), &settings);
    let keys = keys("quiet", 24);
    let options = ["", "BCAST", "OPTOUT", "NOLOOP"];
    let caches = Arc::new(options.map(|options| Mutex::new(Cache::new(&door, options))));
    let client = |index: usize| -> Box<dyn FnMut(usize)> {
        let (caches, keys, mut writer) = (Arc::clone(&caches), keys.clone(), door.client());
        Box::new(move |round| {
            if let Some(cache) = caches.get(index) {
                let first = round * 5 % 20;
                return cache.lock().unwrap().read(&keys[first..first + 4]);
            }
            // Whether a write that meets a lost link was applied does not matter here.
            writer.ask(&format!("SET {} {index}.{round}", keys[(round * 7 + index) % 24]));
        })
    };
    Load::run(caches.len() + 2, client, |load| disturb(&cluster, &keys, load));
    let mut other = door.client();
    for cache in caches.iter() {
        let mut cache = cache.lock().unwrap();
        wait_until("what is cached to be right", || {
            cache.hear();
            cache.values.iter().all(|(key, value)| other.ask(&format!("GET {key}")) == *value)
        });
    }
}

fn disturb(cluster: &Cluster, keys: &[String], load: &Load) {
    for key in &keys[..8] {
        let slot = Slot::of_key(key.as_bytes());
        let from = cluster.owner_of_slot(slot);
        let is_other =
            |node: &&Node| node.port() != from.port() && node.ask("ROLE").starts_with("[master");
        let to = cluster.nodes.iter().find(is_other).unwrap();
        cluster.move_slot(slot, from, to);
        load.wait_rounds(50);
    }
    for node in &cluster.nodes[..3] {
        node.ask("CLIENT KILL TYPE normal SKIPME yes");
        load.wait_rounds(50);
    }
    let replica = &cluster.nodes[3];
    replica.fail_over();
    load.wait_rounds(200);
}

#[test]
fn a_silent_node_is_given_up() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client_v3();
    client.send_line("CLIENT TRACKING ON");
    node.expect_call("CLIENT TRACKING ON").reply("+OK\r\n");
    expect(&mut client, "OK");
    // It is asked now and then whether it is there, and says no more.
    let silence = node.stop_reading();
    expect(&mut client, ">[invalidate, nil]");
    drop(silence);
}

#[test]
fn what_cannot_be_tracked_while_its_slot_arrives_is_not_kept() {
    let node = FakeNode::start();
    let addr = node.addr();
    let door = FrontDoor::start(&addr.to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client_v3();
    client.send_line("CLIENT TRACKING ON OPTIN");
    node.expect_call("CLIENT TRACKING ON OPTIN").reply("+OK\r\n");
    expect(&mut client, "OK");
    assert_eq!(client.ask("CLIENT CACHING YES"), "OK");
    client.send_line("GET k");
    node.expect_call("CLIENT CACHING YES").reply("+OK\r\n");
    node.expect_call("GET k").reply(format!("-ASK {} {addr}\r\n", Slot::of_key(b"k")));
    node.expect_call("GET k").reply("$1\r\nv\r\n");
    for reply in [">[invalidate, nil]", "v", ">[invalidate, nil]"] {
        expect(&mut client, reply);
    }
}

#[test]
fn a_node_that_refuses_to_track_fails_what_is_asked() {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("request.timeout_ms", "60000")]);
    let mut client = door.client_v3();
    client.send_line("CLIENT TRACKING ON");
    node.expect_call("CLIENT TRACKING ON").reply("+OK\r\n");
    expect(&mut client, "OK");
    client.send_line("GET k");
    node.expect_call("GET k").cut();
    expect(&mut client, ">[invalidate, nil]");
    node.expect_call("CLIENT TRACKING ON").reply("-NOPERM not for you\r\n");
    let refusal = format!(
        "-UNTRACKED node {} refused CLIENT TRACKING: NOPERM not for you; the command was not applied",
        node.addr()
    );
    expect(&mut client, &refusal);
}
