//! stub
use super::core::Core; use crate::execute::*; use reddoor_protocol::reply_error::ReplyError; use reddoor_protocol::topology::replies::Endpoint;
#[derive(Debug)] pub(crate) struct RouteSettings { pub(crate) allows_reads_when_down: bool, pub(crate) endpoint: Endpoint }
pub(crate) fn route(_:&Core,_:&RouteSettings,_:&RouteQuery,_:impl FnOnce()->Presence)->Result<(),ReplyError>{Ok(())}
