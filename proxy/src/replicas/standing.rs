//! How far a node is in the stream of writes, as it tells itself.
//!
//! Source: the answer of redis-server 7.0 to `INFO replication`, and of Valkey to `INFO server`.

use reddoor_protocol::topology::Role;

/// What a node says of its place in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What it holds itself for.
    pub(crate) role: Role,
    /// The name of the stream that it writes or follows.
    pub(crate) stream: String,
    /// A primary: how much it has written. A replica: how much it has applied. In bytes.
    pub(crate) offset: u64,
    /// A replica: whether its link to the primary is up.
    pub(crate) is_linked: bool,
    /// A replica: whether it is being given a copy of the whole.
    pub(crate) is_copying: bool,
}

impl Standing {
    /// The standing that this text tells; `None` when it tells none.
    pub(crate) fn parse(info: &str) -> Option<Standing> {
        let role = match field(info, "role")? {
            "master" => Role::Primary,
            "slave" => Role::Replica,
            _ => return None,
        };
        let offset = match role {
            Role::Primary => field(info, "master_repl_offset")?,
            Role::Replica => field(info, "slave_repl_offset")?,
        };
        Some(Standing {
            role,
            stream: field(info, "master_replid")?.to_owned(),
            // A replica that never was in step tells -1.
            offset: offset.parse().unwrap_or(0),
            is_linked: field(info, "master_link_status") == Some("up"),
            is_copying: field(info, "master_sync_in_progress") == Some("1"),
        })
    }
}

/// The zone that a Valkey was told to be in.
pub(crate) fn zone_of(info: &str) -> Option<&str> {
    field(info, "availability_zone").filter(|zone| !zone.is_empty())
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_tells_what_it_has_applied() {
        let info = "# Replication\r\nrole:slave\r\nmaster_host:h\r\nmaster_link_status:up\r\n\
                    master_sync_in_progress:0\r\nslave_read_repl_offset:99\r\nslave_repl_offset:98\r\n\
                    master_replid:abc\r\nmaster_repl_offset:97\r\n";
        let standing = Standing::parse(info).unwrap();
        assert_eq!(
            standing,
            Standing {
                role: Role::Replica,
                stream: "abc".to_owned(),
                offset: 98,
                is_linked: true,
                is_copying: false
            }
        );
        let down = info.replace("status:up", "status:down").replace("progress:0", "progress:1");
        let standing = Standing::parse(&down.replace(":98", ":-1")).unwrap();
        assert_eq!((standing.is_linked, standing.is_copying, standing.offset), (false, true, 0));
    }

    #[test]
    fn a_primary_tells_what_it_has_written() {
        let info = "role:master\r\nslave0:ip=h,port=1,state=online,offset=5,lag=0\r\n\
                    master_replid:abc\r\nmaster_replid2:0\r\nmaster_repl_offset:7\r\n";
        let standing = Standing::parse(info).unwrap();
        assert_eq!((standing.role, standing.offset), (Role::Primary, 7));
        assert_eq!(Standing::parse("role:sentinel\r\n"), None);
        assert_eq!(Standing::parse(""), None);
    }

    #[test]
    fn a_zone_is_told_by_those_that_have_one() {
        assert_eq!(zone_of("a:1\r\navailability_zone:z1\r\n"), Some("z1"));
        assert_eq!(zone_of("availability_zone:\r\n"), None);
    }
}
