//! A primary is lost or steps down, its replica takes over, and clients go on.

use reddoor_tests::cluster::{Cluster, Kind};
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::load::Load;
use reddoor_tests::over_clusters;
use reddoor_tests::wait::wait_until;

over_clusters!(real: a_replica_that_takes_over_is_found, a_primary_that_steps_down_loses_no_write);

fn a_replica_that_takes_over_is_found(kind: Kind) {
    let mut cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let mut client = door.client();
    assert_eq!(client.ask("SET taken over"), "OK");
    assert_eq!(client.ask("GET taken"), "over");
    let port = cluster.owner_of("taken").port();
    let index = cluster.nodes.iter().position(|node| node.port() == port).unwrap();
    let replica = &cluster.nodes[3 + index];
    wait_until("the write to reach the replica", || {
        let mut client = replica.client();
        client.ask("READONLY");
        client.ask("GET taken") == "over"
    });
    cluster.expect_death();
    cluster.nodes[index].kill();
    // Nothing was in flight when the node died, so nothing may be lost: it only takes its time.
    assert_eq!(client.ask("GET taken"), "over");
    assert_eq!(client.ask("SET taken again"), "OK");
    assert_eq!(client.ask("MGET taken taken:b taken:c taken:d"), "[again, nil, nil, nil]");
    cluster.nodes[index].restart();
    wait_until("the old primary to follow", || {
        let node = &cluster.nodes[index];
        reddoor_tests::client::Client::try_connect(("127.0.0.1", node.port())).is_ok_and(
            |mut client| client.try_ask("ROLE").is_ok_and(|role| role.starts_with("[slave")),
        )
    });
    assert_eq!(client.ask("GET taken"), "again");
}

fn a_primary_that_steps_down_loses_no_write(kind: Kind) {
    let cluster = Cluster::start_with_replicas(kind, 3);
    let door = FrontDoor::start(&cluster.seeds(), &[("request.timeout_ms", "80000")]);
    let (primary, replica) = cluster.pair_of("counted");
    let client = |_| -> Box<dyn FnMut(usize)> {
        let mut client = door.client();
        Box::new(move |round| assert_eq!(client.ask("INCR counted"), format!(":{round}")))
    };
    Load::run(1, client, |load| {
        load.wait_rounds(10);
        // Asked for, a failover waits until the replica has every write; meanwhile the primary holds clients back.
        replica.fail_over();
        load.wait_rounds(10);
        wait_until("the old primary to follow", || primary.ask("ROLE").starts_with("[slave"));
        load.wait_rounds(10);
    });
}
