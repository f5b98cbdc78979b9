//! Users in files: what is read, written, and refused.

use std::fs;

use super::{Both, plain, sorted_rules, sorted_words};
use crate::servers::Pair;

/// What both servers begin with.
pub(crate) const FIRST: &str = "user default on nopass ~* &* +@all\n\
     user alice on >wonder ~a* resetchannels -@all +@read (~b* +set)\n\n  user bob off nopass\r\n";

/// Users and other lines of a configuration file.
pub(crate) const CONFIGURED: &str = "# before\nuser alice on >wonder \"~a*\" +@all -get\nmaxclients 100\n\
     user default on nopass ~* &* +@all\nuser bob ( +get ~x ) (+set ~y)\n# behind\n";

/// Files with mistakes. A redis-server ends at a selector that is not closed behind another rule. `FILE` in a reply stands for the file's own name.
const MISTAKES: &[&str] = &[
    "user\n",
    "alice on\n",
    "USER alice on\n",
    "# comment\n",
    "user alice on\nuser alice off\n",
    "user alice on +nosuch +@nosuch ~a\n",
    "user alice foo bar >x #abc\nuser bob baz +nosuch\n",
    "user alice +nosuch foo +nosuch2 bar\n",
    "user alice (+get ~a\n",
    "user a\tb on\n",
    "user alice <x\nuser bob allkeys ~a\nuser carol allchannels &a\nuser dan +config|get|x\n",
    "user alice on\n\n\nnonsense\nuser default +nosuch\n",
    "user default on nopass ~* &* +@all\nuser alice\n user alice\n",
];

/// Files that are good.
const GOOD: &[&str] = &[
    "",
    "\n\r\n  \nuser alice on nopass +get\n",
    "user alice  on   nopass\n",
    "user alice ( +get ) (~a)\n",
    "user default on nopass ~* &* +@all\nuser zoe on +@all ~* &*",
    "user default on nopass +@all ~*\n",
];

pub(crate) fn compare(pair: &Pair) {
    let mut both = Both::connect(pair, "a file of users");
    both.compare_line("ACL LIST", sorted_rules);
    for text in MISTAKES {
        pair.files.iter().for_each(|file| fs::write(file, text).expect("written"));
        let [theirs, ours] = both.call(&words("ACL LOAD"));
        let shown = |reply: &[u8], index: usize| {
            plain(reply).replace(&pair.files[index].display().to_string(), "FILE")
        };
        assert_eq!(shown(&ours, 1), shown(&theirs, 0), "{text:?}");
        both.compare_line("ACL LIST", sorted_rules);
    }
    for text in GOOD {
        pair.files.iter().for_each(|file| fs::write(file, text).expect("written"));
        both.compare_line("ACL LOAD\nACL LIST\nACL SAVE", sorted_rules);
        compare_files(pair, text);
    }
    compare_ends(pair, &mut both);
    pair.files.iter().for_each(|file| fs::remove_file(file).expect("removed"));
    let [theirs, ours] = both.call(&words("ACL LOAD"));
    assert_eq!(ours.len() + "redis".len(), theirs.len() + "node".len());
}

/// Clients of other users than the default one end when users are read anew, even if they are as they were.
fn compare_ends(pair: &Pair, both: &mut Both) {
    both.compare_line("ACL SETUSER carol on nopass +@all ~* &*\nACL SAVE", plain);
    let mut carol = Both::connect(pair, "a client of a user that was read anew");
    carol.compare_line("AUTH carol x\nPING", plain);
    both.compare_line("ACL LOAD\nACL WHOAMI", plain);
    for client in &mut carol.clients {
        client.wait();
        assert_eq!(client.came(), b"closed");
    }
    let mut carol = Both::connect(pair, "a client that reads users anew");
    carol.compare_line("AUTH carol x\nACL LOAD", plain);
    for client in &mut carol.clients {
        client.wait();
        assert_eq!(client.came(), b"closed");
    }
}

fn compare_files(pair: &Pair, name: &str) {
    let [theirs, ours] = pair.files.each_ref().map(|file| {
        let text = fs::read_to_string(file).expect("a file");
        text.lines().map(sorted_words).collect::<Vec<_>>()
    });
    assert_eq!(ours, theirs, "{name:?}");
}

/// Lines about users after a rewrite; each server has others that differ.
pub(crate) fn compare_rewritten(pair: &Pair) {
    let mut both = Both::connect(pair, "a configuration file");
    both.compare_line("ACL LIST", sorted_rules);
    for line in [
        "PING",
        "ACL SETUSER zoe on #ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ~z &*",
        "ACL DELUSER alice bob",
    ] {
        both.compare_line(line, plain);
        both.compare_line("CONFIG REWRITE", plain);
        let [theirs, ours] = pair.files.each_ref().map(|file| {
            let text = fs::read_to_string(file).expect("a file");
            let is_meant = |line: &&str| line.starts_with("user ") || line.starts_with('#');
            text.lines().filter(is_meant).map(sorted_words).collect::<Vec<_>>()
        });
        assert_eq!(ours, theirs, "after {line}");
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
