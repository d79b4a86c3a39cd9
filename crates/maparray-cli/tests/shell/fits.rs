//! What do commands make of FITS files?

use maparray::{Existing, FitsImage, Join, MemMapArray, Unit, save_fits};

use crate::Shell;

#[test]
fn images_are_operands_by_their_addresses_scaled_or_not() {
    let shell = Shell::new();
    let adu = Unit::parse("adu").expect("a unit");
    let plain = MemMapArray::from_slice(&[1.5_f32, 2.5, 5.0]);
    let counts = MemMapArray::from_slice(&[7_u16, 65535, 9]).with_unit(adu);
    let images = [
        FitsImage::new(&plain),
        FitsImage::new(&counts).named("COUNTS"),
    ];
    save_fits(shell.path("a.fits"), &images, Existing::Refuse).expect("a file");

    assert_eq!(shell.out(&["eval", "median(a)", "a=@/a.fits"]), "2.5\n");
    assert_eq!(
        shell.out(&["eval", "median(a)", "a=@/a.fits[1]"]),
        "9.0 adu\n"
    );
    let sum = [
        "eval",
        "a + b / b",
        "a=@/a.fits[0][1:]",
        "b=@/a.fits:COUNTS[1:]",
    ];
    assert_eq!(shell.out(&sum), "3.5\n6.0\n");
    let head = shell.call(&["head", "@/a.fits[COUNTS]", "-n", "2"]);
    assert_eq!(
        (head.out.as_str(), head.err.as_str()),
        ("7\n65535\n", "in adu\n")
    );
    let stats = shell.out(&["stats", "@/a.fits[counts,1]"]);
    assert!(
        stats.starts_with("unit   adu\ncount  3\nmin    7\nmax    65535\n"),
        "{stats}"
    );
    let info = shell.json(&["info", "@/a.fits"]);
    assert_eq!(info[0]["format"], "fits");
    assert_eq!(info[0]["arrays"][0]["shape"], serde_json::json!([3]));
    let (code, message) = shell.failure(&["head", "@/a.fits[2]"]);
    assert_eq!(code, 5);
    assert!(
        message.contains("expected one of `0`, `COUNTS`"),
        "{message}"
    );
}

#[test]
fn files_made_of_scaled_images_hold_the_numbers_that_are_meant() {
    let shell = Shell::new();
    let rows = [[7_u16, 65535], [9, 8]].map(|row| MemMapArray::from_slice(&row));
    let counts = Join::stack(&rows, 0).and_then(Join::run).expect("an image");
    save_fits(
        shell.path("a.fits"),
        &[FitsImage::new(&counts)],
        Existing::Refuse,
    )
    .expect("a file");
    let image = "@/a.fits";
    for (command, expected) in [
        (&["convert", image][..], "7\t65535\n9\t8\n"),
        (
            &["convert", image, "--to", "f4"],
            "7.0\t65535.0\n9.0\t8.0\n",
        ),
        (&["transpose", image], "7\t9\n65535\t8\n"),
        (
            &["concat", image, image, "--axis", "1"],
            "7\t65535\t7\t65535\n9\t8\t9\t8\n",
        ),
    ] {
        let out = ["-o", "@/b.npy", "--overwrite", "--quiet"];
        shell.out(&[command, &out].concat());
        assert_eq!(shell.out(&["head", "@/b.npy"]), expected, "{command:?}");
    }
    shell.out(&["split", image, "--rows", "1", "-o", "@/part-{}.fits"]);
    assert_eq!(shell.out(&["head", "@/part-1.fits"]), "9\t8\n");
    shell.out(&["stack", image, image, "-o", "@/c.fits"]);
    assert_eq!(shell.out(&["eval", "max(a)", "a=@/c.fits"]), "65535\n");
    let info = shell.out(&["info", image]);
    assert!(info.contains(", stored scaled: 32768 + 1 x\n"), "{info}");
}
