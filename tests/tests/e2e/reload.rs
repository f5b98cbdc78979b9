//! Settings are read anew, at SIGHUP or by command: all that can change while the front door runs, or none if any is wrong.

use std::fs;
use std::path::PathBuf;

use reddoor_tests::binary;
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::wait::wait_until;
use rustix::process::Signal;

/// A front door that has its settings from a file of this text, and the node behind it.
fn start_with(settings: &str) -> (FakeNode, PathBuf, FrontDoor) {
    let node = FakeNode::start();
    let file = guard::temp_dir("reload").join("reddoor.toml");
    fs::write(&file, settings).unwrap();
    let door = FrontDoor::start_by_file(&node.addr().to_string(), &file);
    (node, file, door)
}

#[test]
fn settings_change_for_clients_that_are_there_and_a_mistake_changes_none() {
    let (node, file, door) = start_with("[limits]\nsplit_parts_max = 2\n");
    let mut client = door.client();
    let refusal = |max: u32| {
        format!(
            "-OVERLOAD parts of one command: limit of {max} reached; the command was not applied"
        )
    };
    assert_eq!(client.ask("DEL a b c"), refusal(2));

    fs::write(&file, "[limits]\nsplit_parts_max = 1\n[workers]\ncount = 7\n").unwrap();
    door.process.signal(Signal::HUP);
    wait_until("the new setting", || client.ask("DEL a b c") == refusal(1));
    let changes = ["limits.split_parts_max: 2 becomes 1", "becomes 7 when it is started again"];
    wait_until("the changes to be told", || {
        let log = door.process.log();
        changes.iter().all(|change| log.contains(change))
    });
    assert!(door.http("/config").1.contains("split_parts_max = 1\n"));
    assert!(!door.http("/config").1.contains("count = 7\n"));

    fs::write(&file, "[limits]\nsplit_parts_max = 3\nargs_max = 0\ncolour = 1\n").unwrap();
    door.process.signal(Signal::HUP);
    let mistakes = ["limits.colour: no such setting", "limits.args_max = 0: expected"];
    wait_until("the mistakes to be told", || {
        let log = door.process.log();
        mistakes.iter().all(|mistake| log.contains(mistake))
    });
    assert_eq!(client.ask("DEL a b c"), refusal(1));
    assert!(node.arrived().is_empty());
}

#[test]
fn the_version_that_clients_are_told_is_a_setting() {
    let (_node, file, door) = start_with("");
    let mut client = door.client();
    let mut tells = |version: &str| {
        client.ask("HELLO 2").contains(&format!("version, {version}, "))
            && client.ask("INFO server").contains(&format!("\r\nredis_version:{version}\r\n"))
    };
    assert!(tells("7.0.15"));
    fs::write(&file, "[compat]\nredis_version = \"7.4.0\"\n").unwrap();
    door.process.signal(Signal::HUP);
    wait_until("the new version", || tells("7.4.0"));
    fs::write(&file, "[compat]\nredis_version = \"7.4\"\n").unwrap();
    door.process.signal(Signal::HUP);
    let mistake =
        "compat.redis_version = \"7.4\": expected a version of three numbers, such as 7.4.0";
    wait_until("the mistake to be told", || door.process.log().contains(mistake));
    assert!(tells("7.4.0"));
}

#[test]
fn the_command_prints_what_changed_or_every_mistake() {
    let (_node, file, door) = start_with("[limits]\nsplit_parts_max = 2\n");
    assert_eq!(reload(&door), (Some(0), "nothing to change\n".to_owned(), String::new()));

    fs::write(&file, "[limits]\nsplit_parts_max = 1\n[listen]\nbacklog = 7\n").unwrap();
    let report = "listen.backlog: 1024 becomes 7 when it is started again\n\
                  limits.split_parts_max: 2 becomes 1\n";
    let (code, out, err) = reload(&door);
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    let mut expect: Vec<&str> = report.lines().collect();
    expect.sort_unstable();
    assert_eq!((code, lines, err.as_str()), (Some(0), expect, ""));
    assert!(door.http("/config").1.contains("split_parts_max = 1\n"));

    fs::write(&file, "[limits]\nsplit_parts_max = 3\nargs_max = 0\ncolour = 1\n").unwrap();
    let (code, out, err) = reload(&door);
    assert_eq!((code, out.as_str()), (Some(64), ""));
    let mistakes: Vec<&str> = err.lines().collect();
    assert_eq!(mistakes.len(), 2, "{err}");
    assert!(mistakes.iter().any(|line| line.contains("limits.colour: no such setting")), "{err}");
    assert!(mistakes.iter().any(|line| line.contains("limits.args_max = 0: expected")), "{err}");
    assert!(door.http("/config").1.contains("split_parts_max = 1\n"));
}

#[test]
fn where_several_run_the_command_asks_which_one() {
    let node = FakeNode::start();
    let doors = [(); 2].map(|()| FrontDoor::start_unready(&node.addr().to_string(), &[]));
    let output = binary::command().args(["proxy", "reload"]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{err}");
    for door in &doors {
        assert!(err.contains(&door.addr.to_string()), "{err}");
        assert_eq!(reload(door).0, Some(0));
    }
    assert!(err.ends_with("; choose one with --listen\n"), "{err}");
}

/// How `reddoor proxy reload` ends, and what it prints.
fn reload(door: &FrontDoor) -> (Option<i32>, String, String) {
    let mut command = binary::command();
    let output = command.args(["proxy", "reload", "--listen", &door.addr.to_string()]).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
