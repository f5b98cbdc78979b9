//! Effects that belong together, encoded once for all who repeat them.

/// Whom an effect concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    #[default]
    All,
    /// Replicas alone: what changes no data, such as a message to a channel.
    Replicas,
    /// The append-only file alone.
    File,
    Nobody,
}

impl Reach {
    /// Whom both concern.
    pub(crate) fn and(self, other: Reach) -> Reach {
        match (self, other) {
            (Reach::All, reach) | (reach, Reach::All) => reach,
            (one, other) if one == other => one,
            _ => Reach::Nobody,
        }
    }
}

/// Effects in their order, each a request as it travels.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// All requests, one behind the other.
    bytes: Vec<u8>,
    effects: Vec<Effect>,
    /// They have nothing to do with each other, so nothing need hold them together.
    is_apart: bool,
}

#[derive(Clone, Copy, Debug)]
struct Effect {
    db: usize,
    reach: Reach,
    /// Where it ends among all bytes.
    end: usize,
}

/// Capacity that is kept between units, in bytes.
const BYTES_KEPT: usize = 1024 * 1024;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Unit {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// Where the next effect is to be written.
    pub(super) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was written since the last call is one effect; none if it concerns nobody.
    pub(super) fn close(&mut self, db: usize, reach: Reach) {
        if reach == Reach::Nobody {
            return self.bytes.truncate(self.effects.last().map_or(0, |effect| effect.end));
        }
        self.effects.push(Effect { db, reach, end: self.bytes.len() });
    }

    pub(super) fn take_apart(&mut self) {
        self.is_apart = true;
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
        self.effects.clear();
        self.is_apart = false;
    }

    /// Writes the effects as one transaction, each in its database. `selected` is the one that the stream stands in;
    /// `None` if that is not known.
    pub(crate) fn write(&self, out: &mut Vec<u8>, selected: &mut Option<usize>, reader: Reach) {
        let concerns = |effect: &Effect| effect.reach == Reach::All || effect.reach == reader;
        if !self.effects.iter().any(concerns) {
            return;
        }
        let is_transaction = self.effects.len() > 1 && !self.is_apart;
        if is_transaction && let Some(first) = self.effects.first() {
            select(out, selected, first.db);
            out.extend_from_slice(MULTI);
        }
        let mut start = 0;
        for effect in &self.effects {
            if concerns(effect) {
                select(out, selected, effect.db);
                out.extend_from_slice(&self.bytes[start..effect.end]);
            }
            start = effect.end;
        }
        if is_transaction {
            out.extend_from_slice(EXEC);
        }
    }
}

/// Moves the stream into a database.
fn select(out: &mut Vec<u8>, selected: &mut Option<usize>, db: usize) {
    if *selected != Some(db) {
        *selected = Some(db);
        let db = db.to_string();
        out.extend_from_slice(
            format!("*2\r\n$6\r\nSELECT\r\n${}\r\n{db}\r\n", db.len()).as_bytes(),
        );
    }
}
