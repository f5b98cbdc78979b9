//! The seeds of what the node reads are taken, so that their mutated forms begin behind the first refusal.

use std::fs;
use std::path::Path;

use reddoor_backend::fuzz::{self, kept};

/// Whether a door takes an input.
type IsTaken = fn(&[u8]) -> bool;

const DOORS: [(&str, IsTaken); 9] = [
    ("restore", |data| fuzz::restore(&fuzz::payload_of(data)).is_some()),
    ("listpack", |data| fuzz::listpack(data).is_some()),
    ("intset", |data| fuzz::intset(data).is_some()),
    ("stream_node", |data| fuzz::stream_node(data).is_some()),
    ("hyper_log_log", |data| fuzz::hyper_log_log(data, b"x").is_some()),
    ("bus_message", |data| fuzz::bus_message(data).is_some()),
    ("data_file", |data| kept::data_file(data, data.len()).is_ok()),
    ("manifest", |data| kept::manifest(data).is_some()),
    ("append_only", |data| kept::append_only_part(data).is_some()),
];

/// Damaged on purpose.
const REFUSED: [&str; 1] = ["half_a_run_at_the_end"];

#[test]
fn seeds_of_the_node_are_taken() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("seeds");
    for (name, is_taken) in DOORS {
        for seed in fs::read_dir(seeds.join(name)).unwrap() {
            let path = seed.unwrap().path();
            let is_refused = REFUSED.iter().any(|name| path.ends_with(name));
            assert_eq!(is_taken(&fs::read(&path).unwrap()), !is_refused, "{}", path.display());
        }
    }
}
