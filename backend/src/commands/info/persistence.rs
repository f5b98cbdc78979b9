//! What `INFO` tells of what is kept on disk.

use crate::commands::info::sections::{fixed, line};
use crate::execute::Call;
use crate::persistence::History;
use crate::persistence::aof::State;
use crate::persistence::child::{Work, Working};
use crate::persistence::load::Loading;

pub(super) fn write(call: &Call<'_>, text: &mut String) {
    let persistence = &call.node.persistence;
    let is_beside = persistence.loading.as_ref().map(|loading| loading.is_beside);
    line(text, "loading", u8::from(is_beside == Some(false)));
    line(text, "async_loading", u8::from(is_beside == Some(true)));
    child(persistence.child.as_ref(), text);
    snapshots(call, text);
    append(call, text);
    fixed(text, &[("module_fork_in_progress", "0"), ("module_fork_last_cow_size", "0")]);
    appended(call, text);
    if let Some(loading) = &persistence.loading {
        progress(loading, text);
    }
}

/// What the child does that is at work.
fn child(child: Option<&Working>, text: &mut String) {
    let (told, peak) = child.map_or_else(Default::default, |child| (child.told, child.copied_peak));
    let age_s = child.filter(|child| child.told.copied_bytes > 0);
    let age_s = age_s.map_or(0, |child| child.told_at.elapsed().as_secs());
    let total = child.map_or(0, |child| child.keys_total);
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
    let percent = if total == 0 { 0.0 } else { told.keys as f64 * 100.0 / total as f64 };
    line(text, "current_cow_peak", peak);
    line(text, "current_cow_size", told.copied_bytes);
    line(text, "current_cow_size_age", age_s);
    line(text, "current_fork_perc", format_args!("{percent:.2}"));
    line(text, "current_save_keys_processed", told.keys);
    line(text, "current_save_keys_total", total);
}

fn snapshots(call: &Call<'_>, text: &mut String) {
    let (node, persistence) = (&*call.node, &call.node.persistence);
    let is_saving = |child: &&Working| matches!(child.work, Work::Snapshot { .. } | Work::Copy);
    let saving = persistence.child.as_ref().filter(is_saving);
    line(text, "rdb_changes_since_last_save", node.changes - persistence.saved_changes);
    line(text, "rdb_bgsave_in_progress", u8::from(saving.is_some()));
    line(text, "rdb_last_save_time", persistence.saved_at_s);
    line(text, "rdb_last_bgsave_status", status(persistence.snapshot.is_ok));
    line(text, "rdb_last_bgsave_time_sec", took(persistence.snapshot));
    line(text, "rdb_current_bgsave_time_sec", running(saving));
    line(text, "rdb_saves", persistence.saves_count);
    line(text, "rdb_last_cow_size", persistence.snapshot.copied_bytes);
    line(text, "rdb_last_load_keys_expired", persistence.loaded_expired_count);
    line(text, "rdb_last_load_keys_loaded", persistence.loaded_count);
}

fn append(call: &Call<'_>, text: &mut String) {
    let (persistence, aof) = (&call.node.persistence, &call.node.persistence.aof);
    let rewriting = persistence.child.as_ref().filter(|child| child.work == Work::Rewrite);
    let is_writing = aof.write_error.is_none() && aof.sync_error.is_none();
    line(text, "aof_enabled", u8::from(aof.state != State::Off));
    line(text, "aof_rewrite_in_progress", u8::from(rewriting.is_some()));
    line(text, "aof_rewrite_scheduled", u8::from(aof.is_rewrite_scheduled));
    line(text, "aof_last_rewrite_time_sec", took(aof.rewrite));
    line(text, "aof_current_rewrite_time_sec", running(rewriting));
    line(text, "aof_last_bgrewrite_status", status(aof.rewrite.is_ok));
    line(text, "aof_rewrites", aof.rewrites_count);
    line(text, "aof_rewrites_consecutive_failures", aof.failures_count);
    line(text, "aof_last_write_status", status(is_writing));
    line(text, "aof_last_cow_size", aof.rewrite.copied_bytes);
}

/// What there is to tell only while effects are appended.
fn appended(call: &Call<'_>, text: &mut String) {
    let aof = &call.node.persistence.aof;
    if aof.state == State::Off {
        return;
    }
    line(text, "aof_current_size", aof.bytes_total);
    line(text, "aof_base_size", aof.bytes_base);
    line(text, "aof_pending_rewrite", 0);
    line(text, "aof_buffer_length", aof.unwritten.len());
    line(text, "aof_pending_bio_fsync", u8::from(aof.is_syncing));
    line(text, "aof_delayed_fsync", aof.delayed_count);
}

fn progress(loading: &Loading, text: &mut String) {
    let (total, read) = (loading.bytes_total, loading.bytes_read);
    let elapsed_s = loading.began.elapsed().as_secs();
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
    let percent = if total == 0 { 0.0 } else { read as f64 * 100.0 / total as f64 };
    let eta_s = (elapsed_s * total.saturating_sub(read)).checked_div(read).unwrap_or(1);
    line(text, "loading_start_time", loading.began_at_s);
    line(text, "loading_total_bytes", total);
    line(text, "loading_rdb_used_mem", loading.stated_memory);
    line(text, "loading_loaded_bytes", read);
    line(text, "loading_loaded_perc", format_args!("{percent:.2}"));
    line(text, "loading_eta_seconds", eta_s);
}

fn status(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "err" }
}

fn took(history: History) -> i64 {
    history.took_s.unwrap_or(-1)
}

/// For how many seconds a child has been at work; -1 for none.
fn running(child: Option<&Working>) -> i64 {
    child.map_or(-1, |child| i64::try_from(child.began.elapsed().as_secs()).unwrap_or(i64::MAX))
}
