//! A node without sockets and neighbours, as a [`Scratch`]: runs one command over copies of keys that live elsewhere.
//!
//! In: the keys a command names, each with what `DUMP` answered for it, and the command. Out: its reply, and what it
//! left in a key. So whoever has the copies has the command's own reply, to the byte, without a second
//! implementation of it.
//!
//! Invariant: nothing is left of one command when the next one begins.
//! Not here: where the copies come from, and what becomes of the result.

use std::fmt;

use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::Args;
use reddoor_protocol::scratch::{Copied, CopyError, Scratch};

use crate::client::Client;
use crate::clock;
use crate::config::Config;
use crate::data::lazy_free::Freeing;
use crate::data::rdb::payload;
use crate::data::rdb::write::Compression;
use crate::data::string::Str;
use crate::data::value::Value;
use crate::execute::{self, Turn};
use crate::node::Node;

/// See the module. It reads what servers up to Redis 7.2 dump. Making one costs some 100 KB; it is meant to be kept.
pub struct ScratchNode {
    node: Node,
    client: Client,
}

impl fmt::Debug for ScratchNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScratchNode").finish_non_exhaustive()
    }
}

impl Default for ScratchNode {
    fn default() -> ScratchNode {
        let options = ["--databases", "1", "--slowlog-log-slower-than", "-1"].map(str::to_owned);
        let config = Config::from_args(&options).unwrap_or_default();
        let mut node = Node::new(config, None);
        let id = node.clients.next_id();
        let client = Client::internal(id);
        ScratchNode { node, client }
    }
}

/// Makes one: the [`MakeScratch`](reddoor_protocol::scratch::MakeScratch) of the bundled node.
pub fn make() -> Box<dyn Scratch> {
    Box::new(ScratchNode::default())
}

impl Scratch for ScratchNode {
    fn put(
        &mut self,
        key: &[u8],
        payload: &[u8],
        time_left_ms: Option<u64>,
    ) -> Result<(), CopyError> {
        let limits = self.node.rdb_limits();
        let value = payload::read_of_any_version(payload, &limits).map_err(|_| CopyError)?;
        let now_ms = clock::unix_ms();
        let time_left_ms = time_left_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let expires_at_ms = time_left_ms.map(|ms| now_ms.saturating_add(ms));
        self.node.databases[0].insert(key, value, expires_at_ms, now_ms);
        Ok(())
    }

    fn put_something(&mut self, key: &[u8]) {
        let value = Value::String(Str::new(b""));
        self.node.databases[0].insert(key, value, None, clock::unix_ms());
    }

    fn run(&mut self, args: Args<'_>, resp: Resp, out: &mut Vec<u8>) -> bool {
        self.client.resp = resp;
        let changes = self.node.changes;
        let mut turn = Turn::new(clock::unix_ms());
        execute::execute(&mut self.node, &mut self.client, args, out, &mut turn);
        self.node.changes != changes
    }

    fn take(&mut self, key: &[u8]) -> Option<Copied> {
        let record = self.node.databases[0].find(key, clock::unix_ms())?;
        let payload = payload::write(&record.value, Compression::Off);
        Some(Copied { payload, expires_at_ms: self.node.databases[0].expires_at_ms(key) })
    }

    fn clear(&mut self) {
        self.node.databases[0].clear(Freeing::Now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(scratch: &mut ScratchNode, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut out = Vec::new();
        scratch.run(Args::from_slices(&words), Resp::V2, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What `DUMP` answers for a key that these commands have made.
    fn copy_of(key: &str, script: &[&str]) -> Vec<u8> {
        let mut scratch = ScratchNode::default();
        script.iter().for_each(|line| assert!(!run(&mut scratch, line).starts_with('-')));
        scratch.take(key.as_bytes()).unwrap().payload
    }

    #[test]
    fn a_command_runs_over_copies() {
        let mut scratch = ScratchNode::default();
        scratch.put(b"a", &copy_of("a", &["ZADD a 1 x 2 y"]), None).unwrap();
        scratch.put(b"b", &copy_of("b", &["SADD b y z"]), None).unwrap();
        assert_eq!(run(&mut scratch, "ZINTER 2 a b WITHSCORES"), "*2\r\n$1\r\ny\r\n$1\r\n3\r\n");
        assert_eq!(run(&mut scratch, "ZUNIONSTORE c 2 a b"), ":3\r\n");
        assert!(scratch.take(b"c").is_some());
        assert!(run(&mut scratch, "COPY a c DB 1").starts_with("-ERR"));
        scratch.clear();
        assert_eq!(run(&mut scratch, "EXISTS a b c"), ":0\r\n");
        assert_eq!(scratch.take(b"c"), None);
    }

    #[test]
    fn copies_of_later_servers_are_read_and_damaged_ones_refused() {
        let mut scratch = ScratchNode::default();
        let payload = copy_of("a", &["HSET a x 1"]);
        // A hash of one pair, as the listpack of a set with two members.
        let mut later = payload[..payload.len() - 10].to_vec();
        later[0] = 20;
        later.extend_from_slice(&11_u16.to_le_bytes());
        let checksum = crc::Crc::<u64>::new(&crc::CRC_64_REDIS).checksum(&later);
        later.extend_from_slice(&checksum.to_le_bytes());
        scratch.put(b"a", &later, None).unwrap();
        assert_eq!(run(&mut scratch, "SINTERCARD 2 a a"), ":2\r\n");
        for index in 0..payload.len() {
            let mut damaged = payload.clone();
            damaged[index] ^= 1;
            assert_eq!(scratch.put(b"b", &damaged, None), Err(CopyError), "byte {index}");
        }
    }
}
