//! Which cell and which family a command is counted in: the one place where metrics read the command table.

use reddoor_protocol::command::{self, CommandGroup, CommandId};

/// Cells that count commands: one for each row of the table, one for what is not in it.
pub(super) const COMMAND_CELLS: usize = CommandId::COUNT + 1;

/// The cell of commands that are not in the table.
pub(super) const UNKNOWN_CELL: usize = CommandId::COUNT;

/// Families: the groups of the table, and one for what is not in it.
pub(super) const COUNT: usize = GROUPS.len() + 1;

/// What stands for the name and the family of commands that are not in the table.
const UNKNOWN: &str = "other";

/// Invariant: the group at an index is the one whose number that is.
const GROUPS: [CommandGroup; 16] = [
    CommandGroup::Bitmap,
    CommandGroup::Cluster,
    CommandGroup::Connection,
    CommandGroup::Generic,
    CommandGroup::Geo,
    CommandGroup::Hash,
    CommandGroup::HyperLogLog,
    CommandGroup::List,
    CommandGroup::PubSub,
    CommandGroup::Scripting,
    CommandGroup::Server,
    CommandGroup::Set,
    CommandGroup::SortedSet,
    CommandGroup::Stream,
    CommandGroup::String,
    CommandGroup::Transactions,
];

/// The cell that counts a command.
#[inline]
pub(super) fn command_cell(command: Option<CommandId>) -> usize {
    command.map_or(UNKNOWN_CELL, CommandId::index)
}

/// The index of the family a command belongs to.
#[inline]
pub(super) fn of_command(command: Option<CommandId>) -> usize {
    command.map_or(GROUPS.len(), |id| command::spec(id).group as usize)
}

/// The name of the family at an index.
pub(super) fn name(index: usize) -> &'static str {
    GROUPS.get(index).map_or(UNKNOWN, |group| group.name())
}

/// The family and the name of the command that a cell counts.
pub(super) fn labels_of_cell(cell: usize) -> (&'static str, &'static str) {
    command::all().get(cell).map_or((UNKNOWN, UNKNOWN), |spec| (spec.group.name(), spec.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_counted_under_its_own_name_and_family() {
        for spec in command::all() {
            let id = Some(spec.id());
            assert_eq!(labels_of_cell(command_cell(id)), (spec.group.name(), spec.name));
            assert_eq!(name(of_command(id)), spec.group.name());
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_counted_without_its_name() {
        assert_eq!(labels_of_cell(command_cell(None)), (UNKNOWN, UNKNOWN));
        assert_eq!(name(of_command(None)), UNKNOWN);
        assert!(of_command(None) < COUNT && command_cell(None) < COMMAND_CELLS);
    }
}
