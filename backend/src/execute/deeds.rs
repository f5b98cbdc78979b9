//! What a request may do, as far as it can be told before it runs.
//!
//! A command's row says it; a script or function that describes itself says it instead; of an `EXEC`, all that was
//! queued says it.
//!
//! Source: redis `src/server.c` getCommandFlags, `src/script.c` scriptFlagsToCmdFlags.

use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::{CommandId, CommandSpec};
use reddoor_protocol::request::Args;

use super::{EXEC, may_write};
use crate::client::Client;
use crate::node::Node;
use crate::scripting::{ScriptFlags, digest_in, digest_of};

/// What one or several commands may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deeds {
    /// Flags that one of them has.
    any: CommandFlags,
    /// Flags that all of them have.
    all: CommandFlags,
    may_have_effects: bool,
}

/// Of no command.
impl Default for Deeds {
    fn default() -> Deeds {
        Deeds { any: CommandFlags::empty(), all: CommandFlags::all(), may_have_effects: false }
    }
}

impl Deeds {
    #[inline]
    pub(super) fn of(node: &Node, client: &Client, spec: &CommandSpec, args: Args<'_>) -> Deeds {
        let mut deeds =
            Deeds { any: spec.flags, all: spec.flags, may_have_effects: may_write(spec) };
        // The rows of scripts, of functions and of `EXEC` have this flag, and few others have.
        if !spec.flags.contains(CommandFlags::NOSCRIPT) {
            return deeds;
        }
        if spec.id() == EXEC
            && let Some(transaction) = &client.transaction
        {
            deeds.add(transaction.deeds);
        } else if let Some(described) = described(node, spec, args) {
            deeds = deeds.described_as(described);
        }
        deeds
    }

    /// Takes in what another command may do.
    pub(crate) fn add(&mut self, other: Deeds) {
        self.any |= other.any;
        self.all &= other.all;
        self.may_have_effects |= other.may_have_effects;
    }

    /// Whether data may change.
    #[inline]
    pub(super) fn may_write(self) -> bool {
        self.any.contains(CommandFlags::WRITE)
    }

    /// As [`Deeds::may_write`]; also where that cannot be told, or something but data is passed on to replicas.
    pub(super) fn may_have_effects(self) -> bool {
        self.may_have_effects
    }

    /// Whether it could take more memory, and is refused where there is too little.
    pub(super) fn needs_memory(self) -> bool {
        self.any.contains(CommandFlags::DENYOOM)
    }

    /// Whether one of the commands has this flag.
    pub(super) fn include(self, flag: CommandFlags) -> bool {
        self.any.contains(flag)
    }

    /// Whether it runs in a state that only commands with this flag run in.
    pub(super) fn runs_while(self, flag: CommandFlags) -> bool {
        self.all.contains(flag)
    }

    fn described_as(self, script: ScriptFlags) -> Deeds {
        use CommandFlags as Flags;
        let writes = !script.contains(ScriptFlags::NO_WRITES);
        let mut flags = self.any - (Flags::STALE | Flags::DENYOOM | Flags::WRITE);
        flags.set(Flags::WRITE, writes);
        flags.set(Flags::DENYOOM, writes && !script.contains(ScriptFlags::ALLOW_OOM));
        flags.set(Flags::STALE, script.contains(ScriptFlags::ALLOW_STALE));
        Deeds { any: flags, all: flags, may_have_effects: writes }
    }
}

/// What the script or function of a request says of itself; `None` where there is none, or it says nothing.
fn described(node: &Node, spec: &CommandSpec, args: Args<'_>) -> Option<ScriptFlags> {
    const BY_SOURCE: [CommandId; 2] = [CommandId::of("eval"), CommandId::of("eval_ro")];
    const BY_DIGEST: [CommandId; 2] = [CommandId::of("evalsha"), CommandId::of("evalsha_ro")];
    const BY_NAME: [CommandId; 2] = [CommandId::of("fcall"), CommandId::of("fcall_ro")];
    let (id, what) = (spec.id(), args.get(1)?);
    let flags = if BY_SOURCE.contains(&id) {
        // A script that is not known says it in its first line; digests are for those that begin as one that does.
        let scripts = what.starts_with(b"#!").then_some(&node.scripting.scripts)?;
        match scripts.find(&digest_of(what)) {
            Some(script) => script.flags,
            None => ScriptFlags::of_script(what).ok()?.0,
        }
    } else if BY_DIGEST.contains(&id) {
        node.scripting.scripts.find(&digest_in(what)?)?.flags
    } else if BY_NAME.contains(&id) {
        let name = str::from_utf8(what).ok()?;
        node.scripting.libraries.function(name)?.2.flags
    } else {
        return None;
    };
    (!flags.contains(ScriptFlags::SAYS_NOTHING)).then_some(flags)
}
