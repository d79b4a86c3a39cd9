//! Programs that make one archive at the same time.

use maparray::{Contents, MemMapArray, SaveNpz, append_npz};

#[test]
fn of_two_that_make_an_archive_at_once_one_adds_to_that_of_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    for turn in 0..100 {
        let path = folder.path().join(format!("{turn}.npz"));
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for name in ["x", "y"] {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    append_npz(
                        path,
                        name,
                        &MemMapArray::from_slice(&[1_u8]),
                        &SaveNpz::default(),
                    )
                    .expect("made or added");
                });
            }
        });
        let mut keys = Contents::open(&path).expect("an archive").keys();
        keys.sort();
        assert_eq!(keys, ["x", "y"]);
    }
}
