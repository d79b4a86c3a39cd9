//! `maparray pack`, `unpack`, and `convert` between files of several arrays.

use maparray::MemMapArray;

use crate::Shell;

fn shell() -> Shell {
    let shell = Shell::new();
    let save = |name: &str, array: &MemMapArray| array.save(shell.path(name)).expect("a file");
    save("a.npy", &MemMapArray::from_slice(&[1.5_f64, 2.5]));
    save("b.npy", &MemMapArray::from_slice(&[1_i16, 2, 3]));
    shell
}

#[test]
fn files_are_packed_and_unpacked() {
    let shell = shell();
    for ending in ["npz", "safetensors", "fits"] {
        let file = format!("@/all.{ending}");
        let said = shell.out(&["pack", &file, "@/a.npy", "counts=@/b.npy"]);
        assert!(said.contains("2 arrays"), "{said}");
        let (code, message) = shell.failure(&["pack", &file, "@/a.npy"]);
        assert_eq!(code, 3, "{message}");
        assert!(message.contains("--overwrite"), "{message}");
        let folder = format!("@/{ending}");
        let files = shell.out(&["unpack", &file, &folder]);
        assert!(files.contains(&format!("@/{ending}/counts.npy")), "{files}");
        let sum = format!("a=@/{ending}/a.npy");
        assert_eq!(shell.out(&["eval", "sum(a)", &sum]), "4.0\n");
        let counts = format!("a=@/{ending}/counts.npy");
        assert_eq!(shell.out(&["eval", "sum(a)", &counts]), "6\n");
        assert_eq!(shell.failure(&["unpack", &file, &folder]).0, 3);
    }
    let (code, message) = shell.failure(&["pack", "@/all.npy", "@/a.npy", "@/b.npy"]);
    assert_eq!(code, 4, "{message}");
    let (code, _) = shell.failure(&["pack", "@/c.npz", "@/a.npy", "a=@/b.npy"]);
    assert_eq!(code, 5);
    assert!(!shell.path("c.npz").exists());
}

#[test]
fn files_of_several_arrays_are_converted_as_a_whole() {
    let shell = shell();
    shell.out(&["pack", "@/all.npz", "@/a.npy", "@/b.npy"]);
    let said = shell.out(&["convert", "@/all.npz", "@/all.safetensors"]);
    assert!(said.contains("safetensors, 2 arrays"), "{said}");
    shell.out(&["convert", "@/all.safetensors", "-o", "@/again.npz"]);
    assert_eq!(shell.out(&["eval", "sum(a)", "a=@/again.npz:b"]), "6\n");
    let (code, message) = shell.failure(&["convert", "@/all.npz", "@/one.npy"]);
    assert_eq!(code, 5);
    assert!(message.contains("several arrays"), "{message}");
    shell.out(&["convert", "@/a.npy", "@/all.npz:c", "--to", "float32"]);
    let listed = shell.json(&["info", "@/all.npz"]);
    assert_eq!(listed[0]["arrays"][2]["key"], "c");
    assert_eq!(listed[0]["arrays"][2]["dtype"], "<f4");
    assert_eq!(shell.failure(&["convert", "@/a.npy", "@/all.npz:c"]).0, 5);
    shell.out(&["eval", "a * 2", "a=@/a.npy", "-o", "@/all.npz:d"]);
    assert_eq!(shell.out(&["eval", "sum(a)", "a=@/all.npz:d"]), "8.0\n");
}
