//! `INFO`: the front door's own sections, and the sums of what its nodes tell, under the names that tools look for.
//!
//! Sections of figures that lie on the nodes are asked of every primary and added, see [`sums`]. A request that
//! names such a section fails as a whole when a primary does not answer. One that names none, as clients send it
//! when they connect, is answered then without these sections, and the section `Proxy` says so.
//! `INFO node:<addr> [section…]` is the answer of one node.

pub(crate) mod counters;

mod sections;

mod sums;

use std::fmt::Write;

use reddoor_protocol::encode::{ReplyWriter, encode_request};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::Args;

use self::sections::{SECTIONS, Section, Source};
use super::{Answered, Answerer, Requester};
use crate::cluster_map::NodeAddr;
use crate::fan_out::{Gather, Job, Reach, Start};
use crate::join::elements::bulk_text;

/// Names of sections that stand for several.
const DEFAULT: &str = "default";
const ALL: [&str; 2] = ["all", "everything"];

/// An `INFO` that nodes have a share in.
#[derive(Debug)]
pub(crate) struct InfoQuestion {
    /// The sections asked for, each with what the front door says in it.
    sections: Vec<(&'static Section, String)>,
    /// Whether the client named one that only nodes can fill.
    must_be_whole: bool,
}

pub(super) fn info(answerer: &Answerer, requester: &mut Requester<'_>, args: Args<'_>) -> Answered {
    let resp = requester.session.resp;
    if let Some(addr) = args.get(1).and_then(|arg| arg.strip_prefix(b"node:")) {
        let Some(addr) = node_addr(answerer, addr) else {
            return requester.refuse(&ReplyError::from_static(
                "ERR no such node, see node0, node1, ... in INFO proxy",
            ));
        };
        let mut request = Vec::new();
        let rest = args.iter().skip(2).collect::<Vec<_>>();
        encode_request(
            &mut request,
            [&b"INFO"[..]].into_iter().chain(rest).collect::<Vec<_>>().into_iter(),
        );
        let start = Start::question(Job::Passthrough, Reach::Node(addr), request, resp);
        return Answered::Nodes(Box::new(start));
    }
    let sections: Vec<usize> =
        (0..SECTIONS.len()).filter(|index| is_wanted(&SECTIONS[*index], args)).collect();
    let of_nodes = |index: &&usize| SECTIONS[**index].source != Source::FrontDoor;
    let nodes_count = sections.iter().filter(of_nodes).count();
    let must_be_whole = is_named(&sections, args);
    let told = |index: usize| {
        let mut own = String::new();
        (SECTIONS[index].write)(answerer, &mut own);
        (&SECTIONS[index], own)
    };
    let question =
        InfoQuestion { must_be_whole, sections: sections.into_iter().map(told).collect() };
    if nodes_count == 0 {
        let text = question.text(&[], None);
        return requester.reply(|reply| reply.verbatim("txt", text.as_bytes()));
    }
    // A node of an older version takes one section at most.
    let section = match question.sections.as_slice() {
        [(only, _)] => only.name,
        _ if args.len() < 2 => DEFAULT,
        _ => ALL[1],
    };
    let mut request = Vec::new();
    encode_request(&mut request, [&b"INFO"[..], section.as_bytes()].into_iter());
    let job = Job::Info(Box::new(question));
    Answered::Nodes(Box::new(Start::question(job, Reach::Primaries, request, resp)))
}

/// A node that the front door knows, by the address that a client gave.
fn node_addr(answerer: &Answerer, addr: &[u8]) -> Option<NodeAddr> {
    let addr = std::str::from_utf8(addr).ok()?;
    let (host, port) = addr.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addr = NodeAddr::new(host, port.parse().ok()?);
    sections::node_addrs(answerer).contains(addr.as_str()).then_some(addr)
}

fn is_wanted(section: &Section, args: Args<'_>) -> bool {
    let asked =
        |name: &str| args.iter().skip(1).any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    let is_default = args.len() < 2 || asked(DEFAULT);
    (is_default && section.is_default) || asked(section.name) || ALL.iter().any(|all| asked(all))
}

/// Whether the client named one of these sections that only nodes can fill.
fn is_named(sections: &[usize], args: Args<'_>) -> bool {
    let named = |index: &usize| {
        let name = SECTIONS[*index].name.as_bytes();
        args.iter().skip(1).any(|arg| arg.eq_ignore_ascii_case(name))
    };
    sections.iter().any(|index| named(index) && SECTIONS[*index].source == Source::Nodes)
}

impl InfoQuestion {
    /// Appends the reply, once the nodes have answered or failed to.
    pub(crate) fn write(&self, gather: &Gather, out: &mut Vec<u8>) {
        let mut failure = Vec::new();
        gather.write_error(&mut failure);
        if !failure.is_empty() && self.must_be_whole {
            return out.extend_from_slice(&failure);
        }
        let answers = gather.answers();
        let texts: Option<Vec<&str>> =
            answers.bytes().map(|bytes| std::str::from_utf8(bulk_text(bytes)?).ok()).collect();
        let failure = String::from_utf8_lossy(&failure);
        let missing = texts.is_none().then(|| failure.trim_start_matches('-').trim_end());
        let text = self.text(&texts.unwrap_or_default(), missing);
        ReplyWriter::new(out, gather.resp).verbatim("txt", text.as_bytes());
    }

    /// The sections; `missing` says why nodes told nothing.
    fn text(&self, nodes: &[&str], missing: Option<&str>) -> String {
        let mut text = String::new();
        for (section, own) in &self.sections {
            if missing.is_some() && section.source == Source::Nodes {
                continue;
            }
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str(&format!("# {}\r\n{own}", section.name));
            if section.source != Source::FrontDoor {
                let taken: Vec<&str> =
                    own.lines().filter_map(|line| line.split(':').next()).collect();
                sums::write(&mut text, section.name, nodes, &taken);
            }
            if let (Some(reason), true) = (missing, section.name == "Proxy") {
                field(&mut text, "cluster_figures", format_args!("missing, {reason}"));
            }
        }
        text
    }
}

fn field(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

#[cfg(test)]
mod tests;
