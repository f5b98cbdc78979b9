//! What the operator is told of commands that a cluster would refuse.

use std::process::Output;

use reddoor_tests::binary;
use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_for;

over_clusters!(real | bundled: what_a_cluster_would_refuse_is_told_with_what_serves_it);

fn doctor(door: &FrontDoor, flags: &[&str]) -> Output {
    let mut command = binary::command();
    command.args(["doctor", "--admin", &door.admin.to_string()]).args(flags);
    command.output().unwrap()
}

fn told(door: &FrontDoor, flags: &[&str]) -> String {
    String::from_utf8(doctor(door, flags).stdout).unwrap()
}

fn what_a_cluster_would_refuse_is_told_with_what_serves_it(kind: Kind) {
    let cluster = Cluster::start(kind, 3);
    let door = FrontDoor::before(&cluster);
    let mut client = door.client();
    assert_eq!(client.ask("GET a"), "nil");
    let nothing = told(&door, &["--strict"]);
    assert!(nothing.starts_with("seen in ") && nothing.contains(" s: refused 0, "), "{nothing}");
    assert!(doctor(&door, &["--strict"]).status.success());
    for line in [
        "MGET doc:1 doc:2 doc:3",
        "SINTER tags:1 tags:2",
        "RENAME cart:7:new cart:7:old",
        "BRPOPLPUSH rq:queue:a rq:queue:b 0.01",
        "SELECT 3",
        "EVAL return 2 stock1 stock2",
        "WATCH stock1 stock2",
        "MULTI",
        "INCR stock1",
        "INCR stock2",
        "DISCARD",
        "SELECT x",
        "INCRBY stock1 x",
        "RENAME cart:8:new cart:8:old",
    ] {
        client.ask(line);
    }
    // A key of a node that the script is not run at: three nodes, so one of these is another's.
    for key in ["x", "y", "z", "u", "v", "w"] {
        client.call(&["EVAL", "return redis.call('GET', ARGV[1])", "1", "k1", key]);
    }
    // Both tell for how many seconds they have looked, so they are the same within one of them.
    let page = wait_for("the same page", || {
        let page = told(&door, &[]);
        (page == door.http("/doctor").1).then_some(page)
    });
    let lines: Vec<&str> = page.lines().map(str::trim).collect();
    let is_told = |words: &str| lines.iter().any(|line| line.starts_with(words));
    for words in [
        "RENAME  crossslot  2  last ",
        "cross_slot.writes = \"emulate\" serves it",
        "keys cart:*:new cart:*:old  100 %",
        "or colocate.rules = [\"cart:{*}:new cart:{*}:old -> cart\"]",
        "BRPOPLPUSH  crossslot  1  last ",
        "or colocate.presets = [\"rq\"]",
        "SELECT  database  1  last ",
        "databases.mode = \"prefix\"",
        "EVAL  script  1  last ",
        "EVAL  script_keys  ",
        "WATCH  watch  1  last ",
        "INCR  transaction  1  last ",
        "keys stock* stock*  100 %",
        "MGET  split  1  last ",
        "SINTER  gathered  1  last ",
    ] {
        assert!(is_told(words), "{words}: {page}");
    }
    for words in ["GET ", "INCRBY", "MULTI"] {
        assert!(!is_told(words), "{words}: {page}");
    }
    let strict = doctor(&door, &["--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    let refused = |family: &str, command: &str, reason: &str| {
        let labels = format!("family=\"{family}\",command=\"{command}\",reason=\"{reason}\"");
        door.metric(&format!("reddoor_refused_commands_total{{{labels}}}"))
    };
    assert_eq!(refused("generic", "rename", "crossslot"), 2.0);
    assert_eq!(refused("string", "incr", "transaction"), 1.0);
    assert_eq!(refused("connection", "select", "database"), 1.0);
}

#[test]
fn keys_may_be_hidden_and_nobody_there_is_one_line() {
    let cluster = Cluster::shared(Kind::Bundled);
    let door = FrontDoor::start(&cluster.seeds(), &[("admin.doctor_keys", "hidden")]);
    let mut client = door.client();
    client.ask("RENAME secret:a hidden:b");
    client.ask("RENAME rq:queue:a rq:queue:b");
    let page = told(&door, &[]);
    assert!(!page.contains("secret") && !page.contains("queue:"), "{page}");
    assert!(page.contains("RENAME  crossslot  2") && page.contains("presets = [\"rq\"]"), "{page}");
    let mut command = binary::command();
    let output = command.args(["doctor", "--admin", "127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.starts_with("reddoor: the front door with admin address 127.0.0.1:1 cannot"));
}
