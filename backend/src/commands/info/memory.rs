//! What `INFO` tells of memory.

use crate::commands::info::sections::{fixed, line};
use crate::commands::info::system::{human, total_memory_bytes};
use crate::commands::memory_use::MemoryUse;
use crate::data::lazy_free;
use crate::execute::Call;
use crate::node::Node;

pub(super) fn write(call: &Call<'_>, text: &mut String) {
    let (node, memory) = (&*call.node, MemoryUse::of(call));
    for (name, bytes) in [
        ("used_memory", memory.used),
        ("used_memory_rss", memory.resident),
        ("used_memory_peak", memory.peak),
    ] {
        line(text, name, bytes);
        line(text, &format!("{name}_human"), human(bytes));
    }
    line(text, "used_memory_peak_perc", format_args!("{:.2}%", memory.peak_percent()));
    line(text, "used_memory_overhead", memory.overhead());
    line(text, "used_memory_startup", memory.at_start);
    line(text, "used_memory_dataset", memory.dataset());
    line(text, "used_memory_dataset_perc", format_args!("{:.2}%", memory.dataset_percent()));
    line(text, "allocator_allocated", memory.used);
    line(text, "allocator_active", memory.resident);
    line(text, "allocator_resident", memory.resident);
    let total = total_memory_bytes();
    line(text, "total_system_memory", total);
    line(text, "total_system_memory_human", human(total));
    scripts(node, text);
    let limits = &node.config.settings().memory;
    line(text, "maxmemory", limits.bytes_max);
    line(text, "maxmemory_human", human(limits.bytes_max));
    line(text, "maxmemory_policy", limits.policy_name());
    fragmentation(&memory, text);
    line(text, "mem_not_counted_for_evict", node.uncounted_bytes());
    line(text, "mem_replication_backlog", memory.backlog);
    line(text, "mem_total_replication_buffers", node.replication.backlog_bytes());
    line(text, "mem_clients_slaves", memory.replicas);
    line(text, "mem_clients_normal", memory.clients);
    line(text, "mem_cluster_links", memory.links);
    line(text, "mem_aof_buffer", memory.append);
    fixed(text, &[("mem_allocator", "libc"), ("active_defrag_running", "0")]);
    line(text, "lazyfree_pending_objects", lazy_free::pending_count());
    line(text, "lazyfreed_objects", node.stats.lazy_freed());
}

/// The C library does not tell how much of what the system gave is free, so all that is not in use counts as that.
fn fragmentation(memory: &MemoryUse, text: &mut String) {
    let (ratio, bytes) = (memory.fragmentation(), memory.fragmentation_bytes());
    line(text, "allocator_frag_ratio", format_args!("{ratio:.2}"));
    line(text, "allocator_frag_bytes", bytes);
    fixed(
        text,
        &[
            ("allocator_rss_ratio", "1.00"),
            ("allocator_rss_bytes", "0"),
            ("rss_overhead_ratio", "1.00"),
            ("rss_overhead_bytes", "0"),
        ],
    );
    line(text, "mem_fragmentation_ratio", format_args!("{ratio:.2}"));
    line(text, "mem_fragmentation_bytes", bytes);
}

/// Scripts and functions share one Lua state, which counts as that of scripts.
fn scripts(node: &Node, text: &mut String) {
    let scripting = &node.scripting;
    let lua = scripting.lua_bytes();
    let (scripts, functions) = (scripting.scripts.bytes(), scripting.libraries.bytes());
    line(text, "used_memory_lua", lua);
    line(text, "used_memory_vm_eval", lua);
    line(text, "used_memory_lua_human", human(lua));
    line(text, "used_memory_scripts_eval", scripts);
    line(text, "number_of_cached_scripts", scripting.scripts.len());
    line(text, "number_of_functions", scripting.libraries.functions_count());
    line(text, "number_of_libraries", scripting.libraries.len());
    line(text, "used_memory_vm_functions", 0);
    line(text, "used_memory_vm_total", lua);
    line(text, "used_memory_vm_total_human", human(lua));
    line(text, "used_memory_functions", functions);
    line(text, "used_memory_scripts", scripts + functions);
    line(text, "used_memory_scripts_human", human(scripts + functions));
    line(text, "evicted_scripts", scripting.scripts.evicted);
}
