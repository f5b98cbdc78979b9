//! Against a plain vector, against bytes that a Redis has written, and with bytes that are none.

use proptest::prelude::*;

use super::*;

fn texts(list: &Listpack) -> Vec<Vec<u8>> {
    list.iter().map(Entry::to_vec).collect()
}

fn check(list: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(texts(list), model);
    assert_eq!(list.iter().rev().map(Entry::to_vec).collect::<Vec<_>>(), {
        let mut reversed = model.to_vec();
        reversed.reverse();
        reversed
    });
    assert_eq!(list.len(), model.len());
    assert_eq!(Listpack::from_bytes(list.as_bytes()).as_ref(), Ok(list));
}

/// Texts at every bound of an encoding.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (0..64u32, -2..3i64).prop_map(|(bits, near)| {
            (1i64.wrapping_shl(bits)).wrapping_add(near).to_string().into_bytes()
        }),
        (0..64u32, -2..3i64).prop_map(|(bits, near)| {
            (-1i64).wrapping_shl(bits).wrapping_add(near).to_string().into_bytes()
        }),
        prop::sample::select(vec![0usize, 1, 62, 63, 64, 125, 126, 127, 4095, 4096, 16_380])
            .prop_map(|len| vec![b'x'; len]),
        prop::collection::vec(any::<u8>(), 0..40),
        Just(b"007".to_vec()),
        Just(b"-0".to_vec()),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Back(Vec<u8>),
    Front(Vec<u8>),
    Before(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0..20usize;
    prop_oneof![
        text().prop_map(Step::Back),
        text().prop_map(Step::Front),
        (index.clone(), text()).prop_map(|(index, text)| Step::Before(index, text)),
        (index.clone(), text()).prop_map(|(index, text)| Step::Replace(index, text)),
        (index, 0..4usize).prop_map(|(index, count)| Step::Remove(index, count)),
    ]
}

proptest! {
    #[test]
    fn any_steps_lead_where_a_vector_leads(steps in prop::collection::vec(step(), 0..40)) {
        let (mut list, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
        for step in steps {
            let at = |index: &usize| {
                let index = index % model.len().max(1);
                list.seek(i64::try_from(index).unwrap()).map(|at| (index, at))
            };
            match &step {
                Step::Back(text) => {
                    list.push_back(text);
                    model.push(text.clone());
                }
                Step::Front(text) => {
                    list.push_front(text);
                    model.insert(0, text.clone());
                }
                Step::Before(index, text) => if let Some((index, at)) = at(index) {
                    list.insert_before(at, text);
                    model.insert(index, text.clone());
                },
                Step::Replace(index, text) => if let Some((index, at)) = at(index) {
                    list.replace(at, text);
                    model[index].clone_from(text);
                },
                Step::Remove(index, count) => if let Some((index, at)) = at(index) {
                    let next = list.remove_many(at, *count).map(|at| list.get(at).to_vec());
                    model.drain(index..(index + count).min(model.len()));
                    prop_assert_eq!(next.as_ref(), model.get(index));
                },
            }
            check(&list, &model);
        }
        for (index, text) in model.iter().enumerate() {
            let first = model.iter().position(|other| other == text);
            let found = list.first().and_then(|from| list.find(from, text, 0));
            prop_assert_eq!(found, first.and_then(|first| list.seek(i64::try_from(first).unwrap())));
            prop_assert_eq!(Some(index), model.len().checked_sub(index + 1).and_then(|back| {
                let at = list.seek(-1 - i64::try_from(back).unwrap())?;
                (list.get(at) == *text.as_slice()).then_some(index)
            }));
        }
    }

    #[test]
    fn bytes_from_outside_are_refused_or_sound(mut bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        // A frame that looks right lets more of them through to the entries.
        if let Some(last) = bytes.last_mut() {
            *last = END;
        }
        if bytes.len() > HEADER {
            let total = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&total.to_le_bytes());
            bytes[4..6].copy_from_slice(&UNCOUNTED.to_le_bytes());
        }
        if let Ok(list) = Listpack::from_bytes(&bytes) {
            prop_assert_eq!(list.iter().count(), list.iter().rev().count());
        }
    }
}

#[test]
fn the_bytes_are_those_of_a_redis() {
    // The body of `DUMP` of a small hash {a: 1, bb: -5000, c: 70000} on redis-server 7.0.15.
    let mut list = Listpack::new();
    for text in ["a", "1", "bb", "-5000", "c", "70000"] {
        list.push_back(text.as_bytes());
    }
    let expected: &[u8] = b"\x1c\0\0\0\x06\0\x81a\x02\x01\x01\x82bb\x03\xf1\x78\xec\x03\x81c\x02\xf2\x70\x11\x01\x04\xff";
    assert_eq!(list.as_bytes(), expected, "{}", list.as_bytes().escape_ascii());
}

#[test]
fn more_entries_than_the_header_counts_are_counted() {
    let mut list = Listpack::new();
    for _ in 0..70_000 {
        list.push_back(b"1");
    }
    assert_eq!(list.len(), 70_000);
    list.remove_many(list.seek(1).unwrap(), 69_000);
    assert_eq!(list.len(), 1000);
}
