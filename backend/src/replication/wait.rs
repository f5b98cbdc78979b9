//! Clients that wait until replicas have what they wrote, and writes that need replicas.

use crate::blocking::time_out;
use crate::client::Seat;
use crate::node::Node;

const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

impl Node {
    /// How many replicas have the stream up to an offset.
    pub(crate) fn count_acked(&mut self, offset: u64) -> i64 {
        let mut count = 0;
        self.each_replica(|_, replica| {
            count += i64::from(replica.is_online() && replica.acked >= offset);
        });
        count
    }

    /// Asks replicas how far they have come; once for all who ask in one turn.
    pub(crate) fn ask_for_acks(&mut self) {
        self.feed_request(GETACK);
    }

    /// Lets those go on for whom enough replicas have come far enough. Called after a turn in which some said so.
    pub(crate) fn serve_waiting(&mut self) {
        self.acks_came = false;
        let waiting: Vec<(Seat, i64, u64)> = self
            .clients
            .iter()
            .filter_map(|client| client.awaits_acks.map(|(wanted, at)| (client.seat, wanted, at)))
            .collect();
        for (seat, wanted, offset) in waiting {
            let count = self.count_acked(offset);
            let Some(client) = self.clients.seated(seat) else { continue };
            let Some(blocked) = &mut client.blocked else { continue };
            blocked.reply = format!(":{count}\r\n").into_bytes();
            if count >= wanted {
                time_out(&mut self.blocking, client);
            }
        }
    }

    /// Whether too few replicas are near enough for a write.
    pub(crate) fn lacks_replicas(&mut self) -> bool {
        let settings = &self.config.settings().replication;
        let (wanted, lag_max) = (settings.replicas_min, settings.lag_max);
        if wanted == 0 || lag_max.is_zero() || self.replication.upstream.is_some() {
            return false;
        }
        self.count_good_replicas() < wanted
    }

    /// How many replicas are online and were heard of within `min-replicas-max-lag`.
    pub(crate) fn count_good_replicas(&mut self) -> usize {
        let lag_max = self.config.settings().replication.lag_max;
        let mut count = 0;
        self.each_replica(|_, replica| {
            let is_near = replica.heard_at.elapsed().as_secs() <= lag_max.as_secs();
            count += usize::from(replica.is_online() && is_near);
        });
        count
    }
}
