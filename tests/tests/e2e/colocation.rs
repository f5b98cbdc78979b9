//! Keys that share no hash tag and lie in one slot all the same (`colocate.rules`, `colocate.presets`).

use reddoor_protocol::value::Value;
use reddoor_tests::client::{Client, text};
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;

over_clusters!(real | bundled: what_an_old_application_does_is_atomic_by_a_rule, keys_are_told_by_the_clients_names);

over_clusters!(real: presets_serve_what_their_frameworks_do);

fn what_an_old_application_does_is_atomic_by_a_rule(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let rules = ("colocate.rules", "col:jobs col:done col:lock -> col, room:{*}:* -> room");
    let (plain, ruled) = (FrontDoor::before(cluster), FrontDoor::start(&cluster.seeds(), &[rules]));
    let transfer = |client: &mut Client| {
        let mut replies = Vec::new();
        for line in [
            "RPUSH col:jobs a b",
            "BRPOPLPUSH col:jobs col:done 1",
            "MULTI",
            "LPOP col:jobs",
            "SADD col:lock a",
            "EXEC",
            "BLPOP col:done col:jobs 1",
        ] {
            replies.push(client.ask(line));
        }
        client.ask("DEL col:jobs col:done col:lock");
        replies
    };
    let refused = transfer(&mut plain.client());
    assert!(refused[5].starts_with("-EXECABORT"), "{refused:?}");
    let served = transfer(&mut ruled.client());
    assert_eq!(served[..3], [":2", "b", "OK"]);
    assert_eq!(served[3..6], ["QUEUED", "QUEUED", "[a, :1]"]);
    assert_eq!(served[6], "[col:done, b]");

    let mut client = ruled.client();
    for room in 0..30 {
        assert_eq!(client.ask(&format!("MSETNX room:{room}:a 1 room:{room}:b 2")), ":1");
        assert_eq!(client.ask(&format!("DEL room:{room}:a room:{room}:b")), ":2");
    }
    assert!(client.ask("MSETNX room:1:a 1 room:2:a 1").starts_with("-CROSSSLOT"));
}

fn keys_are_told_by_the_clients_names(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let rules = [("colocate.rules", "told:{*}:* -> told"), ("databases.mode", "prefix")];
    let door = FrontDoor::start(&cluster.seeds(), &rules);
    let mut client = door.client();
    for database in [0, 2] {
        client.ask(&format!("SELECT {database}"));
        for key in ["told:x:1", "told:x:2", "told:y:1", "other", "{~told:x}z"] {
            assert_eq!(client.ask(&format!("SET {key} {database}")), "OK");
        }
        let Value::Array(mut keys) = client.call(&["KEYS", "*"]) else { panic!("no keys") };
        keys.sort_by_key(text);
        let keys: Vec<String> = keys.iter().map(text).collect();
        assert_eq!(keys, ["other", "told:x:1", "told:x:2", "told:y:1", "{~told:x}z"]);
        assert_eq!(client.ask("DBSIZE"), ":5");
        assert_eq!(client.ask("KEYS told:y*"), "[told:y:1]");
        assert_eq!(client.ask("MGET told:x:1 told:y:1"), format!("[{database}, {database}]"));
    }
    let node = cluster.owner_of("{~told:x}");
    let stored = "{~told:x}told:x:1";
    assert_eq!(node.ask(&format!("GET {stored}")), "0");
    assert_eq!(node.ask(&format!("GET ~db2:{stored}")), "2");
}

/// What each framework does at once with several keys, as its sources have it.
const WORK: &[(&str, &[&str])] = &[
    (
        "celery",
        &[
            "BRPOP celery celery\u{6}\u{16}3 celery\u{6}\u{16}6 celery\u{6}\u{16}9 0.01",
            "MULTI+HSET unacked t 1+ZADD unacked_index 1 t+LPUSH celery m",
            "EVAL redis.call('SADD',KEYS[1],1)return(redis.call('ZADD',KEYS[2],1,'e')) 2 _kombu.binding.e _kombu.binding_deadlines",
            "EVAL return(redis.call('DEL',ARGV[1]..'e')) 1 _kombu.binding_deadlines _kombu.binding. _kombu.binding_permanent.",
            "EVAL return(redis.call('EXISTS',KEYS[1],KEYS[2])) 2 celery-taskset-meta-1.j celery-taskset-meta-1",
            "MULTI+RPUSH celery-taskset-meta-1.j x+LLEN celery-taskset-meta-1.j+GET celery-taskset-meta-1.t",
        ],
    ),
    (
        "rq",
        &["MULTI+SADD rq:queues rq:queue:a+RPUSH rq:queue:a j+HSET rq:job:1 f v+ZADD rq:wip:a 1 j"],
    ),
    (
        "bull",
        &[
            "RPUSH bull:mail:wait 1",
            "BRPOPLPUSH bull:mail:wait bull:mail:active 1",
            "EVAL redis.call('HSET',ARGV[1]..'7','a','b')return(redis.call('INCR',KEYS[1])) 1 bull:mail:id bull:mail:",
            "HGET bull:mail:7 a",
        ],
    ),
    ("bee-queue", &["RPUSH bq:m:waiting 1", "BRPOPLPUSH bq:m:waiting bq:m:active 1"]),
    ("node-resque", &["MULTI+SADD resque:queues q+RPUSH resque:queue:q j"]),
    (
        "sidekiq",
        &[
            "MULTI+SADD queues default+LPUSH queue:default j",
            "MULTI+SADD processes h:1:0123456789ab+HSET h:1:0123456789ab a b+RPOP h:1:0123456789ab-signals",
            "BRPOP queue:default queue:low 0.01",
        ],
    ),
    (
        "dramatiq",
        &[
            "EVAL return(redis.call('RPUSH',KEYS[1]..':default','m')) 1 dramatiq",
            "LRANGE dramatiq:default 0 -1",
        ],
    ),
    (
        "python-redis-lock",
        &[
            "EVAL redis.call('LPUSH',KEYS[2],1)return(redis.call('DEL',KEYS[1])) 2 lock:a lock-signal:a",
        ],
    ),
];

fn presets_serve_what_their_frameworks_do(kind: Kind) {
    let cluster = Cluster::shared(kind);
    let names: Vec<&str> = WORK.iter().map(|(name, _)| *name).collect();
    let door = FrontDoor::start(&cluster.seeds(), &[("colocate.presets", &names.join(","))]);
    for (name, lines) in WORK {
        let mut client = door.client();
        for line in *lines {
            let mut steps: Vec<&str> = line.split('+').collect();
            if steps.len() > 1 {
                steps.push("EXEC");
            }
            for step in steps {
                let reply = client.ask(step);
                assert!(!reply.contains('-') || reply == "nil", "{name}, {step}: {reply}");
            }
        }
    }
    let mut client = door.client();
    assert_eq!(client.ask("HGET bull:mail:7 a"), "b");
    assert_eq!(client.ask("LRANGE dramatiq:default 0 0"), "[m]");
}
