//! A redis-server of one's own, and a client that keeps replies as bytes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reddoor_protocol::command::{describe, resolve};
use reddoor_protocol::encode::{ReplyWriter, Resp, encode_request};
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::request::Args;
use reddoor_protocol::value::{Value, parse};
use tempfile::TempDir;

/// How long a reply, or the server's start, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ports that may turn out to be taken by others before a start is given up.
const STARTS_MAX: usize = 5;

/// A running redis-server, ended when dropped.
pub(crate) struct Oracle {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Oracle {
    /// `None`, said aloud, where there is no redis-server 7.0.
    pub(crate) fn start() -> Option<Oracle> {
        for _ in 0..STARTS_MAX {
            let dir = tempfile::tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let started = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
                .arg("--dir")
                .arg(dir.path())
                .stdout(Stdio::piped())
                .spawn();
            let mut process = match started {
                Err(error) if error.kind() == ErrorKind::NotFound => return missing("not on PATH"),
                started => started.unwrap(),
            };
            let log = BufReader::new(process.stdout.take().unwrap());
            let is_ready = |line: &str| line.contains("Ready to accept connections");
            let ready = log.lines().map_while(Result::ok).any(|line| is_ready(&line));
            let oracle = Oracle { process, port, _dir: dir };
            if ready {
                return oracle.if_right_version();
            }
        }
        panic!("redis-server did not start on {STARTS_MAX} ports");
    }

    fn if_right_version(self) -> Option<Oracle> {
        let info = self.connect(Resp::V2).call(&["INFO", "server"]).0;
        let is_right = info.as_str().is_some_and(|info| info.contains("redis_version:7.0."));
        if is_right { Some(self) } else { missing("of another version than 7.0") }
    }

    pub(crate) fn connect(&self, resp: Resp) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client { stream, received: Vec::new() };
        if resp == Resp::V3 {
            client.call(&["HELLO", "3"]);
        }
        client
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn missing(why: &str) -> Option<Oracle> {
    assert!(std::env::var_os("CI").is_none(), "redis-server is {why}");
    eprintln!("SKIPPED: redis-server is {why}, so the command table was compared with nothing");
    None
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// The reply to one request, parsed and as it came.
    pub(crate) fn call<T: AsRef<[u8]>>(&mut self, args: &[T]) -> (Value, Vec<u8>) {
        self.send(args);
        self.receive()
    }

    pub(crate) fn send<T: AsRef<[u8]>>(&mut self, args: &[T]) {
        let mut request = Vec::new();
        encode_request(&mut request, args.iter().map(AsRef::as_ref));
        self.stream.write_all(&request).unwrap();
    }

    pub(crate) fn receive(&mut self) -> (Value, Vec<u8>) {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some((value, len)) = parse(&self.received, &ReplyLimits::default()).unwrap() {
                return (value, self.received.drain(..len).collect());
            }
            let len = self.stream.read(&mut chunk).unwrap();
            assert_ne!(len, 0, "redis-server closed the connection");
            self.received.extend_from_slice(&chunk[..len]);
        }
    }
}

/// What this crate answers to a request of the `COMMAND` family, as bytes.
pub(crate) fn answer<T: AsRef<[u8]>>(args: &[T], resp: Resp) -> Vec<u8> {
    let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
    let args = Args::from_slices(&args);
    let mut out = Vec::new();
    let mut writer = ReplyWriter::new(&mut out, resp);
    match resolve::resolve(args) {
        Ok(spec) => {
            assert!(describe::answers(spec.id()), "{}", spec.name);
            describe::write_answer(spec, args, &|_| true, &mut writer);
        }
        Err(error) => writer.error(&error.reply(args)),
    }
    out
}
