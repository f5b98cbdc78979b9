//! `DEBUG` of hash tables: how many keys their buckets have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reddoor_protocol::reply_error::ReplyError;

use crate::commands::argument::integer;
use crate::data::value::Value;
use crate::execute::Call;

/// `DEBUG HTSTATS db`: of its keys, and of those that expire.
pub(super) fn of_database(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let db = integer(call.arg(2))?;
    let database = usize::try_from(db).ok().and_then(|db| call.node.databases.get(db));
    let database = database.ok_or(ReplyError::new("ERR Out of range database"))?;
    let mut text = String::from("[Dictionary HT]\n");
    describe(&mut text, database.chain_lens());
    text.push_str("[Expires HT]\n");
    describe(&mut text, database.volatile_chain_lens());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// `DEBUG HTSTATS-KEY key`
pub(super) fn of_key(call: &mut Call<'_>) -> Result<(), ReplyError> {
    let record = call.node.peek(call.at(), call.arg(2)).ok_or(ReplyError::NO_SUCH_KEY)?;
    let chain_lens = match &record.value {
        Value::Hash(hash) => hash.chain_lens(),
        Value::Set(set) => set.chain_lens(),
        Value::SortedSet(set) => set.chain_lens(),
        _ => None,
    };
    let chain_lens = chain_lens.ok_or(ReplyError::new(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    let mut text = String::new();
    describe(&mut text, chain_lens.into_iter());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Appends what there is to say of a table with such chains.
fn describe(text: &mut String, chain_lens: impl Iterator<Item = usize>) {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    chain_lens.for_each(|len| *counts.entry(len).or_default() += 1);
    let buckets: usize = counts.values().sum();
    let elements: usize = counts.iter().map(|(len, count)| len * count).sum();
    let used = buckets - counts.get(&0).copied().unwrap_or(0);
    // Writing into a string does not fail.
    if elements == 0 {
        let _ = write!(
            text,
            "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"
        );
        return;
    }
    let longest = counts.keys().next_back().copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
    let average = elements as f64 / used as f64;
    let _ = write!(
        text,
        "Hash table 0 stats (main hash table):\n table size: {buckets}\n number of elements: {elements}\n \
         different slots: {used}\n max chain length: {longest}\n avg chain length (counted): {average:.2}\n \
         avg chain length (computed): {average:.2}\n Chain length distribution:\n"
    );
    for (len, count) in counts {
        #[expect(clippy::cast_precision_loss, reason = "two digits of it are told")]
        let percent = count as f64 * 100.0 / buckets as f64;
        let _ = writeln!(text, "   {len}: {count} ({percent:.2}%)");
    }
}
