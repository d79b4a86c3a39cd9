//! Are numbers that are stored scaled read as what they mean, wherever they go?

use maparray::format::Scaling;
use maparray::{
    ChunkSize, Create, DType, Element, ErrorKind, Eval, Indices, Join, MemMapArray, Mode, Opened,
    Order, Scaled, Unit,
};

fn image<T: Element + Clone>(numbers: &[T]) -> MemMapArray {
    let rows: Vec<MemMapArray> = numbers.chunks(30).map(MemMapArray::from_slice).collect();
    let image = Join::stack(&rows, 0).expect("rows");
    image.run().expect("an image")
}

/// Stored numbers of some types, each scaled in its own way; and what they mean, in memory.
fn images() -> Vec<(Opened, MemMapArray)> {
    let halves = Scaling {
        scale: 0.5,
        zero: 3.0,
        blank: Some(7),
    };
    let unsigned = Scaling {
        scale: 1.0,
        zero: 32768.0,
        blank: None,
    };
    let small: Vec<i16> = (0..1500).map(|i| i % 97 - 40).collect();
    let wide: Vec<i32> = (0..1500).map(|i| i * 1_000_003 % 7919).collect();
    let raws = [
        (image(&small), halves),
        (image(&small), unsigned),
        (image(&wide), halves),
    ];
    let scaled = |(raw, scaling)| Scaled::new(raw, scaling).expect("a scaled array");
    let mut images: Vec<(Opened, MemMapArray)> = raws
        .map(scaled)
        .iter()
        .map(|scaled| (scaled.into(), scaled.to_memory().expect("memory")))
        .collect();
    // The same with the axes turned.
    for at in 0..images.len() {
        let turned = images[at].0.transpose(None).expect("axes");
        let again = turned.transpose(None).expect("axes");
        let numbers = turned.clone().into_plain().expect("memory");
        images.push((turned, numbers));
        images[at].0 = again;
    }
    images
}

/// The elements as bits, in C order: NaN is NaN.
fn bits(array: &MemMapArray) -> Vec<u64> {
    let cast = Eval::new("a * 1.0".parse().expect("an expression")).array("a", array);
    let numbers = cast.run().expect("numbers");
    let cast = Eval::new(maparray::Expr::array("a").cast(maparray::Scalar::F64));
    let numbers = cast.array("a", &numbers).run().expect("numbers");
    let numbers = numbers.to_vec::<f64>().expect("numbers");
    numbers.into_iter().map(f64::to_bits).collect()
}

fn assert_same(found: &MemMapArray, expected: &MemMapArray) {
    assert_eq!(found.dtype().to_native(), expected.dtype().to_native());
    assert_eq!(found.shape(), expected.shape());
    assert_eq!(bits(found), bits(expected));
}

#[test]
fn joined_they_are_what_their_numbers_are_joined() {
    for (a, x) in &images() {
        for (b, y) in &images() {
            for axis in [0, 1] {
                let Ok(expected) = Join::concatenate([x, y, x], axis) else {
                    continue;
                };
                let expected = expected.run().expect("an array");
                for memory in [1, 1 << 20] {
                    let joined = Join::concatenate([a, b, a], axis).expect("arrays that fit");
                    assert_eq!(joined.dtype(), expected.dtype());
                    assert_same(&joined.memory(memory).run().expect("an array"), &expected);
                }
                let mixed = [Opened::from(x), b.clone(), a.clone()];
                let mixed = Join::concatenate(mixed, axis).expect("arrays that fit");
                assert_same(&mixed.run().expect("an array"), &expected);
            }
            if let Ok(expected) = Join::stack([x, y], 1) {
                let stacked = Join::stack([a, b], 1).expect("arrays of one shape");
                assert_same(
                    &stacked.run().expect("an array"),
                    &expected.run().expect("an array"),
                );
            }
        }
    }
}

#[test]
fn files_made_of_them_hold_the_numbers_that_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    for (a, x) in &images() {
        for dtype in ["<f8", ">f4", "i4", "u2"] {
            for order in [Order::C, Order::F] {
                let dtype: DType = dtype.parse().expect("a dtype");
                let options = Create {
                    order,
                    ..Create::default()
                };
                let report = a.convert(&one, &dtype, &options, |eval| eval.memory(1 << 14));
                assert_eq!(report.expect("a file").dtype, dtype);
                x.convert(&other, &dtype, &options, |eval| eval)
                    .expect("a file");
                let read = |path| std::fs::read(path).expect("a file");
                assert_eq!(read(&one), read(&other));
            }
        }
    }
}

#[test]
fn rows_that_are_taken_are_those_of_the_numbers_that_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = [3_i64, -1, 0, 3];
    let keep = [true, false, true, false, true];
    for (number, (a, x)) in images().iter().enumerate() {
        for axis in [0, 1] {
            let expected = x.take(&rows, axis).expect("rows");
            assert_same(&a.take(&rows, axis).expect("rows"), &expected);
            let mut out = MemMapArray::zeros(
                &x.dtype().with_order(maparray::ByteOrder::Big),
                expected.shape(),
                Order::F,
            )
            .expect("memory");
            a.take_into(&rows, axis, &mut out).expect("room for rows");
            assert_same(&out, &expected);
            let square = Indices::shaped(&rows, &[2, 2]).expect("a shape");
            assert_same(
                &a.take(square, axis).expect("rows"),
                &x.take(square, axis).expect("rows"),
            );
            for end in ["npy", "fits"] {
                let path = folder.path().join(format!("{number}-{axis}.{end}"));
                let taken = a.take_to(&rows, axis, &path).expect("a file");
                assert_eq!(taken.raw().path(), Some(path.as_path()));
                assert_same(&taken.into_plain().expect("memory"), &expected);
                let kept = a.compress_to(&keep, axis, &path).expect("a file");
                assert_same(
                    &kept.into_plain().expect("memory"),
                    &x.compress(&keep, axis).expect("rows"),
                );
            }
        }
        let error = a.take(&[500], 0).expect_err("no such row");
        assert_eq!(error.kind(), ErrorKind::OutOfBounds);
        let mut out = MemMapArray::zeros(&DType::of::<i8>(), x.shape(), Order::C).expect("memory");
        let every: Vec<i64> = (0..x.shape()[0] as i64).collect();
        let error = a.take_into(&every, 0, &mut out).expect_err("another dtype");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }
}

#[test]
fn rows_taken_into_the_stored_numbers_themselves_are_those_of_before() {
    let unsigned = Scaling {
        scale: 1.0,
        zero: 32768.0,
        blank: None,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&[1_i16, 2, 3])
        .save(&path)
        .expect("a file");
    let raw = MemMapArray::open(&path, maparray::Mode::ReadWrite).expect("an array");
    let mut out = raw.reinterpret(&DType::of::<u16>()).expect("a dtype");
    let scaled = Opened::from(Scaled::new(raw, unsigned).expect("a scaled array"));
    scaled.take_into(&[2, 1, 0], 0, &mut out).expect("rows");
    assert_eq!(out.to_vec::<u16>().expect("numbers"), [32771, 32770, 32769]);
}

#[test]
fn chunks_are_all_of_them_and_no_larger_than_said() {
    for (a, x) in &images() {
        let Opened::Scaled(scaled) = a else {
            panic!("a scaled array")
        };
        let row = x.byte_len() / x.shape()[0];
        let chunks = scaled.iter_chunks(ChunkSize::Bytes(3 * row)).expect("axes");
        assert_eq!(chunks.len(), x.shape()[0].div_ceil(3));
        let parts: Vec<Scaled> = chunks.releasing().map(|(_, chunk)| chunk).collect();
        let parts = Join::concatenate(&parts, 0).expect("arrays that fit");
        assert_same(&parts.run().expect("an array"), x);
    }
}

#[test]
fn units_go_along() {
    let adu = Unit::parse("adu").expect("a unit");
    let (a, _) = images().swap_remove(0);
    let raw = a.raw().clone().with_unit(adu.clone());
    let Opened::Scaled(scaled) = &a else {
        panic!("a scaled array")
    };
    let a = Scaled::new(raw, scaled.scaling()).expect("a scaled array");
    let taken = a.take(&[0], 0).expect("a row");
    assert_eq!(taken.unit(), Some(&adu));
    let joined = Join::concatenate([&a, &a], 0).expect("arrays that fit");
    assert_eq!(joined.run().expect("an array").unit(), Some(&adu));
    let plain = Opened::from(scaled);
    let error = Join::concatenate([plain, a.into()], 0);
    assert_eq!(error.err().map(|error| error.kind()), Some(ErrorKind::Unit));
}

#[test]
fn a_new_file_of_unsigned_numbers_is_given_as_it_is_mapped() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.fits");
    let km = Unit::parse("km").expect("a unit");
    let a = MemMapArray::from_slice(&[1_u32, u32::MAX]).with_unit(km.clone());
    let eval = Eval::new("a".parse().expect("an expression")).array("a", &a);
    let found = eval.save_opened(&path).expect("a file");
    assert_eq!(found.unit(), Some(&km));
    assert_eq!(found.raw().path(), Some(path.as_path()));
    let again = Opened::open(&path, maparray::Mode::Read).expect("an image");
    for opened in [found, again] {
        assert!(matches!(opened, Opened::Scaled(_)));
        let numbers = opened.into_plain().expect("memory");
        assert_eq!(numbers.to_vec::<u32>().expect("numbers"), [1, u32::MAX]);
    }
    let floats = MemMapArray::from_slice(&[1.5_f32]);
    let eval = Eval::new("a".parse().expect("an expression")).array("a", &floats);
    let plain = eval.save_opened(&path).expect("a file");
    assert!(matches!(plain, Opened::Plain(_)));
}

#[test]
fn scaled_numbers_are_saved_in_every_format_as_what_they_stand_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let raw = MemMapArray::from_slice(&[-32768_i16, -32767, 32767]);
    let shifted = Scaling {
        scale: 1.0,
        zero: 32768.0,
        blank: None,
    };
    let halved = Scaling {
        scale: 0.5,
        zero: 1.0,
        blank: None,
    };
    for name in ["a.npy", "a.fits", "a.npz", "a.safetensors"] {
        let path = folder.path().join(name);
        let whole = Scaled::new(raw.clone(), shifted).expect("scaled");
        whole.save(&path).expect("saved");
        let back = Opened::open(&path, Mode::Read).and_then(Opened::into_plain);
        let back = back.and_then(|array| array.to_vec::<u16>());
        assert_eq!(back.expect(name), [0, 1, 65535], "{name}");
        let halves = Scaled::new(raw.clone(), halved).expect("scaled");
        halves.save(&path).expect("saved over it");
        let back = MemMapArray::read(&path).and_then(|array| array.to_vec::<f32>());
        assert_eq!(back.expect(name), [-16383.0, -16382.5, 16384.5], "{name}");
    }
}
