//! Expressions: text → tree → text, and what will come out of them.

use maparray::expr::Expr;
#[test]
fn scratch() {
    for text in [
        "a+b*c",
        "-a**2",
        "2**-1",
        "-5",
        "-(5)",
        "--5",
        "(-5)**2",
        "a<b<c",
        "a<b & c",
        "(a<b)&~c",
        "a and b",
        "not a",
        "a = b",
        "1+2j*a",
        "sum(a, axis=0, keepdims=True)",
        "var(a, axis=(0,-1), ddof=1)",
        "mean(a,0)",
        "where(a<0, 0, a)",
        "float32(a)",
        "astype(a, 'f4')",
        "astype(a, float32)",
        "sine(a)",
        "sqrt(a,b)",
        "min(a,b)",
        "a.sum()",
        "a[0]",
        "1_000 + 0x_ff + 1e-3 + .5 + 1.",
        "2a",
        "007",
        "`x y`+1",
        "np.sqrt(a)",
        "(a",
        "a)",
        "",
        "a +",
        "f(",
        "index(3,4)",
        "float('nan')*-float('inf')",
        "complex(-0.0, 2)",
        "a // b % c @ d",
        "a - (b - c) - d",
        "a**b**c",
        "(a**b)**c",
        "a if b else c",
        "é + ü * ",
        "sum(a, dtype=float64)",
        "sum(a, axes=1)",
        "0x",
        "1__0",
        "1e",
        "a == 1 == 2",
        "a | b < c",
        "~-+a",
        "- 5",
        "+5",
        "a ! b",
        "a != b",
        "\"x\"",
        "round(a, 2)",
        "a\n + b",
    ] {
        match Expr::parse(text) {
            Ok(e) => {
                println!("{text:40} => {e}");
                assert_eq!(Expr::parse(&e.to_string()).unwrap(), e);
            }
            Err(e) => println!("{text:40} !! {e}"),
        }
    }
}
