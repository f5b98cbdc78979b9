//! Scripts and functions: Lua on a stack of its own, asking the node for commands.
//!
//! | module | what it holds |
//! |---|---|
//! | `run` | the node's side of a script that runs: its commands, its end |
//! | `park` | a script that takes long lies still while others are served |
//! | `cache` | scripts by digest |
//! | `library` | libraries and their functions |
//! | `vm` | the handle of the Lua state |
//! | `fiber`, `job` | what crosses between the two sides |
//! | `machine`, `prelude.lua` | the Lua state and what scripts see |
//! | `api`, `register`, `reply`, `fault`, `flags` | the table `redis`, replies as values, errors |
//! | `alone` | scripts without a node, for `fuzz` |
//! | `raw` | what every call does, by Lua's C interface |
//! | `libraries`, `random`, `number` | cjson, cmsgpack, struct, bit, patterns |
//!
//! Invariant: the Lua side never holds a part of the node; a script that lies still holds nothing but its own stack.

mod alone;

mod api;

mod cache;

mod fault;

mod fiber;

mod flags;

mod job;

mod libraries;

mod library;

mod machine;

mod number;

mod park;

mod random;

mod raw;

mod register;

mod reply;

mod run;

mod vm;

use std::rc::Rc;

use tokio::sync::Notify;

use crate::scripting::cache::Cache;
use crate::scripting::job::Job;
use crate::scripting::library::Libraries;
use crate::scripting::park::Parked;
use crate::scripting::vm::Vm;

pub(crate) use alone::run_alone;
pub(crate) use cache::{digest_in, digest_of};
pub(crate) use flags::ScriptFlags;
pub(crate) use job::Digest;
pub(crate) use library::Policy;
pub(crate) use park::{Kill, go_on, until_free};
pub(crate) use run::{Entry, start};

/// Everything of scripts that the node keeps.
#[derive(Default)]
pub(crate) struct Scripting {
    /// Made when the first script comes.
    vm: Option<Vm>,
    pub(crate) scripts: Cache,
    pub(crate) libraries: Libraries,
    /// The script that lies still, if one does.
    parked: Option<Box<Parked>>,
    /// Told when a script begins to lie still.
    wake: Rc<Notify>,
}

impl std::fmt::Debug for Scripting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripting").finish_non_exhaustive()
    }
}

impl Scripting {
    /// Whether a script lies still: nothing may change, and few commands are served.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.parked.is_some()
    }

    /// Has Lua give its garbage back, where little is held and no script runs.
    pub(crate) fn collect_little(&mut self) {
        /// What is looked through in a fraction of a millisecond.
        const LITTLE_BYTES: usize = 1024 * 1024;
        if let Some(vm) = &mut self.vm
            && vm.is_idle()
            && vm.used_bytes() <= LITTLE_BYTES
        {
            vm.work(Job::Collect);
        }
    }

    /// Memory that Lua holds (bytes).
    pub(crate) fn lua_bytes(&self) -> usize {
        self.vm.as_ref().map_or(0, Vm::used_bytes)
    }
}
