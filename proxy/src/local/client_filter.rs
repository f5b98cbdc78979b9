//! Which clients `CLIENT LIST` and `CLIENT KILL` mean.

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};

use crate::errand::ClientId;
use crate::session::Session;

/// All given conditions must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientFilter {
    ids: Option<Vec<ClientId>>,
    addr: Option<Vec<u8>>,
    local_addr: Option<Vec<u8>>,
    /// Another user than the only one, or another type than `normal`: nobody matches.
    is_nobody: bool,
    /// This client is left out.
    skip: Option<ClientId>,
}

impl ClientFilter {
    /// The one client with this address, as `CLIENT KILL addr:port` has it.
    pub(crate) fn addr(addr: &[u8]) -> ClientFilter {
        ClientFilter { addr: Some(addr.to_vec()), ..ClientFilter::default() }
    }

    /// Whether a client is meant.
    pub(crate) fn matches(&self, session: &Session) -> bool {
        let is_addr = |wanted: &Option<Vec<u8>>, addr: std::net::SocketAddr| {
            wanted.as_ref().is_none_or(|wanted| *wanted == addr.to_string().as_bytes())
        };
        !self.is_nobody
            && self.skip != Some(session.id)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&session.id))
            && is_addr(&self.addr, session.peer_addr)
            && is_addr(&self.local_addr, session.local_addr)
    }

    /// Reads what follows `CLIENT LIST`.
    pub(crate) fn parse_list(args: Args<'_>) -> Result<ClientFilter, ReplyError> {
        let mut filter = ClientFilter::default();
        let Some(option) = args.get(2) else { return Ok(filter) };
        if option.eq_ignore_ascii_case(b"type") && args.len() == 4 {
            filter.only_type(args.get(3).unwrap_or_default())?;
        } else if option.eq_ignore_ascii_case(b"id") && args.len() > 3 {
            let ids = args
                .iter()
                .skip(3)
                .map(|id| parse_id(id).ok_or_else(|| ReplyError::new("ERR Invalid client ID")));
            filter.ids = Some(ids.collect::<Result<_, _>>()?);
        } else {
            return Err(ReplyError::SYNTAX);
        }
        Ok(filter)
    }

    /// Reads the options of `CLIENT KILL`; the caller is spared unless it says `SKIPME no`.
    pub(crate) fn parse_kill(args: Args<'_>, caller: ClientId) -> Result<ClientFilter, ReplyError> {
        let mut filter = ClientFilter { skip: Some(caller), ..ClientFilter::default() };
        for index in (2..args.len()).step_by(2) {
            let (Some(option), Some(value)) = (args.get(index), args.get(index + 1)) else {
                return Err(ReplyError::SYNTAX);
            };
            if option.eq_ignore_ascii_case(b"id") {
                let id = parse_id(value)
                    .ok_or_else(|| ReplyError::new("ERR client-id should be greater than 0"))?;
                filter.ids = Some(vec![id]);
            } else if option.eq_ignore_ascii_case(b"type") {
                filter.only_type(value)?;
            } else if option.eq_ignore_ascii_case(b"addr") {
                filter.addr = Some(value.to_vec());
            } else if option.eq_ignore_ascii_case(b"laddr") {
                filter.local_addr = Some(value.to_vec());
            } else if option.eq_ignore_ascii_case(b"user") {
                if value != b"default" {
                    let user = String::from_utf8_lossy(value);
                    return Err(ReplyError::new(format!("ERR No such user '{user}'")));
                }
            } else if option.eq_ignore_ascii_case(b"skipme") {
                filter.skip = match value {
                    yes if yes.eq_ignore_ascii_case(b"yes") => Some(caller),
                    no if no.eq_ignore_ascii_case(b"no") => None,
                    _ => return Err(ReplyError::SYNTAX),
                };
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(filter)
    }

    /// Every client of the front door is `normal`.
    fn only_type(&mut self, kind: &[u8]) -> Result<(), ReplyError> {
        if kind.eq_ignore_ascii_case(b"normal") {
            return Ok(());
        }
        let others: [&[u8]; 4] = [b"master", b"replica", b"slave", b"pubsub"];
        if others.iter().any(|other| kind.eq_ignore_ascii_case(other)) {
            self.is_nobody = true;
            return Ok(());
        }
        let kind = String::from_utf8_lossy(kind);
        Err(ReplyError::new(format!("ERR Unknown client type '{kind}'")))
    }
}

pub(super) fn parse_id(text: &[u8]) -> Option<ClientId> {
    let id = u64::try_from(parse_integer(text)?).ok()?;
    (id > 0).then_some(ClientId(id))
}
