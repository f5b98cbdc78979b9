//! The arguments of a node as lines of a configuration file.
//!
//! `--port 7001 --save 900 1` are the lines `port "7001"` and `save "900" "1"`. One argument may hold the whole line
//! (`"--port 7001"`), and what stands behind a bare name is its value, whatever it begins with.
//!
//! Source: redis `src/server.c` main.

use reddoor_protocol::inline;

/// The lines, each with a space at its end.
pub(super) fn lines(options: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut awaits_value = false;
    for (index, option) in options.iter().enumerate() {
        match option.strip_prefix("--") {
            Some(name) if !awaits_value => {
                let is_empty_save = name.eq_ignore_ascii_case("save")
                    && options.get(index + 1).is_none_or(|next| next.starts_with("--"));
                let value = if is_empty_save { "\"\"" } else { "" };
                lines.push(format!("{name} {value}"));
                awaits_value = !is_empty_save && words_count(name) == Some(1);
            }
            // What comes before any name begins a line of its own.
            _ => {
                if lines.is_empty() {
                    lines.push(String::new());
                }
                if let Some(line) = lines.last_mut() {
                    inline::write_quoted(line, option.as_bytes());
                    line.push(' ');
                }
                awaits_value = false;
            }
        }
    }
    lines
}

/// How many words a text has; `None` where a quote does not close.
fn words_count(text: &str) -> Option<usize> {
    let mut count = 0;
    inline::split(text.as_bytes(), &mut Vec::new(), |_, _| count += 1).ok()?;
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_the_lines_that_a_redis_makes_of_them() {
        let table: [(&[&str], &[&str]); 7] = [
            (&["--port", "1", "2", "--save", ""], &["port \"1\" \"2\" ", "save \"\" "]),
            (&["--port", "--bla", "--hz", "5"], &["port \"--bla\" ", "hz \"5\" "]),
            (&["--save", "--hz", "5", "--save"], &["save \"\"", "hz \"5\" ", "save \"\""]),
            (&["--hz 5", "--port"], &["hz 5 ", "port "]),
            (&["--hz '5'", "6"], &["hz '5' \"6\" "]),
            (&["loglevel", "verbose", "--hz", "5"], &["\"loglevel\" \"verbose\" ", "hz \"5\" "]),
            (&[], &[]),
        ];
        for (options, expect) in table {
            let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
            assert_eq!(lines(&options), expect, "{options:?}");
        }
    }
}
