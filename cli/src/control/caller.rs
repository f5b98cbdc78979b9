//! One who asks something of a running front door, as seen from there.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{PATIENCE, Request};

/// The longest line that a caller may send (bytes).
const LINE_BYTES_MAX: u64 = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Caller(BufReader<UnixStream>);

impl Caller {
    /// Learns who it is and what it wants.
    ///
    /// # Errors
    /// It may not ask, or asks nothing that is known, or takes too long.
    pub(super) async fn hear(stream: UnixStream) -> io::Result<(Caller, Request)> {
        let user = stream.peer_cred()?.uid();
        if user != rustix::process::geteuid().as_raw() && user != 0 {
            return Err(io::Error::other(format!("user {user} runs another front door at most")));
        }
        let mut caller = Caller(BufReader::new(stream));
        let line = caller.line(PATIENCE).await?;
        let request = Request::ALL.into_iter().find(|request| request.word() == line);
        let request = request.ok_or_else(|| io::Error::other(format!("{line:?} is no request")))?;
        Ok((caller, request))
    }

    /// Its next line, without the end.
    ///
    /// # Errors
    /// It sends none within `patience`.
    pub(crate) async fn line(&mut self, patience: Duration) -> io::Result<String> {
        let mut line = String::new();
        let mut bounded = (&mut self.0).take(LINE_BYTES_MAX);
        timeout(patience, bounded.read_line(&mut line)).await??;
        let whole = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(whole.to_owned())
    }

    /// Tells it something.
    ///
    /// # Errors
    /// It is gone, or does not listen.
    pub(crate) async fn tell(&mut self, text: &str) -> io::Result<()> {
        timeout(PATIENCE, self.0.get_mut().write_all(text.as_bytes())).await?
    }

    /// Gives it a file descriptor, with one byte that says what it is.
    ///
    /// # Errors
    /// It is gone, or does not listen.
    pub(crate) async fn give(&mut self, kind: u8, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        let stream = self.0.get_ref();
        let send = || {
            let descriptors = [descriptor];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut rights = SendAncillaryBuffer::new(&mut space);
            rights.push(SendAncillaryMessage::ScmRights(&descriptors));
            let flags = SendFlags::NOSIGNAL;
            sendmsg(stream.as_fd(), &[io::IoSlice::new(&[kind])], &mut rights, flags)?;
            Ok(())
        };
        timeout(PATIENCE, stream.async_io(Interest::WRITABLE, send)).await?
    }
}
