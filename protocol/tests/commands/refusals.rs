//! The words for what is no command, no subcommand, or has the wrong number of arguments.

use reddoor_protocol::command::resolve::{ResolveError, resolve};
use reddoor_protocol::command::{CommandSpec, all};
use reddoor_protocol::encode::Resp;
use reddoor_protocol::request::Args;

use crate::oracle::{Client, Oracle};

/// The server refuses the request with the words that this crate has for it.
fn check(client: &mut Client, args: &[&[u8]]) {
    let request = Args::from_slices(args);
    let error: ResolveError = resolve(request).expect_err("the request is refused");
    let ours = [b"-", &error.text(request)[..], b"\r\n"].concat();
    let theirs = client.call(args).1;
    assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string());
}

#[test]
fn unknown_commands_are_refused_in_the_same_words() {
    let Some(oracle) = Oracle::start() else { return };
    let mut client = oracle.connect(Resp::V2);
    check(&mut client, &[b"nosuch"]);
    check(&mut client, &[b"NoSuch", b"a", b"", b"b c", b"'"]);
    check(&mut client, &[b""]);
    check(&mut client, &[b"client|id"]);
    check(&mut client, &[b"a\r\nb", b"c\nd\re", b"\xff\x80"]);
    check(&mut client, &[b"a\0b", b"c\0d", b"\0"]);
    check(&mut client, &[b"client", b"a\r\nb"]);
    check(&mut client, &[b"ClienT", b"NoSuch", b"a"]);
    check(&mut client, &[b"memory", b""]);
}

#[test]
fn long_requests_are_cut_in_the_same_places() {
    let Some(oracle) = Oracle::start() else { return };
    let mut client = oracle.connect(Resp::V2);
    let long = [b'x'; 300];
    for len in (0..130).chain([200, 300]) {
        check(&mut client, &[b"nosuch", &long[..len], b"second", &long[..len]]);
        check(&mut client, &[&[b"no", &long[..len]].concat(), b"a"]);
        check(&mut client, &[b"config", &[b"no", &long[..len]].concat()]);
    }
    let many: Vec<&[u8]> = (0..100).map(|_| b"ab".as_slice()).collect();
    check(&mut client, &[&[b"nosuch".as_slice()], &many[..]].concat());
}

#[test]
fn too_few_and_too_many_arguments_are_refused_in_the_same_words() {
    let Some(oracle) = Oracle::start() else { return };
    let mut client = oracle.connect(Resp::V2);
    for spec in all() {
        for args_count in [usize::from(spec.arity.unsigned_abs()) - 1, 40] {
            let request = request_of(spec, args_count);
            if !spec.accepts(request.len()) && !request.is_empty() && is_row_of(spec, &request) {
                check(&mut client, &request);
            }
        }
    }
}

fn request_of(spec: &'static CommandSpec, args_count: usize) -> Vec<&'static [u8]> {
    let mut args: Vec<&[u8]> = spec.name.split('|').map(str::as_bytes).collect();
    args.resize(args_count, b"x");
    args
}

/// A subcommand's name may be lost when arguments are taken away.
fn is_row_of(spec: &CommandSpec, request: &[&[u8]]) -> bool {
    match resolve(Args::from_slices(request)) {
        Err(ResolveError::WrongArity { spec: found }) => found.id() == spec.id(),
        _ => false,
    }
}
