//! What clients see of a node's sessions: order, waiting, limits, ends.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reddoor_backend::config::Config;
use reddoor_protocol::request::{Limits, RequestDecoder};
use tempfile::TempDir;

/// How long anything may take that has to come.
const WAIT_MAX: Duration = Duration::from_secs(90);

/// A node on a unix socket in a directory of its own.
struct Node {
    socket: PathBuf,
    thread: Option<JoinHandle<()>>,
    _dir: TempDir,
}

impl Node {
    fn start(directives: &str) -> Node {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("node.sock");
        let mut args = vec!["--unixsocket".to_owned(), socket.display().to_string()];
        args.extend(["--port", "0", "--save", ""].map(str::to_owned));
        args.extend(directives.split_ascii_whitespace().map(str::to_owned));
        let config = Config::from_args(&args).expect("good arguments");
        let thread = Some(thread::spawn(move || reddoor_backend::run(config).expect("it serves")));
        let start = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(start.elapsed() < WAIT_MAX, "the node does not serve");
            thread::yield_now();
        }
        Node { socket, thread, _dir: dir }
    }

    fn client(&self) -> Client {
        let stream = UnixStream::connect(&self.socket).expect("it serves");
        stream.set_read_timeout(Some(WAIT_MAX)).expect("a socket option");
        Client { stream }
    }

    /// Waits until a client sees this in a reply.
    fn wait_until(&self, request: &str, text: &str) {
        let start = Instant::now();
        let mut client = self.client();
        while !client.ask_all(request).contains(text) {
            assert!(start.elapsed() < WAIT_MAX, "{request} never shows {text}");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut client = self.client();
        // It may not be allowed to; then the thread ends with the process.
        let is_ending = client.ask_all("SHUTDOWN NOSAVE").is_empty();
        if let Some(thread) = self.thread.take().filter(|_| is_ending) {
            let _ = thread.join();
        }
    }
}

struct Client {
    stream: UnixStream,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("written");
    }

    /// Reads until this was received, and nothing more.
    fn expect(&mut self, text: &str) {
        let mut received = vec![0; text.len()];
        self.stream.read_exact(&mut received).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(String::from_utf8_lossy(&received), text);
    }

    /// Sends a request and expects a reply.
    fn ask(&mut self, request: &str, reply: &str) {
        self.send(&format!("{request}\r\n"));
        self.expect(reply);
    }

    /// Sends a request and gives back all that comes in reply, ended by the reply to an `ECHO`.
    fn ask_all(&mut self, request: &str) -> String {
        const END: &str = "$3\r\nend\r\n";
        // A node that ends may have closed already.
        let _ = self.stream.write_all(format!("{request}\r\nECHO end\r\n").as_bytes());
        let (mut text, mut buf) = (String::new(), [0; 4096]);
        while !text.ends_with(END) {
            match self.stream.read(&mut buf) {
                Ok(count) if count > 0 => text.push_str(&String::from_utf8_lossy(&buf[..count])),
                Ok(_) | Err(_) => return text,
            }
        }
        text.truncate(text.len() - END.len());
        text
    }

    fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty(), "{}", rest.escape_ascii()),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

#[test]
fn requests_split_at_any_byte_are_answered_in_order() {
    let node = Node::start("");
    let requests = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\nGET a\r\n\r\n*2\r\n$6\r\nSTRLEN\r\n$1\r\na\r\n";
    let replies = "+OK\r\n$5\r\nhello\r\n:5\r\n";
    let mut client = node.client();
    for at in 1..requests.len() {
        client.send(&requests[..at]);
        // Another client's request is served while this one's is incomplete.
        node.client().ask("PING", "+PONG\r\n");
        client.send(&requests[at..]);
        client.expect(replies);
    }
}

#[test]
fn a_large_request_and_a_large_reply_pass() {
    let node = Node::start("");
    let mut client = node.client();
    let value = "x".repeat(3_000_000);
    client.ask(&format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{value}", value.len()), "+OK\r\n");
    client.ask("GET a", &format!("${}\r\n{value}\r\n", value.len()));
}

#[test]
fn a_paused_client_is_answered_after_the_pause() {
    let node = Node::start("");
    let (mut operator, mut client) = (node.client(), node.client());
    operator.ask("CLIENT PAUSE 600000 WRITE", "+OK\r\n");
    client.ask("GET a", "$-1\r\n");
    client.send("PING\r\nSET a 1\r\nGET a\r\n");
    client.expect("+PONG\r\n");
    node.wait_until("CLIENT LIST", "cmd=set");
    operator.ask("GET a", "$-1\r\n");
    operator.ask("CLIENT UNPAUSE", "+OK\r\n");
    client.expect("+OK\r\n$1\r\n1\r\n");
    operator.ask("CLIENT PAUSE 1", "+OK\r\n");
    client.ask("SET a 2", "+OK\r\n");
}

#[test]
fn a_killed_client_is_disconnected_and_others_stay() {
    let node = Node::start("");
    let (mut operator, mut victim) = (node.client(), node.client());
    victim.ask("CLIENT SETNAME victim", "+OK\r\n");
    let id = victim.ask_all("CLIENT ID");
    operator.ask(&format!("CLIENT KILL ID {}", id.trim_matches([':', '\r', '\n'])), ":1\r\n");
    victim.expect_closed();
    assert!(!operator.ask_all("CLIENT LIST").contains("name=victim"));
    operator.ask("CLIENT KILL SKIPME no TYPE normal", ":1\r\n");
    operator.expect_closed();
}

#[test]
fn unwanted_replies_are_left_out() {
    let node = Node::start("");
    let mut client = node.client();
    client.send("CLIENT REPLY SKIP\r\nPING\r\nECHO one\r\n");
    client.expect("$3\r\none\r\n");
    client.send("CLIENT REPLY OFF\r\nPING\r\nSET a 1\r\nCLIENT REPLY SKIP\r\nPING\r\nCLIENT REPLY ON\r\nGET a\r\n");
    client.expect("+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_waiting_client_is_answered_in_time_or_freed() {
    let node = Node::start("");
    let mut client = node.client();
    client.send("WAIT 1 1\r\nPING\r\n");
    client.expect(":0\r\n+PONG\r\n");
    let id = client.ask_all("CLIENT ID");
    let id = id.trim_matches([':', '\r', '\n']).to_owned();
    for (reason, reply) in
        [("TIMEOUT", ":0\r\n"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")]
    {
        client.send("WAIT 1 0\r\nPING\r\n");
        node.wait_until("INFO clients", "blocked_clients:1");
        node.client().ask(&format!("CLIENT UNBLOCK {id} {reason}"), ":1\r\n");
        client.expect(reply);
        client.expect("+PONG\r\n");
    }
}

#[test]
fn a_client_that_does_not_read_loses_its_connection_and_nobody_else_notices() {
    let node = Node::start("--client-output-buffer-limit normal 1mb 0 0");
    let (mut greedy, mut other) = (node.client(), node.client());
    other.ask(&format!("SET a {}", "x".repeat(60_000)), "+OK\r\n");
    let request = "GET a\r\n".repeat(1000);
    // The node closes while this is being written.
    let _ = greedy.stream.write_all(request.as_bytes());
    node.wait_until("INFO stats", "client_output_buffer_limit_disconnections:1");
    other.ask("PING", "+PONG\r\n");
}

#[test]
fn a_long_pipeline_without_reading_is_answered_in_full() {
    let node = Node::start("");
    let mut client = node.client();
    client.ask(&format!("SET a {}", "x".repeat(50_000)), "+OK\r\n");
    // 50 MB of replies before the first is read.
    client.send(&"GET a\r\n".repeat(1000));
    let reply = format!("$50000\r\n{}\r\n", "x".repeat(50_000));
    (0..1000).for_each(|_| client.expect(&reply));
    client.ask("PING", "+PONG\r\n");
}

#[test]
fn a_request_that_never_ends_is_cut_off() {
    let node = Node::start("--client-query-buffer-limit 1mb");
    let mut client = node.client();
    // The node closes while this is being written.
    let _ = client
        .stream
        .write_all(&[b"*2\r\n$3\r\nGET\r\n$9000000\r\n".as_slice(), &[b'x'; 5_000_000]].concat());
    client.expect_closed();
    node.wait_until("INFO stats", "client_query_buffer_limit_disconnections:1");
}

#[test]
fn a_password_is_asked_for() {
    let node = Node::start("--requirepass secret");
    let mut client = node.client();
    client.ask("GET a", "-NOAUTH Authentication required.\r\n");
    client.ask("nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    client.ask("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    client.ask("AUTH default secret", "+OK\r\n");
    client.ask("GET a", "$-1\r\n");
    let mut stranger = node.client();
    stranger.send("*1\r\n$20000\r\n");
    stranger.expect("-ERR Protocol error: unauthenticated bulk length\r\n");
    stranger.expect_closed();
    client.ask("CONFIG SET requirepass \"\"", "+OK\r\n");
}

#[test]
fn who_takes_its_own_channels_away_is_answered_and_then_cut_off() {
    let node = Node::start("");
    let mut operator = node.client();
    operator.ask("ACL SETUSER u on nopass +@all ~* &a", "+OK\r\n");
    let mut client = node.client();
    client.ask_all("HELLO 3 AUTH u x");
    client.ask("SUBSCRIBE a", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    client.ask("ACL SETUSER u resetchannels", "+OK\r\n");
    client.expect_closed();
    operator.ask("PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:0\r\n");
}

#[test]
fn settings_and_users_declare_who_may_do_what() {
    let node = Node::start(
        "--user default off --user guest on nopass ~a +get (+set ~b) --user op on >p +@all",
    );
    let mut guest = node.client();
    guest.ask("GET a", "-NOAUTH Authentication required.\r\n");
    guest.ask("AUTH guest any", "+OK\r\n");
    guest.ask("GET a", "$-1\r\n");
    guest.ask("SET b 1", "+OK\r\n");
    let no_key =
        "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
    guest.ask("GET b", no_key);
    let mut operator = node.client();
    operator.ask("AUTH op p", "+OK\r\n");
    operator.ask("ACL SETUSER default on nopass +@all ~* &*", "+OK\r\n");
    node.client().ask("GET b", "$1\r\n1\r\n");
}

#[test]
fn a_node_does_not_start_with_users_that_it_cannot_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let (socket, file) = (dir.path().join("node.sock"), dir.path().join("users.acl"));
    let socket = socket.display().to_string();
    let args = ["--port", "0", "--unixsocket", &socket, "--aclfile", &file.display().to_string()];
    let args = args.map(str::to_owned);
    let ended = || reddoor_backend::run(Config::from_args(&args).expect("good arguments"));
    let error = ended().expect_err("there is no file").to_string();
    assert!(error.contains("No such file or directory"), "{error}");
    std::fs::write(&file, "user alice +nosuch\n").expect("written");
    let error = ended().expect_err("a mistake").to_string();
    assert!(error.contains(":1: Error in applying operation '+nosuch'"), "{error}");
}

#[test]
fn more_clients_than_allowed_are_refused() {
    let node = Node::start("");
    let (mut first, mut second) = (node.client(), node.client());
    second.ask("PING", "+PONG\r\n");
    node_counts(&mut first, 2);
    first.ask("CONFIG SET maxclients 2", "+OK\r\n");
    let mut third = node.client();
    third.expect("-ERR max number of clients reached\r\n");
    third.expect_closed();
    first.ask("CONFIG SET maxclients 100", "+OK\r\n");
    node.client().ask("PING", "+PONG\r\n");
}

fn node_counts(client: &mut Client, clients: usize) {
    let start = Instant::now();
    while !client.ask_all("INFO clients").contains(&format!("connected_clients:{clients}\r\n")) {
        assert!(start.elapsed() < WAIT_MAX, "never {clients} clients");
    }
}

#[test]
fn an_idle_client_is_disconnected() {
    let node = Node::start("--timeout 1");
    node.client().expect_closed();
}

#[test]
fn keys_expire_though_nobody_asks_for_them() {
    let node = Node::start("--hz 100");
    let mut client = node.client();
    for number in 0..1000 {
        client.ask(&format!("SET key:{number} v PX 1"), "+OK\r\n");
    }
    client.ask("SET stays 1", "+OK\r\n");
    node.wait_until("DBSIZE", ":1\r\n");
    assert!(client.ask_all("INFO stats").contains("expired_keys:1000"));
}

#[test]
fn another_clients_write_breaks_a_watch() {
    let node = Node::start("");
    let (mut client, mut other) = (node.client(), node.client());
    for (write, reply) in [("SET a 1", "+OK\r\n"), ("DEL a", ":1\r\n"), ("FLUSHALL", "+OK\r\n")] {
        other.ask("SET a 0", "+OK\r\n");
        client.ask("WATCH a", "+OK\r\n");
        other.ask(write, reply);
        client.ask("MULTI", "+OK\r\n");
        client.ask("PING", "+QUEUED\r\n");
        client.ask("EXEC", "*-1\r\n");
    }
    client.ask("WATCH a", "+OK\r\n");
    other.ask("SET b 1", "+OK\r\n");
    client.ask("MULTI", "+OK\r\n");
    client.ask("EXEC", "*0\r\n");
}

#[test]
fn a_client_that_leaves_while_it_waits_is_noticed() {
    let node = Node::start("");
    let mut client = node.client();
    client.send("WAIT 1 0\r\nECHO later\r\n");
    node.wait_until("INFO clients", "blocked_clients:1");
    drop(client);
    node.wait_until("INFO clients", "blocked_clients:0");
}

#[test]
fn a_client_whose_time_is_up_goes_on_with_what_came_meanwhile() {
    let node = Node::start("");
    let mut client = node.client();
    client.ask("WAIT 1 1", ":0\r\n");
    client.send("WAIT 1 0\r\nECHO 1\r\n");
    node.wait_until("INFO clients", "blocked_clients:1");
    client.send("ECHO 2\r\nECH");
    let id = |line: &str| line.split(' ').next().map(|id| id.trim_start_matches("id=").to_owned());
    let list = node.client().ask_all("CLIENT LIST");
    let waiting = list.lines().find(|line| line.contains("flags=bU")).and_then(id).expect("one");
    node.client().ask(&format!("CLIENT UNBLOCK {waiting}"), ":1\r\n");
    client.send("O 3\r\n");
    client.expect(":0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off_at_its_limit() {
    let node = Node::start("--client-output-buffer-limit pubsub 1mb 0 0");
    let mut listener = node.client();
    listener.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    node.wait_until("CLIENT LIST", "flags=PU db=0 sub=1 psub=0 ssub=0");
    let request = format!("PUBLISH c {}", "x".repeat(60_000));
    node.wait_until(&request, ":0\r\n");
    node.wait_until("INFO stats", "client_output_buffer_limit_disconnections:1");
    node.wait_until("INFO stats", "pubsub_channels:0");
}

#[test]
fn a_subscriber_is_not_idle() {
    let node = Node::start("--timeout 1");
    let mut listener = node.client();
    listener.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    // Another client is disconnected meanwhile, as it may be.
    node.client().expect_closed();
    listener.ask("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

/// Answers so many requests with `OK`; their names.
fn accept_all(stream: &mut TcpStream, count: usize) -> Vec<String> {
    let (mut decoder, mut received, mut names) = (RequestDecoder::default(), Vec::new(), vec![]);
    while names.len() < count {
        let mut buf = [0; 1024];
        let len = stream.read(&mut buf).expect("it is written to");
        assert!(len > 0, "closed after {names:?}");
        received.extend_from_slice(&buf[..len]);
        while let Some(end) = decoder.decode(&received, &Limits::default()).expect("a request") {
            names.push(String::from_utf8_lossy(&decoder.args(&received)[0]).into_owned());
            received.drain(..end);
            stream.write_all(b"+OK\r\n").expect("it reads");
        }
    }
    names
}

#[test]
fn migrate_keeps_its_connection_and_notices_when_it_is_closed() {
    let node = Node::start("");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        let mut names = accept_all(&mut first, 3);
        drop(first);
        let (mut second, _) = listener.accept().unwrap();
        names.extend(accept_all(&mut second, 2));
        names
    });
    let mut client = node.client();
    for key in ["a", "b", "c"] {
        client.send(&format!("SET {key} 1\r\nMIGRATE 127.0.0.1 {port} {key} 0 60000\r\n"));
        client.expect("+OK\r\n+OK\r\n");
    }
    assert_eq!(target.join().unwrap(), ["SELECT", "RESTORE", "RESTORE", "SELECT", "RESTORE"]);
    client.send("DBSIZE\r\n");
    client.expect(":0\r\n");
}

/// Nobody need ask for anything: what the table cannot hold is told as time goes by.
#[test]
fn a_tracking_table_that_is_made_smaller_is_emptied_by_itself() {
    let node = Node::start("");
    let mut client = node.client();
    client.ask_all("HELLO 3\r\nCLIENT TRACKING ON\r\nMGET a b c");
    client.ask("CONFIG SET tracking-table-max-keys 1", "+OK\r\n");
    for _ in 0..2 {
        client.expect(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\n");
        let mut key = [0; 3];
        client.stream.read_exact(&mut key).unwrap();
        assert!(b"abc".contains(&key[0]), "{key:?}");
    }
}
