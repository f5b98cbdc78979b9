//! Section `compat`: what clients are told that decides what they ask.

use serde::Serialize;

use super::reader::Reader;

/// Section `compat`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CompatConfig {
    /// The version of Redis that clients are told, as three numbers parted by dots.
    pub redis_version: String,
}

impl CompatConfig {
    pub(super) fn read(reader: &mut Reader) -> CompatConfig {
        let expected = "a version of three numbers, such as 7.4.0";
        CompatConfig { redis_version: reader.word("compat.redis_version", expected, is_version) }
    }
}

/// Client libraries compare versions number by number, so each has to be one.
fn is_version(text: &str) -> bool {
    let is_number = |number: &str| {
        (1..=3).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (number == "0" || !number.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_version_is_three_numbers() {
        for text in ["7.0.15", "7.4.0", "0.0.1", "10.20.999"] {
            assert!(is_version(text), "{text}");
        }
        let wrong = [
            "",
            "7",
            "7.4",
            "7.4.0.1",
            "7.4.",
            ".4.0",
            "7..0",
            "v7.4.0",
            "7.4.0-rc1",
            "7.4.x",
            "07.4.0",
            "7.4.00",
            "7.4.1000",
            "7.4.+1",
            " 7.4.0",
            "7.4.0\n",
            "255.255.255.",
        ];
        for text in wrong {
            assert!(!is_version(text), "{text:?}");
        }
    }
}
