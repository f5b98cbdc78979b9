//! What holds for every row of the table.

use std::collections::HashSet;

use super::*;
use crate::command::flags::CommandFlags;
use crate::command::key_spec::{BeginSearch, KeyAccess, KeySpec};
use crate::command::policy::{ReplyPolicy, RequestPolicy};
use crate::command::{lookup_full, spec};

/// Probes after which a lookup of a known name, or of any other, has ended.
const PROBES_MAX: usize = 8;

#[test]
fn rows_are_unique_and_sorted_in_their_files() {
    let mut seen = HashSet::new();
    for (_, rows) in GROUPS {
        for pair in rows.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
        }
        for row in rows {
            assert!(seen.insert(row.name), "{} stands twice", row.name);
            assert_eq!(row.name, row.name.to_ascii_lowercase());
        }
    }
}

#[test]
fn every_row_is_found_by_name_and_number() {
    for (number, row) in ROWS.iter().enumerate() {
        assert_eq!(row.id().index(), number);
        assert_eq!(spec(row.id()).name, row.name);
        assert_eq!(CommandId::of(row.name), row.id());
        for name in [row.name.to_owned(), row.name.to_ascii_uppercase()] {
            assert_eq!(lookup_full(name.as_bytes()).map(CommandSpec::id), Some(row.id()), "{name}");
            let in_index = lookup(name.as_bytes()).map(CommandSpec::id);
            assert_eq!(in_index, (!row.is_subcommand()).then_some(row.id()), "{name}");
        }
    }
}

#[test]
fn what_is_no_command_is_not_found() {
    for name in
        ["", "g", "ge", "gets", "nosuchcommand", "client|id", "GET ", "g\u{0}t", "[ET", "del\u{7f}"]
    {
        assert!(lookup(name.as_bytes()).is_none(), "{name:?}");
    }
    assert!(lookup(&[b'x'; 4096]).is_none());
    for name in ["client|", "|", "get|get", "client|id|x", "nosuch|id"] {
        assert!(lookup_full(name.as_bytes()).is_none(), "{name:?}");
    }
}

#[test]
fn only_the_case_of_letters_does_not_matter() {
    for row in ROWS.iter().filter(|row| !row.is_subcommand()) {
        for at in 0..row.name.len() {
            let mut name = row.name.as_bytes().to_vec();
            for byte in 0..=255 {
                name[at] = byte;
                let found = lookup(&name).map(|spec| spec.name);
                let is_same = name.eq_ignore_ascii_case(row.name.as_bytes());
                assert!(!is_same || found == Some(row.name), "{}", name.escape_ascii());
                let is_right = found.is_none_or(|f| f.as_bytes().eq_ignore_ascii_case(&name));
                assert!(is_right, "{}", name.escape_ascii());
            }
        }
    }
}

#[test]
fn searches_in_the_index_are_short() {
    let is_run =
        |start: usize| (0..=PROBES_MAX).all(|i| INDEX[(start + i) % INDEX_PLACES] != EMPTY);
    assert!(!(0..INDEX_PLACES).any(is_run));
}

#[test]
fn subcommands_belong_to_their_container() {
    for row in &ROWS {
        for subcommand in row.subcommands() {
            assert_eq!(subcommand.name.split_once('|').map(|(name, _)| name), Some(row.name));
            assert_eq!(subcommand.group, row.group);
        }
        assert!(!row.is_container() || row.keys.is_empty(), "{}", row.name);
    }
    let in_containers: usize = ROWS.iter().map(|row| row.subcommands().len()).sum();
    assert_eq!(in_containers, ROWS.iter().filter(|row| row.is_subcommand()).count());
}

#[test]
fn arity_covers_the_first_fixed_key() {
    for row in &ROWS {
        let least = row.arity.abs();
        assert!(least >= if row.is_subcommand() { 2 } else { 1 }, "{}", row.name);
        let keys = row.keys.iter().find(|keys| !keys.access.contains(KeyAccess::NOT_KEY));
        if let Some(KeySpec { begin: BeginSearch::Index(first), .. }) = keys {
            assert!(least > i16::try_from(*first).unwrap(), "{}", row.name);
        }
    }
}

#[test]
fn every_row_says_what_it_is() {
    for row in &ROWS {
        assert!(row.summary.len() > 10, "{}", row.name);
        assert!(!row.summary.ends_with('.') && row.summary.len() < 110, "{}", row.name);
        assert_eq!(row.since.split('.').count(), 3, "{}", row.name);
        let is_both = row.is_write() && row.is_readonly();
        assert!(!is_both, "{} cannot write and only read", row.name);
    }
}

#[test]
fn policies_fit_the_other_facts() {
    for row in &ROWS {
        let name = row.name;
        let keyed = !row.keys.is_empty();
        match row.request {
            RequestPolicy::OneSlot | RequestPolicy::Script(_) => assert!(keyed, "{name}"),
            RequestPolicy::SplitByKey { step } => {
                assert_eq!(row.legacy.step, i16::from(step), "{name}");
                assert_ne!(row.reply, ReplyPolicy::Passthrough, "{name}");
            }
            RequestPolicy::Blocking { .. } | RequestPolicy::BlockingIf { .. } => {
                assert!(keyed && row.flags.contains(CommandFlags::BLOCKING), "{name}");
            }
            RequestPolicy::Admin
            | RequestPolicy::Settings
            | RequestPolicy::Debug
            | RequestPolicy::ClusterChange => assert!(!keyed, "{name}"),
            RequestPolicy::Local
            | RequestPolicy::AnyPrimary
            | RequestPolicy::Monitor
            | RequestPolicy::ClusterOnly
            | RequestPolicy::ClusterView
            | RequestPolicy::ClusterSlot => {
                assert_eq!(row.reply, ReplyPolicy::Passthrough, "{name}");
                assert!(!keyed, "{name}");
            }
            RequestPolicy::AllPrimaries
            | RequestPolicy::AllNodes
            | RequestPolicy::Scan
            | RequestPolicy::WaitReplicas => {
                assert_ne!(row.reply, ReplyPolicy::Passthrough, "{name}");
                assert!(!keyed, "{name}");
            }
            RequestPolicy::Subscribe(_)
            | RequestPolicy::Unsubscribe(_)
            | RequestPolicy::Publish(_)
            | RequestPolicy::Transaction(_)
            | RequestPolicy::NodeLink => {}
        }
        let waits = row.flags.contains(CommandFlags::BLOCKING);
        let is_blocking = matches!(
            row.request,
            RequestPolicy::Blocking { .. } | RequestPolicy::BlockingIf { .. }
        );
        assert_eq!(waits, is_blocking, "{name}");
    }
}

#[test]
fn tips_agree_with_the_policies() {
    for row in &ROWS {
        for tip in row.tips {
            let agrees = match *tip {
                "request_policy:multi_shard" => {
                    matches!(row.request, RequestPolicy::SplitByKey { .. })
                }
                "request_policy:all_shards" => {
                    matches!(row.request, RequestPolicy::AllPrimaries | RequestPolicy::WaitReplicas)
                }
                "request_policy:all_nodes" => {
                    matches!(
                        row.request,
                        RequestPolicy::AllNodes | RequestPolicy::Admin | RequestPolicy::Settings
                    )
                }
                "response_policy:all_succeeded" => row.reply == ReplyPolicy::AllOk,
                "response_policy:one_succeeded" => row.reply == ReplyPolicy::OneOk,
                "response_policy:agg_sum" => row.reply == ReplyPolicy::Sum,
                "response_policy:agg_min" => row.reply == ReplyPolicy::Min,
                "response_policy:agg_logical_and" => row.reply == ReplyPolicy::LogicalAnd,
                "response_policy:special" => !matches!(
                    row.reply,
                    ReplyPolicy::Passthrough | ReplyPolicy::AllOk | ReplyPolicy::Sum
                ),
                _ => true,
            };
            // MSETNX sets all keys or none, which no split can keep; PING and INFO are the front
            // door's own; LATENCY RESET answers with a number; a replica that is down must not keep a script
            // from being loaded, and counts what its primary has counted.
            const DIFFER: [&str; 6] =
                ["msetnx", "ping", "info", "latency|reset", "latency|histogram", "script|load"];
            let differs = DIFFER.contains(&row.name);
            assert!(agrees || differs, "{} {tip}", row.name);
        }
    }
}
