//! Which worker serves a client, for what one client makes happen to another (`CLIENT TRACKING … REDIRECT`).
//!
//! Shared by all workers and written when a client comes and goes, never for a request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::errand::ClientId;

/// Where a client is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The worker.
    pub(crate) worker: usize,
    /// The session's place there, which another client may have by the time it is looked at.
    pub(crate) session: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// As many as clients are connected.
    places: Mutex<HashMap<ClientId, Place>>,
}

impl Directory {
    /// A client is served here from now on.
    pub(crate) fn enter(&self, client: ClientId, place: Place) {
        self.lock().insert(client, place);
    }

    /// A client is gone.
    pub(crate) fn leave(&self, client: ClientId) {
        self.lock().remove(&client);
    }

    /// Where a client is served that is there.
    pub(crate) fn find(&self, client: ClientId) -> Option<Place> {
        self.lock().get(&client).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientId, Place>> {
        // Each change is one call, so the map is whole whatever happened to who held it.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
