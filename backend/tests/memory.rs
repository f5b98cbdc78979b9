//! Limits of memory: what goes, what is refused, who is ended, beside a redis-server where its words matter.
//!
//! `MEMORY_REQUESTS` sets the length of the traces by which hit ratios are compared, `MEMORY_WRITES` that of the load
//! under which the limit must hold.

#[path = "replication/process.rs"]
#[expect(dead_code, reason = "shared with the tests of replication, which use all of it")]
mod process;

#[path = "replication/load.rs"]
#[expect(dead_code, reason = "shared with the tests of replication, which use all of it")]
mod load;

#[path = "memory/limit.rs"]
mod limit;

#[path = "memory/hit_ratio.rs"]
mod hit_ratio;

#[path = "memory/refusals.rs"]
mod refusals;

#[path = "memory/lazy.rs"]
mod lazy;

#[path = "memory/kept_uses.rs"]
mod kept_uses;

#[path = "memory/large_clients.rs"]
mod large_clients;

use process::{Client, Server, field_of, show};

/// Every policy by which keys go.
const POLICIES: [&str; 7] = [
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

/// A number that the environment may set.
fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Memory in use, as a server says (bytes).
fn used_bytes(server: &Server) -> usize {
    server.field("memory", "used_memory").parse().expect("a number")
}

/// As [`used_bytes`], without what does not count towards a limit: what replicas have not read yet.
fn counted_bytes(server: &Server) -> usize {
    let info = server.info("memory");
    let field = |name| -> usize { field_of(&info, name).parse().expect("a number") };
    field("used_memory").saturating_sub(field("mem_not_counted_for_evict"))
}

/// Sends requests as one pipeline. Their replies.
fn pipeline(client: &mut Client, requests: &[Vec<Vec<u8>>]) -> Vec<String> {
    for request in requests {
        client.send_words(&request.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    requests.iter().map(|_| show(&client.reply())).collect()
}

/// A request from its words.
fn request(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

/// Cheap numbers that are the same at every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

/// Not a test: the process of a node of ours, which the tests start from their own binary.
#[test]
fn node_process() {
    process::run_if_asked();
}
