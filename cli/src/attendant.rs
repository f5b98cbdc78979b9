//! Looks after a running front door: settings that are to be read anew, and a process that takes its place.

use std::net::SocketAddr;

use anyhow::Result;
use reddoor_proxy::front_door::Running;
use tracing::{debug, info, warn};

use crate::control::caller::Caller;
use crate::control::{Control, Request};
use crate::reload::{self, Source};
use crate::signals::ReloadSignals;
use crate::take_over;

/// See the module.
#[derive(Debug)]
pub(crate) struct Attendant<'a> {
    reloads: ReloadSignals,
    control: Control,
    source: Source<'a>,
    /// Why nobody may take over, if so.
    stays: Option<&'static str>,
}

/// Another process has taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakenOver;

impl<'a> Attendant<'a> {
    /// Of a front door whose place may be taken. Must be called inside a runtime.
    pub(crate) fn new(control: Control, source: Source<'a>) -> Result<Attendant<'a>> {
        Ok(Attendant { reloads: ReloadSignals::listen()?, control, source, stays: None })
    }

    /// Of one that stands before nodes of its own. Must be called inside a runtime.
    pub(crate) fn with_nodes(addr: SocketAddr, source: Source<'a>) -> Result<Attendant<'a>> {
        let stays = Some("it has nodes of its own, which end with it");
        let attendant = Attendant::new(Control::listen(addr), source)?;
        Ok(Attendant { stays, ..attendant })
    }

    /// Does what it is asked until another process has taken over.
    pub(crate) async fn attend(&mut self, running: &Running) -> TakenOver {
        loop {
            tokio::select! {
                () = self.reloads.recv() => drop(reload::reload(running, self.source)),
                (caller, request) = self.control.next() => {
                    if let Some(taken_over) = self.answer(caller, request, running).await {
                        return taken_over;
                    }
                }
            }
        }
    }

    async fn answer(
        &self,
        mut caller: Caller,
        request: Request,
        running: &Running,
    ) -> Option<TakenOver> {
        let answered = match (request, self.stays) {
            (Request::Reload, _) => reload::answer(caller, running, self.source).await,
            (Request::TakeOver, Some(why)) => take_over::refuse(&mut caller, why).await,
            (Request::TakeOver, None) => {
                info!("another process wants to take over");
                match take_over::hand_over(&mut caller, running, &self.control).await {
                    Ok(()) => return Some(TakenOver),
                    Err(error) => warn!(error = format!("{error:#}"), "it failed, serving on"),
                }
                Ok(())
            }
        };
        if let Err(error) = answered {
            debug!(%error, "a caller left before its answer");
        }
        None
    }
}
