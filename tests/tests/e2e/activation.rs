//! Listening sockets that a service manager has opened.

use std::process::Command;

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::process::Process;
use reddoor_tests::redis_server::require;
use reddoor_tests::wait::wait_until;
use reddoor_tests::{binary, guard};

/// Opens sockets for the descriptors from 3 on, prints where they listen, and becomes what its arguments say.
const MANAGER: &str = "
import os, socket, sys
names = sys.argv[1].split(':')
made = [socket.create_server(('127.0.0.1', 0)) for _ in names]
print(*['%s=127.0.0.1:%d' % (n, s.getsockname()[1]) for n, s in zip(names, made)], flush=True)
for number, copy in enumerate([os.dup(s.fileno()) for s in made], 3):
    os.dup2(copy, number, inheritable=True)
os.environ.update(LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=':'.join(names), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
";

/// A front door that is given sockets of these names.
fn command(names: &str, flags: &[&str]) -> Command {
    let path = binary::command().get_program().to_owned();
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER, names]).arg(path).arg("proxy");
    command.args(["--cluster", &Cluster::shared(Kind::Bundled).seeds(), "--workers", "3"]);
    command.args(flags);
    command
}

#[test]
fn a_front_door_serves_on_the_sockets_that_it_is_given() {
    let is_there = Command::new("python3").arg("--version").output().is_ok();
    if !require("python3", is_there) {
        return;
    }
    // Where it would listen by itself somebody else does.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = other.local_addr().unwrap().to_string();
    let flags = ["--listen", &listen, "--admin", "127.0.0.1:0"];
    let door = FrontDoor::run(&mut command("door:admin:reads:door", &flags));
    door.wait_ready();
    let log = door.process.log();
    let printed = |name: &str| -> Vec<String> {
        let words = log.lines().next().unwrap().split(' ');
        words.filter_map(|word| word.strip_prefix(name)).map(str::to_owned).collect()
    };
    assert_eq!(door.admin.to_string(), printed("admin=")[0]);
    assert_eq!(door.addr.to_string(), printed("door=")[0]);
    let addrs = [printed("door="), printed("reads=")].concat();
    assert_eq!(addrs.len(), 3);
    for addr in &addrs {
        // More than there are workers: each has to be let in by whoever is free.
        for _ in 0..8 {
            let mut client = reddoor_tests::client::Client::connect(addr);
            assert_eq!(client.ask("SET activated 1"), "OK", "{addr}");
        }
    }
    assert_eq!(door.metric("reddoor_workers"), 3.0);
}

#[test]
fn what_is_no_listening_socket_ends_the_start() {
    let is_there = Command::new("python3").arg("--version").output().is_ok();
    if !require("python3", is_there) {
        return;
    }
    let end = |mut command: Command| {
        let mut process = Process::start("activated", &guard::temp_dir("activated"), &mut command);
        wait_until("it to end", || process.poll_end().is_some());
        (process.poll_end().unwrap().code(), process.log())
    };
    let (code, log) = end(command("admin", &["--admin", "127.0.0.1:0"]));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("LISTEN_FDS passes no socket for clients"), "{log}");
    let mut command = Command::new("sh");
    let path = binary::command().get_program().to_owned();
    // What the descriptor names is a file.
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" proxy --cluster a:1 3</dev/null"]);
    let (code, log) = end({
        command.arg(path);
        command
    });
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot take descriptor 3 of LISTEN_FDS"), "{log}");
}
