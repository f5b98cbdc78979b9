//! Registers in either form say the same, and broken bytes are refused.

use proptest::prelude::*;

use super::*;

const SPARSE_MAX: usize = 3000;

fn with_elements(count: u32, sparse_max: usize) -> Vec<u8> {
    let mut bytes = empty();
    for number in 0..count {
        add(&mut bytes, &number.to_le_bytes(), sparse_max).unwrap();
    }
    bytes
}

#[test]
fn estimates_are_near_the_truth() {
    for count in [0u32, 1, 10, 100, 1000, 10_000, 100_000] {
        let mut bytes = with_elements(count, SPARSE_MAX);
        let estimate = f64::from(u32::try_from(estimate(&mut bytes).unwrap()).unwrap());
        // The standard error is 0.81 %.
        let tolerance = (f64::from(count) * 0.03).max(1.0);
        assert!((estimate - f64::from(count)).abs() <= tolerance, "{estimate} for {count}");
    }
}

#[test]
fn sparse_and_dense_are_the_same_registers() {
    for count in [0, 1, 7, 200, 900] {
        let mut sparse = with_elements(count, usize::MAX);
        let mut dense = with_elements(count, 0);
        assert_eq!(Encoding::of(&sparse), Ok(Encoding::Sparse));
        if count > 0 {
            assert_eq!(Encoding::of(&dense), Ok(Encoding::Dense));
        }
        assert_eq!(estimate(&mut sparse), estimate(&mut dense));
        make_dense(&mut sparse).unwrap();
        make_dense(&mut dense).unwrap();
        assert_eq!(sparse, dense);
    }
}

#[test]
fn the_last_estimate_is_kept_until_something_changes() {
    let mut bytes = with_elements(3, SPARSE_MAX);
    assert_eq!(cached(&empty()), Some(0));
    expire_cache(&mut bytes);
    assert_eq!(cached(&bytes), None);
    assert_eq!(estimate(&mut bytes), Ok(3));
    assert_eq!(cached(&bytes), Some(3));
}

proptest! {
    #[test]
    fn registers_are_those_of_a_plain_array(
        raises in prop::collection::vec((0..REGISTERS, 1..=51u8), 0..300),
        clustered in prop::collection::vec((0..40usize, 1..4u8), 0..300),
        sparse_max in prop_oneof![Just(0usize), Just(60), Just(3000)],
    ) {
        let mut model = vec![0u8; REGISTERS];
        let mut bytes = empty();
        for (index, value) in clustered.into_iter().chain(raises) {
            let has_changed = raise(&mut bytes, index, value, sparse_max).unwrap();
            prop_assert_eq!(has_changed, model[index] < value);
            model[index] = model[index].max(value);
        }
        let mut registers = Registers::default();
        merge(&mut registers, &bytes).unwrap();
        let filled: Vec<_> = registers.filled().collect();
        let expect: Vec<_> =
            model.into_iter().enumerate().filter(|(_, value)| *value > 0).collect();
        prop_assert_eq!(filled, expect);
        prop_assert_eq!(estimate(&mut bytes), Ok(registers.estimate()));
    }

    #[test]
    fn any_bytes_behind_the_header_do_no_harm(
        tail in prop::collection::vec(any::<u8>(), 0..100),
        index in 0..REGISTERS,
        value in 1..=51u8,
    ) {
        let mut bytes = header(Encoding::Sparse);
        bytes.extend_from_slice(&tail);
        let _ = estimate(&mut bytes);
        let _ = merge(&mut Registers::default(), &bytes);
        let _ = raise(&mut bytes.clone(), index, value, 3000);
        let _ = make_dense(&mut bytes);
        prop_assert!(Encoding::of(&bytes).is_ok());
    }
}
