//! Why a command was refused that one Redis would have run: read from the error that its client is told.
//!
//! In: an error of the front door or of a node. Out: the reason, if it is that the data lie on a cluster or that the
//! front door serves less than a Redis; errors that a single Redis gives as well are none.

use reddoor_protocol::command::policy::{RequestPolicy, TransactionStep};
use reddoor_protocol::command::{CommandId, CommandSpec};

use crate::metrics::label::Refusal;

/// Whether a command was to be part of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// It came alone.
    Alone,
    /// It came behind `MULTI`.
    Transaction,
}

const SELECT: CommandId = CommandId::of("select");

impl Refusal {
    /// The reason that an error tells, without `-` and line end; `None`: one Redis would say the same.
    pub(crate) fn of(command: &CommandSpec, error: &[u8], setting: Setting) -> Option<Refusal> {
        let code = error.split(|byte| *byte == b' ').next().unwrap_or_default();
        match code {
            b"CROSSSLOT" => Some(match (command.request, setting) {
                (RequestPolicy::Transaction(TransactionStep::Watch), _) => Refusal::Watch,
                (RequestPolicy::Script(_), _) => Refusal::Script,
                (_, Setting::Transaction) => Refusal::Transaction,
                (_, Setting::Alone) => Refusal::CrossSlot,
            }),
            b"UNSERVED" => Some(match setting {
                Setting::Transaction => Refusal::Transaction,
                Setting::Alone => Refusal::Unserved,
            }),
            b"NOTALLOWED" => Some(Refusal::Admin),
            b"ERR" => of_plain_error(command, &error[code.len()..]),
            _ => None,
        }
    }
}

/// What nodes of a cluster say, and the front door in their place, in words of their own.
fn of_plain_error(command: &CommandSpec, text: &[u8]) -> Option<Refusal> {
    let text = String::from_utf8_lossy(text);
    let says = |words: &str| text.contains(words);
    if command.id() == SELECT && says("DB index is out of range") {
        return Some(Refusal::Database);
    }
    if matches!(command.request, RequestPolicy::Script(_)) && says("Script attempted to access") {
        return Some(Refusal::ScriptKeys);
    }
    if says("in cluster mode") {
        let is_sort = says("option of SORT");
        return Some(if is_sort { Refusal::UnnamedKeys } else { Refusal::Database });
    }
    None
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::command::lookup_full;

    use super::*;

    #[test]
    fn errors_tell_whether_a_cluster_is_the_reason() {
        use Setting::{Alone, Transaction};
        for (name, error, setting, expect) in [
            ("rename", "CROSSSLOT Keys in request", Alone, Some(Refusal::CrossSlot)),
            ("get", "CROSSSLOT commands of one", Transaction, Some(Refusal::Transaction)),
            ("watch", "CROSSSLOT WATCH of keys", Alone, Some(Refusal::Watch)),
            ("evalsha", "CROSSSLOT Keys in request", Alone, Some(Refusal::Script)),
            ("keys", "UNSERVED command 'keys'", Transaction, Some(Refusal::Transaction)),
            ("sync", "UNSERVED command 'sync'", Alone, Some(Refusal::Unserved)),
            ("config|set", "NOTALLOWED command", Alone, Some(Refusal::Admin)),
            ("cluster|info", "ERR This instance has cluster support disabled", Alone, None),
            ("select", "ERR DB index is out of range", Alone, Some(Refusal::Database)),
            ("move", "ERR MOVE is not allowed in cluster mode", Alone, Some(Refusal::Database)),
            (
                "copy",
                "ERR Copying to another database is not allowed in cluster mode",
                Alone,
                Some(Refusal::Database),
            ),
            (
                "sort",
                "ERR BY option of SORT denied in cluster mode.",
                Alone,
                Some(Refusal::UnnamedKeys),
            ),
            (
                "eval",
                "ERR Script attempted to access a non local key in a cluster node script: f_1",
                Alone,
                Some(Refusal::ScriptKeys),
            ),
            ("get", "WRONGTYPE Operation against", Alone, None),
            ("rename", "ERR no such key", Alone, None),
            ("move", "ERR DB index is out of range", Alone, None),
        ] {
            let command = lookup_full(name.as_bytes()).unwrap();
            assert_eq!(Refusal::of(command, error.as_bytes(), setting), expect, "{name}: {error}");
        }
    }
}
