//! `INFO`: everything that monitoring reads, in sections of `name:value` lines.
//!
//! Fields of what this node does not do are there with the value that says so, because dashboards and rigs
//! look for them.

mod memory;

mod per_command;

mod persistence;

mod replication;

mod sections;

mod system;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::is;
use crate::commands::info::sections::Section;
use crate::execute::{Call, Handler};

pub(super) const HANDLERS: &[(&str, Handler)] = &[("info", info)];

fn info(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let mut wanted: Vec<&Section> = Vec::new();
    let words: Vec<&[u8]> = call.args.iter().skip(1).collect();
    for section in sections::ALL {
        let by_group = |word: &&[u8]| {
            is(word, "default") && section.is_default
                || is(word, "all") && section.is_in_all
                || is(word, "everything")
                || is(word, section.name)
        };
        if words.is_empty() && section.is_default || words.iter().any(by_group) {
            wanted.push(section);
        }
    }
    // What scripts are said to hold is then what they hold.
    call.node.scripting.collect_little();
    let mut text = String::new();
    for section in wanted {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {}\r\n", section.title));
        (section.write)(call, &mut text);
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
