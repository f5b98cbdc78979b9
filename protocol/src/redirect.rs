//! Cluster errors, typed: what a node says when it will not, or cannot yet, run a command.
//!
//! Spec: <https://valkey.io/topics/cluster-spec/#redirection-and-resharding>

use crate::slot::Slot;

/// An error reply that tells a cluster's client to go elsewhere or to come back.
///
/// All of them promise that the command did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterError<'a> {
    /// The slot belongs to another node, for good: remember it.
    Moved(Target<'a>),
    /// This one command is to be asked of another node, after `ASKING`; the slot is under way.
    Ask(Target<'a>),
    /// Some keys of the command are under way; the same command will succeed soon.
    TryAgain,
    /// No node serves the slot, or the cluster is down.
    ClusterDown,
    /// The node is loading its data.
    Loading,
    /// The node is a replica now and does not write.
    ReadOnly,
    /// The node is a replica that lost its primary.
    MasterDown,
    /// The node runs a script that takes long, and nothing else meanwhile.
    Busy,
    /// The node became a replica while the command waited on it.
    Unblocked,
}

/// Where a redirect points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The slot in question.
    pub slot: Slot,
    /// Host name or address; empty when it is the host of the node that answered.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
}

impl<'a> ClusterError<'a> {
    /// Reads an error line without its leading `-`; a line end behind it is ignored.
    ///
    /// `None`: an error of another kind, to be passed to the client as it is.
    pub fn parse(line: &'a [u8]) -> Option<ClusterError<'a>> {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let (code, rest) = match memchr::memchr(b' ', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, [].as_slice()),
        };
        Some(match code {
            b"MOVED" => ClusterError::Moved(Target::parse(rest)?),
            b"ASK" => ClusterError::Ask(Target::parse(rest)?),
            b"TRYAGAIN" => ClusterError::TryAgain,
            b"CLUSTERDOWN" => ClusterError::ClusterDown,
            b"LOADING" => ClusterError::Loading,
            b"READONLY" => ClusterError::ReadOnly,
            b"MASTERDOWN" => ClusterError::MasterDown,
            b"BUSY" => ClusterError::Busy,
            // Other ends of a wait have this code, too: `CLIENT UNBLOCK`, a stream that was deleted.
            b"UNBLOCKED" if rest.starts_with(b"force unblock") => ClusterError::Unblocked,
            _ => return None,
        })
    }
}

impl<'a> Target<'a> {
    /// Reads `<slot> <host>:<port>`; hosts may be IPv6 addresses with or without brackets.
    fn parse(text: &'a [u8]) -> Option<Target<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        let (slot, addr) = text.split_once(' ')?;
        let (host, port) = addr.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        // A node that was told to hide its endpoint writes `?`: the same host is meant.
        let host = if host == "?" { "" } else { host };
        Some(Target { slot: Slot::new(slot.parse().ok()?)?, host, port: port.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(slot: u16, host: &str, port: u16) -> Target<'_> {
        Target { slot: Slot::new(slot).unwrap(), host, port }
    }

    #[test]
    fn cluster_errors_are_recognised() {
        let table: &[(&str, Option<ClusterError<'_>>)] = &[
            ("MOVED 1 10.0.0.1:7000\r\n", Some(ClusterError::Moved(target(1, "10.0.0.1", 7000)))),
            ("ASK 16383 h.example:1", Some(ClusterError::Ask(target(16383, "h.example", 1)))),
            ("MOVED 1 :7000", Some(ClusterError::Moved(target(1, "", 7000)))),
            ("MOVED 1 ?:7000", Some(ClusterError::Moved(target(1, "", 7000)))),
            ("MOVED 1 ::1:7000", Some(ClusterError::Moved(target(1, "::1", 7000)))),
            ("MOVED 1 [::1]:7000", Some(ClusterError::Moved(target(1, "::1", 7000)))),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Some(ClusterError::TryAgain),
            ),
            ("CLUSTERDOWN The cluster is down", Some(ClusterError::ClusterDown)),
            ("LOADING Redis is loading the dataset in memory", Some(ClusterError::Loading)),
            ("READONLY You can't write against a read only replica.", Some(ClusterError::ReadOnly)),
            ("MASTERDOWN Link with MASTER is down", Some(ClusterError::MasterDown)),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed",
                Some(ClusterError::Unblocked),
            ),
            ("UNBLOCKED client unblocked via CLIENT UNBLOCK", None),
            ("BUSY Redis is busy running a script.", Some(ClusterError::Busy)),
            ("BUSYGROUP Consumer Group name already exists", None),
            ("BUSYKEY Target key name already exists.", None),
            ("MOVED", None),
            ("MOVED 16384 a:1", None),
            ("MOVED 1 a:99999", None),
            ("MOVED 1 a", None),
            ("MOVEDX 1 a:1", None),
            ("ERR something", None),
        ];
        for (line, expect) in table {
            assert_eq!(ClusterError::parse(line.as_bytes()), *expect, "{line}");
        }
    }
}
