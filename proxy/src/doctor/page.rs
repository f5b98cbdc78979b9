//! What the operator is told: the findings of all workers as a page of text, what was refused first.
//!
//! Pure: findings, settings and a moment in, a text out.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::{self, CommandId};

use super::advice::{Advice, Scope};
use super::{Doctor, Fate, Finding, Sample};
use crate::config::Config;
use crate::config::doctor::DoctorKeys;
use crate::metrics::label::Refusal;

/// Kinds of commands that are listed under each heading (count); those met most often come first.
const LISTED_MAX: usize = 100;

type Row<'a> = (CommandId, Fate, &'a Finding);

impl Doctor {
    /// The page, as things stand now.
    pub(crate) fn page(&self, config: &Config, now: SystemTime) -> String {
        let book = self.sum();
        let mut rows: Vec<Row<'_>> =
            book.iter().map(|((command, fate), finding)| (*command, *fate, finding)).collect();
        rows.sort_by_key(|(.., finding)| std::cmp::Reverse(finding.count));
        let (refused, served): (Vec<Row<'_>>, Vec<Row<'_>>) =
            rows.into_iter().partition(|(_, fate, _)| matches!(fate, Fate::Refused(_)));
        let mut page = Page { text: String::new(), config, now };
        page.line(format_args!(
            "seen in {}: refused {}, served though a cluster would refuse them {}",
            time(now, self.since),
            total(&refused),
            total(&served),
        ));
        if config.admin.doctor_keys == DoctorKeys::Hidden {
            page.line(format_args!("what keys look like is hidden (admin.doctor_keys)"));
        }
        page.section("Refused: the client got an error", &refused);
        page.section("Served: nothing has to be done; what is told would make it atomic", &served);
        page.text
    }
}

struct Page<'a> {
    text: String,
    config: &'a Config,
    now: SystemTime,
}

impl Page<'_> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn section(&mut self, heading: &str, rows: &[Row<'_>]) {
        if rows.is_empty() {
            return;
        }
        self.line(format_args!("\n{heading}"));
        for (command, fate, finding) in rows.iter().take(LISTED_MAX) {
            self.finding(*command, *fate, finding);
        }
        if rows.len() > LISTED_MAX {
            self.line(format_args!("  … and {} kinds more", rows.len() - LISTED_MAX));
        }
    }

    fn finding(&mut self, command: CommandId, fate: Fate, finding: &Finding) {
        let name = command::spec(command).name.replace('|', " ").to_uppercase();
        let what = match fate {
            Fate::Refused(refusal) => refusal.as_str(),
            Fate::Served(how) => how.as_str(),
        };
        let ago = time(self.now, finding.last.at);
        let (count, client) = (finding.count, finding.last.client);
        self.line(format_args!("  {name}  {what}  {count}  last {ago} ago by {client}"));
        if let Fate::Refused(refusal) = fate {
            self.line(format_args!("      {}", remedy(command, refusal)));
        }
        let mut samples: Vec<&Sample> = finding.samples.iter().collect();
        samples.sort_by_key(|sample| std::cmp::Reverse(sample.seen));
        for sample in samples {
            self.sample(sample, finding.looks);
        }
    }

    fn sample(&mut self, sample: &Sample, looks: u64) {
        let is_hidden = self.config.admin.doctor_keys == DoctorKeys::Hidden;
        if !sample.shapes.is_empty() && !is_hidden {
            let percent = sample.seen * 100 / looks.max(1);
            self.line(format_args!("      keys {}  {percent} %", sample.shapes));
        }
        match &sample.advice {
            Some(Advice::Preset(name)) => {
                self.line(format_args!("        or colocate.presets = [\"{name}\"]"));
            }
            Some(Advice::Rule { text, scope }) if !is_hidden => {
                let scope = match scope {
                    Scope::These => "these keys lie together",
                    Scope::Groups => "one slot for each value of {*}",
                    Scope::All => "all such keys lie on one node",
                };
                self.line(format_args!("        or colocate.rules = [\"{text}\"]  ({scope})"));
            }
            Some(Advice::Rule { .. }) | None => {}
        }
    }
}

/// What serves a command that is refused for this.
fn remedy(command: CommandId, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::CrossSlot => match Way::of(command::spec(command)) {
            Some(Way::Copies | Way::Streams) => {
                "cross_slot.reads = \"gather\" serves it (docs/cross-slot.md)"
            }
            Some(Way::Pop) => "cross_slot.pops = \"serve\" serves it (docs/cross-slot.md)",
            Some(_) => {
                "cross_slot.writes = \"emulate\" serves it, not atomically (docs/cross-slot.md)"
            }
            None => "no setting serves it over several slots: its keys have to share one",
        },
        Refusal::Transaction => {
            "inside MULTI; transactions.cross_slot = \"per_slot\" runs one transaction for each slot, \
             for commands that themselves need one node"
        }
        Refusal::Watch => "keys that are guarded together have to share a slot",
        Refusal::Script => "keys of one script have to share a slot",
        Refusal::ScriptKeys => {
            "the script used a key that it was not given, or one of another slot: hand it in KEYS, and \
             bring the keys together"
        }
        Refusal::UnnamedKeys => {
            "BY and GET read keys that the command does not name: no cluster runs it"
        }
        Refusal::Database => {
            "databases.mode = \"prefix\" gives several databases (docs/databases.md)"
        }
        Refusal::Admin => "admin.commands = \"allow\" lets clients change nodes",
        Refusal::Unserved => "this front door does not serve it (docs/differences.md)",
    }
}

fn total(rows: &[Row<'_>]) -> u64 {
    rows.iter().map(|(.., finding)| finding.count).sum()
}

/// How long something is ago, in one unit.
fn time(now: SystemTime, then: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or(Duration::ZERO).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::doctor::Seen;
    use crate::metrics::label::CrossSlot;

    fn note(doctor: &Doctor, name: &'static str, fate: Fate, keys: &[&'static str]) {
        let seen = Seen { client: Ipv4Addr::LOCALHOST.into(), at: SystemTime::UNIX_EPOCH };
        let command = command::lookup_full(name.as_bytes()).unwrap().id();
        let keys = keys.iter().map(|key| key.as_bytes()).collect();
        doctor.note(0, (command, fate), seen, DoctorKeys::Shapes, || keys);
    }

    #[test]
    fn what_was_refused_comes_first_with_what_would_serve_it() {
        let mut doctor = Doctor::new(1);
        doctor.since = SystemTime::UNIX_EPOCH;
        note(&doctor, "mget", Fate::Served(CrossSlot::Split), &["user:1:a", "user:2:a"]);
        for _ in 0..3 {
            note(&doctor, "rename", Fate::Refused(Refusal::CrossSlot), &["cart:7", "old:7"]);
        }
        note(&doctor, "brpoplpush", Fate::Refused(Refusal::CrossSlot), &["rq:a", "rq:b"]);
        note(&doctor, "select", Fate::Refused(Refusal::Database), &[]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(300);
        let page = doctor.page(&Config::default(), now);
        assert_eq!(
            page,
            "seen in 5 min: refused 5, served though a cluster would refuse them 1\n\
             \n\
             Refused: the client got an error\n  \
               RENAME  crossslot  3  last 5 min ago by 127.0.0.1\n      \
                   cross_slot.writes = \"emulate\" serves it, not atomically (docs/cross-slot.md)\n      \
                   keys cart:* old:*  100 %\n        \
                     or colocate.rules = [\"cart:{*} old:{*} -> cart\"]  (one slot for each value of {*})\n  \
               BRPOPLPUSH  crossslot  1  last 5 min ago by 127.0.0.1\n      \
                   cross_slot.writes = \"emulate\" serves it, not atomically (docs/cross-slot.md)\n      \
                   keys rq:a rq:b  100 %\n        \
                     or colocate.presets = [\"rq\"]\n  \
               SELECT  database  1  last 5 min ago by 127.0.0.1\n      \
                   databases.mode = \"prefix\" gives several databases (docs/databases.md)\n\
             \n\
             Served: nothing has to be done; what is told would make it atomic\n  \
               MGET  split  1  last 5 min ago by 127.0.0.1\n      \
                   keys user:*:a user:*:a  100 %\n        \
                     or colocate.rules = [\"user:*:a -> user\"]  (all such keys lie on one node)\n"
        );
    }
}
