//! How often a cache has what is asked for, beside a redis-server that holds as many keys: the same trace of requests,
//! of which few keys get most, goes to both in step, so that both see the same time pass.

use crate::process::{Client, Kind, Server, has_redis_server};
use crate::{Numbers, POLICIES, number, pipeline, request, used_bytes};

/// Different keys.
const KEYS: usize = 20_000;

/// Keys that fit.
const KEYS_HELD: usize = 5_000;

const VALUE: &[u8] = &[b'v'; 100];

/// Requests sent at once.
const PIPELINE_LEN: usize = 100;

/// By how much a node may have fewer hits than a Redis, as a share of the requests.
const DEFICIT_MAX: f64 = 0.02;

/// Picks keys with chances by their rank (Zipf's law).
struct Zipf {
    /// Sums of the chances up to each rank, of which the last is 1.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(exponent: f64) -> Zipf {
        let weights = (1..=KEYS).map(|rank| 1.0 / (rank as f64).powf(exponent));
        let mut sum = 0.0;
        let mut sums: Vec<f64> = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        sums.iter_mut().for_each(|part| *part /= sum);
        Zipf { sums }
    }

    fn pick(&self, numbers: &mut Numbers) -> usize {
        let at = (numbers.next() >> 11) as f64 / (1u64 << 53) as f64;
        self.sums.partition_point(|sum| *sum <= at).min(KEYS - 1)
    }
}

/// A server that is used as a cache.
struct Cache {
    client: Client,
    hits: usize,
    _server: Server,
}

impl Cache {
    /// With a limit at which as many keys are held as on any other server.
    fn new(kind: Kind, policy: &str) -> Cache {
        let server = Server::start(kind, "--maxmemory-samples 5");
        let mut client = server.client();
        let keys: Vec<usize> = (0..KEYS_HELD).collect();
        set(&mut client, &keys);
        let bytes_max = used_bytes(&server);
        assert_eq!(client.ask("FLUSHALL"), "OK");
        for setting in [format!("maxmemory-policy {policy}"), format!("maxmemory {bytes_max}")] {
            assert_eq!(client.ask(&format!("CONFIG SET {setting}")), "OK");
        }
        Cache { client, hits: 0, _server: server }
    }

    /// Asks for keys, and puts those in that are not there.
    fn request(&mut self, keys: &[usize]) {
        let gets: Vec<_> = keys.iter().map(|key| request(&[b"GET", &name(*key)])).collect();
        let replies = pipeline(&mut self.client, &gets);
        let missed = keys.iter().zip(replies).filter(|(_, reply)| reply == "(nil)");
        let missed: Vec<usize> = missed.map(|(key, _)| *key).collect();
        self.hits += keys.len() - missed.len();
        set(&mut self.client, &missed);
    }
}

fn name(key: usize) -> Vec<u8> {
    format!("key:{key:08}").into_bytes()
}

/// The time to live of a key: the more often it is asked for, the longer.
fn ttl_s(key: usize) -> usize {
    10_000 + (KEYS - key)
}

fn set(client: &mut Client, keys: &[usize]) {
    let sets: Vec<_> = keys
        .iter()
        .map(|key| {
            let ttl = ttl_s(*key).to_string();
            request(&[b"SET", &name(*key), VALUE, b"EX", ttl.as_bytes()])
        })
        .collect();
    assert!(pipeline(client, &sets).iter().all(|reply| reply == "OK"));
}

#[test]
fn caches_have_as_many_hits_as_those_of_a_redis() {
    if !has_redis_server() {
        return;
    }
    let requests = number("MEMORY_REQUESTS", 60_000);
    let zipf = Zipf::new(0.9);
    for policy in POLICIES {
        let (mut theirs, mut ours) =
            (Cache::new(Kind::Real, policy), Cache::new(Kind::Ours, policy));
        let mut numbers = Numbers(17);
        for _ in 0..requests / PIPELINE_LEN {
            let keys: Vec<usize> = (0..PIPELINE_LEN).map(|_| zipf.pick(&mut numbers)).collect();
            theirs.request(&keys);
            ours.request(&keys);
        }
        let held = [&mut theirs, &mut ours].map(|cache| cache.client.ask("DBSIZE"));
        let [theirs, ours] = [theirs, ours].map(|cache| cache.hits as f64 / requests as f64);
        println!("{policy}: redis {theirs:.4}, node {ours:.4}, which hold {held:?} keys");
        assert!(ours > theirs - DEFICIT_MAX, "{policy}: redis {theirs:.4}, node {ours:.4}");
    }
}
