//! Against a plain vector, with nodes of few elements so that there are many.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<u8>),
    RemoveEnd(End),
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    RemoveRange(usize, usize),
    RemoveEqual(Vec<u8>, End, usize),
}

fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::Front, End::Back])
}

/// Few different ones, so that equal ones meet; some are longer than what a test lets into a listpack.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..6u32).prop_map(|number| number.to_string().into_bytes()),
        2 => prop::sample::select(vec!["", "a", "b", "007"]).prop_map(|text| text.into()),
        1 => Just(vec![b'x'; 2500]),
        1 => Just(vec![b'y'; 5000]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0..40usize;
    prop_oneof![
        6 => (end(), text()).prop_map(|(end, text)| Step::Push(end, text)),
        1 => end().prop_map(Step::RemoveEnd),
        3 => (index.clone(), text()).prop_map(|(index, text)| Step::Insert(index, text)),
        2 => (index.clone(), text()).prop_map(|(index, text)| Step::Replace(index, text)),
        1 => (index, 0..8usize).prop_map(|(index, count)| Step::RemoveRange(index, count)),
        1 => (text(), end(), 0..4usize).prop_map(|(text, end, max)| Step::RemoveEqual(text, end, max)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let fill = prop::sample::select(vec![-5, -2, -1, 0, 1, 2, 3, 7]);
    let plain_bytes = prop::sample::select(vec![1, 2, 3000, Limits::PLAIN_BYTES]);
    (fill, plain_bytes).prop_map(|(fill, plain_bytes)| Limits { fill, plain_bytes })
}

fn check_invariants(list: &List, limits: Limits) {
    assert_eq!(list.len, list.nodes.iter().map(Node::len).sum::<usize>());
    assert!(list.is_empty() && list.nodes.count() == 1 || list.nodes.iter().all(|n| n.len() > 0));
    for node in list.nodes.iter() {
        assert_eq!(node.iter().count(), node.len());
        let is_within = node.heap_bytes() <= 16 * 1024 || limits.fill < -2;
        assert!(node.len() == 1 || is_within, "{} bytes", node.heap_bytes());
        assert!(limits.fill <= 0 || node.len() <= usize::try_from(limits.fill).unwrap());
    }
}

fn check(list: &List, model: &[Vec<u8>], limits: Limits) {
    check_invariants(list, limits);
    assert_eq!(list.iter().map(Entry::to_vec).collect::<Vec<_>>(), model);
    for index in 0..model.len() + 1 {
        assert_eq!(list.get(index).map(Entry::to_vec).as_ref(), model.get(index));
        let onwards: Vec<_> = list.iter_from(index).map(Entry::to_vec).collect();
        assert_eq!(onwards, model[index..]);
        let back: Vec<_> = list.iter_back_from(index).map(Entry::to_vec).collect();
        assert!(model.get(..=index).unwrap_or_default().iter().rev().eq(&back), "{index}");
    }
    assert_eq!(list.end(End::Front).map(Entry::to_vec).as_ref(), model.first());
    assert_eq!(list.end(End::Back).map(Entry::to_vec).as_ref(), model.last());
}

fn remove_equal(model: &mut Vec<Vec<u8>>, text: &[u8], from: End, max: usize) {
    for _ in 0..max {
        let found = match from {
            End::Front => model.iter().position(|other| other == text),
            End::Back => model.iter().rposition(|other| other == text),
        };
        if let Some(index) = found {
            model.remove(index);
        }
    }
}

fn apply(list: &mut List, model: &mut Vec<Vec<u8>>, step: &Step, limits: Limits) {
    match step {
        Step::Push(end, text) => {
            list.push(*end, text, limits);
            model.insert(if *end == End::Front { 0 } else { model.len() }, text.clone());
        }
        Step::RemoveEnd(end) => {
            list.remove_end(*end);
            if !model.is_empty() {
                model.remove(if *end == End::Front { 0 } else { model.len() - 1 });
            }
        }
        Step::Insert(index, text) => {
            list.insert(*index, text, limits);
            model.insert((*index).min(model.len()), text.clone());
        }
        Step::Replace(index, text) => {
            let is_replaced = list.replace(*index, text, limits);
            assert_eq!(is_replaced, *index < model.len());
            if let Some(place) = model.get_mut(*index) {
                place.clone_from(text);
            }
        }
        Step::RemoveRange(index, count) => {
            list.remove_range(*index, *count);
            let end = (index + count).min(model.len());
            model.drain((*index).min(end)..end);
        }
        Step::RemoveEqual(text, from, max) => {
            let before = model.len();
            remove_equal(model, text, *from, *max);
            assert_eq!(list.remove_equal(text, *from, *max), before - model.len());
        }
    }
}

proptest! {
    #[test]
    fn any_steps_lead_where_a_vector_leads(
        steps in prop::collection::vec(step(), 0..60),
        limits in limits(),
    ) {
        let (mut list, mut model) = (List::default(), Vec::<Vec<u8>>::new());
        for step in &steps {
            apply(&mut list, &mut model, step, limits);
            check(&list, &model, limits);
        }
    }
}

#[test]
fn a_node_is_as_large_as_the_limits_say() {
    for (fill, bytes_max) in [(-1, 4096), (-2, 8192), (-5, 65536), (-9, 65536), (10_000, 8192)] {
        let mut list = List::default();
        for _ in 0..100_000 {
            list.push(End::Back, b"a", Limits { fill, plain_bytes: Limits::PLAIN_BYTES });
        }
        let largest = list.nodes.iter().map(Node::heap_bytes).max().unwrap();
        assert!(largest <= bytes_max + bytes_max / 4, "{fill}: {largest} bytes");
        let nodes_max = 100_000 * 3 / (bytes_max - 16) + 1;
        assert!(list.nodes.count() <= nodes_max, "{fill}: {} nodes", list.nodes.count());
    }
}

#[test]
fn a_list_of_one_node_is_small() {
    assert!(size_of::<List>() <= 40, "{}", size_of::<List>());
}
