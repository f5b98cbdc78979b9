//! Bus messages: what is written reads back, and what is damaged is refused.

use proptest::prelude::*;

use super::*;

fn id(byte: u8) -> NodeId {
    NodeId::parse(&[byte; 40]).unwrap()
}

fn sender() -> Sender {
    let mut slots = SlotSet::new();
    for slot in reddoor_protocol::slot::Slot::all().step_by(3) {
        slots.insert(slot);
    }
    Sender {
        id: id(b'a'),
        ip: "10.0.0.1".to_owned(),
        port: 7000,
        bus_port: 17000,
        flags: MemberFlags::PRIMARY | MemberFlags::MYSELF,
        current_epoch: 7,
        config_epoch: 6,
        repl_offset: 5,
        slots,
        primary: Some(id(b'b')),
        sees_ok: true,
        reads_extensions: true,
        is_paused: false,
        is_forced: true,
    }
}

fn gossip() -> Gossip {
    Gossip {
        id: id(b'c'),
        ping_sent_s: 1,
        pong_received_s: 2,
        ip: "::1".to_owned(),
        port: 1,
        bus_port: 2,
        flags: MemberFlags::REPLICA | MemberFlags::PFAIL,
    }
}

fn bodies() -> Vec<Body> {
    let hostname = Some("node-1.example".to_owned());
    vec![
        Body::Ping { kind: Kind::Ping, gossip: vec![], hostname: None },
        Body::Ping { kind: Kind::Pong, gossip: vec![gossip(), gossip()], hostname },
        Body::Ping { kind: Kind::Meet, gossip: vec![gossip()], hostname: Some(String::new()) },
        Body::Fail { id: id(b'd') },
        Body::Update { config_epoch: 9, id: id(b'e'), slots: sender().slots },
        Body::Publish { is_sharded: true, channel: b"c".to_vec(), message: vec![] },
        Body::Bare { kind: Kind::AuthRequest },
    ]
}

#[test]
fn what_is_written_reads_back() {
    for body in bodies() {
        let message = Message { sender: sender(), body };
        let bytes = encode::message(&message);
        assert_eq!(decode::len(&bytes), Ok(Some(bytes.len())));
        assert_eq!(decode::message(&bytes).as_ref(), Ok(&message));
    }
}

/// What a `redis-server` 7.0.15 sent to another one at port 24302 after the third, at port 24303, was met or had died.
const CAPTURED: [&[u8]; 3] = [
    include_bytes!("captured/ping.bin"),
    include_bytes!("captured/fail.bin"),
    include_bytes!("captured/publish.bin"),
];

#[test]
fn what_a_redis_sent_is_written_as_it_was_read() {
    for bytes in CAPTURED {
        let message = decode::message(bytes).unwrap();
        assert_eq!(message.sender.port, 24301);
        assert_eq!(encode::message(&message), bytes);
    }
}

#[test]
fn what_a_redis_sent_is_understood() {
    let [ping, fail, publish] = CAPTURED.map(|bytes| decode::message(bytes).unwrap());
    assert_eq!((ping.sender.bus_port, ping.sender.slots.len()), (34301, 5001));
    assert_eq!(ping.sender.flags, MemberFlags::PRIMARY | MemberFlags::MYSELF);
    let Body::Ping { kind: Kind::Ping, gossip, hostname } = ping.body else { panic!("a ping") };
    assert_eq!(hostname.as_deref(), Some("a.example"));
    assert_eq!((gossip[0].ip.as_str(), gossip[0].port, gossip.len()), ("127.0.0.1", 24303, 1));
    assert_eq!(fail.body, Body::Fail { id: gossip[0].id });
    let (channel, message) = (b"ch".to_vec(), b"msg".to_vec());
    assert_eq!(publish.body, Body::Publish { is_sharded: false, channel, message });
}

#[test]
fn an_extension_of_a_later_version_is_passed_over() {
    let body = Body::Ping { kind: Kind::Ping, gossip: vec![], hostname: None };
    let mut bytes = encode::message(&Message { sender: sender(), body: body.clone() });
    bytes.extend_from_slice(&[0, 0, 0, 16, 0, 3, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let len = u32::try_from(bytes.len()).unwrap();
    bytes[4..8].copy_from_slice(&len.to_be_bytes());
    bytes[2215] = 1;
    assert_eq!(decode::message(&bytes).map(|message| message.body), Ok(body));
}

#[test]
fn a_line_break_in_an_address_is_refused() {
    let mut message = Message { sender: sender(), body: Body::Fail { id: id(b'd') } };
    message.sender.ip = "1\n2".to_owned();
    let error = MessageError::Field { field: "address" };
    assert_eq!(decode::message(&encode::message(&message)), Err(error));
}

proptest! {
    #[test]
    fn no_bytes_panic_the_decoder(
        which in 0usize..7,
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..20),
        len in any::<Option<usize>>(),
    ) {
        let body = bodies().remove(which);
        let mut bytes = encode::message(&Message { sender: sender(), body });
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(len) = len {
            bytes.truncate(len % (bytes.len() + 1));
        }
        let _ = decode::len(&bytes);
        let _ = decode::message(&bytes);
    }
}
