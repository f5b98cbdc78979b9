//! What both servers send to a replica for the same scripts.

use std::path::Path;
use std::time::{Duration, Instant};

use reddoor_protocol::request::{Limits, RequestDecoder};
use reddoor_scripts::reply::show_last;

use crate::servers::Pair;
use crate::wire::Client;

/// Scripts for what random ones would not hit: transactions, databases, expired keys, groups.
pub(crate) const SCRIPTS: &[&str] = &[
    "MULTI\nSET a 1\nGET a\nSET b 2\nEXEC\nMULTI\nSET a 2\nEXEC\nMULTI\nGET a\nEXEC\nMULTI\nSELECT 3\nSET a 1\n\
     SELECT 0\nSET b 2\nEXEC\nSELECT 5\nSET x 1\nSELECT 0\nMOVE a 1\nCOPY b c\nCOPY b c\nCOPY b d DB 1\nRENAME b e\n\
     SWAPDB 0 1\nSWAPDB 0 0\nFLUSHDB\nFLUSHDB ASYNC\nFLUSHALL\nFLUSHALL SYNC\nPUBLISH a b\nSPUBLISH a b",
    "SET a 1 PX 1\nDEBUG SLEEP 0.01\nGET a\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nSET a 2\nSET a 1 PX 1\n\
     DEBUG SLEEP 0.01\nMULTI\nGET a\nINCR a\nEXEC\nSET a 1 PX 1\nSET b 1 PX 1\nDEBUG SLEEP 0.01\nMGET a b\n\
     SET b 1\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nRENAME b a\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nDEL a\n\
     CONFIG SET lazyfree-lazy-expire yes lazyfree-lazy-server-del yes\nSET a 1\nEXPIRE a 0\nSET a 1\n\
     GETEX a PXAT 1\nSET a 1\nGETDEL a\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nGET a\nFLUSHALL\nSET k 1\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nSCAN 0 MATCH k\n\
     SCAN 0\nSCAN 0\nSET a 1 PX 1\nDEBUG SLEEP 0.01\nSCAN 0 TYPE string\nSADD s 1 2\nSPOP s 5\n\
     CONFIG SET lazyfree-lazy-expire no lazyfree-lazy-server-del no",
    "XADD s 1-1 a b\nXADD s 2-1 a b\nXADD s 3-1 a b\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c STREAMS s >\n\
     XDEL s 2-1\nXCLAIM s g d 0 1-1 2-1 3-1 9-9\nXCLAIM s g e 0 1-1 IDLE 5 LASTID 9-1\n\
     XCLAIM s g e 100000 1-1 LASTID 19-1\nXCLAIM s g f 100000 1-1\nXCLAIM s g f 0 1-1 RETRYCOUNT 7 JUSTID\n\
     XADD s 99-1 a b\nXCLAIM s g f2 0 99-1 FORCE\nXREADGROUP GROUP g c STREAMS s 0\nXADD s 100-1 a b\n\
     XREADGROUP GROUP g c STREAMS s >\nXDEL s 100-1\nXAUTOCLAIM s g d 0 0\nXAUTOCLAIM s g new 100000 0\n\
     XADD s 101-1 a b\nXGROUP SETID s g 99-1 ENTRIESREAD 3\nXREADGROUP GROUP g n NOACK STREAMS s >\n\
     XREADGROUP GROUP g n NOACK STREAMS s >\nXADD s * a b\nXADD s MAXLEN ~ 0 * a b\nXTRIM s MAXLEN ~ 0",
    "SET a 1 EX 100\nSET a 1 GET\nSET a 2 Get get KEEPTTL\nGETSET a b\nSETEX a 10 b\nEXPIRE a 100 XX\nPEXPIREAT a 99999999999999\n\
     EXPIREAT a 9999999999\nPEXPIRE a 1000000 GT\nINCRBYFLOAT f 1.5\nHINCRBYFLOAT h f 1.5\nGEOADD g NX 13 38 P\n\
     PFADD p a\nPFCOUNT p\nPFCOUNT p\nRPUSH l a b c d\nBLPOP l 0\nBRPOP l 0\nBLMPOP 0 1 l LEFT\nLMPOP 1 l RIGHT COUNT 9\n\
     RPUSH l a b\nBLMOVE l m LEFT RIGHT 0\nBRPOPLPUSH l m 0\nRPOPLPUSH m l\nLTRIM m 0 -1\nZADD z 1 a 2 b 3 c\nBZPOPMIN z 0\n\
     BZMPOP 0 1 z MAX COUNT 9\nSADD s x\nSPOP s\nSPOP s\nSORT l STORE k\nSORT none STORE k\nSORT none STORE k",
    // Scripts: one unit each, bounded as they say.
    "EVAL \"return 1\" 0\nEVAL \"return redis.call('SET', 'a', 1)\" 0\n\
     EVAL \"redis.call('SET', 'a', 1) redis.call('GET', 'a') return redis.call('INCR', 'a')\" 0\n\
     EVAL \"redis.call('SADD', 's', 1) redis.call('SPOP', 's') redis.pcall('INCR', 's')\" 0\n\
     EVAL \"redis.call('SET', 'a', 1) error('x')\" 0\n\
     EVAL \"redis.call('SELECT', 3) redis.call('SET', 'a', 1)\" 0\nSET b 1\n\
     EVAL \"redis.set_repl(redis.REPL_NONE) redis.call('SET', 'none', 1)\" 0\n\
     EVAL \"redis.set_repl(redis.REPL_AOF) redis.call('SET', 'file', 1)\" 0\n\
     EVAL \"redis.set_repl(redis.REPL_REPLICA) redis.call('SET', 'r', 1) redis.call('SET', 'q', 1)\" 0\n\
     EVAL \"redis.call('SET', 'r', 1) redis.set_repl(redis.REPL_NONE) redis.call('SET', 'q', 1)\" 0\n\
     EVAL \"redis.call('PUBLISH', 'c', 'm') redis.call('PEXPIRE', 'a', 0)\" 0\n\
     MULTI\nEVAL \"redis.call('SET', 'x', 1)\" 0\nSET y 1\nEXEC\nEVALSHA_RO nosuch 0\nSCRIPT LOAD \"return 2\"\n\
     FUNCTION LOAD \"#!lua name=l\\nredis.register_function('f', function() return redis.call('SET', 'f', 1) end)\"\n\
     FUNCTION LOAD REPLACE \"#!lua name=l\\nredis.register_function('f', function() return redis.call('SET', 'f', 1) end)\"\n\
     FCALL f 0\nFUNCTION DELETE l\nFUNCTION DELETE l\nFUNCTION FLUSH\nSCRIPT FLUSH",
];

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection that asks for data as a replica does, and reads what it gets.
pub(crate) struct Reader {
    stream: Client,
    control: Client,
    marks: usize,
}

/// One request of the stream.
type Request = Vec<Vec<u8>>;

fn words(line: &str) -> Request {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

impl Reader {
    /// Gets a full copy, and then the stream.
    pub(crate) fn start(path: &Path) -> Reader {
        let mut control = Client::connect(path);
        for line in [
            "CONFIG SET repl-diskless-sync-delay 0 repl-ping-replica-period 3600",
            "DEBUG SET-ACTIVE-EXPIRE 0",
        ] {
            assert_eq!(control.call(&words(line)), b"+OK\r\n");
        }
        let mut stream = Client::connect(path);
        assert_eq!(stream.call(&words("REPLCONF capa eof capa psync2")), b"+OK\r\n");
        stream.send(&words("PSYNC ? -1"));
        let head = stream.until(b"$EOF:");
        assert!(head.windows(12).any(|w| w == b"+FULLRESYNC "), "{}", head.escape_ascii());
        let mark = stream.until(b"\r\n");
        stream.until(&mark[..mark.len() - 2]);
        let start = Instant::now();
        loop {
            let info = control.call(&words("INFO replication"));
            if String::from_utf8_lossy(&info).contains("state=online") {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "the copy does not end");
        }
        stream.send(&words("REPLCONF ACK 0"));
        Reader { stream, control, marks: 0 }
    }

    /// Everything that was sent since the last call.
    pub(crate) fn read(&mut self) -> Vec<Request> {
        self.marks += 1;
        let mark = format!("the mark {}", self.marks).into_bytes();
        self.control.call(&[b"PUBLISH".to_vec(), b"marks".to_vec(), mark.clone()]);
        let bytes = self.stream.until(&[&mark, b"\r\n".as_slice()].concat());
        let mut requests = requests(&bytes);
        requests.pop();
        requests
    }
}

fn requests(bytes: &[u8]) -> Vec<Request> {
    let (mut decoder, mut at, mut requests) = (RequestDecoder::default(), 0, Vec::new());
    while let Some(count) = decoder.decode(&bytes[at..], &Limits::default()).expect("requests") {
        let request = decoder.args(&bytes[at..]).iter().map(<[u8]>::to_vec).collect();
        requests.push(request);
        at += count;
    }
    assert_eq!(at, bytes.len(), "the stream ends in the middle of a request");
    requests
}

/// Runs a script on both and compares what they send for each command.
pub(crate) fn compare(pair: &Pair, readers: &mut [Reader; 2], script: &[Request], name: &str) {
    let mut clients = [&pair.redis, &pair.node].map(|path| Client::connect(path));
    for (client, reader) in clients.iter_mut().zip(readers.iter_mut()) {
        client.call(&words("FLUSHALL"));
        reader.read();
    }
    for (index, command) in script.iter().enumerate() {
        for client in &mut clients {
            client.call(command);
        }
        let [theirs, ours] = readers.each_mut().map(|reader| normal(reader.read()));
        assert_eq!(ours, theirs, "{name}, after\n{}", show_last(&script[..=index], 12));
    }
}

/// The requests with what differs by chance or by the time of day made alike.
fn normal(mut requests: Vec<Request>) -> Vec<String> {
    for request in &mut requests {
        request.iter_mut().for_each(|word| *word = without_time(word));
    }
    requests
        .iter()
        .map(|request| request.join(b" ".as_slice()).escape_ascii().to_string())
        .collect()
}

/// A word with a moment of these years in milliseconds replaced. As the id of a stream's entry it is followed by which
/// of that millisecond's entries this is, and that depends on the time, too.
fn without_time(word: &[u8]) -> Vec<u8> {
    const DIGITS: usize = 13;
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_time = digits == DIGITS && word.starts_with(b"1");
    if is_time { b"time".to_vec() } else { word.to_vec() }
}
