//! All clients of the node.
//!
//! A client is taken out while its session executes commands, so that the commands can have it and the node at
//! the same time; whoever walks over the others walks without it.

mod evict;

mod limit;

use slab::Slab;

use crate::client::{Client, ClientId, Seat};

/// All connected clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    entries: Slab<Entry>,
    last_id: u64,
    /// What they may hold together, in bytes; 0 for no limit.
    bytes_max: usize,
    /// What they hold. Invariant: the sum over the entries.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    id: ClientId,
    /// `None` while the client is taken out.
    client: Option<Box<Client>>,
    /// What it was found to hold, in bytes; 0 without a limit, and for who is spared.
    bytes: usize,
}

impl Clients {
    /// How many there are, the one that is taken out included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn next_id(&mut self) -> ClientId {
        self.last_id += 1;
        ClientId(self.last_id)
    }

    /// Gives a client a seat, which it keeps until [`Clients::remove`].
    pub(crate) fn insert(&mut self, mut client: Box<Client>) -> Seat {
        let entry = self.entries.vacant_entry();
        client.seat = Seat(entry.key());
        let seat = client.seat;
        entry.insert(Entry { id: client.id, client: Some(client), bytes: 0 });
        seat
    }

    /// Takes a client out; [`Clients::put`] brings it back.
    pub(crate) fn take(&mut self, seat: Seat) -> Option<Box<Client>> {
        self.entries.get_mut(seat.0)?.client.take()
    }

    pub(crate) fn put(&mut self, seat: Seat, client: Box<Client>) {
        if let Some(entry) = self.entries.get_mut(seat.0) {
            entry.client = Some(client);
        }
    }

    /// A client that is not taken out.
    pub(crate) fn seated(&mut self, seat: Seat) -> Option<&mut Client> {
        self.entries.get_mut(seat.0)?.client.as_deref_mut()
    }

    /// Whether a client has not left its seat, taken out or not.
    pub(crate) fn is_connected(&self, id: ClientId, seat: Seat) -> bool {
        self.entries.get(seat.0).is_some_and(|entry| entry.id == id)
    }

    pub(crate) fn remove(&mut self, seat: Seat) -> Option<Box<Client>> {
        let entry = self.entries.try_remove(seat.0)?;
        self.bytes -= entry.bytes;
        entry.client
    }

    /// All clients that are not taken out, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> + Clone {
        self.entries.iter().filter_map(|(_, entry)| entry.client.as_deref())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.entries.iter_mut().filter_map(|(_, entry)| entry.client.as_deref_mut())
    }
}
