//! Requests at every split of their bytes, and those that are refused.

use proptest::prelude::*;

use super::*;

/// Every request in `input`, decoded from one buffer that grows by the given pieces.
fn decode_pieces(input: &[u8], cuts: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
    let limits = Limits::default();
    let mut decoder = RequestDecoder::default();
    let mut requests = Vec::new();
    let mut start = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    cuts.push(input.len());
    cuts.sort_unstable();
    for end in cuts {
        while let Some(consumed) = decoder.decode(&input[start..end], &limits)? {
            let args = decoder.args(&input[start..end]);
            requests.push(args.iter().map(<[u8]>::to_vec).collect());
            start += consumed;
        }
    }
    Ok(requests)
}

fn check(input: &str, expect: Result<&[&[&str]], ProtocolError>) {
    let got = decode_pieces(input.as_bytes(), &[]);
    let expect = expect.map(|requests| {
        requests
            .iter()
            .map(|args| args.iter().map(|arg| arg.as_bytes().to_vec()).collect())
            .collect::<Vec<Vec<Vec<u8>>>>()
    });
    assert_eq!(got, expect, "{input:?}");
}

#[test]
fn requests_are_cut_as_redis_cuts_them() {
    check("*1\r\n$4\r\nPING\r\n", Ok(&[&["PING"]]));
    check("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", Ok(&[&["GET", ""]]));
    check("PING\r\nECHO 'a b'\n", Ok(&[&["PING"], &["ECHO", "a b"]]));
    check("*0\r\n\r\n*-7\r\nPING\r\n", Ok(&[&[], &[], &[], &["PING"]]));
    check("*1\r\n$4\r\nPINGxxPING\r\n", Ok(&[&["PING"], &["PING"]]));
    check("*2\r\n$3\r\nGET\r\n$1\r\n", Ok(&[]));
    check("*1\r\n$4\r\nPING\r", Ok(&[]));
}

#[test]
fn malformed_requests_have_the_errors_of_redis() {
    use ProtocolError as E;
    check("*01\r\n", Err(E::InvalidMultibulkLength));
    check("*\r\n", Err(E::InvalidMultibulkLength));
    check("*abc\r\n", Err(E::InvalidMultibulkLength));
    check("*1048577\r\n", Err(E::InvalidMultibulkLength));
    check("*99999999999999999999999\r\n", Err(E::InvalidMultibulkLength));
    check("*1\r\n$-1\r\n", Err(E::InvalidBulkLength));
    check("*1\r\n$04\r\n", Err(E::InvalidBulkLength));
    check("*1\r\n$536870913\r\n", Err(E::InvalidBulkLength));
    check("*1\r\n+a\r\n", Err(E::ExpectedDollar(b'+')));
    check("*1\r\nGET\r\n", Err(E::ExpectedDollar(b'G')));
    check("ECHO \"a\"b\r\n", Err(E::UnbalancedQuotes));
    let long = "1".repeat(70_000);
    check(&format!("*{long}"), Err(E::CountLineTooLong));
    check(&format!("*1\r\n${long}"), Err(E::BulkLineTooLong));
    check(&long, Err(E::InlineTooLong));
}

#[test]
fn a_line_is_too_long_or_not_however_its_end_arrives() {
    let longest = format!("ECHO {}\r\nPING\r\n", "x".repeat(64 * 1024 - 5));
    let too_long = format!("*{}\r\n", "1".repeat(70_000));
    for input in [longest, too_long] {
        let whole = decode_pieces(input.as_bytes(), &[]);
        let cuts: Vec<usize> = (64 * 1024 - 4..64 * 1024 + 4).collect();
        assert_eq!(decode_pieces(input.as_bytes(), &cuts), whole);
    }
}

#[test]
fn unauthenticated_clients_are_held_short() {
    let limits = Limits { unauthenticated: true, ..Limits::default() };
    let mut decoder = RequestDecoder::default();
    let error = decoder.decode(b"*11\r\n", &limits).unwrap_err();
    assert_eq!(error, ProtocolError::UnauthenticatedMultibulkLength);
    let mut decoder = RequestDecoder::default();
    let error = decoder.decode(b"*1\r\n$16385\r\n", &limits).unwrap_err();
    assert_eq!(error, ProtocolError::UnauthenticatedBulkLength);
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut decoder = RequestDecoder::default();
    assert_eq!(decoder.decode(b"*1048576\r\n$536870912\r\n", &Limits::default()), Ok(None));
    assert_eq!(decoder.args.capacity(), 0);
}

#[test]
fn integers_are_read_as_redis_reads_them() {
    assert_eq!(parse_integer(b"0"), Some(0));
    assert_eq!(parse_integer(b"-9223372036854775808"), Some(i64::MIN));
    assert_eq!(parse_integer(b"9223372036854775807"), Some(i64::MAX));
    for bad in ["", "-", "-0", "01", "+1", " 1", "1 ", "9223372036854775808", "1e3"] {
        assert_eq!(parse_integer(bad.as_bytes()), None, "{bad}");
    }
}

fn any_request() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_requests(
        requests in prop::collection::vec(any_request(), 0..6),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let mut input = Vec::new();
        for request in &requests {
            crate::encode::encode_request(&mut input, request.iter().map(Vec::as_slice));
        }
        prop_assert_eq!(decode_pieces(&input, &cuts), Ok(requests));
    }

    #[test]
    fn any_bytes_give_the_same_outcome_however_split(
        input in prop::collection::vec(
            prop::sample::select(b"*$+-0123459\r\n \"'\\xabP".to_vec()), 0..60),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let whole = decode_pieces(&input, &[]);
        prop_assert_eq!(decode_pieces(&input, &cuts), whole);
    }
}
