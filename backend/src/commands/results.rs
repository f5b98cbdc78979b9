//! What commands compute from some keys and put at another.

use crate::data::value::Value;
use crate::execute::Call;
use crate::notify::Class;

/// Puts a result at a key in the place of whatever was there, and tells of it; an empty one removes the key.
pub(super) fn store(
    call: &mut Call<'_>,
    key: &[u8],
    result: Option<Value>,
    (class, event): (Class, &'static str),
) {
    let at = call.at();
    let is_there = call.node.write(at, key).is_some();
    match result {
        Some(value) => {
            if is_there {
                call.node.databases[at.db].insert(key, value, None, at.now_ms);
            } else {
                call.create(key, value);
            }
            call.changed(key);
            call.notify(class, event, key);
        }
        None if is_there => {
            call.changed(key);
            call.remove_emptied(key);
        }
        None => {}
    }
}
