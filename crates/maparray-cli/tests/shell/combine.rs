//! What does `combine` make of many arrays?

use crate::Shell;

#[test]
fn combine_makes_one_array_of_many() {
    let shell = Shell::new();
    for (name, fill) in [("a", "1"), ("b", "2"), ("c", "60")] {
        let file = format!("@/{name}.npy");
        shell.out(&[
            "create", &file, "--shape", "2,3", "--dtype", "int16", "--fill", fill,
        ]);
    }
    let files = ["@/a.npy", "@/b.npy", "@/c.npy"];
    let combine = |arguments: &[&str]| {
        let all = [
            &["combine"],
            arguments,
            &files,
            &["-o", "@/out.npy", "--quiet"],
        ]
        .concat();
        assert_eq!(shell.out(&all), "");
        shell.out(&["head", "@/out.npy", "-n1"])
    };
    assert_eq!(combine(&["median"]), "2.0\t2.0\t2.0\n");
    assert_eq!(combine(&["mean", "--sigma-clip", "1.3"]), "1.5\t1.5\t1.5\n");
    assert_eq!(
        combine(&["count", "--sigma-clip", "1.3", "--from-mean"]),
        "2\t2\t2\n"
    );
    assert_eq!(
        combine(&["percentile", "--percent", "75"]),
        "31.0\t31.0\t31.0\n"
    );
    let parts = [
        "combine",
        "max",
        "@/a.npy[0]",
        "@/b.npy[-1]",
        "-o",
        "@/out.npy",
    ];
    let told = shell.out(&parts);
    assert!(
        told.starts_with("@/out.npy: float64 (3,), 152 bytes in "),
        "{told}"
    );
    let ended = shell.call(&["combine", "max", "@/a.npy", "@/b.npy[0]", "-o", "@/new.npy"]);
    assert_eq!(ended.code, 5);
    assert!(
        ended
            .err
            .contains("found (3,), expected (2, 3), as the first has"),
        "{}",
        ended.err
    );
}
