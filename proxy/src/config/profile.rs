//! Bundles of settings under one name: a layer above the defaults, below everything that is set by itself.
//!
//! Not here: what the settings do, which `config/reddoor.toml` tells.

use serde::Serialize;

/// What an operator wants of the front door as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// What a cluster refuses is refused: nothing is emulated.
    Strict,
    /// What is answered as by one Redis is served; what would be weaker than there is refused.
    Default,
    /// Everything that can be served is, weaker where it has to be.
    DropIn,
}

impl Profile {
    pub(super) const CHOICES: [(&'static str, Profile); 3] =
        [("strict", Profile::Strict), ("default", Profile::Default), ("drop-in", Profile::DropIn)];

    /// The profile of this name.
    pub(super) fn by_name(name: &str) -> Option<Profile> {
        Profile::CHOICES.iter().find(|(known, _)| *known == name).map(|(_, profile)| *profile)
    }

    /// Its settings, as TOML.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Profile::Strict => {
                "cross_slot.reads = \"reject\"\n\
                 cross_slot.writes = \"reject\"\n\
                 cross_slot.pops = \"reject\"\n\
                 transactions.cross_slot = \"refuse\"\n\
                 databases.mode = \"off\"\n\
                 admin.settings = \"refuse\"\n"
            }
            Profile::Default => "",
            Profile::DropIn => {
                "cross_slot.reads = \"gather\"\n\
                 cross_slot.writes = \"emulate\"\n\
                 cross_slot.pops = \"serve\"\n\
                 transactions.cross_slot = \"per_slot\"\n\
                 databases.mode = \"prefix\"\n\
                 admin.settings = \"tuning\"\n"
            }
        }
    }
}
