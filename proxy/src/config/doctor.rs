//! What `reddoor doctor` may tell of keys.

use serde::Serialize;

/// What is kept and told of the keys of commands that a cluster would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DoctorKeys {
    /// What they look like, without the parts that make them one of many.
    Shapes,
    /// Nothing.
    Hidden,
}

impl DoctorKeys {
    pub(super) const CHOICES: [(&'static str, DoctorKeys); 2] =
        [("shapes", DoctorKeys::Shapes), ("hidden", DoctorKeys::Hidden)];
}
