//! What is asked of a program of tests that has no harness, on its command line.

/// Flags and words. Flags that are not known are a harness's, and passed over.
#[derive(Debug, Default)]
pub struct Asked {
    /// `--all`: not only what runs without being asked for.
    pub is_all: bool,
    /// `--list`: nothing is run.
    pub only_lists: bool,
    /// What stands behind the flag that the program has of its own.
    pub chosen: Option<String>,
    /// Parts of names.
    pub words: Vec<String>,
}

impl Asked {
    /// Reads the command line; `flag` is the one that the program has of its own, such as `--nodes`.
    pub fn read(flag: &str) -> Asked {
        let mut asked = Asked::default();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--all" => asked.is_all = true,
                "--list" => asked.only_lists = true,
                own if own == flag => asked.chosen = args.next(),
                other if other.starts_with("--") => {}
                _ => asked.words.push(arg),
            }
        }
        asked
    }

    /// Whether something of this name is to be run, which may run without being asked for.
    pub fn means(&self, name: &str, is_in_ci: bool) -> bool {
        match self.words.as_slice() {
            [] => self.is_all || is_in_ci,
            words => words.iter().any(|word| name.contains(word.as_str())),
        }
    }
}
