//! `docs/commands.md` says of every command how the front door treats it, as the command table has it.
//!
//! After a change of the table, `REDDOOR_WRITE_DOCS=1 cargo test -p reddoor-tests --test commands_doc` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::policy::{ReplyPolicy, RequestPolicy};
use reddoor_protocol::command::{CommandGroup, CommandSpec, all};

const HEAD: &str = "\
# How each command is treated

This file is written from the command table by a test; do not edit it.

What goes to several nodes is answered whole or not at all: if one of them fails, the reply is an error (`PARTIAL`).
*Primaries* are the primaries of all shards, *nodes* are these and their replicas.
Commands marked *admin* are refused unless `admin.commands = \"allow\"`, those marked *cluster* unless
`admin.cluster_commands = \"allow\"`.
";

#[test]
fn the_document_is_what_the_table_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let text = document();
    if std::env::var_os("REDDOOR_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differing = text.lines().zip(written.lines()).find(|(made, read)| made != read);
    assert!(
        written == text,
        "docs/commands.md is not what the table says ({differing:?}); write it anew with REDDOOR_WRITE_DOCS=1"
    );
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut last = None;
    for spec in all().iter().filter(|spec| !spec.is_container()) {
        if last != Some(spec.group) {
            write_heading(&mut text, spec.group);
            last = Some(spec.group);
        }
        let name = spec.name.replace('|', " ").to_uppercase();
        writeln!(text, "| `{name}` | {} | {} |", route(spec), join(spec)).unwrap();
    }
    text
}

fn write_heading(text: &mut String, group: CommandGroup) {
    let name = group.name();
    write!(
        text,
        "\n## {name}\n\n| command | where it goes | how replies become one |\n|---|---|---|\n"
    )
    .unwrap();
}

fn route(spec: &CommandSpec) -> String {
    let to = match spec.request {
        RequestPolicy::Local => "answered by the front door",
        RequestPolicy::OneSlot if spec.single_key_index().is_some() => {
            "the owner of its key's slot"
        }
        RequestPolicy::OneSlot => match Way::of(spec) {
            None => "the owner of its keys' slot; keys of several slots are refused",
            Some(Way::Copies | Way::Streams) => {
                "the owner of its keys' slot; of several slots [gathered](cross-slot.md)"
            }
            Some(Way::Pop) => {
                "the owner of its keys' slot; of several slots the [first that has something](cross-slot.md)"
            }
            Some(_) => {
                "the owner of its keys' slot; of several slots [emulated](cross-slot.md), where that is allowed"
            }
        },
        RequestPolicy::SplitByKey { .. } => "the owners of its keys' slots, in parts",
        RequestPolicy::AnyPrimary => "one of the primaries",
        RequestPolicy::AllPrimaries => "primaries",
        RequestPolicy::AllNodes => "nodes",
        RequestPolicy::Scan => "one node after the other",
        RequestPolicy::WaitReplicas => "primaries, on connections of its own",
        RequestPolicy::Script(_) => {
            "the owner of its keys' slot; without keys, of the slot that the script's name lies in"
        }
        RequestPolicy::Blocking { .. } => match Way::of(spec) {
            Some(Way::Pop) => {
                "the owner of its keys' slot, on a connection of its own; of several slots the [first that has \
                 something](cross-slot.md)"
            }
            Some(_) => {
                "the owner of its keys' slot, on a connection of its own; of several slots \
                 [emulated](cross-slot.md), where that is allowed"
            }
            None => "the owner of its keys' slot, on a connection of its own",
        },
        RequestPolicy::BlockingIf { option } => {
            let across = match Way::of(spec) {
                None => "",
                Some(Way::Copies | Way::Streams) => "; of several slots [gathered](cross-slot.md)",
                Some(_) => "; of several slots [emulated](cross-slot.md), where that is allowed",
            };
            return format!(
                "the owner of its keys' slot; with `{option}` on a connection of its own{across}"
            );
        }
        RequestPolicy::Subscribe(_) | RequestPolicy::Unsubscribe(_) => {
            "the nodes that carry the channels, on connections that clients share"
        }
        RequestPolicy::Publish(_) => "the node that carries the channel",
        RequestPolicy::Transaction(_) => "the owner of the transaction's slot",
        RequestPolicy::Monitor => "primaries, as a stream",
        RequestPolicy::Admin => "nodes (*admin*)",
        RequestPolicy::Settings => {
            "nodes; what tunes them where `admin.settings` allows it, else (*admin*)"
        }
        RequestPolicy::Debug => "nodes, or the owner of the key that it names (*admin*)",
        RequestPolicy::ClusterOnly => "refused: for clients of a cluster",
        RequestPolicy::ClusterView => "one of the primaries (*cluster*)",
        RequestPolicy::ClusterSlot => "the owner of the slot (*cluster*)",
        RequestPolicy::ClusterChange => "nodes (*admin*)",
        RequestPolicy::NodeLink => "refused: between nodes only",
    };
    let is_urgent = spec.flags.contains(CommandFlags::ALLOW_BUSY)
        && matches!(spec.request, RequestPolicy::AllPrimaries);
    if is_urgent { format!("{to}, past what keeps them busy") } else { to.to_owned() }
}

fn join(spec: &CommandSpec) -> &'static str {
    match spec.reply {
        ReplyPolicy::Passthrough => "",
        ReplyPolicy::AllOk => "the first, if all succeed",
        ReplyPolicy::OneOk => "one success is enough",
        ReplyPolicy::Sum => "sum",
        ReplyPolicy::Min => "least",
        ReplyPolicy::LogicalAnd => "1 where all say 1",
        ReplyPolicy::ByKey => "each element in its key's place",
        ReplyPolicy::Concat => "one behind the other",
        ReplyPolicy::Union => "each element once",
        ReplyPolicy::SumByName => "sums by name",
        ReplyPolicy::SumFields => "sums by name, of ratios the greatest",
        ReplyPolicy::AllOkTexts => "the first; one under the other where they differ",
        ReplyPolicy::Texts => "one under the other, with the nodes' addresses",
        ReplyPolicy::LatestByName => "by name the latest, with the greatest figure of all",
        ReplyPolicy::History => "by the second, the greatest of each",
        ReplyPolicy::NewestFirst => "in the order of time, newest first",
        ReplyPolicy::Running => "that of a node in which something runs, else the first",
        ReplyPolicy::Special => "in a way of its own",
    }
}
