//! Switches that fail, at every step that can be made to: all is then as it was, and a later one works.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use maparray::format::Format;
use maparray::{
    AfterUse, Container, DType, Error, ErrorKind, Existing, Extend, MemMapArray, Mode, OpenFile,
    Order, Result, Span,
};
use rustix::process::Resource;

use crate::stage::{Filler, Stage, limited, with_memory};

/// An array, another on the same memory, what must be in both, and the folders that must not change.
struct Scene {
    array: MemMapArray,
    view: MemMapArray,
    oracle: Vec<i64>,
    folders: Vec<PathBuf>,
    writes: i64,
}

/// A switch: what it is called, and how it is done in a folder.
type Way = (&'static str, fn(&mut MemMapArray, &Path) -> Result<()>);

/// All ways to a new file.
const TO_FILES: [Way; 5] = [
    ("npy", |array, folder| {
        array.enable_memmap(folder.join("new.npy"), Format::Npy, Existing::Refuse)
    }),
    ("raw", |array, folder| {
        array.enable_memmap(folder.join("new.raw"), Format::Raw, Existing::Refuse)
    }),
    ("npy over another", |array, folder| {
        array.enable_memmap(folder.join("old"), Format::Npy, Existing::Replace)
    }),
    ("raw over another", |array, folder| {
        array.enable_memmap(folder.join("old"), Format::Raw, Existing::Replace)
    }),
    ("no name", |array, folder| {
        array.enable_temporary(Some(folder))
    }),
];

impl Scene {
    fn new(count: usize, folders: &[&Path]) -> Scene {
        let mut array = MemMapArray::pages(&DType::of::<i64>(), &[count], Order::C).unwrap();
        let oracle: Vec<i64> = (0..count as i64).collect();
        for at in &oracle {
            array.set(&[*at], *at).unwrap();
        }
        Scene {
            view: array.clone(),
            array,
            oracle,
            folders: folders.iter().map(PathBuf::from).collect(),
            writes: 0,
        }
    }

    /// Everything but the elements that a switch could change.
    fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let (array, view) = (&self.array, &self.view);
        (
            self.folders.iter().map(files).collect::<Vec<_>>(),
            array.region().as_ptr().unwrap().addr(),
            (array.mode(), view.mode(), array.data_offset()),
            array.path().map(PathBuf::from),
        )
    }

    /// Writes through both, and finds it in both and in the file.
    fn check(&mut self) {
        for view in [&mut self.array, &mut self.view] {
            self.writes += 1;
            let at = self.writes * 499 % self.oracle.len() as i64;
            view.set(&[at], -self.writes).unwrap();
            self.oracle[at as usize] = -self.writes;
        }
        assert!(self.view.to_vec::<i64>().unwrap() == self.oracle);
        assert!(self.array.to_vec::<i64>().unwrap() == self.oracle);
        if let (Some(path), Some(Mode::ReadWrite)) = (self.array.path(), self.array.mode()) {
            let bytes = fs::read(path).unwrap();
            let elements = bytes[self.array.data_offset() as usize..].chunks_exact(8);
            let elements = elements.map(|element| i64::from_le_bytes(element.try_into().unwrap()));
            assert!(elements.eq(self.oracle.iter().copied()));
        }
    }

    /// Tries a switch; if it fails, all must be as it was.
    fn attempt(&mut self, switch: impl FnOnce(&mut MemMapArray) -> Result<()>) -> Result<()> {
        let before = self.state();
        let done = switch(&mut self.array);
        if let Err(error) = &done {
            assert!(self.state() == before, "litter or loss after {error}");
        }
        self.check();
        done
    }

    /// A switch that must fail.
    fn refused(&mut self, switch: impl FnOnce(&mut MemMapArray) -> Result<()>) -> Error {
        self.attempt(switch).expect_err("a switch that must fail")
    }

    /// To memory, and what the switch has left in the folder goes away.
    fn back(&mut self, folder: &Path) {
        self.attempt(MemMapArray::disable_memmap).unwrap();
        for name in ["new.npy", "new.raw"] {
            let _ = fs::remove_file(folder.join(name));
        }
        fs::write(folder.join("old"), "old").unwrap();
    }
}

/// What a folder holds.
fn files(folder: &PathBuf) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        (path, bytes)
    });
    entries.collect()
}

/// With no room at all, then with a block more each time, until there is enough.
fn whatever_room_is_left(folder: &Path) {
    let (disk, count) = (folder.join("disk"), 8192);
    for (name, way) in TO_FILES {
        let mut scene = Scene::new(count, &[&disk]);
        fs::write(disk.join("old"), "old").unwrap();
        let mut filler = Filler::new(&disk);
        filler.fill();
        let mut refused = 0;
        while let Err(error) = scene.attempt(|array| way(array, &disk)) {
            assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            assert_eq!(error.os_error(), Some(28), "{error}");
            refused += 1;
            filler.leave_one_block_more();
        }
        println!(
            "{name}: refused {refused} times, then {} bytes left",
            filler.free()
        );
        assert!(refused >= count * 8 / 4096);
        // Nothing that was mapped needs room any more.
        filler.fill();
        for at in 0..count as i64 {
            scene.view.set(&[at], at).unwrap();
            scene.oracle[at as usize] = at;
        }
        scene.check();
        // A new name needs no room, either.
        if scene.array.path().is_some() {
            let (new, old) = (disk.join("new.npy"), disk.join("renamed"));
            scene.array.rename(&old, Existing::Refuse).unwrap();
            scene.check();
            scene.array.rename(&new, Existing::Replace).unwrap();
        }
        scene.back(&disk);
    }
}

#[test]
fn a_full_disk_leaves_all_as_it_was_whatever_room_is_left() {
    let stage = Stage::disk("mount -t tmpfs -o size=512k none disk &&");
    if let Some(folder) = stage.enter("a_full_disk_leaves_all_as_it_was_whatever_room_is_left") {
        whatever_room_is_left(&folder);
    }
}

#[test]
fn a_full_disk_leaves_no_litter_where_new_files_have_a_name_meanwhile() {
    // Files without a name get one through `/proc`.
    let stage = Stage::disk(
        "mount -t tmpfs -o size=512k none disk && mount -t tmpfs -o size=4k none /proc &&",
    );
    let test = "a_full_disk_leaves_no_litter_where_new_files_have_a_name_meanwhile";
    if let Some(folder) = stage.enter(test) {
        assert!(!Path::new("/proc/self").exists());
        whatever_room_is_left(&folder);
    }
}

#[test]
fn a_full_disk_that_takes_no_blocks_beforehand_leaves_all_as_it_was() {
    let stage = Stage::disk(
        "truncate -s 512k image && PATH=$PATH:/sbin:/usr/sbin mkfs.ext2 -q -F -m 0 image \
         && mount -o loop image disk && rmdir disk/lost+found &&",
    );
    let test = "a_full_disk_that_takes_no_blocks_beforehand_leaves_all_as_it_was";
    if let Some(folder) = stage.enter(test) {
        whatever_room_is_left(&folder);
    }
}

#[test]
fn a_disk_that_takes_no_more_files_leaves_all_as_it_was() {
    let stage = Stage::disk("mount -t tmpfs -o size=512k,nr_inodes=3 none disk &&");
    let Some(folder) = stage.enter("a_disk_that_takes_no_more_files_leaves_all_as_it_was") else {
        return;
    };
    let disk = folder.join("disk");
    let mut scene = Scene::new(1000, &[&disk]);
    fs::write(disk.join("old"), "old").unwrap();
    fs::write(disk.join("another"), "another").unwrap();
    for (name, way) in TO_FILES {
        let error = scene.refused(|array| way(array, &disk));
        assert_eq!(error.os_error(), Some(28), "{name}: {error}");
    }
    fs::remove_file(disk.join("another")).unwrap();
    let new = disk.join("new.npy");
    scene
        .attempt(|array| array.enable_memmap(&new, Format::Npy, Existing::Refuse))
        .unwrap();
    // Whatever the disk says to a second name for a moment.
    let renamed = disk.join("renamed");
    let done = scene.attempt(|array| array.rename(&renamed, Existing::Refuse));
    println!("rename: {done:?}");
    if done.is_err() {
        scene
            .attempt(|array| array.rename(&renamed, Existing::Replace))
            .unwrap();
    }
    scene.back(&disk);
}

#[test]
fn no_file_moves_to_another_disk_by_its_name() {
    let stage = Stage::disk("mount -t tmpfs -o size=512k none disk &&");
    let Some(folder) = stage.enter("no_file_moves_to_another_disk_by_its_name") else {
        return;
    };
    let (disk, home) = (folder.join("disk"), folder.join("home"));
    fs::create_dir(&home).unwrap();
    let mut scene = Scene::new(8192, &[&disk, &home]);
    TO_FILES[0].1(&mut scene.array, &home).unwrap();
    fs::write(disk.join("old"), "old").unwrap();
    let mut filler = Filler::new(&disk);
    for full in [false, true] {
        for (name, existing) in [("new", Existing::Refuse), ("old", Existing::Replace)] {
            let error = scene.refused(|array| array.rename(disk.join(name), existing));
            assert!(error.to_string().contains("another file system"), "{error}");
        }
        // A copy there is what can be had, where there is room.
        for (_, way) in TO_FILES {
            if full {
                scene.refused(|array| way(array, &disk));
            }
        }
        filler.fill();
    }
    filler.file.set_len(0).unwrap();
    scene.attempt(|array| TO_FILES[0].1(array, &disk)).unwrap();
    scene.back(&disk);
}

#[test]
fn a_file_that_may_not_grow_so_far_leaves_all_as_it_was() {
    let stage = Stage {
        before: "trap '' XFSZ;",
        ..Stage::default()
    };
    let test = "a_file_that_may_not_grow_so_far_leaves_all_as_it_was";
    let Some(folder) = stage.enter(test) else {
        return;
    };
    let (disk, count) = (folder.join("disk"), 8192);
    let page = rustix::param::page_size() as u64;
    for (name, way) in TO_FILES {
        let mut scene = Scene::new(count, &[&disk]);
        fs::write(disk.join("old"), "old").unwrap();
        let header = if name.contains("npy") { page } else { 0 };
        let needed = header + count as u64 * 8;
        let pages = (0..=needed).step_by(page as usize);
        for most in pages.flat_map(|at| [at.saturating_sub(1), at, at + 1]) {
            let done = scene.attempt(|array| limited(Resource::Fsize, most, || way(array, &disk)));
            assert_eq!(done.is_ok(), most >= needed, "{name}, {most} bytes");
            match done {
                Ok(()) => scene.back(&disk),
                Err(error) => assert_eq!(error.os_error(), Some(27), "{error}"),
            }
        }
    }
}

#[test]
fn too_few_descriptors_leave_all_as_it_was() {
    let Some(folder) = Stage::default().enter("too_few_descriptors_leave_all_as_it_was") else {
        return;
    };
    let disk = folder.join("disk");
    for (name, way) in TO_FILES {
        let mut scene = Scene::new(3000, &[&disk]);
        fs::write(disk.join("old"), "old").unwrap();
        let used = File::open(&folder).unwrap().as_raw_fd() as u64;
        let mut free = 0;
        while let Err(error) =
            scene.attempt(|array| limited(Resource::Nofile, used + free, || way(array, &disk)))
        {
            assert_eq!(error.os_error(), Some(24), "{error}");
            println!("{name}, {free} free: {error}");
            free += 1;
        }
        assert_eq!(free, if name == "no name" { 1 } else { 2 });
        scene.back(&disk);
    }
}

#[test]
fn too_little_memory_leaves_all_as_it_was() {
    let Some(folder) = Stage::default().enter("too_little_memory_leaves_all_as_it_was") else {
        return;
    };
    let (disk, count) = (folder.join("disk"), 2 << 20);
    let mut scene = Scene::new(count, &[&disk]);
    fs::write(disk.join("old"), "old").unwrap();
    // From memory, and then from one file to another.
    for mapped in [false, true] {
        for (name, way) in TO_FILES {
            for more in [1 << 20, 15 << 20] {
                let error = scene.refused(|array| with_memory(more, || way(array, &disk)));
                println!("{name}, {more} bytes: {error}");
            }
        }
        let path = disk.join(["first.npy", "second.npy"][usize::from(mapped)]);
        let done = scene.attempt(|array| array.enable_memmap(path, Format::Npy, Existing::Refuse));
        done.unwrap();
    }
    // And back to memory, in each mode.
    let path = scene.array.path().unwrap().to_path_buf();
    for more in [1 << 20, 15 << 20] {
        let error = scene.refused(|array| with_memory(more, || array.disable_memmap()));
        println!("to memory, {more} bytes: {error}");
        for mode in [Mode::Read, Mode::CopyOnWrite] {
            let mut other = MemMapArray::open(&path, mode).unwrap();
            let error = with_memory(more, || other.disable_memmap()).unwrap_err();
            assert_eq!((error.kind(), other.mode()), (ErrorKind::Io, Some(mode)));
            assert!(other.to_vec::<i64>().unwrap() == scene.oracle);
        }
    }
    scene.back(&disk);
}

#[test]
fn too_little_memory_for_a_copy_from_file_to_file_is_an_error() {
    let test = "too_little_memory_for_a_copy_from_file_to_file_is_an_error";
    let Some(folder) = Stage::default().enter(test) else {
        return;
    };
    let disk = folder.join("disk");
    let mut array =
        MemMapArray::temporary(&DType::of::<i64>(), &[2 << 20], Order::C, None).unwrap();
    array.set(&[5], 5_i64).unwrap();
    for (_, way) in TO_FILES {
        let mut eaten: Vec<Vec<u8>> = Vec::with_capacity(1000);
        let done = with_memory(4 << 20, || {
            // What the allocator has put by goes, too, but for a little.
            let eat = || {
                let mut some = vec![];
                let had: std::result::Result<(), _> = some.try_reserve_exact(4 << 20);
                had.ok().map(|()| some)
            };
            eaten.extend(std::iter::from_fn(eat).take(1000));
            way(&mut array, &disk)
        });
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let copy = format!("no room for {} bytes", 8 << 20);
        assert!(error.to_string().contains(&copy), "{error}");
        drop(eaten);
        assert_eq!(fs::read_dir(&disk).unwrap().count(), 0);
        assert_eq!(array.get::<i64>(&[5]).unwrap(), 5);
    }
}

#[test]
fn too_many_mappings_leave_all_as_it_was() {
    let Some(folder) = Stage::default().enter("too_many_mappings_leave_all_as_it_was") else {
        return;
    };
    let disk = folder.join("disk");
    fs::write(folder.join("page"), [0; 4096]).unwrap();
    let page = OpenFile::open(folder.join("page"), Mode::Read).unwrap();
    let one = || {
        let (offset, len) = (0, Some(4096));
        page.map(Span { offset, len }, Mode::Read, Extend::Never)
    };
    let to_memory: Way = ("memory", |array, _| array.disable_memmap());
    for (name, way) in TO_FILES.into_iter().chain([to_memory]) {
        let mut scene = Scene::new(1000, &[&disk]);
        fs::write(disk.join("old"), "old").unwrap();
        if name == "memory" {
            TO_FILES[0].1(&mut scene.array, &disk).unwrap();
        }
        let mut pages: Vec<_> = std::iter::from_fn(|| one().ok()).collect();
        let mut refused = 0;
        while let Err(error) = scene.attempt(|array| way(array, &disk)) {
            println!("{name}, {refused} fewer: {error}");
            refused += 1;
            pages.pop();
        }
        assert!(refused > 0);
        drop(pages);
        if name != "memory" {
            scene.back(&disk);
        }
    }
}

/// A disk whose folder nobody may write to; who may do everything is told to obey.
fn locked_disk() -> Stage {
    let through: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["setpriv", "--bounding-set=-dac_override,-dac_read_search"],
        false => &[],
    };
    Stage {
        through,
        before: "chmod 555 disk; ! touch disk/x &&",
    }
}

#[test]
fn a_folder_that_is_locked_leaves_all_as_it_was() {
    let stage = locked_disk();
    let Some(folder) = stage.enter("a_folder_that_is_locked_leaves_all_as_it_was") else {
        return;
    };
    let (disk, home) = (folder.join("disk"), folder.join("home"));
    let lock = |mode| fs::set_permissions(&disk, fs::Permissions::from_mode(mode)).unwrap();
    lock(0o755);
    fs::create_dir(&home).unwrap();
    let mut scene = Scene::new(3000, &[&disk, &home]);
    fs::write(disk.join("old"), "old").unwrap();
    for mapped in [false, true] {
        if mapped {
            TO_FILES[0].1(&mut scene.array, &home).unwrap();
        }
        lock(0o555);
        for (name, way) in TO_FILES {
            let error = scene.refused(|array| way(array, &disk));
            assert_eq!(error.os_error(), Some(13), "{name}: {error}");
        }
        for (name, existing) in [("new.npy", Existing::Refuse), ("old", Existing::Replace)] {
            if mapped {
                scene.refused(|array| array.rename(disk.join(name), existing));
            }
        }
        lock(0o755);
    }
    // Out of it, too.
    scene.back(&home);
    TO_FILES[0].1(&mut scene.array, &disk).unwrap();
    lock(0o555);
    for (name, existing) in [("new.npy", Existing::Refuse), ("old", Existing::Replace)] {
        let error = scene.refused(|array| array.rename(home.join(name), existing));
        assert_eq!(error.os_error(), Some(13), "{error}");
    }
    lock(0o755);
    scene
        .attempt(|array| array.rename(home.join("new.npy"), Existing::Refuse))
        .unwrap();
    scene.back(&home);
}

#[test]
fn a_container_whose_file_cannot_be_removed_stays_mapped() {
    let stage = locked_disk();
    let test = "a_container_whose_file_cannot_be_removed_stays_mapped";
    let Some(folder) = stage.enter(test) else {
        return;
    };
    let disk = folder.join("disk");
    let lock = |mode| fs::set_permissions(&disk, fs::Permissions::from_mode(mode)).unwrap();
    lock(0o755);
    let (path, scene) = (disk.join("a.npy"), Scene::new(3000, &[]));
    let mut place = Container::new(Some(scene.array.clone()), Some(&path));
    place.enable_memmap(None, Default::default()).unwrap();
    lock(0o555);
    let error = place.disable_memmap(AfterUse::Remove).unwrap_err();
    assert_eq!(error.os_error(), Some(13));
    assert!(place.is_mapped() && path.exists());
    assert!(scene.view.to_vec::<i64>().unwrap() == scene.oracle);
    assert!(MemMapArray::read(&path).unwrap().to_vec::<i64>().unwrap() == scene.oracle);
    lock(0o755);
    place.disable_memmap(AfterUse::Remove).unwrap();
    assert!(!path.exists() && scene.view.to_vec::<i64>().unwrap() == scene.oracle);
}

#[test]
fn a_link_to_nothing_leads_to_the_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("inner")).unwrap();
    std::os::unix::fs::symlink("inner/second", at("first")).unwrap();
    std::os::unix::fs::symlink("../target.npy", at("inner/second")).unwrap();
    MemMapArray::from_slice(&[7_u8]).save(at("first")).unwrap();
    let found = MemMapArray::read(at("target.npy")).unwrap();
    assert_eq!(found.to_vec::<u8>().unwrap(), [7]);
    assert!(at("first").is_symlink() && at("inner/second").is_symlink());
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    assert!(MemMapArray::from_slice(&[7_u8]).save(at("loop")).is_err());
}

#[test]
fn a_name_that_cannot_be_had_leaves_all_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (home, inner) = (folder.path().join("home"), folder.path().join("home/inner"));
    fs::create_dir_all(&inner).unwrap();
    fs::write(home.join("taken"), "taken").unwrap();
    std::os::unix::fs::symlink("no/where", home.join("link")).unwrap();
    let long = "x".repeat(256);
    let never = ["inner", "missing/a.npy", "taken/a.npy", &long, "link"];
    let mut scene = Scene::new(3000, &[&home, &inner]);
    for mapped in [false, true] {
        if mapped {
            TO_FILES[0].1(&mut scene.array, &home).unwrap();
        }
        for format in [Format::Npy, Format::Raw] {
            for existing in [Existing::Refuse, Existing::Replace] {
                for name in never {
                    scene.refused(|array| array.enable_memmap(home.join(name), format, existing));
                }
            }
            let taken = home.join("taken");
            let error = scene.refused(|array| array.enable_memmap(taken, format, Existing::Refuse));
            assert_eq!(error.kind(), ErrorKind::Io);
        }
        for missing in ["missing", "taken"] {
            scene.refused(|array| array.enable_temporary(Some(&home.join(missing))));
        }
        for name in ["inner", "missing/a.npy", "taken/a.npy", &long] {
            for existing in [Existing::Refuse, Existing::Replace] {
                scene.refused(|array| array.rename(home.join(name), existing));
            }
        }
        scene.refused(|array| array.rename(home.join("taken"), Existing::Refuse));
    }
    assert_eq!(fs::read(home.join("taken")).unwrap(), b"taken");
    let new = home.join("other.npy");
    scene
        .attempt(|array| array.rename(new, Existing::Refuse))
        .unwrap();
    scene.back(&home);
}
