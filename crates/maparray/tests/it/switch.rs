//! Arrays that move between memory and a file.

use std::path::Path;
use std::sync::Arc;

use maparray::format::Format;
use maparray::{
    AfterUse, Container, DType, ErrorKind, Existing, Flush, Layout, Mapping, MemMapArray, Mode,
    Order, Raw,
};
use proptest::prelude::*;

/// An array of 0, 1, 2 … in pages, which others may hold.
fn counting(count: usize, order: Order) -> MemMapArray {
    let dtype = DType::of::<i64>();
    let mut array = MemMapArray::pages(&dtype, &[count, 2], order).unwrap();
    for i in 0..count as i64 * 2 {
        array.set(&[i / 2, i % 2], i).unwrap();
    }
    array
}

/// The same bytes in another shape.
fn flat(array: &MemMapArray) -> MemMapArray {
    let layout = Layout::contiguous(&[array.len()], 8, Order::C, 0).unwrap();
    MemMapArray::from_region(Arc::clone(array.region()), array.dtype().clone(), layout).unwrap()
}

fn address(array: &MemMapArray) -> usize {
    array.region().as_ptr().unwrap().addr()
}

#[test]
fn the_address_stays_and_clones_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for order in [Order::C, Order::F] {
        let mut array = counting(3000, order);
        let (before, clone) = (address(&array), array.clone());
        array
            .enable_memmap(&path, Format::Npy, Existing::Replace)
            .unwrap();
        assert_eq!(address(&array), before);
        assert_eq!(clone.mode(), Some(Mode::ReadWrite));
        array.set(&[7, 1], -1_i64).unwrap();
        assert_eq!(clone.get::<i64>(&[7, 1]).unwrap(), -1);
        let file = MemMapArray::read(&path).unwrap();
        assert_eq!(file.order(), order);
        assert_eq!(
            file.to_vec::<i64>().unwrap(),
            array.to_vec::<i64>().unwrap()
        );
        array.disable_memmap().unwrap();
        assert_eq!(
            (address(&array), array.path(), clone.mode()),
            (before, None, None)
        );
        array.set(&[7, 1], 5_i64).unwrap();
        assert_eq!(clone.get::<i64>(&[7, 1]).unwrap(), 5);
        assert_eq!(
            MemMapArray::read(&path)
                .unwrap()
                .get::<i64>(&[7, 1])
                .unwrap(),
            -1
        );
    }
}

#[test]
fn a_part_moves_by_a_copy_and_only_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.npy");
    let array = counting(100, Order::C);
    let mut part = array
        .select(&[maparray::Select::Range {
            start: Some(90),
            stop: None,
            step: 1,
        }])
        .unwrap();
    let refused = part
        .enable_memmap(&path, Format::Npy, Existing::Refuse)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InUse);
    assert!(!path.exists());
    drop(array);
    part.enable_memmap(&path, Format::Npy, Existing::Refuse)
        .unwrap();
    assert_eq!(
        MemMapArray::read(&path).unwrap().to_vec::<i64>().unwrap()[0],
        180
    );
}

#[test]
fn borrowed_memory_of_several_holders_does_not_move() {
    let folder = tempfile::tempdir().unwrap();
    let mut array = MemMapArray::zeros(&DType::of::<f64>(), &[10_000], Order::C).unwrap();
    let other = array.clone();
    let view = other.view::<f64>().unwrap();
    let path = folder.path().join("a.npy");
    let refused = array
        .enable_memmap(&path, Format::Npy, Existing::Refuse)
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InUse);
    assert_eq!(view.sum(), 0.0);
    assert!(array.mode().is_none() && !path.exists());
}

#[test]
fn a_file_moves_on_to_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.npy"), folder.path().join("new.npy"));
    counting(1000, Order::C).save(&old).unwrap();
    let mut array = MemMapArray::open(&old, Mode::ReadWrite).unwrap();
    let before = address(&array);
    array
        .enable_memmap(&new, Format::Npy, Existing::Refuse)
        .unwrap();
    array.set(&[0, 0], 77_i64).unwrap();
    assert_eq!(
        (address(&array), array.path()),
        (before, Some(new.as_path()))
    );
    assert_eq!(
        MemMapArray::read(&old)
            .unwrap()
            .get::<i64>(&[0, 0])
            .unwrap(),
        0
    );
    assert_eq!(
        MemMapArray::read(&new)
            .unwrap()
            .get::<i64>(&[0, 0])
            .unwrap(),
        77
    );
}

#[test]
fn a_private_copy_keeps_what_was_changed_when_it_moves_to_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    counting(1000, Order::C).save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::CopyOnWrite).unwrap();
    array.set(&[3, 0], -3_i64).unwrap();
    array.disable_memmap().unwrap();
    assert_eq!(array.get::<i64>(&[3, 0]).unwrap(), -3);
    assert_eq!(
        MemMapArray::read(&path)
            .unwrap()
            .get::<i64>(&[3, 0])
            .unwrap(),
        6
    );
}

#[test]
fn a_file_that_was_cut_short_cannot_move_to_memory_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    counting(100_000, Order::C).save(&path).unwrap();
    let mut array = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(5000)
        .unwrap();
    let error = array.disable_memmap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("a.npy"), "{error}");
    assert_eq!(array.mode(), Some(Mode::ReadWrite));
}

#[test]
fn arrays_without_elements_and_without_axes_move() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shape) in [("none.npy", vec![0, 3]), ("point.npy", vec![])] {
        let path = folder.path().join(name);
        let mut array = MemMapArray::pages(&DType::of::<f32>(), &shape, Order::C).unwrap();
        array
            .enable_memmap(&path, Format::Npy, Existing::Refuse)
            .unwrap();
        assert_eq!(MemMapArray::read(&path).unwrap().shape(), shape);
        array.disable_memmap().unwrap();
        assert_eq!(array.shape(), shape);
    }
}

#[test]
fn a_container_is_empty_full_mapped_and_empty_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frame.npy");
    let mut place = Container::new(None, Some(&path));
    assert_eq!(place.array().unwrap_err().kind(), ErrorKind::Empty);
    place.enable_memmap(None, Mapping::default()).unwrap();
    assert!(place.is_mapped() && !path.exists());
    place.flush(Flush::Durable).unwrap();
    place.reset_data(Some(counting(10, Order::C))).unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().shape(), [10, 2]);
    let old = place.array().unwrap().clone();
    place.reset_data(Some(counting(20, Order::C))).unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().shape(), [20, 2]);
    assert_eq!(old.get::<i64>(&[9, 1]).unwrap(), 19);
    place.disable_memmap(AfterUse::Remove).unwrap();
    assert!(!path.exists());
    assert_eq!(place.array().unwrap().shape(), [20, 2]);
}

#[test]
fn a_container_replaces_and_removes_only_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    std::fs::write(&path, "precious").unwrap();
    let array = || Some(counting(5, Order::C));
    let mut place = Container::new(array(), Some(&path));
    let error = place.enable_memmap(None, Mapping::default()).unwrap_err();
    assert_eq!((error.kind(), place.is_mapped()), (ErrorKind::Io, false));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    let other = place.enable_memmap(Some(Path::new("other")), Mapping::default());
    assert!(other.unwrap_err().to_string().contains("Filename locked"));
    counting(5, Order::C).save(&path).unwrap();
    let opened = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let mut opened = Container::new(Some(opened), None);
    let error = opened.disable_memmap(AfterUse::Remove).unwrap_err();
    assert!(error.to_string().contains("not made by this"), "{error}");
    assert!(opened.is_mapped() && path.exists());
}

#[test]
fn who_shows_the_bytes_of_another_container_cannot_move_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut whole = Container::new(Some(counting(5, Order::C)), Some(&path("whole.npy")));
    whole.enable_memmap(None, Mapping::default()).unwrap();
    let mut part = Container::new(Some(flat(whole.array().unwrap())), Some(&path("part.npy")));
    assert!(part.is_mapped());
    let refused = [
        part.disable_memmap(AfterUse::Keep),
        part.enable_memmap(None, Mapping::default()),
    ];
    for refusal in refused {
        assert_eq!(refusal.unwrap_err().kind(), ErrorKind::InUse);
    }
    assert!(whole.is_mapped() && !path("part.npy").exists());
    // Its owner moves them for all.
    whole.disable_memmap(AfterUse::Keep).unwrap();
    assert!(!part.is_mapped());
    // Other data are its own, and the file of the other stays.
    whole.enable_memmap(None, Mapping::default()).unwrap();
    part.reset_data(Some(counting(7, Order::C))).unwrap();
    part.enable_memmap(None, Mapping::default()).unwrap();
    assert_eq!(
        MemMapArray::read(path("whole.npy")).unwrap().shape(),
        [5, 2]
    );
    assert_eq!(MemMapArray::read(path("part.npy")).unwrap().shape(), [7, 2]);
    // Whoever is left may.
    let flat = flat(whole.array().unwrap());
    drop(whole);
    let mut heir = Container::new(Some(flat), None);
    heir.disable_memmap(AfterUse::Keep).unwrap();
    assert!(!heir.is_mapped());
}

#[test]
fn a_file_that_nobody_sees_goes_on_to_one_with_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let dtype = DType::of::<i64>();
    let unseen = MemMapArray::temporary(&dtype, &[10], Order::C, None).unwrap();
    let mut place = Container::new(Some(unseen), Some(&path));
    assert!(place.is_mapped() && !path.exists());
    place.enable_memmap(None, Mapping::default()).unwrap();
    place.array_mut().unwrap().set(&[3], 7_i64).unwrap();
    let found = MemMapArray::read(&path).unwrap();
    assert_eq!(found.get::<i64>(&[3]).unwrap(), 7);
}

#[test]
fn a_name_that_has_come_to_another_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    let stranger = || std::fs::write(&path, "stranger").unwrap();
    let untouched = || assert_eq!(std::fs::read(&path).unwrap(), b"stranger");
    let mut place = Container::new(Some(counting(5, Order::C)), Some(&path));
    place.enable_memmap(None, Mapping::default()).unwrap();
    // Another file, which may well get the number of the one that has gone.
    place.disable_memmap(AfterUse::Keep).unwrap();
    std::fs::remove_file(&path).unwrap();
    stranger();
    let error = place.enable_memmap(None, Mapping::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    untouched();
    std::fs::remove_file(&path).unwrap();
    place.enable_memmap(None, Mapping::default()).unwrap();
    std::fs::remove_file(&path).unwrap();
    stranger();
    let error = place.set_filename(&other, Existing::Refuse).unwrap_err();
    assert!(error.to_string().contains("another file"), "{error}");
    let error = place.reset_data(Some(counting(2, Order::C))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    place.disable_memmap(AfterUse::Remove).unwrap();
    untouched();
    // The same for one that was opened.
    std::fs::remove_file(&path).unwrap();
    counting(5, Order::C).save(&path).unwrap();
    let opened = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    let mut opened = Container::new(Some(opened), None);
    opened.reset_data(None).unwrap();
    opened.reset_data(Some(counting(6, Order::C))).unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().shape(), [6, 2]);
    std::fs::remove_file(&path).unwrap();
    stranger();
    assert!(opened.reset_data(Some(counting(6, Order::C))).is_err());
    untouched();
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_moves_to_another_disk_with_all_who_map_it() {
    use std::os::unix::fs::MetadataExt;
    let (here, there) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir_in("/dev/shm"),
    );
    let Ok(there) = there else {
        eprintln!("skipped: there is no second disk");
        return;
    };
    let disk = |folder: &Path| std::fs::metadata(folder).unwrap().dev();
    if disk(here.path()) == disk(there.path()) {
        eprintln!("skipped: both folders are on one disk");
        return;
    }
    let (old, new) = (here.path().join("a.npy"), there.path().join("b.npy"));
    let mut place = Container::new(Some(counting(5, Order::C)), Some(&old));
    let view = place.array().unwrap().clone();
    place.enable_memmap(None, Mapping::default()).unwrap();
    std::fs::write(&new, "taken").unwrap();
    assert!(place.set_filename(&new, Existing::Refuse).is_err());
    assert!(old.exists() && place.filename() == Some(&old));
    std::fs::remove_file(&new).unwrap();
    place.set_filename(&new, Existing::Refuse).unwrap();
    place.array_mut().unwrap().set(&[1, 1], 77_i64).unwrap();
    assert!(!old.exists());
    let found = MemMapArray::read(&new).unwrap().to_vec::<i64>().unwrap();
    assert_eq!(found, view.to_vec::<i64>().unwrap());
    assert_eq!(found[3], 77);
    assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn a_file_is_removed_and_not_a_name_that_leads_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("a.npy"), folder.path().join("link.npy"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut place = Container::new(Some(counting(5, Order::C)), Some(&path));
    place.enable_memmap(None, Mapping::default()).unwrap();
    // The same name is no other name.
    place.set_filename(&path, Existing::Refuse).unwrap();
    place.disable_memmap(AfterUse::Remove).unwrap();
    assert!(!path.exists() && link.is_symlink());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever order it moves in, the elements are those of a plain vector.
    #[test]
    fn any_story_of_moves_is_that_of_a_vector(
        count in 1_usize..3000,
        steps in prop::collection::vec((0_u8..5, any::<prop::sample::Index>(), any::<i64>()), 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut oracle = vec![0_i64; count];
        let pages = MemMapArray::pages(&DType::of::<i64>(), &[count], Order::C).unwrap();
        let mut place = Container::new(Some(pages), Some(&folder.path().join("a.npy")));
        let reader = place.array().unwrap().clone();
        for (step, (what, at, value)) in steps.into_iter().enumerate() {
            match what {
                0 => place.enable_memmap(None, Mapping::default()).unwrap(),
                1 => place.disable_memmap(AfterUse::Keep).unwrap(),
                2 => place.disable_memmap(AfterUse::Remove).unwrap(),
                3 => {
                    let name = folder.path().join(format!("{step}.npy"));
                    place.set_filename(&name, Existing::Refuse).unwrap();
                }
                _ => {
                    let at = at.index(count);
                    oracle[at] = value;
                    place.array_mut().unwrap().set(&[at as i64], value).unwrap();
                }
            }
            prop_assert_eq!(&reader.to_vec::<i64>().unwrap(), &oracle);
            if place.is_mapped() {
                let file = MemMapArray::read(place.filename().unwrap()).unwrap();
                prop_assert_eq!(&file.to_vec::<i64>().unwrap(), &oracle);
            }
        }
    }
}

#[test]
fn a_container_knows_the_file_that_it_opened_and_leaves_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.npy"), folder.path().join("b.npy"));
    MemMapArray::from_slice(&[1_i32, 2]).save(&path).unwrap();
    for mode in [Mode::Read, Mode::ReadWrite] {
        let array = MemMapArray::open(&path, mode).unwrap();
        let mut place = Container::new(Some(array), None);
        place.disable_memmap(AfterUse::Keep).unwrap();
        assert_eq!(place.filename(), Some(&*path));
        place.array_mut().unwrap().set(&[0], 9_i32).unwrap();
        let done = place.enable_memmap(None, Mapping::default());
        assert_eq!(done.unwrap_err().kind(), ErrorKind::Io);
    }
    let first = MemMapArray::read(&path).unwrap().get::<i32>(&[0]).unwrap();
    assert_eq!(first, 1);
    let mut unseen = Container::new(Some(MemMapArray::from_slice(&[5_u8])), None);
    unseen.enable_memmap(None, Mapping::default()).unwrap();
    assert!(unseen.set_filename(&path, Existing::Refuse).is_err());
    assert_eq!(unseen.filename(), None);
    unseen.set_filename(&other, Existing::Refuse).unwrap();
    unseen.array_mut().unwrap().set(&[0], 6_u8).unwrap();
    assert_eq!(
        MemMapArray::read(&other).unwrap().to_vec::<u8>().unwrap(),
        [6]
    );
}

#[test]
fn data_that_are_reset_never_take_the_place_of_a_file_that_holds_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.raw");
    std::fs::write(&path, [7; 64]).unwrap();
    for (offset, shape) in [(8, vec![4]), (0, vec![4]), (0, vec![64])] {
        let raw = Raw {
            dtype: DType::of::<u8>(),
            shape: Some(shape),
            order: Order::C,
            offset,
        };
        let part = MemMapArray::open_raw(&path, &raw, Mode::ReadWrite).unwrap();
        let mut place = Container::new(Some(part), None);
        let refused = place.reset_data(Some(counting(3, Order::C))).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Io, "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), [7; 64]);
        assert_eq!(place.array().unwrap().get::<u8>(&[0]).unwrap(), 7);
    }
}
