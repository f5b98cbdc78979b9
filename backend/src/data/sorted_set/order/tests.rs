//! The tree against a sorted vector.

use proptest::prelude::*;

use super::*;

/// Slots stand for members of the same order, scores for a few groups of equal ones.
fn compare_to(item: Item) -> impl Fn(Item) -> Ordering {
    move |other| other.score.total_cmp(&item.score).then(other.slot.cmp(&item.slot))
}

fn check(order: &Order, naive: &[Item]) {
    order.check_invariants();
    assert_eq!(order.len(), naive.len());
    assert!(order.items(0..naive.len()).eq(naive.iter().copied()));
}

proptest! {
    #[test]
    fn items_stand_where_a_sorted_vector_has_them(
        inserts in proptest::collection::vec((0..40i32, 0..3000u32), 1..2500),
        removals in proptest::collection::vec(any::<prop::sample::Index>(), 0..2500),
    ) {
        let (mut order, mut naive): (Order, Vec<Item>) = (Order::default(), Vec::new());
        for (score, slot) in inserts {
            let item = Item { score: f64::from(score), slot };
            if let Err(at) = naive.binary_search_by(|other| compare_to(item)(*other)) {
                naive.insert(at, item);
                order.insert(item, compare_to(item));
            }
        }
        check(&order, &naive);
        for index in removals {
            if naive.is_empty() {
                break;
            }
            let at = index.index(naive.len());
            let item = naive.remove(at);
            prop_assert_eq!(order.rank(|other| compare_to(item)(other) == Ordering::Less), at);
            order.remove(compare_to(item));
            prop_assert!(order.items(at..at + 70).eq(naive.iter().skip(at).take(70).copied()));
        }
        check(&order, &naive);
        prop_assert!(order.items(0..usize::MAX).rev().eq(naive.iter().rev().copied()));
    }
}

#[test]
fn orders_made_from_either_end_shrink_to_nothing() {
    let item = |number: u32| Item { score: f64::from(number), slot: number };
    const COUNT: u32 = 20_000;
    for is_ascending in [true, false] {
        let mut order = Order::default();
        for number in 0..COUNT {
            let item = item(if is_ascending { number } else { COUNT - number });
            order.insert(item, compare_to(item));
        }
        order.check_invariants();
        while order.len() > 0 {
            let first = order.items(0..1).next().expect("it is not empty");
            order.remove(compare_to(first));
            if order.len() % 512 == 0 {
                order.check_invariants();
            }
        }
    }
}

#[test]
fn a_replaced_item_keeps_its_place() {
    let mut order = Order::default();
    for number in 0..1000u32 {
        let item = Item { score: f64::from(number), slot: number };
        order.insert(item, compare_to(item));
    }
    for number in 0..1000u32 {
        let item = Item { score: f64::from(number), slot: number };
        order.replace(compare_to(item), Item { slot: number + 5000, ..item });
    }
    order.check_invariants();
    assert!(order.items(0..1000).all(|item| f64::from(item.slot) == item.score + 5000.0));
}
