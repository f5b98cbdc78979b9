//! `DEBUG` of the cluster bus: links that end and messages that do not arrive.

use std::rc::Rc;

use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::topology::NodeId;

use crate::cluster::message::Kind;
use crate::commands::argument::{integer, is};
use crate::execute::Call;

/// `DEBUG CLUSTERLINK KILL TO|FROM|ALL node`
pub(super) fn kill_links(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let Some(cluster) = call.node.cluster.as_ref().map(Rc::clone) else {
        return Err(ReplyError::new(
            "ERR Debug option only available for cluster mode enabled setup!",
        ));
    };
    let mut cluster = cluster.borrow_mut();
    let (direction, name) = (call.arg(3), call.arg(4));
    let peer = NodeId::parse(name).filter(|id| cluster.core.member(id).is_some());
    let peer = peer.ok_or_else(|| {
        ReplyError::new(format!("ERR Unknown node {}", String::from_utf8_lossy(name)))
    })?;
    let (to, from) = match direction {
        word if is(word, "to") => (true, false),
        word if is(word, "from") => (false, true),
        word if is(word, "all") => (true, true),
        word => {
            let word = String::from_utf8_lossy(word);
            return Err(ReplyError::new(format!("ERR Unknown direction {word}")));
        }
    };
    cluster.core.end_links(&peer, |link| if link.is_inbound { from } else { to });
    cluster.wake();
    call.reply.ok();
    Ok(())
}

/// `DEBUG DROP-CLUSTER-PACKET-FILTER kind`: by its number on the bus; no kind has a negative one.
pub(super) fn drop_packets(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let number = integer(call.arg(2))?;
    let kind = usize::try_from(number).ok().and_then(|number| Kind::ALL.get(number)).copied();
    if let Some(cluster) = &call.node.cluster {
        cluster.borrow_mut().core.ignore(kind);
    }
    call.reply.ok();
    Ok(())
}
