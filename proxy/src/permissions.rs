//! What the operator allows to clients, by the policy of a command's row.

use reddoor_protocol::command::CommandSpec;
use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::policy::RequestPolicy;
use reddoor_protocol::reply_error::ReplyError;

use crate::config::tuning::SettingsAllowed;
use crate::config::{Config, CrossSlotPops, CrossSlotReads, CrossSlotWrites, Permission};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permissions {
    /// Commands that change or stop nodes.
    pub(crate) admin: Permission,
    /// Settings that clients may change without that.
    pub(crate) settings: SettingsAllowed,
    /// `CLUSTER` commands.
    pub(crate) cluster: Permission,
    /// Reading commands over several slots.
    pub(crate) reads_across: CrossSlotReads,
    /// Writing commands over several slots.
    pub(crate) writes_across: CrossSlotWrites,
    /// Commands that take from the first of several keys, over several slots.
    pub(crate) pops_across: CrossSlotPops,
}

impl Permissions {
    /// What the configuration allows.
    pub(crate) fn of(config: &Config) -> Permissions {
        Permissions {
            admin: config.admin.commands,
            settings: config.admin.settings,
            cluster: config.admin.cluster_commands,
            reads_across: config.cross_slot.reads,
            writes_across: config.cross_slot.writes,
            pops_across: config.cross_slot.pops,
        }
    }

    /// Whether a command over several slots is done this way.
    pub(crate) fn serve_across(self, way: Way) -> bool {
        match way {
            Way::Copies | Way::Streams => self.reads_across == CrossSlotReads::Gather,
            Way::Pop => self.pops_across == CrossSlotPops::Serve,
            _ => self.writes_across == CrossSlotWrites::Emulate,
        }
    }

    /// Whether clients may run a command.
    ///
    /// # Errors
    /// What they are told instead.
    pub(crate) fn check(self, command: &CommandSpec) -> Result<(), ReplyError> {
        let refusal = match (command.request, self.admin, self.cluster) {
            (RequestPolicy::Settings, Permission::Refuse, _)
                if self.settings == SettingsAllowed::Tuning =>
            {
                return Ok(());
            }
            (RequestPolicy::Settings, Permission::Refuse, _) => ReplyError::from_static(
                "NOTALLOWED command 'config|set' changes nodes, which clients may where admin.commands is \"allow\"; \
                 what only tunes them they may change where admin.settings is \"tuning\"",
            ),
            (RequestPolicy::Admin | RequestPolicy::Debug, Permission::Refuse, _)
            | (RequestPolicy::ClusterChange, Permission::Refuse, Permission::Allow) => {
                not_allowed(command)
            }
            // Some tell a node how to treat a connection, which is not the client's own: never.
            (RequestPolicy::ClusterOnly, ..)
            | (RequestPolicy::ClusterChange, Permission::Refuse, Permission::Refuse)
            | (RequestPolicy::ClusterView | RequestPolicy::ClusterSlot, _, Permission::Refuse) => {
                ReplyError::CLUSTER_DISABLED
            }
            _ => return Ok(()),
        };
        Err(refusal)
    }

    /// Whether a client can run the command, or one of the subcommands, at all.
    pub(crate) fn serve(self, command: &CommandSpec) -> bool {
        if command.is_container() {
            return command.subcommands().iter().any(|subcommand| self.serve(subcommand));
        }
        command.request != RequestPolicy::NodeLink && self.check(command).is_ok()
    }
}

/// What a client is told that may not change nodes so.
pub(crate) fn not_allowed(command: &CommandSpec) -> ReplyError {
    ReplyError::new(format!(
        "NOTALLOWED command '{}' changes nodes, which clients may where admin.commands is \"allow\"",
        command.name
    ))
}

#[cfg(test)]
mod tests {
    use reddoor_protocol::command::lookup_full;

    use super::*;

    #[test]
    fn what_is_served_follows_the_settings() {
        let served = |admin, cluster| {
            let permissions = Permissions { admin, cluster, ..Permissions::of(&Config::default()) };
            let names = ["get", "psync", "shutdown", "config", "cluster", "cluster|meet", "asking"];
            names.map(|name| permissions.serve(lookup_full(name.as_bytes()).unwrap()))
        };
        use Permission::{Allow, Refuse};
        assert_eq!(served(Refuse, Refuse), [true, false, false, true, false, false, false]);
        assert_eq!(served(Refuse, Allow), [true, false, false, true, true, false, false]);
        assert_eq!(served(Allow, Refuse), [true, false, true, true, true, true, false]);
    }
}
