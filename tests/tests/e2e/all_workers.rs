//! Several workers look like one server to their clients.

use std::collections::BTreeSet;

use reddoor_tests::client::Client;
use reddoor_tests::fake_node::FakeNode;
use reddoor_tests::front_door::FrontDoor;

const CLIENTS: usize = 24;

/// A front door of four workers with clients on all of them, as far as the system spreads them.
fn start() -> (FrontDoor, Vec<Client>) {
    let node = FakeNode::start();
    let door = FrontDoor::start(&node.addr().to_string(), &[("workers.count", "4")]);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| door.client()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&format!("CLIENT SETNAME c{index}")), "OK");
    }
    (door, clients)
}

/// The values of one field in the lines of `CLIENT LIST`.
fn fields(list: &str, name: &str) -> BTreeSet<String> {
    let value = |line: &str| {
        let fields = line.split(' ').filter_map(|field| field.split_once('='));
        fields.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    list.lines().filter_map(value).collect()
}

#[test]
fn every_client_sees_all_clients() {
    let (_door, mut clients) = start();
    let names: BTreeSet<String> = (0..CLIENTS).map(|index| format!("c{index}")).collect();
    let ids: BTreeSet<String> =
        clients.iter_mut().map(|client| client.ask("CLIENT ID")[1..].to_owned()).collect();
    assert_eq!(ids.len(), CLIENTS);
    for client in &mut clients {
        let list = client.ask("CLIENT LIST");
        assert_eq!(fields(&list, "name"), names);
        assert_eq!(fields(&list, "id"), ids);
        assert!(client.ask("INFO clients").contains(&format!("connected_clients:{CLIENTS}\r\n")));
    }
    let some = ids.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
    let list = clients[0].ask(&format!("CLIENT LIST ID {some}"));
    assert_eq!(fields(&list, "id").len(), 3);
}

#[test]
fn a_client_of_any_worker_can_be_killed() {
    let (_door, mut clients) = start();
    let mut killer = clients.remove(0);
    for mut client in clients.drain(..12) {
        let id = client.ask("CLIENT ID");
        assert_eq!(killer.ask(&format!("CLIENT KILL ID {}", &id[1..])), ":1");
        assert_eq!(client.read_to_end(), "");
    }
    let mut client = clients.remove(0);
    assert_eq!(killer.ask(&format!("CLIENT KILL {}", client.local_addr())), "OK");
    assert_eq!(client.read_to_end(), "");
    let rest = clients.len();
    assert_eq!(killer.ask("CLIENT KILL TYPE normal SKIPME yes"), format!(":{rest}"));
    clients.iter_mut().for_each(|client| assert_eq!(client.read_to_end(), ""));
    assert_eq!(fields(&killer.ask("CLIENT LIST"), "name"), BTreeSet::from(["c0".to_owned()]));
}

#[test]
fn a_client_that_kills_itself_is_told_first() {
    let (_door, mut clients) = start();
    let mut client = clients.remove(3);
    let id = client.ask("CLIENT ID");
    client.send_line(&format!("CLIENT KILL ID {} SKIPME no", &id[1..]));
    client.send_line("PING");
    assert_eq!(client.read_to_end(), ":1\r\n");
}

#[test]
fn an_answer_of_all_workers_keeps_its_place_in_the_pipeline() {
    let (_door, mut clients) = start();
    for client in &mut clients {
        for line in ["ECHO 1", "CLIENT LIST", "ECHO 2", "CLIENT KILL ID 99999", "ECHO 3"] {
            client.send_line(line);
        }
        let replies: Vec<String> =
            (0..5).map(|_| reddoor_tests::client::text(&client.reply())).collect();
        assert_eq!(replies[1].lines().count(), CLIENTS);
        assert_eq!([&replies[0], &replies[2], &replies[3], &replies[4]], ["1", "2", ":0", "3"]);
    }
}
