//! What is said before data comes: who this node is, what it can do, and how far it has come.

use reddoor_protocol::encode::encode_request;
use tokio::io::AsyncWriteExt as _;

use super::{LinkError, Wire};
use crate::node::SharedNode;
use crate::replication::place::is_id;

/// What the primary will send.
#[derive(Debug)]
pub(super) enum Answer {
    /// What is missing here; its history may have got another name.
    GoOn { id: Option<String> },
    /// A full copy: of which history, up to where. `None` by a primary that knows of no histories.
    Copy { history: Option<(String, u64)> },
}

/// Offsets are signed numbers elsewhere.
const OFFSET_MAX: u64 = i64::MAX as u64;

/// Introduces this node and asks for data.
pub(super) async fn run(node: &SharedNode, wire: &mut Wire) -> Result<Answer, LinkError> {
    let settings = node.borrow().config.settings().clone();
    let own = &settings.replication;
    // An error of a primary that wants a password first is as good as an answer.
    let pong = wire.ask(node, "PING", &[b"PING"]).await?;
    if pong.starts_with('-') && !pong.starts_with("-NOAUTH") && !pong.starts_with("-NOPERM") {
        return Err(refused("PING", pong));
    }
    if !own.primary_password.is_empty() {
        let mut words: Vec<&[u8]> = vec![b"AUTH"];
        if !own.primary_user.is_empty() {
            words.push(own.primary_user.as_bytes());
        }
        words.push(own.primary_password.as_bytes());
        let answer = wire.ask(node, "AUTH", &words).await?;
        if answer.starts_with('-') {
            tracing::warn!("Unable to AUTH to MASTER: {answer}");
            return Err(refused("AUTH", answer));
        }
    }
    let port = if own.announce_port == 0 { settings.port } else { own.announce_port }.to_string();
    // An old primary knows none of these, and needs none of them.
    wire.ask(node, "REPLCONF", &[b"REPLCONF", b"listening-port", port.as_bytes()]).await?;
    if !own.announce_ip.is_empty() {
        let ip = own.announce_ip.as_bytes();
        wire.ask(node, "REPLCONF", &[b"REPLCONF", b"ip-address", ip]).await?;
    }
    wire.ask(node, "REPLCONF", &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]).await?;
    ask_for_data(node, wire).await
}

async fn ask_for_data(node: &SharedNode, wire: &mut Wire) -> Result<Answer, LinkError> {
    let (id, offset) = {
        let replication = &node.borrow().replication;
        let upstream = replication.upstream.as_ref();
        if upstream.is_some_and(|upstream| upstream.knows_history) {
            // The number of the next byte, counted from 1.
            (replication.id.clone(), (replication.offset + 1).to_string())
        } else {
            ("?".to_owned(), "-1".to_owned())
        }
    };
    tracing::info!("Trying a partial resynchronization (request {id}:{offset}).");
    let answer = wire.psync(node, &id, &offset).await?;
    let read = Answer::read(&answer)?;
    if let Answer::Copy { history: None } = read {
        tracing::warn!("Master does not understand PSYNC: {answer}");
        wire.send(&[b"SYNC"]).await?;
    }
    Ok(read)
}

impl Answer {
    /// Reads the answer to `PSYNC`.
    ///
    /// # Errors
    /// There will be no data now.
    pub(super) fn read(answer: &str) -> Result<Answer, LinkError> {
        let mut parts = answer.split(' ');
        match parts.next() {
            Some("+CONTINUE") => {
                let id = parts.next().filter(|id| is_id(id)).map(str::to_owned);
                Ok(Answer::GoOn { id })
            }
            Some("+FULLRESYNC") => match (parts.next(), parts.next().map(str::parse)) {
                (Some(id), Some(Ok(offset))) if is_id(id) && offset <= OFFSET_MAX => {
                    Ok(Answer::Copy { history: Some((id.to_owned(), offset)) })
                }
                _ => Err(LinkError::Protocol(answer.to_owned())),
            },
            Some("-NOMASTERLINK" | "-LOADING") => Err(refused("PSYNC", answer.to_owned())),
            Some(word) if word.starts_with('-') => Ok(Answer::Copy { history: None }),
            _ => Err(LinkError::Protocol(answer.to_owned())),
        }
    }
}

fn refused(request: &'static str, answer: String) -> LinkError {
    LinkError::Refused { request, answer }
}

impl Wire {
    /// Sends a request.
    pub(super) async fn send(&mut self, words: &[&[u8]]) -> Result<(), LinkError> {
        let mut request = Vec::new();
        encode_request(&mut request, words.iter().copied());
        let sending = tokio::time::timeout(self.timeout, self.stream.write_all(&request));
        Ok(sending.await.map_err(|_| LinkError::Silent(self.timeout))??)
    }

    /// Asks for data, of a replica that is to lead from now on, too.
    async fn psync(
        &mut self,
        node: &SharedNode,
        id: &str,
        offset: &str,
    ) -> Result<String, LinkError> {
        let mut words: Vec<&[u8]> = vec![b"PSYNC", id.as_bytes(), offset.as_bytes()];
        if !node.borrow().is_handing_over() {
            return self.ask(node, "PSYNC", &words).await;
        }
        words.push(b"FAILOVER");
        let answer = self.ask(node, "PSYNC", &words).await;
        let takes_over = |answer: &String| {
            ["+CONTINUE", "+FULLRESYNC"].iter().any(|word| answer.starts_with(word))
        };
        let is_taken_over = answer.as_ref().is_ok_and(takes_over);
        node.borrow_mut().end_failover(is_taken_over);
        match answer {
            Ok(answer) if !is_taken_over => Err(refused("PSYNC FAILOVER", answer)),
            answer => answer,
        }
    }

    async fn ask(
        &mut self,
        node: &SharedNode,
        name: &'static str,
        words: &[&[u8]],
    ) -> Result<String, LinkError> {
        self.send(words).await?;
        let answer = self.line(node).await?;
        if !answer.starts_with(['+', '-']) {
            return Err(refused(name, answer));
        }
        Ok(answer)
    }
}
