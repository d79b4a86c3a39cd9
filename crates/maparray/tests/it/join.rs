//! Arrays behind each other.

use maparray::{DType, ErrorKind, Join, MemMapArray, Order, Select};
use ndarray::{ArrayD, Axis, IxDyn};
use proptest::prelude::*;

fn counting(shape: &[usize], from: i32) -> ArrayD<i32> {
    let len: usize = shape.iter().product();
    let numbers = (0..len as i32).map(|i| i + from).collect();
    ArrayD::from_shape_vec(IxDyn(shape), numbers).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn joined_arrays_are_those_of_ndarray(
        shape in proptest::collection::vec(0..5_usize, 1..4),
        lens in proptest::collection::vec(0..5_usize, 1..5),
        axis in 0..3_usize,
        turned in any::<bool>(),
        memory in prop_oneof![Just(1_usize), Just(300), Just(1 << 20)],
    ) {
        let axis = axis % shape.len();
        let arrays: Vec<ArrayD<i32>> = lens.iter().enumerate().map(|(n, &len)| {
            let mut shape = shape.clone();
            shape[axis] = len;
            counting(&shape, 1000 * n as i32)
        }).collect();
        let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
        let expected = ndarray::concatenate(Axis(axis), &views).unwrap();
        let ours: Vec<MemMapArray> = arrays.iter().map(|array| {
            if !turned {
                return MemMapArray::from_array(array).unwrap();
            }
            let turned = MemMapArray::from_array(&array.t()).unwrap();
            turned.transpose(None).unwrap()
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.npy");
        let joined = Join::concatenate(&ours, axis as i64).unwrap().memory(memory);
        prop_assert_eq!(joined.shape(), expected.shape());
        joined.save(&path, &Default::default()).unwrap();
        let found = MemMapArray::read(&path).unwrap();
        prop_assert_eq!(found.to_vec::<i32>().unwrap(), expected.iter().copied().collect::<Vec<_>>());
        let order = maparray::Create { order: Order::F, ..Default::default() };
        Join::concatenate(&ours, axis as i64).unwrap().save(&path, &order).unwrap();
        let found = MemMapArray::read(&path).unwrap();
        prop_assert_eq!(found.to_vec::<i32>().unwrap(), expected.iter().copied().collect::<Vec<_>>());
    }
}

#[test]
fn large_arrays_are_joined_in_pieces_by_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let big = counting(&[3, 1 << 20], 0);
    let array = MemMapArray::from_array(&big).unwrap();
    array.save(folder.path().join("a.npy")).unwrap();
    let array = MemMapArray::open(folder.path().join("a.npy"), maparray::Mode::Read).unwrap();
    for axis in [0, 1] {
        let joined = Join::concatenate([&array, &array], axis).unwrap();
        let path = folder.path().join("b.npy");
        joined
            .memory(1 << 22)
            .threads(2)
            .save(&path, &Default::default())
            .unwrap();
        let expected =
            ndarray::concatenate(Axis(axis as usize), &[big.view(), big.view()]).unwrap();
        let found = MemMapArray::read(&path).unwrap();
        assert_eq!(found.view::<i32>().unwrap(), expected);
    }
}

#[test]
fn dtypes_are_promoted_and_records_stay_what_they_are() {
    let join = |a: &str, b: &str| {
        let array = |dtype: &str| {
            let dtype: DType = dtype.parse().unwrap();
            MemMapArray::zeros(&dtype, &[2], Order::C).unwrap()
        };
        let joined = Join::concatenate(&[array(a), array(b)], 0)?;
        Ok::<_, maparray::Error>(joined.run()?.dtype().to_string())
    };
    assert_eq!(join("<i2", ">f4").unwrap(), "<f4");
    assert_eq!(join("<u8", "<i8").unwrap(), "<f8");
    assert_eq!(join("|S3", "|S3").unwrap(), "|S3");
    assert_eq!(join(">M8[s]", ">M8[s]").unwrap(), ">M8[s]");
    assert!(join("|S3", "<f4").is_err());
}

#[test]
fn what_cannot_be_joined_is_told() {
    let a = MemMapArray::from_slice(&[1, 2]);
    let grid = MemMapArray::from_array(&ndarray::array![[1, 2]]).unwrap();
    let adu = a.clone().with_unit(maparray::Unit::parse("adu").unwrap());
    let kind = |arrays: &[&MemMapArray], axis| {
        let joined = Join::concatenate(arrays.iter().copied(), axis);
        joined.err().map(|error| error.kind())
    };
    assert_eq!(kind(&[], 0), Some(ErrorKind::Mismatch));
    assert_eq!(kind(&[&a, &grid], 0), Some(ErrorKind::Mismatch));
    assert_eq!(kind(&[&a, &adu], 0), Some(ErrorKind::Unit));
    assert_eq!(kind(&[&a], 1), Some(ErrorKind::OutOfBounds));
    assert_eq!(kind(&[&a, &a], -1), None);
    let part = a.select(&[Select::At(0)]).unwrap();
    assert!(Join::stack([&a, &part], 0).is_err());
    assert_eq!(
        Join::stack([&part, &part], 0)
            .unwrap()
            .run()
            .unwrap()
            .shape(),
        [2]
    );
}
