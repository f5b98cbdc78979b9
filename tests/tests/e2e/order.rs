//! Replies come in the order of the requests, whatever the nodes do, however many there are.

use std::thread;

use reddoor_protocol::slot::Slot;
use reddoor_tests::client::{request_line, text};
use reddoor_tests::cluster::{Cluster, Kind, keys};
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;
use reddoor_tests::over_clusters;

over_clusters!(real | bundled: a_mixed_pipeline_is_answered_in_order, a_pipeline_of_100000_takes_little_memory);

fn a_mixed_pipeline_is_answered_in_order(kind: Kind) {
    let door = FrontDoor::before(Cluster::shared(kind));
    let (mut bytes, mut expect) = (Vec::new(), Vec::new());
    for (index, key) in keys("mixed", 400).iter().enumerate() {
        let other = format!("mixed:{}", index / 2);
        for (line, reply) in [
            (format!("SET {key} {index}"), "OK".to_owned()),
            (format!("GET {key}"), index.to_string()),
            (format!("ECHO {index}"), index.to_string()),
            (format!("MGET {other} {key}"), format!("[{}, {index}]", index / 2)),
            (
                format!("NOPE {index}"),
                format!("-ERR unknown command 'NOPE', with args beginning with: '{index}' "),
            ),
            (format!("EXISTS {key} {key}"), ":2".to_owned()),
        ] {
            bytes.extend(request_line(&line));
            expect.push(reply);
        }
    }
    for mut client in [door.client(), door.client_v3()] {
        client.send_bytes(&bytes);
        for reply in &expect {
            assert_eq!(&text(&client.reply()), reply);
        }
    }
}

fn a_pipeline_of_100000_takes_little_memory(kind: Kind) {
    const COUNT: usize = 100_000;
    /// Far above what the front door needs, far below what it would hold if it took all in.
    const BYTES_MAX: usize = 48 << 20;
    let door = FrontDoor::before(Cluster::shared(kind));
    let mut client = door.client();
    let value = "x".repeat(1000);
    for index in 0..10 {
        assert_eq!(client.ask(&format!("SET deep:{index} {value}")), "OK");
    }
    let bytes: Vec<u8> =
        (0..COUNT).flat_map(|index| request_line(&format!("GET deep:{}", index % 10))).collect();
    let mut writer = client.stream().try_clone().unwrap();
    let writing = thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
    let mut most = 0;
    for index in 0..COUNT {
        assert_eq!(client.reply().as_str(), Some(value.as_str()), "reply {index}");
        if index % 5000 == 0 {
            most = most.max(door.process.resident_bytes());
        }
    }
    writing.join().unwrap();
    assert!(most < BYTES_MAX, "{most} bytes");
}

#[test]
fn a_fast_node_does_not_overtake_a_slow_one() {
    let (slow, fast) = (FakeNode::start(), FakeNode::start());
    let view = slow.line("master", 1, "0-8191") + &fast.line("master", 2, "8192-16383");
    slow.set_view(&view);
    fast.set_view(&view);
    let door = FrontDoor::start(&slow.addr().to_string(), &[("workers.count", "1")]);
    let mut all = keys("k", 100).into_iter();
    let low = all.find(|key| Slot::of_key(key.as_bytes()).number() < 8192).unwrap();
    let high = all.find(|key| Slot::of_key(key.as_bytes()).number() >= 8192).unwrap();
    let (mut client, mut other) = (door.client(), door.client());
    for line in
        [format!("GET {low}"), format!("GET {high}"), "PING".into(), format!("MGET {high} {low}")]
    {
        client.send_line(&line);
    }
    let held = [slow.next_call(), slow.next_call()];
    fast.expect_call(&format!("GET {high}")).reply("$4\r\nfast\r\n");
    fast.expect_call(&format!("MGET {high}")).reply("*1\r\n$4\r\nfast\r\n");
    // By the time another client has its reply, the fast node's replies have passed, too.
    other.send_line(&format!("GET {high}"));
    fast.next_call().reply("$5\r\nother\r\n");
    assert_eq!(text(&other.reply()), "other");
    held[0].reply("$4\r\nslow\r\n*1\r\n$5\r\nslow2\r\n");
    let replies: Vec<String> = (0..4).map(|_| text(&client.reply())).collect();
    assert_eq!(replies, ["slow", "fast", "PONG", "[fast, slow2]"]);
}
