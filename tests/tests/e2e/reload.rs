//! Settings are read anew at SIGHUP: all that can change while the front door runs, or none if any is wrong.

use std::fs;

use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::guard;
use reddoor_tests::wait::wait_until;
use rustix::process::Signal;

#[test]
fn settings_change_for_clients_that_are_there_and_a_mistake_changes_none() {
    let node = FakeNode::start();
    let file = guard::temp_dir("reload").join("reddoor.toml");
    fs::write(&file, "[limits]\nsplit_parts_max = 2\n").unwrap();
    let door = FrontDoor::start_by_file(&node.addr().to_string(), &file);
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
    let log = door.process.log();
    assert!(log.contains("limits.split_parts_max: 2 becomes 1"), "{log}");
    assert!(log.contains("becomes 7 when it is started again"), "{log}");
    assert!(door.http("/config").1.contains("split_parts_max = 1\n"));
    assert!(!door.http("/config").1.contains("count = 7\n"));

    fs::write(&file, "[limits]\nsplit_parts_max = 3\nargs_max = 0\ncolour = 1\n").unwrap();
    door.process.signal(Signal::HUP);
    let mistakes = ["limits.colour: no such setting", "limits.args_max = 0: expected"];
    wait_until("the mistakes to be told", || {
        mistakes.iter().all(|mistake| door.process.log().contains(mistake))
    });
    assert_eq!(client.ask("DEL a b c"), refusal(1));
    assert!(node.arrived().is_empty());
}
