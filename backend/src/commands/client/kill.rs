//! `CLIENT KILL`, by address or by filters.

use std::rc::Rc;

use reddoor_protocol::reply_error::ReplyError;

use crate::acl::User;
use crate::client::{Client, ClientId, Close, Seat};
use crate::commands::argument::{is, quoted};
use crate::commands::client::list::ClientType;
use crate::commands::client::parse_id;
use crate::execute::Call;
use crate::node::Node;

/// Which clients to end: those that pass all filters.
struct Filters<'a> {
    id: Option<ClientId>,
    addr: Option<&'a [u8]>,
    local_addr: Option<&'a [u8]>,
    client_type: Option<ClientType>,
    user: Option<Rc<User>>,
    skips_me: bool,
}

impl Filters<'_> {
    fn pass(&self, client: &Client) -> bool {
        self.id.is_none_or(|id| id == client.id)
            && self.addr.is_none_or(|addr| addr == client.addr.as_bytes())
            && self.local_addr.is_none_or(|addr| addr == client.local_addr.as_bytes())
            && self.client_type.is_none_or(|class| class == ClientType::of(client))
            && self.user.as_ref().is_none_or(|user| Rc::ptr_eq(user, &client.login.user))
            && client.close.is_none()
    }
}

pub(super) fn kill(call: &mut Call<'_>) -> Result<(), ReplyError> {
    if call.args.len() == 3 {
        let addr = call.arg(2);
        let filters = Filters { addr: Some(addr), skips_me: false, ..no_filters() };
        return match end(call, &filters) {
            0 => Err(ReplyError::new("ERR No such client")),
            _ => {
                call.reply.ok();
                Ok(())
            }
        };
    }
    let filters = parse(call)?;
    let count = end(call, &filters);
    call.reply.integer(count);
    Ok(())
}

fn no_filters() -> Filters<'static> {
    Filters {
        id: None,
        addr: None,
        local_addr: None,
        client_type: None,
        user: None,
        skips_me: true,
    }
}

fn parse<'a>(call: &Call<'a>) -> Result<Filters<'a>, ReplyError> {
    let mut filters: Filters<'a> = no_filters();
    let mut index = 2;
    while index < call.args.len() {
        let (option, value) = (call.arg(index), call.args.get(index + 1));
        let value = value.ok_or(ReplyError::SYNTAX)?;
        if is(option, "ID") {
            let id = parse_id(value);
            filters.id = Some(id.ok_or(ReplyError::new("ERR client-id should be greater than 0"))?);
        } else if is(option, "ADDR") {
            filters.addr = Some(value);
        } else if is(option, "LADDR") {
            filters.local_addr = Some(value);
        } else if is(option, "TYPE") {
            filters.client_type = Some(ClientType::parse(value)?);
        } else if is(option, "USER") {
            let user = call.node.acl.find(value).cloned();
            let unknown = || ReplyError::new(format!("ERR No such user '{}'", quoted(value)));
            filters.user = Some(user.ok_or_else(unknown)?);
        } else if is(option, "SKIPME") && (is(value, "yes") || is(value, "no")) {
            filters.skips_me = is(value, "yes");
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    Ok(filters)
}

/// Ends the clients that pass; the caller itself only after its reply. How many they were.
fn end(call: &mut Call<'_>, filters: &Filters<'_>) -> i64 {
    let mut count = end_clients(call.node, |client, _| filters.pass(client));
    if !filters.skips_me && filters.pass(call.client) {
        call.client.close = Some(Close::AfterReplies);
        count += 1;
    }
    count
}

/// Ends all clients that are meant, but for the one whose command this is. How many they were.
pub(crate) fn end_clients(node: &mut Node, is_meant: impl Fn(&Client, &Node) -> bool) -> i64 {
    let clients = node.clients.iter().filter(|client| is_meant(client, node));
    let seats: Vec<Seat> = clients.map(|client| client.seat).collect();
    let count = i64::try_from(seats.len()).unwrap_or(i64::MAX);
    seats.into_iter().for_each(|seat| node.cut_off(seat));
    count
}
