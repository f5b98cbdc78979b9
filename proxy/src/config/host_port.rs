//! Addresses to connect to, as an operator writes them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Serialize, Serializer};

use super::HostPort;

impl HostPort {
    /// Reads `host:port`, an IPv6 address in brackets.
    ///
    /// `None`: there is no port from 1 to 65535, no host, or something in it that no host name has.
    pub fn parse(text: &str) -> Option<HostPort> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|&port| port != 0)?;
        let host = match host.strip_prefix('[') {
            Some(address) => {
                let address = address.strip_suffix(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                address
            }
            None => host,
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_host = host.parse::<IpAddr>().is_ok() || host.bytes().all(is_name);
        let is_bare_v6 = host.contains(':') && !text.starts_with('[');
        (!host.is_empty() && is_host && !is_bare_v6)
            .then(|| HostPort { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_a_port_are_read_and_written_alike() {
        for text in ["redis-0.example.net:6379", "10.0.0.1:1", "[::1]:65535", "my_host:7000"] {
            assert_eq!(HostPort::parse(text).map(|read| read.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_cannot_be_connected_to_is_refused() {
        let wrong = [
            "",
            "host",
            "host:",
            ":6379",
            "host:0",
            "host:65536",
            "host:-1",
            "::1:6379",
            "[::1]",
            "[::1:6379",
            "[host]:6379",
            "redis://host:6379",
            "user@host:6379",
            "ho st:6379",
            "[]:6379",
        ];
        for text in wrong {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }
}
