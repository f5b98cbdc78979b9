//! Which settings of nodes clients may change.

use serde::Serialize;

/// Which settings clients may change (`CONFIG SET`) without being allowed to change nodes otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingsAllowed {
    /// None.
    Refuse,
    /// Those that say how data is kept in memory and what is told of it.
    Tuning,
}

impl SettingsAllowed {
    pub(super) const CHOICES: [(&'static str, SettingsAllowed); 2] =
        [("refuse", SettingsAllowed::Refuse), ("tuning", SettingsAllowed::Tuning)];
}
