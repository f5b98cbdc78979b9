//! Errors in answer to what was done elsewhere, or earlier, and is done again here: the data will not be the same.
//!
//! They are counted (`unexpected_error_replies`) and logged. With `propagation-error-behavior` the node ends rather
//! than hold other data than it should.
//!
//! Source: redis `src/networking.c` afterErrorReply.

use crate::config::settings::OnError;
use crate::node::Node;

/// Who says what is to be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sayer {
    Primary,
    AppendOnlyFile,
    /// A replica, which is to say nothing that is answered.
    Replica,
}

impl Node {
    /// A command was answered with this many errors (count), which is as good as none for zero.
    pub(crate) fn note_unexpected(&mut self, by: Sayer, command: &[u8], reply: &[u8], errors: u64) {
        if errors == 0 {
            return;
        }
        self.stats.unexpected_errors += errors;
        let (from, to) = match by {
            Sayer::Primary => ("replica", "master"),
            Sayer::AppendOnlyFile => ("AOF-loading-client", "server"),
            Sayer::Replica => ("master", "replica"),
        };
        let (reply, command) = (one_line(reply), command.escape_ascii());
        tracing::warn!(
            "== CRITICAL == This {from} is sending an error to its {to}: '{reply}' after processing the command \
             '{command}'"
        );
        let settings = &self.config.settings().replication;
        let ends = match (by, settings.on_unexpected_error) {
            (Sayer::Replica, _)
            | (_, OnError::GoOn)
            | (Sayer::AppendOnlyFile, OnError::EndIfReplica) => false,
            // What others write to a replica may well get in the way.
            (Sayer::Primary, _) => settings.is_read_only,
            (Sayer::AppendOnlyFile, OnError::End) => true,
        };
        if ends {
            tracing::warn!(
                "This {from} panicked sending an error to its {to} after processing the command '{command}'"
            );
            std::process::exit(1);
        }
    }
}

/// A reply as it is, quotes too, for people search the log for it; but on one line.
fn one_line(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply.trim_ascii_end()).replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_logged_in_their_own_words() {
        assert_eq!(one_line(b"-ERR can't \"do\"\n it\r\n"), "-ERR can't \"do\"  it");
    }
}
