//! Section `reads`: which nodes answer commands that only read.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use reddoor_protocol::command::flags::AclCategories;
use reddoor_protocol::command::glob::{Case, is_match};
use reddoor_protocol::command::{CommandSpec, lookup_full};
use serde::{Serialize, Serializer};

use super::error::{ConfigError, Origin};
use super::reader::Reader;
use super::{as_milliseconds, as_text_or_empty};

/// Section `reads`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReadsConfig {
    /// Who answers.
    pub from: ReadFrom,
    /// Who answers single commands or categories; of several that fit the last holds.
    pub commands: Vec<ReadRule>,
    /// A second address for clients, whose reads go by `addr_from`; `None`: there is none.
    #[serde(serialize_with = "as_text_or_empty")]
    pub addr: Option<SocketAddr>,
    /// Who answers clients of `addr`.
    pub addr_from: ReadFrom,
    /// Where this front door stands; `None`: nobody said.
    #[serde(serialize_with = "as_text_or_empty")]
    pub zone: Option<String>,
    /// Where nodes stand, the first that fits.
    pub zones: Vec<ZoneRule>,
    /// What becomes of a reply of a replica that an absent key would get, too.
    pub missing: MissingKeys,
    /// Whether a client's reads see what it has written.
    pub your_writes: bool,
    /// How old a replica's data may be.
    #[serde(rename = "lag_max_ms", serialize_with = "as_milliseconds")]
    pub lag_max: Duration,
    /// Bytes of the stream that a replica may lack; 0: any.
    pub lag_max_bytes: u64,
    /// Time between two looks at the replicas; at most half of `lag_max`.
    #[serde(rename = "check_interval_ms", serialize_with = "as_milliseconds")]
    pub check_interval: Duration,
    /// Time without a reply after which another node is asked, too; zero: never.
    #[serde(rename = "hedge_after_ms", serialize_with = "as_milliseconds")]
    pub hedge_after: Duration,
    /// Requests that this may add (count for each hundred reads).
    pub hedge_percent_max: u32,
}

/// Who answers a command that only reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFrom {
    /// The primary.
    #[default]
    Primary,
    /// A replica where one can, else the primary.
    PreferReplica,
    /// A replica; while none can, the read waits.
    Replica,
    /// The primary and its replicas in turn.
    Any,
    /// Whoever is nearest, the primary or a replica.
    Nearest,
}

impl ReadFrom {
    const CHOICES: [(&'static str, ReadFrom); 5] = [
        ("primary", ReadFrom::Primary),
        ("prefer_replica", ReadFrom::PreferReplica),
        ("replica", ReadFrom::Replica),
        ("any", ReadFrom::Any),
        ("nearest", ReadFrom::Nearest),
    ];

    fn parse(word: &str) -> Option<ReadFrom> {
        Self::CHOICES.iter().find(|(name, _)| *name == word).map(|(_, from)| *from)
    }

    /// The word for it in the configuration.
    pub const fn as_str(self) -> &'static str {
        Self::CHOICES[self as usize].0
    }
}

/// What becomes of a reply of a replica that an absent key would get, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingKeys {
    /// The primary is asked, and what it says holds.
    Verify,
    /// It holds.
    Believe,
}

/// Who answers one command, or a category of them: `lrange=primary`, `@slow=replica`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRule {
    name: String,
    /// Who answers.
    pub from: ReadFrom,
}

impl ReadRule {
    /// The rule that this text is; `None`: there is no such command, category or policy.
    fn parse(text: &str) -> Option<ReadRule> {
        let (name, from) = text.split_once('=')?;
        let name = name.trim().to_lowercase();
        let is_known = match name.strip_prefix('@') {
            Some(category) => AclCategories::by_name(category.as_bytes()).is_some(),
            None => lookup_full(name.as_bytes()).is_some(),
        };
        is_known.then_some(())?;
        Some(ReadRule { name, from: ReadFrom::parse(from.trim())? })
    }

    /// Whether it speaks of this command: by name, by its container's, or by a category.
    pub fn speaks_of(&self, command: &CommandSpec) -> bool {
        match self.name.strip_prefix('@') {
            Some(category) => AclCategories::by_name(category.as_bytes())
                .is_some_and(|category| command.acl.contains(category)),
            None => {
                let container = command.name.split('|').next();
                command.name == self.name || container == Some(&self.name)
            }
        }
    }
}

impl fmt::Display for ReadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.from.as_str())
    }
}

/// Where nodes stand: `10.1.*=zone-a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRule {
    hosts: String,
    /// The zone.
    pub zone: String,
}

impl ZoneRule {
    fn parse(text: &str) -> Option<ZoneRule> {
        let (hosts, zone) = text.split_once('=')?;
        let (hosts, zone) = (hosts.trim().to_owned(), zone.trim().to_owned());
        (!hosts.is_empty() && !zone.is_empty()).then_some(ZoneRule { hosts, zone })
    }

    /// Whether a node with this host, or this `host:port`, stands there.
    pub fn speaks_of(&self, host: &str, addr: &str) -> bool {
        let is_meant = |name: &str| is_match(self.hosts.as_bytes(), name.as_bytes(), Case::Ignored);
        is_meant(host) || is_meant(addr)
    }
}

impl fmt::Display for ZoneRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.hosts, self.zone)
    }
}

impl Serialize for ReadRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ZoneRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ReadsConfig {
    pub(super) fn read(reader: &mut Reader) -> ReadsConfig {
        let lag_origin = reader.origin("reads.lag_max_ms");
        let rules = "a list of command=policy or @category=policy, such as lrange=primary";
        let zones = "a list of hosts=zone, such as 10.1.*=zone-a";
        let reads = ReadsConfig {
            from: reader.choice("reads.from", &ReadFrom::CHOICES),
            commands: reader.list("reads.commands", ReadRule::parse, rules),
            addr: reader.optional_listen_addr("reads.addr"),
            addr_from: reader.choice("reads.addr_from", &ReadFrom::CHOICES),
            zone: reader.optional_text("reads.zone"),
            zones: reader.list("reads.zones", ZoneRule::parse, zones),
            missing: reader.choice(
                "reads.missing",
                &[("verify", MissingKeys::Verify), ("believe", MissingKeys::Believe)],
            ),
            your_writes: reader.switch("reads.your_writes"),
            lag_max: reader.milliseconds("reads.lag_max_ms", 20..=3_600_000),
            lag_max_bytes: reader.number("reads.lag_max_bytes", "bytes", 0..=1 << 40),
            check_interval: reader.milliseconds("reads.check_interval_ms", 10..=60_000),
            hedge_after: reader.milliseconds("reads.hedge_after_ms", 0..=60_000),
            hedge_percent_max: reader.count("reads.hedge_percent_max", "percent", 1..=100),
        };
        reads.check_together(reader, lag_origin);
        reads
    }

    /// A replica that is never behind is known to be so only as of the last look but one.
    fn check_together(&self, reader: &mut Reader, lag_origin: Origin) {
        if self.check_interval * 2 > self.lag_max {
            let keys = ["reads.lag_max_ms", "reads.check_interval_ms"];
            let mistake = ConfigError::Invalid {
                key: keys[0].to_owned(),
                value: self.lag_max.as_millis().to_string(),
                expected: format!(
                    "at least twice {}: {}",
                    keys[1],
                    self.check_interval.as_millis()
                ),
                origin: lag_origin,
            };
            reader.conflict(&keys, mistake);
        }
    }

    /// Whether any client's read may go to a replica.
    pub fn uses_replicas(&self) -> bool {
        let rules = self.commands.iter().map(|rule| rule.from);
        let listeners = [self.from].into_iter().chain(self.addr.map(|_| self.addr_from));
        rules.chain(listeners).any(|from| from != ReadFrom::Primary)
    }

    /// Where the settings say that a node stands.
    pub fn zone_of(&self, host: &str, addr: &str) -> Option<&str> {
        let rule = self.zones.iter().find(|rule| rule.speaks_of(host, addr))?;
        Some(&rule.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_a_command_a_container_or_a_category() {
        let speaks = |rule: &str, command: &str| {
            let rule = ReadRule::parse(rule).unwrap();
            rule.speaks_of(lookup_full(command.as_bytes()).unwrap())
        };
        assert!(speaks("LRANGE = primary", "lrange"));
        assert!(!speaks("lrange=primary", "lindex"));
        assert!(speaks("@slow=any", "lrange") && !speaks("@slow=any", "get"));
        assert!(speaks("object=any", "object|encoding"));
        assert!(speaks("object|encoding=any", "object|encoding"));
        for wrong in ["", "lrange", "nope=any", "@nope=any", "lrange=nobody", "=any"] {
            assert_eq!(ReadRule::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn zones_are_told_by_hosts() {
        let rule = ZoneRule::parse("10.1.* = a").unwrap();
        assert!(rule.speaks_of("10.1.7.9", "10.1.7.9:6379"));
        assert!(!rule.speaks_of("10.2.7.9", "10.2.7.9:6379"));
        assert!(ZoneRule::parse("*:7001=b").unwrap().speaks_of("h", "h:7001"));
        assert_eq!(ZoneRule::parse("10.1.*="), None);
    }
}
