//! What is to be done with a request: pure, from the command table, without a look at any socket or clock.
//!
//! `Request -> Local | One | Script | Blocking | Transaction | Split | Across | FanOut | Scan | Listen | Publish |
//! Monitor | Reject`.

use reddoor_protocol::command::cross_slot::Way;
use reddoor_protocol::command::debug::{self, DebugPlace};
use reddoor_protocol::command::flags::CommandFlags;
use reddoor_protocol::command::keys::key_indexes;
use reddoor_protocol::command::policy::{
    ChannelKind, ReplyPolicy, RequestPolicy, ScriptArg, TransactionStep,
};
use reddoor_protocol::command::resolve::ResolveError;
use reddoor_protocol::command::wait::{Wait, wait_of};
use reddoor_protocol::command::{self, CommandId, CommandSpec};
use reddoor_protocol::encode::{write_bulk, write_header};
use reddoor_protocol::reply_error::ReplyError;
use reddoor_protocol::request::{Args, parse_integer};
use reddoor_protocol::slot::Slot;

use crate::channels::HOME;
use crate::config::Permission;
use crate::cross_slot;
use crate::fan_out::Reach;
use crate::join::{JoinBy, PartKeys};
use crate::key_mapping;
use crate::local::{self, Answer, config_set};
use crate::permissions::{Permissions, not_allowed};
use crate::scripts;

/// What is to be done with a request.
#[derive(Debug)]
pub(crate) enum Plan {
    /// The front door answers itself.
    Local {
        /// The command's row.
        command: &'static CommandSpec,
        /// Who answers.
        answer: Answer,
    },
    /// It goes to one node as it came.
    One {
        /// The command's row.
        command: &'static CommandSpec,
        /// The slot of its keys; `None`: any primary.
        slot: Option<Slot>,
    },
    /// It runs a script at one node.
    Script {
        /// The command's row.
        command: &'static CommandSpec,
        /// How the script is named.
        arg: ScriptArg,
        /// The slot of its keys or, without any, that of the script's name.
        slot: Slot,
        /// Whether it has keys.
        has_keys: bool,
    },
    /// It may wait at one node, so it goes there by a connection of the client's own.
    Blocking {
        /// The command's row.
        command: &'static CommandSpec,
        /// The slot of its keys; `None`: any primary will refuse it.
        slot: Option<Slot>,
        /// How long it may wait.
        wait: Wait,
    },
    /// It opens, closes or guards a transaction.
    Transaction {
        /// The command's row.
        command: &'static CommandSpec,
        /// Which of it.
        step: TransactionStep,
        /// The slot of the keys to guard.
        slot: Option<Slot>,
    },
    /// It goes out in parts, which lie in the scratch.
    Split(SplitPlan),
    /// Its keys lie in several slots; what it needs of them is asked for, and it is done here.
    Across {
        /// The command's row.
        command: &'static CommandSpec,
        /// How.
        way: Way,
        /// How long it may wait for one of them; `None`: not at all.
        wait: Option<Wait>,
    },
    /// It changes what the client listens to.
    Listen {
        /// The command's row.
        command: &'static CommandSpec,
        /// What kind of channels it names.
        kind: ChannelKind,
        /// Whether the client begins to listen or ceases to.
        change: ListenChange,
    },
    /// It goes to the node that carries the channel.
    Publish {
        /// The command's row.
        command: &'static CommandSpec,
        /// What kind of channel it names.
        kind: ChannelKind,
        /// The slot whose owner carries it.
        slot: Slot,
    },
    /// The client wants to see what all primaries execute.
    Monitor {
        /// The command's row.
        command: &'static CommandSpec,
    },
    /// It goes to many nodes as it came.
    FanOut {
        /// The command's row.
        command: &'static CommandSpec,
        /// To which.
        reach: Reach,
    },
    /// It walks over all keys of the cluster, a page at a time.
    Scan {
        /// The command's row.
        command: &'static CommandSpec,
    },
    /// It is answered with an error.
    Reject {
        /// The command's row, if there is such a command.
        command: Option<&'static CommandSpec>,
        /// The reply.
        error: ReplyError,
    },
}

/// What a client does about channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListenChange {
    /// It listens from now on.
    Begin,
    /// It no longer does.
    End,
}

impl Plan {
    /// The command's row, if there is such a command.
    pub(crate) fn command(&self) -> Option<&'static CommandSpec> {
        match self {
            Plan::Local { command, .. }
            | Plan::One { command, .. }
            | Plan::Script { command, .. }
            | Plan::Blocking { command, .. }
            | Plan::Transaction { command, .. }
            | Plan::Listen { command, .. }
            | Plan::Publish { command, .. }
            | Plan::Across { command, .. }
            | Plan::FanOut { command, .. }
            | Plan::Scan { command }
            | Plan::Monitor { command } => Some(command),
            Plan::Split(split) => Some(split.command),
            Plan::Reject { command, .. } => *command,
        }
    }
}

/// How a request is split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SplitPlan {
    /// The command's row.
    pub(crate) command: &'static CommandSpec,
    /// How the replies are joined.
    pub(crate) by: JoinBy,
    /// Arguments from one key to the next (count): 2 when a value follows each key.
    pub(crate) step: usize,
}

impl Plan {
    /// The command, if a client of RESP2 may not use it while it listens.
    pub(crate) fn is_refused_while_listening(&self) -> Option<&'static CommandSpec> {
        const ALLOWED: [CommandId; 3] =
            [CommandId::of("ping"), CommandId::of("quit"), CommandId::of("reset")];
        match self {
            Plan::Listen { .. } | Plan::Reject { .. } => None,
            Plan::Local { command, .. } if ALLOWED.contains(&command.id()) => None,
            plan => plan.command(),
        }
    }
}

/// Memory that planning uses again for each request.
#[derive(Debug, Default)]
pub(crate) struct PlanScratch {
    /// Positions of the keys among the arguments.
    key_args: Vec<u32>,
    /// The keys with their slots. Sorted by slot, then by position, once a request is split.
    keys: Vec<SlottedKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SlottedKey {
    slot: Slot,
    /// Position among the keys.
    index: u32,
    /// Position among the arguments.
    arg: u32,
}

/// The keys of one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedPart<'a> {
    /// Their slot.
    pub(crate) slot: Slot,
    keys: &'a [SlottedKey],
}

impl PlanScratch {
    /// The parts of the request that was split last, in ascending order of slots.
    pub(crate) fn parts(&self) -> impl Iterator<Item = PlannedPart<'_>> {
        self.keys
            .chunk_by(|a, b| a.slot == b.slot)
            .map(|keys| PlannedPart { slot: keys[0].slot, keys })
    }

    /// How many parts there are (count).
    pub(crate) fn parts_count(&self) -> usize {
        self.parts().count()
    }

    /// The keys of each part, as positions among all keys.
    pub(crate) fn parts_keys(&self) -> impl Iterator<Item = PartKeys> {
        self.parts().map(|part| PartKeys(part.keys.iter().map(|key| key.index).collect()))
    }
}

impl PlannedPart<'_> {
    /// Appends the request for this part: the command's name, then its keys with what follows each of them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, args: Args<'_>, step: usize) {
        write_header(out, b'*', 1 + self.keys.len() * step);
        write_bulk(out, &args[0]);
        for key in self.keys {
            let first = key.arg as usize;
            for arg in first..first + step {
                write_bulk(out, args.get(arg).unwrap_or_default());
            }
        }
    }
}

/// Plans one request, which has at least one argument. Costs O(keys), and O(keys × log keys) when it is split.
pub(crate) fn plan(
    args: Args<'_>,
    is_authenticated: bool,
    permissions: Permissions,
    scratch: &mut PlanScratch,
) -> Plan {
    let command = match command::resolve(args) {
        Ok(command) => command,
        Err(error) => {
            // A Redis looks a command up before it asks for a password.
            let command = match error {
                ResolveError::UnknownCommand => None,
                ResolveError::UnknownSubcommand { container } => {
                    if let Some(answer) = local::newer_answer_of(container, args)
                        && is_authenticated
                    {
                        return Plan::Local { command: container, answer };
                    }
                    Some(container)
                }
                ResolveError::WrongArity { spec } => Some(spec),
            };
            return Plan::Reject { command, error: error.reply(args) };
        }
    };
    let reject = |error| Plan::Reject { command: Some(command), error };
    if !is_authenticated && !command.flags.contains(CommandFlags::NO_AUTH) {
        return reject(ReplyError::NO_AUTH);
    }
    match command.request {
        RequestPolicy::OneSlot => plan_one(command, args, permissions, scratch),
        RequestPolicy::SplitByKey { step } => plan_split(command, usize::from(step), args, scratch),
        RequestPolicy::Local => plan_local(command),
        RequestPolicy::AnyPrimary => Plan::One { command, slot: None },
        RequestPolicy::Script(arg) => plan_script(command, arg, args, scratch),
        RequestPolicy::Blocking { .. } | RequestPolicy::BlockingIf { .. } => {
            match (plan_one(command, args, permissions, scratch), wait_of(command, args)) {
                (Plan::One { command, slot }, Some(wait)) => Plan::Blocking { command, slot, wait },
                (Plan::Across { command, way, .. }, wait) => Plan::Across { command, way, wait },
                (plan, _) => plan,
            }
        }
        RequestPolicy::Subscribe(kind) => {
            Plan::Listen { command, kind, change: ListenChange::Begin }
        }
        RequestPolicy::Unsubscribe(kind) => {
            Plan::Listen { command, kind, change: ListenChange::End }
        }
        RequestPolicy::Publish(kind) => {
            let channel = args.get(1).unwrap_or_default();
            let slot =
                if kind == ChannelKind::Shard { key_mapping::slot_of(channel) } else { HOME };
            Plan::Publish { command, kind, slot }
        }
        RequestPolicy::Monitor => Plan::Monitor { command },
        RequestPolicy::AllPrimaries | RequestPolicy::WaitReplicas => {
            Plan::FanOut { command, reach: Reach::Primaries }
        }
        RequestPolicy::AllNodes => Plan::FanOut { command, reach: Reach::Nodes },
        RequestPolicy::Scan => Plan::Scan { command },
        RequestPolicy::Admin
        | RequestPolicy::Settings
        | RequestPolicy::Debug
        | RequestPolicy::ClusterOnly
        | RequestPolicy::ClusterView
        | RequestPolicy::ClusterSlot
        | RequestPolicy::ClusterChange => plan_guarded(command, args, permissions),
        RequestPolicy::Transaction(step) => match slot_of_keys(command, args, scratch) {
            Ok(slot) => Plan::Transaction { command, step, slot },
            Err((first, second)) => reject(cross_watch(first, second)),
        },
        RequestPolicy::NodeLink => reject(not_served(command)),
    }
}

fn plan_one(
    command: &'static CommandSpec,
    args: Args<'_>,
    permissions: Permissions,
    scratch: &mut PlanScratch,
) -> Plan {
    if let Some(key) = command.single_key_index().and_then(|index| args.get(index)) {
        return Plan::One { command, slot: Some(key_mapping::slot_of(key)) };
    }
    match slot_of_keys(command, args, scratch) {
        Ok(slot) => Plan::One { command, slot },
        Err(_) => plan_across(command, permissions),
    }
}

/// Plans a command whose keys lie in several slots.
fn plan_across(command: &'static CommandSpec, permissions: Permissions) -> Plan {
    let error = match Way::of(command) {
        Some(way) if permissions.serve_across(way) => {
            return Plan::Across { command, way, wait: None };
        }
        Some(way) => cross_slot::refusal(way),
        None => ReplyError::CROSS_SLOT,
    };
    Plan::Reject { command: Some(command), error }
}

/// Plans what the operator may have allowed to clients.
fn plan_guarded(command: &'static CommandSpec, args: Args<'_>, permissions: Permissions) -> Plan {
    if let Err(error) = permissions.check(command) {
        return Plan::Reject { command: Some(command), error };
    }
    match command.request {
        RequestPolicy::ClusterView => Plan::One { command, slot: None },
        RequestPolicy::ClusterSlot => {
            let number = args.get(2).and_then(parse_integer).and_then(|n| u16::try_from(n).ok());
            // What is no slot any node refuses in the right words.
            Plan::One { command, slot: number.and_then(Slot::new) }
        }
        RequestPolicy::Settings
            if permissions.admin == Permission::Refuse && !config_set::only_tunes(args) =>
        {
            Plan::Reject { command: Some(command), error: not_allowed(command) }
        }
        RequestPolicy::Settings => plan_local(command),
        RequestPolicy::Debug => plan_debug(command, args),
        _ => Plan::FanOut { command, reach: Reach::Nodes },
    }
}

/// Plans what the front door answers itself.
fn plan_local(command: &'static CommandSpec) -> Plan {
    match local::answer_of(command.id()) {
        Some(answer) => Plan::Local { command, answer },
        None => Plan::Reject { command: Some(command), error: not_served(command) },
    }
}

/// Plans `DEBUG` by the word behind it.
fn plan_debug(command: &'static CommandSpec, args: Args<'_>) -> Plan {
    match debug::place_of(args) {
        DebugPlace::Key => {
            let key = args.get(2).unwrap_or_default();
            Plan::One { command, slot: Some(key_mapping::slot_of(key)) }
        }
        DebugPlace::AnyNode => Plan::One { command, slot: None },
        DebugPlace::EveryPrimary => Plan::FanOut { command, reach: Reach::Primaries },
        DebugPlace::EveryNode => Plan::FanOut { command, reach: Reach::Nodes },
        DebugPlace::Nowhere => Plan::Reject { command: Some(command), error: not_served(command) },
    }
}

/// The slot that all keys share; `None` without keys, or when none can be told: then no node will run it, and any of
/// them knows the words to refuse it in.
///
/// # Errors
/// Two slots in which keys lie.
fn slot_of_keys(
    command: &'static CommandSpec,
    args: Args<'_>,
    scratch: &mut PlanScratch,
) -> Result<Option<Slot>, (Slot, Slot)> {
    if key_indexes(command, args, &mut scratch.key_args).is_err() {
        return Ok(None);
    }
    let keys = scratch.key_args.iter().filter_map(|index| args.get(*index as usize));
    let mut slots = keys.map(key_mapping::slot_of);
    let Some(first) = slots.next() else { return Ok(None) };
    match slots.find(|slot| *slot != first) {
        Some(second) => Err((first, second)),
        None => Ok(Some(first)),
    }
}

/// A script without keys may run anywhere. The digest stands in for a key, so that a script is loaded on one node,
/// and `EVALSHA` meets it where `EVAL` or an earlier `EVALSHA` has run.
fn plan_script(
    command: &'static CommandSpec,
    arg: ScriptArg,
    args: Args<'_>,
    scratch: &mut PlanScratch,
) -> Plan {
    let slot = match slot_of_keys(command, args, scratch) {
        Ok(slot) => slot,
        Err((first, second)) => {
            let text = ReplyError::CROSS_SLOT;
            let error = ReplyError::new(format!("{text}: slots {first} and {second}"));
            return Plan::Reject { command: Some(command), error };
        }
    };
    let stand_in = || {
        let name = args.get(1).unwrap_or_default();
        match arg {
            ScriptArg::Source => Slot::of_key(&scripts::digest_of(name)),
            ScriptArg::Digest { .. } => Slot::of_key(&name.to_ascii_lowercase()),
            ScriptArg::Function => Slot::of_key(name),
        }
    };
    let has_keys = slot.is_some();
    Plan::Script { command, arg, slot: slot.unwrap_or_else(stand_in), has_keys }
}

/// Keys of several slots cannot be guarded: their nodes cannot decide together.
pub(crate) fn cross_watch(first: Slot, second: Slot) -> ReplyError {
    ReplyError::new(format!(
        "CROSSSLOT WATCH of keys in slots {first} and {second}; all keys guarded for one transaction must share a \
         slot, whatever transactions.cross_slot says"
    ))
}

fn plan_split(
    command: &'static CommandSpec,
    step: usize,
    args: Args<'_>,
    scratch: &mut PlanScratch,
) -> Plan {
    let Some(by) = join_by(command.reply) else {
        return Plan::Reject { command: Some(command), error: not_served(command) };
    };
    scratch.keys.clear();
    for (arg, index) in (1..args.len()).step_by(step).zip(0..) {
        let slot = key_mapping::slot_of(&args[arg]);
        let arg = u32::try_from(arg).unwrap_or(u32::MAX);
        scratch.keys.push(SlottedKey { slot, index, arg });
    }
    let first = scratch.keys[0].slot;
    if scratch.keys.iter().all(|key| key.slot == first) {
        // If its last key wants a value the node refuses it, inside a transaction when its turn comes.
        return Plan::One { command, slot: Some(first) };
    }
    if !(args.len() - 1).is_multiple_of(step) {
        let error = ReplyError::wrong_arity(command.name);
        return Plan::Reject { command: Some(command), error };
    }
    scratch.keys.sort_unstable();
    Plan::Split(SplitPlan { command, by, step })
}

fn join_by(policy: ReplyPolicy) -> Option<JoinBy> {
    match policy {
        ReplyPolicy::ByKey => Some(JoinBy::Key),
        ReplyPolicy::Sum => Some(JoinBy::Sum),
        ReplyPolicy::AllOk => Some(JoinBy::AllOk),
        _ => None,
    }
}

fn not_served(command: &CommandSpec) -> ReplyError {
    ReplyError::new(format!("UNSERVED command '{}' is not served by this front door", command.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::tuning::SettingsAllowed;

    /// Plans a request of words parted by spaces and tells the plan in a line.
    fn planned(request: &str, is_authenticated: bool) -> String {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let args = Args::from_slices(&words);
        let mut scratch = PlanScratch::default();
        let permissions = Permissions::of(&Config::default());
        match plan(args, is_authenticated, permissions, &mut scratch) {
            Plan::FanOut { reach, .. } => format!("{reach:?}"),
            Plan::Scan { .. } => "scan".to_owned(),
            Plan::Local { command, .. } => format!("local {}", command.name),
            Plan::One { slot: Some(slot), .. } => format!("one {slot}"),
            Plan::One { slot: None, .. } => "any".to_owned(),
            Plan::Reject { error, .. } => error.as_str().to_owned(),
            Plan::Listen { kind, change, .. } => format!("{change:?} {kind:?}"),
            Plan::Publish { slot, .. } => format!("publish {slot}"),
            Plan::Monitor { .. } => "monitor".to_owned(),
            Plan::Script { slot, has_keys: true, .. } => format!("script {slot}"),
            Plan::Script { slot, has_keys: false, .. } => format!("script by its name {slot}"),
            Plan::Blocking { slot: Some(slot), wait, .. } => format!("wait {slot} {wait:?}"),
            Plan::Blocking { slot: None, .. } => "wait anywhere".to_owned(),
            Plan::Transaction { step, slot, .. } => {
                format!("{step:?} {}", slot.map_or_else(String::new, |slot| slot.to_string()))
            }
            Plan::Across { way, wait: None, .. } => format!("{way:?}"),
            Plan::Across { way, wait: Some(wait), .. } => format!("{way:?} {wait:?}"),
            Plan::Split(split) => {
                let parts = scratch.parts().map(|part| {
                    let mut out = Vec::new();
                    part.encode(&mut out, args, split.step);
                    let request = String::from_utf8(out).unwrap();
                    let words: Vec<&str> = request.split("\r\n").skip(2).step_by(2).collect();
                    format!("{}: {}", part.slot, words.join(" "))
                });
                format!("{:?} {}", split.by, parts.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn check(request: &str, expect: &str) {
        assert_eq!(planned(request, true), expect, "{request}");
    }

    #[test]
    fn keys_of_one_slot_go_to_its_owner() {
        check("GET foo", "one 12182");
        check("set {foo}x y EX 10", "one 12182");
        check("MGET foo {foo}2", "one 12182");
        check("MSET foo 1 {foo}2 2", "one 12182");
        check("ZUNIONSTORE {foo}d 2 foo {foo}2 WEIGHTS 1 2", "one 12182");
        check("EVAL return 2 foo {foo}2", "script 12182");
        check("XREAD COUNT 1 STREAMS foo 0", "one 12182");
        check("SORT foo BY w_* STORE {foo}d", "one 12182");
        check("OBJECT ENCODING foo", "one 12182");
    }

    #[test]
    fn keys_of_several_slots_are_split_where_that_keeps_the_meaning() {
        check("MGET foo bar {foo}2", "Key 5061: MGET bar, 12182: MGET foo {foo}2");
        check("MSET foo 1 bar 2", "AllOk 5061: MSET bar 2, 12182: MSET foo 1");
        check("DEL foo bar foo", "Sum 5061: DEL bar, 12182: DEL foo foo");
        check("unlink bar foo", "Sum 5061: unlink bar, 12182: unlink foo");
    }

    #[test]
    fn keys_of_several_slots_are_refused_elsewhere() {
        let error = "CROSSSLOT Keys in request don't hash to the same slot";
        check("EVAL return 2 foo bar", &format!("{error}: slots 12182 and 5061"));
    }

    #[test]
    fn keys_of_several_slots_are_gathered_where_that_can_be_done() {
        check("SINTER foo bar", "Copies");
        check("ZUNION 2 foo bar WEIGHTS 1 2", "Copies");
        check("PFCOUNT foo bar", "Copies");
        check("LCS foo bar", "Copies");
        check("XREAD STREAMS foo bar 0 0", "Streams");
        let error = "CROSSSLOT Keys in request don't hash to the same slot";
        check("XREAD BLOCK 1 STREAMS foo bar 0 0", "Streams For(1ms)");
        check("BLPOP foo bar 0", "Pop Forever");
        check("LMPOP 2 foo bar LEFT", "Pop");
        let setting = format!("{error}; cross_slot.writes = \"emulate\" serves it");
        for line in [
            "SINTERSTORE foo bar",
            "ZRANGESTORE foo bar 0 1",
            "BITOP AND foo bar",
            "COPY foo bar",
            "RENAME foo bar",
            "SMOVE foo bar x",
            "SORT foo STORE bar",
            "MSETNX foo 1 bar 2",
            "BLMOVE foo bar LEFT LEFT 0",
            "XREADGROUP GROUP g c STREAMS foo bar > >",
        ] {
            check(line, &setting);
        }
    }

    #[test]
    fn requests_that_are_no_commands_have_the_words_of_a_redis() {
        check("NOPE a", "ERR unknown command 'NOPE', with args beginning with: 'a' ");
        check("GET", "ERR wrong number of arguments for 'get' command");
        check("MSET foo 1 bar", "ERR wrong number of arguments for 'mset' command");
        check("MSET foo 1 {foo}2", "one 12182");
        check("CLIENT NOPE", "ERR unknown subcommand 'NOPE'. Try CLIENT HELP.");
    }

    #[test]
    fn scripts_without_keys_meet_one_node_by_any_name() {
        let digest = String::from_utf8(scripts::digest_of(b"return").to_vec()).unwrap();
        let slot = Slot::of_key(digest.as_bytes());
        for request in ["EVAL return 0 foo", "eval_ro return 0", "EVAL return x foo"] {
            check(request, &format!("script by its name {slot}"));
        }
        check(
            &format!("EVALSHA {} 0", digest.to_uppercase()),
            &format!("script by its name {slot}"),
        );
        check("FCALL foo 0", "script by its name 12182");
    }

    #[test]
    fn what_may_wait_says_how_long() {
        check("BLPOP foo {foo}2 0", "wait 12182 Forever");
        check("BZMPOP 1.5 1 foo MIN", "wait 12182 For(1.5s)");
        check("XREAD BLOCK 20 STREAMS foo 0", "wait 12182 For(20ms)");
        check("XREAD STREAMS foo 0", "one 12182");
    }

    #[test]
    fn steps_of_a_transaction_are_told_apart() {
        check("MULTI", "Multi ");
        check("WATCH foo {foo}2", "Watch 12182");
        check(
            "WATCH foo bar",
            "CROSSSLOT WATCH of keys in slots 12182 and 5061; all keys guarded for one transaction must share a \
             slot, whatever transactions.cross_slot says",
        );
    }

    #[test]
    fn what_is_not_served_is_named() {
        check("CLUSTER INFO", "ERR This instance has cluster support disabled");
    }

    #[test]
    fn what_is_published_goes_where_it_is_carried() {
        check("SUBSCRIBE a b", "Begin Channel");
        check("punsubscribe", "End Pattern");
        check("PUBLISH foo x", "publish 0");
        check("SPUBLISH foo x", "publish 12182");
        check("MONITOR", "monitor");
    }

    #[test]
    fn what_lies_on_all_nodes_is_asked_of_all() {
        check("DBSIZE", "Primaries");
        check("FLUSHALL ASYNC", "Primaries");
        check("WAIT 1 0", "Primaries");
        check("SLOWLOG GET", "Nodes");
        check("PUBSUB NUMSUB a", "Nodes");
        check("SCAN 0", "scan");
    }

    #[test]
    fn what_changes_nodes_asks_for_permission() {
        let refusal = |name: &str| {
            format!(
                "NOTALLOWED command '{name}' changes nodes, which clients may where admin.commands is \"allow\""
            )
        };
        check("SHUTDOWN", &refusal("shutdown"));
        check("CLUSTER MEET a 1", "ERR This instance has cluster support disabled");
        let allowed = |admin, cluster, request: &str| {
            let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
            let settings = SettingsAllowed::Tuning;
            let permissions =
                Permissions { admin, cluster, settings, ..Permissions::of(&Config::default()) };
            match plan(Args::from_slices(&words), true, permissions, &mut PlanScratch::default()) {
                Plan::FanOut { reach, .. } => format!("{reach:?}"),
                Plan::One { slot, .. } => format!("{slot:?}"),
                Plan::Reject { error, .. } => error.as_str().to_owned(),
                Plan::Local { command, .. } => format!("local {}", command.name),
                other => format!("{other:?}"),
            }
        };
        use Permission::{Allow, Refuse};
        assert_eq!(allowed(Allow, Refuse, "CONFIG SET maxmemory 1"), "local config|set");
        let tuning = |request: &str| allowed(Refuse, Refuse, request);
        assert_eq!(tuning("CONFIG SET maxmemory 1"), refusal("config|set"));
        assert_eq!(tuning("CONFIG SET lfu-log-factor 1 maxmemory 1"), refusal("config|set"));
        assert_eq!(tuning("CONFIG SET lfu-log-factor 1 save x"), "local config|set");
        assert_eq!(allowed(Allow, Refuse, "DEBUG SLEEP 0"), "Nodes");
        assert_eq!(allowed(Allow, Refuse, "DEBUG LOADAOF"), "Primaries");
        assert_eq!(allowed(Allow, Refuse, "DEBUG OBJECT foo"), "Some(Slot(12182))");
        assert!(allowed(Allow, Refuse, "DEBUG POPULATE 3").starts_with("UNSERVED "));
        assert_eq!(allowed(Allow, Refuse, "CLUSTER MEET a 1"), "Nodes");
        assert_eq!(allowed(Refuse, Allow, "CLUSTER MEET a 1"), refusal("cluster|meet"));
        assert_eq!(allowed(Refuse, Allow, "CLUSTER SLOTS"), "None");
        assert_eq!(allowed(Refuse, Allow, "CLUSTER COUNTKEYSINSLOT 7"), "Some(Slot(7))");
        assert_eq!(
            allowed(Refuse, Allow, "READONLY"),
            "ERR This instance has cluster support disabled"
        );
    }

    #[test]
    fn the_connection_is_answered_here() {
        check("PING", "local ping");
        check("client setname x", "local client|setname");
        check("client setinfo lib-name x", "local client");
        check("COMMAND COUNT", "local command|count");
    }

    #[test]
    fn without_a_password_only_the_door_opens() {
        let refusal = "NOAUTH Authentication required.";
        assert_eq!(planned("GET foo", false), refusal);
        assert_eq!(planned("CLIENT ID", false), refusal);
        assert_eq!(planned("AUTH x", false), "local auth");
        assert_eq!(planned("HELLO 3", false), "local hello");
        assert_eq!(planned("QUIT", false), "local quit");
    }

    #[test]
    fn every_local_row_has_an_answer() {
        let unanswered: Vec<&str> = command::all()
            .iter()
            .filter(|row| {
                matches!(row.request, RequestPolicy::Local | RequestPolicy::Settings)
                    && !row.is_container()
            })
            .filter(|row| local::answer_of(row.id()).is_none())
            .map(|row| row.name)
            .collect();
        assert_eq!(unanswered, [""; 0]);
    }
}
