//! Data of every type, the same for each server.

use crate::server::Server;

/// Values of every type in every encoding, some that expire, in two databases.
const DATA: &[&str] = &[
    "SET text hello",
    "SET number 12345",
    "SET volatile x EX 100000",
    "APPEND raw 12",
    "RPUSH list a b 3 -7 c",
    "SADD integers 1 2 3 -4",
    "SADD texts x y z 5",
    "ZADD compact 1 a 2.5 b -inf c 3e50 d 7 8",
    "HSET small f v g 12 h -1",
    "XADD stream 1-1 f v g 7",
    "XADD stream 1-2 f w g 8",
    "XADD stream 5-0 other x",
    "XDEL stream 1-2",
    "XGROUP CREATE stream g 0",
    "PFADD hll a b c",
    "SETBIT bits 100 1",
    "GEOADD places 13.361389 38.115556 Palermo",
    "EXPIRE small 50000",
];

/// Sends the data, and collections too large to be compact.
pub(crate) fn fill(server: &Server) {
    let mut client = server.client();
    for request in DATA {
        let reply = client.ask(request);
        assert!(!reply.starts_with('-'), "{request}: {reply}");
    }
    for number in 0..600 {
        client.ask(&format!("HSET large field:{number} {number}"));
        client.ask(&format!("SADD many member:{number}"));
        client.ask(&format!("ZADD order {number}.25 member:{number}"));
        client.ask(&format!("RPUSH row element:{number} {number}"));
        client.ask(&format!("XADD entries {number}-1 f {number}"));
    }
    client.ask("SELECT 3");
    client.ask("SET text hello");
}

const KEYS: &str = "text number volatile raw list integers texts compact small stream hll bits places large many \
                    order row entries nosuch";

/// The names of all keys, and of one that is not there.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.split_ascii_whitespace()
}
