//! Which sections a request asks for, and of whom.

use super::*;

fn check(request: &str, expect: &str, must_be_whole: bool) {
    let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    let args = Args::from_slices(&words);
    let wanted: Vec<usize> =
        (0..SECTIONS.len()).filter(|index| is_wanted(&SECTIONS[*index], args)).collect();
    let names: Vec<&str> = wanted.iter().map(|index| SECTIONS[*index].name).collect();
    assert_eq!(names.join(" "), expect, "{request}");
    assert_eq!(is_named(&wanted, args), must_be_whole, "{request}");
}

#[test]
fn sections_are_chosen_by_name_or_together() {
    let default = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace Proxy";
    check("INFO", default, false);
    check("INFO default", default, false);
    check("INFO server PERSISTENCE", "Server Persistence", false);
    check("INFO keyspace", "Keyspace", true);
    let more = default.replace("Modules", "Modules Commandstats");
    check("INFO default commandstats", &more, true);
    check("INFO nosuch", "", false);
}
