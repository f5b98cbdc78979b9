//! What becomes of a stream when the node that reads it follows its primary no more.

use std::sync::mpsc::{self, TryRecvError};

use crate::process::{Kind, Server, wait_until};
use crate::{follow, wait_linked};

/// What the old primary has sent, and was not executed before the role changed, is not executed after it.
#[test]
fn a_node_that_follows_nobody_takes_nothing_more() {
    let primary = Server::start(Kind::Ours, "");
    // Or the node would not queue a write while it still follows.
    let replica = Server::start(Kind::Ours, "--replica-read-only no");
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // Dropped with this closure, however it ends.
        let _ended = ended;
        let mut writer = primary.client();
        scope.spawn(move || {
            while end.try_recv() == Err(TryRecvError::Empty) {
                (0..100).for_each(|_| writer.send("INCR counter"));
                (0..100).for_each(|_| drop(writer.receive()));
            }
        });
        let mut client = replica.client();
        let kept: Vec<String> = (0..20)
            .map(|_| {
                follow(&replica, primary.port);
                wait_linked(&replica);
                wait_until(|| "the stream".to_owned(), || client.ask("EXISTS counter") == "1");
                // In one turn, so that nothing comes in between.
                for line in ["MULTI", "REPLICAOF NO ONE", "FLUSHALL", "EXEC"] {
                    client.ask(line);
                }
                (0..20).for_each(|_| drop(client.ask("PING")));
                client.ask("DBSIZE")
            })
            .collect();
        assert_eq!(kept, ["0"; 20]);
    });
}
