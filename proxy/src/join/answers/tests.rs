//! Joins as tables: the answers of nodes `n:0`, `n:1`, … and what a client gets.

use super::*;

fn check(policy: ReplyPolicy, answers: &[&str], expect: &str) {
    let addrs: Vec<NodeAddr> = (0..).take(answers.len()).map(|n| NodeAddr::new("n", n)).collect();
    let parts =
        addrs.iter().map(Some).zip(answers.iter().map(|answer| answer.as_bytes())).collect();
    let mut out = Vec::new();
    Answers::new(parts, Resp::V2).write(policy, JoinHint { rows_max: 3 }, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expect, "{policy:?} {answers:?}");
}

const ODD: &str = "-PARTIAL BADREPLY a part was answered in another shape\r\n";

#[test]
fn numbers_are_added_or_the_least_counts() {
    check(ReplyPolicy::Sum, &[":1\r\n", ":2\r\n", ":39\r\n"], ":42\r\n");
    check(ReplyPolicy::Min, &[":7\r\n", ":2\r\n"], ":2\r\n");
    check(ReplyPolicy::Sum, &[":1\r\n", "+OK\r\n"], ODD);
    check(
        ReplyPolicy::LogicalAnd,
        &["*2\r\n:1\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n"],
        "*2\r\n:0\r\n:1\r\n",
    );
    check(ReplyPolicy::LogicalAnd, &["*1\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n"], ODD);
}

#[test]
fn a_failed_node_fails_the_whole() {
    for policy in [ReplyPolicy::Sum, ReplyPolicy::AllOk, ReplyPolicy::Concat] {
        check(policy, &["+OK\r\n", "-X y\r\n"], "-PARTIAL 1 of 2 parts failed: X y\r\n");
        check(policy, &["-ERR syntax error\r\n"; 3], "-ERR syntax error\r\n");
    }
}

#[test]
fn one_success_is_enough_where_the_others_had_nothing_to_do() {
    let idle = "-NOTBUSY No scripts in execution right now.\r\n";
    check(ReplyPolicy::OneOk, &[idle, "+OK\r\n", idle], "+OK\r\n");
    check(ReplyPolicy::OneOk, &[idle, "-UNKILLABLE x\r\n"], "-UNKILLABLE x\r\n");
    check(ReplyPolicy::OneOk, &[idle, idle], idle);
}

#[test]
fn arrays_follow_one_another_or_are_united() {
    let (a, b) = ("*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*1\r\n$1\r\nb\r\n");
    check(ReplyPolicy::Concat, &[a, b], "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nb\r\n");
    check(ReplyPolicy::Union, &[a, "*0\r\n", b], "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    check(ReplyPolicy::Union, &["~1\r\n+a\r\n", "~1\r\n+a\r\n"], "~1\r\n+a\r\n");
}

#[test]
fn counts_by_name_are_added() {
    let (a, b) = ("*4\r\n+a\r\n:1\r\n+b\r\n:0\r\n", "*4\r\n+a\r\n:2\r\n+b\r\n:5\r\n");
    check(ReplyPolicy::SumByName, &[a, b], "*4\r\n+a\r\n:3\r\n+b\r\n:5\r\n");
    check(ReplyPolicy::SumByName, &[a, "*2\r\n+a\r\n:2\r\n"], ODD);
}

#[test]
fn figures_are_added_in_their_groups() {
    check(
        ReplyPolicy::SumFields,
        &[
            "*6\r\n+used\r\n:10\r\n+ratio\r\n$3\r\n1.5\r\n+db.0\r\n*2\r\n+x\r\n:3\r\n",
            "*6\r\n+used\r\n:20\r\n+ratio\r\n$3\r\n1.2\r\n+db.1\r\n*2\r\n+x\r\n:4\r\n",
        ],
        "*8\r\n+used\r\n:30\r\n+ratio\r\n$3\r\n1.5\r\n+db.0\r\n*2\r\n+x\r\n:3\r\n+db.1\r\n*2\r\n+x\r\n:4\r\n",
    );
    check(
        ReplyPolicy::SumFields,
        &["%1\r\n+get\r\n%1\r\n:1\r\n:5\r\n", "%1\r\n+get\r\n%2\r\n:1\r\n:5\r\n:2\r\n:9\r\n"],
        "%1\r\n+get\r\n%2\r\n:1\r\n:10\r\n:2\r\n:9\r\n",
    );
    let each = "%1\r\n+keys.bytes-per-key\r\n:60\r\n";
    check(ReplyPolicy::SumFields, &[each, each], each);
}

#[test]
fn rows_stand_in_the_order_of_their_times() {
    let samples = |samples: &[(i64, i64)]| {
        let rows = samples.iter().map(|(time, figure)| format!("*2\r\n:{time}\r\n:{figure}\r\n"));
        format!("*{}\r\n{}", samples.len(), rows.collect::<String>())
    };
    check(
        ReplyPolicy::History,
        &[&samples(&[(1, 30), (5, 10)]), &samples(&[(3, 7), (5, 20)]), &samples(&[(1, 4)])],
        &samples(&[(1, 30), (3, 7), (5, 20)]),
    );
    let slow = |time| format!("*2\r\n:0\r\n:{time}\r\n");
    let (a, b) = (format!("*2\r\n{}{}", slow(9), slow(2)), format!("*2\r\n{}{}", slow(7), slow(1)));
    let newest = format!("*3\r\n{}{}{}", slow(9), slow(7), slow(2));
    check(ReplyPolicy::NewestFirst, &[&a, &b], &newest);
}

#[test]
fn the_latest_row_of_a_name_has_the_greatest_figure_of_all() {
    check(
        ReplyPolicy::LatestByName,
        &[
            "*1\r\n*4\r\n$1\r\ne\r\n:10\r\n:5\r\n:80\r\n",
            "*1\r\n*4\r\n$1\r\ne\r\n:20\r\n:6\r\n:7\r\n",
        ],
        "*1\r\n*4\r\n$1\r\ne\r\n:20\r\n:6\r\n:80\r\n",
    );
}

#[test]
fn texts_bear_the_names_of_their_nodes_unless_all_say_the_same() {
    check(ReplyPolicy::Texts, &["$2\r\nhi\r\n", "$2\r\nhi\r\n"], "$2\r\nhi\r\n");
    check(
        ReplyPolicy::Texts,
        &["$2\r\nhi\r\n", "-ERR no samples\r\n"],
        "$24\r\nn:0:\nhi\nn:1:\nno samples\n\r\n",
    );
    check(
        ReplyPolicy::Texts,
        &["$2\r\nhi\r\n", "-TIMEOUT x\r\n"],
        "-PARTIAL 1 of 2 parts failed: TIMEOUT x\r\n",
    );
}

#[test]
fn a_node_in_which_something_runs_stands_for_all() {
    let idle = "*2\r\n+running_script\r\n$-1\r\n";
    let busy = "*2\r\n+running_script\r\n*0\r\n";
    check(ReplyPolicy::Running, &[idle, busy], busy);
    check(ReplyPolicy::Running, &[idle, idle], idle);
}
