//! Rules for frameworks whose keys a cluster scatters, as data.
//!
//! A row says which keys have to lie together, what of the framework is served with that, and what is not.
//!
//! Not here: what a rule does (see [`colocation`](super::colocation)).

use serde::{Serialize, Serializer};

use super::colocation::ColocationRule;

/// A framework with the rules for its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// As `colocate.presets` names it.
    pub name: &'static str,
    /// Whose keys these are, and in which version that was looked at.
    pub about: &'static str,
    rules: &'static [&'static str],
    /// Rules for arguments of its scripts behind the keys, which the scripts put something behind to make keys.
    script_args: &'static [&'static str],
    /// What is not served with it, told when the front door starts; empty when nothing is known.
    pub warning: &'static str,
}

/// All presets.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "celery",
        about: "Celery 5.7 with kombu: queues and results of the names that it chooses by itself",
        rules: &[
            "celery-taskset-meta-{*}.* celery-taskset-meta-{*} -> celery-chord",
            "celery celery[^-]* _kombu.binding* unacked* *.celery.pidbox* -> celery",
        ],
        script_args: &["_kombu.binding* -> celery"],
        warning: "queues with names of your own need a rule of their own: \"NAME NAME\\u0006* -> celery\"",
    },
    Preset { name: "rq", about: "RQ 2.12", rules: &["rq:* -> rq"], script_args: &[], warning: "" },
    Preset {
        name: "bull",
        about: "Bull 4.16, with its prefix as shipped",
        rules: &["bull:{*}:* -> bull"],
        script_args: &["bull:{*}: -> bull"],
        warning: "events that its scripts publish are not heard, so a delayed job may start 5 s late; \
                  prefix: '{bull}' in its options has no such limit",
    },
    Preset {
        name: "bee-queue",
        about: "bee-queue 2.0, with its prefix as shipped",
        rules: &["bq:{*}:* -> bq"],
        script_args: &[],
        warning: "that a delayed job is due earlier than those before it is not heard by other processes; \
                  prefix: '{bq}' in its options has no such limit",
    },
    Preset {
        name: "channels-redis",
        about: "channels-redis 4.3 with RedisChannelLayer, with its prefix as shipped",
        rules: &["asgi* -> asgi"],
        script_args: &["asgi* -> asgi"],
        warning: "",
    },
    Preset {
        name: "node-resque",
        about: "node-resque 9.7, with its namespace as shipped",
        // Where a job is delayed to is kept under what the job is, as JSON.
        rules: &["resque:* resque:timestamps:{\"* -> resque"],
        script_args: &[],
        warning: "",
    },
    Preset {
        name: "sidekiq",
        about: "Sidekiq 6.4",
        rules: &[
            // Processes are host:number:twelve hexadecimal digits, and some keys of theirs go on behind that.
            "queue:* queues retry schedule dead processes stat:* \
             *:[0-9]*:[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]\
             [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]* -> sidekiq",
        ],
        script_args: &[],
        warning: "",
    },
    Preset {
        name: "dramatiq",
        about: "dramatiq 2.2, with its namespace as shipped",
        rules: &["dramatiq dramatiq:* -> dramatiq"],
        script_args: &[],
        warning: "",
    },
    Preset {
        name: "arq",
        about: "arq 0.28, with its queue's name as shipped",
        rules: &["arq:* -> arq"],
        script_args: &[],
        warning: "",
    },
    Preset {
        name: "python-redis-lock",
        about: "python-redis-lock 4.0",
        rules: &["lock:{*} lock-signal:{*} -> lock"],
        script_args: &[],
        warning: "reset_all() looks for keys inside a script and finds none",
    },
];

impl Preset {
    /// The preset of this name.
    pub fn by_name(name: &str) -> Option<Preset> {
        PRESETS.iter().find(|preset| preset.name == name).copied()
    }

    /// Its rules.
    pub fn rules(&self) -> impl Iterator<Item = ColocationRule> + use<> {
        self.rules.iter().filter_map(|text| ColocationRule::parse(text))
    }

    /// Its rules for arguments of scripts.
    pub fn script_args(&self) -> impl Iterator<Item = ColocationRule> + use<> {
        self.script_args.iter().filter_map(|text| ColocationRule::parse(text))
    }
}

impl Serialize for Preset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_made_of_rules() {
        for preset in PRESETS {
            assert_eq!(preset.rules().count(), preset.rules.len(), "{}", preset.name);
            assert_eq!(preset.script_args().count(), preset.script_args.len(), "{}", preset.name);
            assert_eq!(Preset::by_name(preset.name), Some(*preset));
        }
    }
}
