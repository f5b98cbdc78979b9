//! Rounds of everything that makes a front door take memory, and what it holds of it when all clients have left.
//!
//! Each round: the usual clients, and in their midst a crowd that connects and leaves, clients that listen, values of
//! megabytes, deep pipelines that are read late, and the end of every connection to the nodes.

use reddoor_tests::client::{Client, request_line, text};
use reddoor_tests::wait::wait_until;

use super::door::Door;
use super::scene::Scene;

/// Rounds that are not counted: buffers and tables grow to the size that the load needs.
const WARM_UP: usize = 4;

/// Rounds at the beginning and at the end that are compared. What the system gives back when varies from round to
/// round, so the highest of the first bounds the lowest of the last.
const WINDOW: usize = 3;

/// Clients that come and go (count).
const CROWD: usize = 200;

/// Of these, how many listen (count).
const LISTENERS: usize = 50;

/// Bytes of each large value.
const LARGE_BYTES: usize = 4 * 1024 * 1024;

/// Requests in a deep pipeline (count).
const DEEP: usize = 20_000;

/// Clients that send one (count): so many that each worker of the front door comes to serve one of them while rounds
/// are not counted yet.
const DEEP_CLIENTS: usize = 4;

/// Soaks for so many rounds, at least two windows; gives back what is not as it should be.
pub(crate) fn soak(scene: &mut Scene, rounds: usize) -> Vec<String> {
    for _ in 0..WARM_UP {
        round(scene);
    }
    let held: Vec<usize> = (0..rounds.max(2 * WINDOW)).map(|_| round(scene)).collect();
    let began = held[..WINDOW].iter().max().copied().unwrap_or_default();
    let ended = held[held.len() - WINDOW..].iter().min().copied().unwrap_or_default();
    let kilobytes: Vec<usize> = held.iter().map(|bytes| bytes / 1024).collect();
    println!("soak: memory after each round, in KB: {kilobytes:?}");
    let is_grown = ended > began + began / 10;
    is_grown.then(|| format!("soak: {began} bytes became {ended}")).into_iter().collect()
}

/// One round; gives back the front door's memory in bytes once everybody has left.
fn round(scene: &mut Scene) -> usize {
    scene.under_load(|scene| {
        let addr = scene.door.addr();
        let mut crowd: Vec<Client> = (0..CROWD).map(|_| Client::connect(addr)).collect();
        for (index, client) in crowd.iter_mut().enumerate() {
            match index < LISTENERS {
                true => drop(client.ask(&format!("SUBSCRIBE soak:{index} soak:all"))),
                false => drop(client.ask(&format!("SET soak:{index} {index}"))),
            }
        }
        let large = "l".repeat(LARGE_BYTES);
        for client in crowd[LISTENERS..].iter_mut().take(8) {
            assert_eq!(text(&client.call(&["SET", "soak:large", &large])), "OK");
            assert_eq!(text(&client.call(&["GET", "soak:large"])).len(), LARGE_BYTES);
        }
        crowd[LISTENERS..].iter_mut().take(DEEP_CLIENTS).for_each(read_late);
        scene.cluster.nodes.iter().for_each(|node| node.relay().cut_all());
    });
    let Door::Reddoor(door) = &scene.door else { return 0 };
    wait_until("everybody to leave", || door.metric("reddoor_clients") == 0.0);
    door.process.resident_bytes()
}

/// Sends a pipeline and reads no reply before all of it is sent, as far as the front door takes it.
fn read_late(client: &mut Client) {
    let pipeline = request_line("GET soak:100").repeat(DEEP);
    let stream = client.stream().try_clone().expect("a second handle of a socket");
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut &stream, &pipeline));
        for _ in 0..DEEP {
            assert_eq!(text(&client.reply()), "100");
        }
    });
}
