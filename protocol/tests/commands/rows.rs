//! Every row against `COMMAND`, `COMMAND INFO`, `COMMAND LIST`, `COMMAND COUNT` and `COMMAND DOCS`.

use reddoor_protocol::command::{CommandSpec, all};
use reddoor_protocol::encode::Resp;
use reddoor_protocol::frame::ReplyLimits;
use reddoor_protocol::value::{Value, parse};

use crate::oracle::{Oracle, answer};

const BOTH: [Resp; 2] = [Resp::V2, Resp::V3];

#[test]
fn commands_are_the_same_both_ways() {
    let Some(oracle) = Oracle::start() else { return };
    let mut client = oracle.connect(Resp::V2);
    let list = client.call(&["COMMAND", "LIST"]).0;
    let theirs = sorted_names(&list);
    let mut ours: Vec<&str> = all().iter().map(|spec| spec.name).collect();
    ours.sort_unstable();
    assert_eq!(ours, theirs);
    assert_eq!(client.call(&["COMMAND", "COUNT"]).1, answer(&["COMMAND", "COUNT"], Resp::V2));
}

#[test]
fn every_row_equals_command_info_byte_for_byte() {
    let Some(oracle) = Oracle::start() else { return };
    for resp in BOTH {
        let mut client = oracle.connect(resp);
        for spec in all() {
            let request = ["COMMAND", "INFO", spec.name];
            let (theirs, their_bytes) = client.call(&request);
            let our_bytes = answer(&request, resp);
            assert_eq!(comparable(reply(&our_bytes)), comparable(theirs), "{}", spec.name);
            // A container's subcommands come in the order of a hash table, and remarks are ours.
            let has_remarks = spec.keys.iter().any(|keys| !keys.note.is_empty());
            if !spec.is_container() && !has_remarks {
                assert_eq!(text(&our_bytes), text(&their_bytes), "{}", spec.name);
            }
        }
    }
}

#[test]
fn command_tells_all_rows_at_once() {
    let Some(oracle) = Oracle::start() else { return };
    for resp in BOTH {
        let mut client = oracle.connect(resp);
        for request in [&["COMMAND"][..], &["COMMAND", "INFO"]] {
            let (theirs, ours) = (client.call(request).0, reply(&answer(request, resp)));
            let by_name = |value: Value| {
                let mut rows = elements(&comparable(value)).to_vec();
                rows.sort_by_key(|row| format!("{:?}", elements(row)[0]));
                rows
            };
            assert_eq!(by_name(ours), by_name(theirs));
        }
    }
}

#[test]
fn names_without_a_row_are_null_or_left_out() {
    let Some(oracle) = Oracle::start() else { return };
    for resp in BOTH {
        let mut client = oracle.connect(resp);
        for name in
            ["nosuch", "client|nosuch", "client|id|x", "get|x", "|", "", "GET ", "CLIENT|ID"]
        {
            let request = ["COMMAND", "INFO", name];
            assert_eq!(text(&answer(&request, resp)), text(&client.call(&request).1), "{name}");
        }
        let request = ["COMMAND", "DOCS", "nosuch", "client|nosuch"];
        assert_eq!(text(&answer(&request, resp)), text(&client.call(&request).1));
    }
}

#[test]
fn lists_hold_the_same_names() {
    let Some(oracle) = Oracle::start() else { return };
    let mut filters: Vec<[&str; 3]> = vec![
        ["FILTERBY", "MODULE", "nosuch"],
        ["FILTERBY", "ACLCAT", "nosuch"],
        ["filterby", "aclcat", "SortedSet"],
        ["FILTERBY", "nosuch", "x"],
        ["nosuch", "PATTERN", "x"],
    ];
    let categories = "keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub \
                      admin fast slow blocking dangerous connection transaction scripting";
    filters.extend(categories.split(' ').map(|name| ["FILTERBY", "ACLCAT", name]));
    let patterns = [
        "*",
        "",
        "client*",
        "CLIENT|[a-i]*",
        "?et",
        "[^a-y]*",
        "z[",
        "[x",
        "*_ro",
        "x\\*",
        "[gh]*[e-t]",
    ];
    filters.extend(patterns.map(|pattern| ["FILTERBY", "PATTERN", pattern]));
    for resp in BOTH {
        let mut client = oracle.connect(resp);
        for filter in &filters {
            let request = [&["COMMAND", "LIST"][..], filter].concat();
            let (theirs, their_bytes) = client.call(&request);
            let ours = answer(&request, resp);
            if matches!(theirs, Value::Error(_)) {
                assert_eq!(text(&ours), text(&their_bytes), "{filter:?}");
            } else {
                assert_eq!(sorted_names(&reply(&ours)), sorted_names(&theirs), "{filter:?}");
            }
        }
        for odd in [
            &["x"][..],
            &["FILTERBY"],
            &["FILTERBY", "PATTERN"],
            &["FILTERBY", "PATTERN", "a", "b"],
        ] {
            let request = [&["COMMAND", "LIST"][..], odd].concat();
            assert_eq!(text(&answer(&request, resp)), text(&client.call(&request).1), "{odd:?}");
        }
    }
}

#[test]
fn docs_tell_the_same_facts() {
    let Some(oracle) = Oracle::start() else { return };
    for resp in BOTH {
        let mut client = oracle.connect(resp);
        for spec in all() {
            let request = ["COMMAND", "DOCS", spec.name];
            let (theirs, ours) = (client.call(&request).0, reply(&answer(&request, resp)));
            assert_eq!(docs_facts(&ours), docs_facts(&theirs), "{}", spec.name);
            check_cost(spec, &theirs);
        }
        let (theirs, ours) =
            (client.call(&["COMMAND", "DOCS"]).0, answer(&["COMMAND", "DOCS"], resp));
        assert_eq!(docs_facts(&reply(&ours)), docs_facts(&theirs));
    }
}

/// The cost in our words begins with theirs, where theirs is a formula at all.
fn check_cost(spec: &CommandSpec, docs: &Value) {
    let docs = pairs(docs).into_iter().next().map(|(_, docs)| docs).unwrap();
    let theirs = docs.field("complexity").and_then(Value::as_str);
    let (Some(ours), Some(theirs)) = (spec.complexity, theirs) else {
        assert_eq!(spec.complexity.is_some(), theirs.is_some(), "{}", spec.name);
        return;
    };
    if let Some(formula) =
        theirs.strip_prefix("O(").and_then(|_| theirs.split([' ', '.', ',']).next())
    {
        let is_whole = formula.matches('(').count() == formula.matches(')').count();
        assert!(!is_whole || ours.starts_with(formula), "{}: {ours} {theirs}", spec.name);
    }
}

/// The facts of a docs reply as sorted lines, whatever the order of subcommands.
fn docs_facts(docs: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    for (name, fields) in pairs(docs) {
        let name = name.as_str().unwrap();
        facts.push(format!(
            "{name} is a {}",
            if matches!(fields, Value::Map(_)) { "map" } else { "list" }
        ));
        for (field, value) in pairs(fields) {
            match field.as_str().unwrap() {
                "history" => facts.push(format!("{name} changed in {:?}", versions(value))),
                field @ ("summary" | "complexity" | "replaced_by") => {
                    facts.push(format!("{name} has {field}"))
                }
                "subcommands" => facts.extend(docs_facts(value)),
                field => facts.push(format!("{name} {field} {value:?}")),
            }
        }
    }
    facts.sort();
    facts
}

/// The versions of a history, sorted: each with a text.
fn versions(history: &Value) -> Vec<&str> {
    let mut versions: Vec<&str> = Vec::new();
    for change in elements(history) {
        let [version, text] = elements(change) else { panic!("{change:?}") };
        assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{change:?}");
        versions.push(version.as_str().unwrap());
    }
    versions.sort_unstable();
    versions
}

/// A `COMMAND` reply with remarks blanked and subcommands sorted.
fn comparable(value: Value) -> Value {
    match value {
        Value::Array(values) if is_row(&values) => {
            let mut row: Vec<Value> = values.into_iter().map(comparable).collect();
            if let Value::Array(subcommands) = &mut row[9] {
                subcommands.sort_by_key(|row| format!("{row:?}"));
            }
            Value::Array(row)
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(comparable).collect();
            // A key spec of RESP2: a flat list of names and values.
            if values.first().and_then(Value::as_str) == Some("notes") {
                values[1] = Value::Null;
            }
            Value::Array(values)
        }
        Value::Set(values) => Value::Set(values.into_iter().map(comparable).collect()),
        Value::Map(pairs) => {
            let blank = |(name, value): (Value, Value)| {
                let is_remark = name.as_str() == Some("notes");
                (name, if is_remark { Value::Null } else { comparable(value) })
            };
            Value::Map(pairs.into_iter().map(blank).collect())
        }
        value => value,
    }
}

/// An element of the reply to `COMMAND` has ten parts, of which the second is the arity.
fn is_row(values: &[Value]) -> bool {
    values.len() == 10 && values[0].as_str().is_some() && values[1].as_integer().is_some()
}

fn reply(bytes: &[u8]) -> Value {
    let (value, len) = parse(bytes, &ReplyLimits::default()).unwrap().unwrap();
    assert_eq!(len, bytes.len(), "one whole reply and nothing behind it");
    value
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The pairs of a map, or of the flat list that RESP2 has for it.
fn pairs(value: &Value) -> Vec<(&Value, &Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        flat => elements(flat).chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
    }
}

fn sorted_names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = elements(value).iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
