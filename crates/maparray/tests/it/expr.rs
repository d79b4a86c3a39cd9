//! Expressions: text → tree → text, and the builder.

use maparray::expr::{Axes, DEPTH_LIMIT, Expr, KeepAxes, Literal, Node, Reduce, infer, where_};
use maparray::ops::{Nans, Op, Reduction};
use maparray::{ErrorKind, Eval, MemMapArray, Scalar};
use proptest::prelude::*;

fn parse(text: &str) -> Expr {
    Expr::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn message(text: &str) -> String {
    let error = Expr::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Expression, "`{text}`");
    error.to_string()
}

#[test]
fn operators_bind_as_in_python() {
    for (text, grouped) in [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a ** b ** c", "a ** (b ** c)"),
        ("-a ** b", "-(a ** b)"),
        ("a ** -b", "a ** (-b)"),
        ("-a * b", "(-a) * b"),
        ("~a & b", "(~a) & b"),
        ("a << b + c", "a << (b + c)"),
        ("a & b << c", "a & (b << c)"),
        ("a ^ b & c", "a ^ (b & c)"),
        ("a | b ^ c", "a | (b ^ c)"),
        ("a < b | c", "a < (b | c)"),
        ("a / b // c % d", "((a / b) // c) % d"),
        ("-5 ** 2", "-(5 ** 2)"),
        ("2 ** -1", "2 ** (-1)"),
    ] {
        assert_eq!(parse(text), parse(grouped), "{text}");
        assert_eq!(parse(grouped).to_string(), text);
    }
    assert_ne!(parse("(a - b) - c"), parse("a - (b - c)"));
}

#[test]
fn numbers_read_as_in_python() {
    let literal = |text: &str| match parse(text).node() {
        Node::Literal(literal) => *literal,
        node => panic!("`{text}` is {node:?}"),
    };
    for (text, value) in [
        ("0", 0),
        ("00", 0),
        ("1_000", 1000),
        ("0x_fF", 255),
        ("0b101", 5),
        ("0o17", 15),
        ("-5", -5),
        ("- 5", -5),
        ("--5", 5),
        ("+5", 5),
        ("170141183460469231731687303715884105727", i128::MAX),
    ] {
        assert_eq!(literal(text), Literal::Int(value), "{text}");
    }
    for (text, value) in [
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("1_0.2_5e+1_0", 10.25e10),
        ("1e999", f64::INFINITY),
        ("-0.0", -0.0),
        ("float('nan')", f64::NAN),
        ("-float('inf')", f64::NEG_INFINITY),
    ] {
        assert_eq!(literal(text), Literal::Float(value), "{text}");
    }
    assert_eq!(literal("2j"), Literal::Complex(0.0, 2.0));
    assert_eq!(literal("1.5e3J"), Literal::Complex(0.0, 1500.0));
    assert_eq!(literal("complex(1, -2.5)"), Literal::Complex(1.0, -2.5));
    assert_eq!(literal("True"), Literal::Bool(true));
}

#[test]
fn functions_have_numpys_names_and_arguments() {
    let a = Expr::array("a");
    let rows: &[(&str, Expr)] = &[
        ("np.sqrt(a)", a.sqrt()),
        ("abs(a)", a.absolute()),
        ("asin(a)", a.arcsin()),
        ("sum(a)", a.sum().into()),
        ("sum(a, 0)", a.sum().axis(0).into()),
        (
            "sum(a, axis=-1, keepdims=True)",
            a.sum().axis(-1).keep_axes().into(),
        ),
        (
            "var(a, axis=(0, 1), ddof=1)",
            a.var().axes(&[0, 1]).ddof(1.0).into(),
        ),
        ("std(a, axis=(0,), keepdims=False)", a.std().axis(0).into()),
        ("mean(a, axis=())", a.mean().axes(&[]).into()),
        ("mean(a, axis=None)", a.mean().into()),
        ("mean(a, dtype=float64)", a.cast(Scalar::F64).mean().into()),
        ("float32(a)", a.cast(Scalar::F32)),
        ("astype(a, 'f4')", a.cast(Scalar::F32)),
        ("astype(a, dtype=\"float32\")", a.cast(Scalar::F32)),
        ("astype(a, float32)", a.cast(Scalar::F32)),
        ("int(a)", a.cast(Scalar::I64)),
        ("float(a)", a.cast(Scalar::F64)),
        ("where(a < 0, 0, a)", where_(a.less(0), 0, &a)),
        ("index(3, 4)", Expr::index(&[3, 4])),
        ("index()", Expr::index(&[])),
        ("sqrt(a,)", a.sqrt()),
        ("divmod(a, 2)[0]", a.floor_divide(2)),
        ("np.divmod(a, 2)[1] ", &a % 2),
        ("frexp(a)[1]", a.frexp()[1].clone()),
        ("-modf(a)[0] ** 2", -a.modf()[0].power(2)),
        ("round(a)", a.round(0)),
        ("round(a, decimals=-2)", a.round(-2)),
        ("isclose(a, 1)", a.isclose(1, 1e-5, 1e-8)),
        ("isclose(a, 1, atol=0, rtol=0.5)", a.isclose(1, 0.5, 0)),
    ];
    for (text, built) in rows {
        assert_eq!(parse(text), *built, "{text}");
        assert_eq!(parse(&built.to_string()), *built, "{built}");
    }
    for op in Op::ALL {
        let names = ["a", "b", "c"].map(Expr::array);
        let expr = Expr::new(Node::Apply(*op, names[..op.arity()].to_vec()));
        assert_eq!(parse(&expr.to_string()), expr);
        let (function, half) = op
            .name()
            .split_at(op.name().find('[').unwrap_or(op.name().len()));
        let arguments = ["a", "b", "c"][..op.arity()].join(",");
        let call = format!("{function}({arguments}){half}");
        assert_eq!(parse(&call), expr);
    }
    for reduction in Reduction::ALL {
        let call = format!("{}(a)", reduction.name());
        assert_eq!(parse(&call).to_string(), call);
    }
}

#[test]
fn operators_take_numbers_on_both_sides() {
    let (a, b) = (Expr::array("a"), Expr::array("b"));
    assert_eq!((2 * &a + 1.5 - &b).to_string(), "2 * a + 1.5 - b");
    assert_eq!((1 - a.sum() / 2u8).to_string(), "1 - sum(a) / 2");
    assert_eq!((-(&a + 1) % &b).to_string(), "-(a + 1) % b");
    assert_eq!((!a.less(&b) & true).to_string(), "~(a < b) & True");
    assert_eq!(
        ((&a << 2) | (&b >> 1) ^ 7).to_string(),
        "a << 2 | b >> 1 ^ 7"
    );
    assert_eq!((a.var().sqrt() * 0.5f32).to_string(), "sqrt(var(a)) * 0.5");
}

#[test]
fn names_come_in_the_order_of_first_use() {
    assert_eq!(
        parse("b + a * mean(c - b) + pi").names(),
        ["b", "a", "c", "pi"]
    );
    assert_eq!(parse("`two words` + über").names(), ["two words", "über"]);
    assert_eq!(Expr::array("and").to_string(), "`and`");
    assert_eq!(parse("`a``b`").names(), ["a`b"]);
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    for (text, expected) in [
        (
            "",
            "column 1: found the end, expected a number, a name, a function or `(`",
        ),
        (
            "a + * b",
            "column 5: found `*`, expected a number, a name, a function or `(`",
        ),
        (
            "(a + b",
            "column 7: found the end, expected an operator or `)`",
        ),
        (
            "a b",
            "column 3: found `b`, expected an operator or the end",
        ),
        (
            "é + ü +",
            "column 8: found the end, expected a number, a name, a function or `(`",
        ),
        (
            "a < b < c",
            "column 7: found a second comparison, expected two joined by `&`: `(a < b) & (b < c)`",
        ),
        (
            "a == b | c != d",
            "column 12: found a second comparison, expected two joined by `&`: `(a < b) & (b < c)`",
        ),
        (
            "a and b",
            "column 3: found `and`, expected `&`, with parentheses: `(a > 0) & (b > 0)`",
        ),
        (
            "(a or b)",
            "column 4: found `or`, expected `|`, with parentheses: `(a > 0) | (b > 0)`",
        ),
        (
            "not a",
            "column 1: found `not`, expected `~`, with parentheses: `~(a > 0)`",
        ),
        ("a = b", "column 3: found `=`, expected `==` to compare"),
        (
            "a if b else c",
            "column 3: found `if`, expected `where(condition, a, b)`",
        ),
        (
            "a.sum()",
            "column 2: found `.`, expected a function: `sum(a)` for `a.sum()`",
        ),
        (
            "2a",
            "column 1: found `2a`, expected an operator between number and name",
        ),
        (
            "007",
            "column 1: found `007`, expected an integer without leading zeros",
        ),
        (
            "0x",
            "column 1: found `0x`, expected the digits of a number",
        ),
        (
            "1__0",
            "column 1: found `1__0`, expected the digits of a number",
        ),
        (
            "sine(a)",
            "column 1: unknown name `sine`, expected a function, perhaps `sin`",
        ),
        (
            "1 + frobnicate(a)",
            "column 5: unknown name `frobnicate`, expected a function such as `sqrt` or `mean`",
        ),
        (
            "sqrt(a, b)",
            "column 1: wrong number of arguments for `sqrt`: found 2, expected 1",
        ),
        (
            "a + add(a)",
            "column 5: wrong number of arguments for `add`: found 1, expected 2",
        ),
        (
            "min(a, b)",
            "column 1: wrong number of arguments for `min`: found 2, expected one array and an axis (`minimum(a, b)` compares two)",
        ),
        (
            "sum(a, axes=1)",
            "column 8: found `axes`, expected `axis=`, `keepdims=`, `where=`, `initial=` or `dtype=`",
        ),
        (
            "sum(a, ddof=1)",
            "column 8: found `ddof`, expected `axis=`, `keepdims=`, `where=`, `initial=` or `dtype=`",
        ),
        (
            "sum(a, axis=x)",
            "column 13: found `x`, expected the number of an axis",
        ),
        (
            "sum(a, axis=1, axis=2)",
            "column 16: found `axis`, expected each keyword once",
        ),
        (
            "astype(a, 'f5')",
            "column 11: found `f5`, expected a number type such as `float32` or `'f4'`",
        ),
        (
            "astype(a, '>f4')",
            "column 11: found `>f4`, expected a number type such as `float32` or `'f4'`",
        ),
        (
            "sqrt('a')",
            "column 6: found `'a'`, expected a name or a number without quotes",
        ),
        (
            "`abc",
            "column 1: found a name without its end, expected a second backtick",
        ),
        (
            "a\u{7}",
            "column 2: found `\\u{7}`, expected an operator or the end",
        ),
    ] {
        assert_eq!(message(text), expected, "`{text}`");
    }
}

#[test]
fn deep_or_long_text_is_refused_before_the_stack_ends() {
    let many = 100_000;
    for text in [
        "(".repeat(many),
        "-".repeat(many),
        "~(".repeat(many / 2),
        "sqrt(".repeat(many / 5),
        "a**".repeat(many / 3),
        "2".repeat(many),
        format!("{}a{}", "(".repeat(300), ")".repeat(300)),
        format!("a{}", " + a".repeat(2000)),
        format!("a{}", "**a".repeat(2000)),
        format!("`{}", "`".repeat(many)),
    ] {
        let small_stack = std::thread::Builder::new().stack_size(512 << 10);
        let parsing = small_stack
            .spawn(move || message(&text).len())
            .expect("a thread");
        assert!(parsing.join().expect("no overflow") < 300);
    }
    let deep = format!("{}a{}", "(1-".repeat(150), ")".repeat(150));
    assert_eq!(parse(&deep), parse(&parse(&deep).to_string()));
    assert_eq!(parse(&format!("a{}", " + a".repeat(499))).depth(), 500);
}

#[test]
fn a_tree_built_too_deep_is_an_error_and_not_a_crash() {
    let mut deep = Expr::array("a");
    for _ in 0..1_000_000 {
        deep = deep + 1;
    }
    let lookup = |_: &str| Some((Scalar::F64.native(), vec![2]));
    assert_eq!(
        infer(&deep, &lookup).err().map(|error| error.kind()),
        Some(ErrorKind::Expression)
    );
    assert_eq!(deep.names(), ["a"]);
    assert!(deep.clone() == deep && format!("{deep}{deep:?}").len() < 100);

    let mut wide = Expr::array("a");
    for _ in 0..100 {
        wide = &wide + &wide;
    }
    assert_eq!(
        infer(&wide, &lookup).err().map(|error| error.kind()),
        Some(ErrorKind::Expression)
    );
    assert_eq!(wide.names(), ["a"]);
    assert!(format!("{wide}").len() < 100);
}

#[test]
fn a_tree_as_deep_as_allowed_needs_little_stack() {
    let small_stack = std::thread::Builder::new().stack_size(1 << 20);
    let work = small_stack.spawn(|| {
        let (mut left, mut right) = (Expr::array("a"), Expr::array("a"));
        for _ in 1..DEPTH_LIMIT {
            left = left + 1;
            right = (1 - right).cast(Scalar::F32).sqrt();
            right = if right.depth() > DEPTH_LIMIT {
                Expr::array("a")
            } else {
                right
            };
        }
        let a = MemMapArray::from_slice(&[1_i64, 2]);
        let sum = Eval::new(left.clone()).array("a", &a).run().expect("a sum");
        assert_eq!(sum.to_vec::<i64>().expect("integers"), [500, 501]);
        assert_eq!(Expr::parse(&left.to_string()).expect("flat enough"), left);
        assert!(right.to_string().len() > 100 && right == right.clone());
        assert!(Eval::new(right).array("a", &a).run().is_ok());
    });
    work.expect("a thread").join().expect("no overflow");
}

fn literals() -> impl Strategy<Value = Literal> {
    let float = || {
        prop_oneof![
            any::<f64>(),
            (-100i32..100).prop_map(|i| f64::from(i) / 4.0)
        ]
    };
    prop_oneof![
        any::<bool>().prop_map(Literal::Bool),
        (-300i128..300).prop_map(Literal::Int),
        (i128::MIN + 1..i128::MAX).prop_map(Literal::Int),
        float().prop_map(Literal::Float),
        (float(), float()).prop_map(|(real, imaginary)| Literal::Complex(real, imaginary)),
    ]
}

/// Any tree that the builder can make.
fn trees() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        "[a-d]|pi|a b|not|x`y|é".prop_map(|name| Expr::array(&name)),
        literals().prop_map(Expr::from),
        proptest::collection::vec(0usize..5, 0..3).prop_map(|shape| Expr::index(&shape)),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let more = (
            proptest::option::of(inner.clone()),
            proptest::option::of(inner.clone()),
            any::<bool>(),
        );
        let reduce = (
            proptest::sample::select(Reduction::ALL),
            (inner.clone(), more),
            proptest::option::of(proptest::collection::vec(-3i64..3, 0..3)),
            any::<bool>(),
            -2i32..3,
        );
        prop_oneof![
            4 => (proptest::sample::select(Op::ALL), [inner.clone(), inner.clone(), inner.clone()])
                .prop_map(|(op, parts)| Expr::new(Node::Apply(op, parts[..op.arity()].to_vec()))),
            1 => (proptest::sample::select(Scalar::ALL), inner)
                .prop_map(|(scalar, of)| Expr::new(Node::Cast(scalar, of))),
            1 => reduce.prop_map(|(reduction, (of, (mask, initial, skip)), axes, keep, ddof)| {
                let spread = matches!(reduction, Reduction::Var | Reduction::Std);
                let axes = axes.map_or(Axes::All, Axes::Named);
                let keep = if keep { KeepAxes::Keep } else { KeepAxes::Drop };
                let ddof = if spread { f64::from(ddof) / 2.0 } else { 0.0 };
                let mask = mask.filter(|_| reduction.takes_mask());
                let initial = initial.filter(|_| reduction.join().is_some());
                let nans = if skip && reduction.skips_nans() { Nans::Skip } else { Nans::Count };
                let plain = Reduce::new(reduction, of);
                Reduce { mask, initial, nans, axes, keep, ddof, ..plain }.into()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_display_writes_parses_to_an_equal_tree(tree in trees()) {
        let text = tree.to_string();
        let parsed = Expr::parse(&text);
        prop_assert!(parsed.is_ok(), "`{}`: {:?}", text, parsed);
        prop_assert_eq!(parsed.expect("checked"), tree);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = Expr::parse(&text);
    }

    #[test]
    fn no_heap_of_tokens_makes_the_parser_or_inference_panic(
        tokens in proptest::collection::vec(proptest::sample::select(vec![
            "a", "b", "(", ")", "+", "-", "*", "**", "/", "//", "%", "<", "==", "~", "&", "<<", ",",
            "1", "0", "2.5", "1e9", "2j", "300", "0x1f", "_", ".", "True", "None", "sum(", "axis=",
            "keepdims=", "ddof=", "where(", "float32(", "astype(", "'f4'", "`", "np.", "pi", " ",
            "index(", "complex(", "float(", "random(", "é", "\u{0}", "and", "=", "clip(", "argmin(",
        ]), 0..30),
    ) {
        if let Ok(expr) = Expr::parse(&tokens.concat()) {
            prop_assert_eq!(Expr::parse(&expr.to_string()).ok(), Some(expr.clone()));
            let _ = infer(&expr, &|name| (name == "a").then(|| (Scalar::U8.into(), vec![2, 3])));
        }
    }

    #[test]
    fn inference_of_any_tree_never_panics(tree in trees()) {
        let shapes = |name: &str| match name {
            "a" => Some((Scalar::I16.native(), vec![3, 1])),
            "b" => Some((Scalar::F32.native(), vec![4])),
            "c" => Some((Scalar::Bool.native(), vec![0, 4])),
            _ => Some((Scalar::C64.native(), vec![])),
        };
        let _ = infer(&tree, &shapes);
    }
}

#[test]
fn only_sums_and_means_take_a_dtype() {
    for text in [
        "sum(a, dtype=int8)",
        "prod(a, dtype='f4')",
        "mean(a, dtype=float32)",
        "std(a, dtype=complex64)",
    ] {
        assert!(Expr::parse(text).is_ok(), "{text}");
    }
    for text in [
        "max(a, dtype=int8)",
        "argmin(a, dtype=int8)",
        "any(a, dtype=bool)",
        "mean(a, dtype=int8)",
    ] {
        let error = Expr::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Expression, "{text}");
    }
}

#[test]
fn messages_name_what_stands_there_and_what_would_be_right() {
    for (text, found, expected) in [
        (
            "quantile(a, 0.3, method='hazen')",
            "`hazen`",
            "'linear' or 'lower'",
        ),
        ("float('abc')", "`'abc'`", "a number such as `'nan'`"),
        ("int('5')", "`'5'`", "a name or a number without quotes"),
        ("sum(a, axis='x')", "`'x'`", "the number of an axis"),
        ("divmod(a, 2)[2]", "`[`", "`[0]` or `[1]`"),
        ("a[0]", "`[`", "a whole array"),
        ("a && b", "`&&`", "`&`, with parentheses"),
        ("a || b", "`||`", "`|`, with parentheses"),
        ("diff(a, n=10 ** 9)", "`10 ** 9`", "a whole number"),
        ("index(-1)", "`-1`", "lengths of axes"),
        ("index(10 ** 18)", "`10 ** 18`", "lengths of axes"),
    ] {
        let message = message(text);
        assert!(
            message.contains(&format!("found {found}")),
            "{text}: {message}"
        );
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn parentheses_nest_as_deep_as_the_message_says() {
    let nested = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    parse(&nested(200));
    assert!(message(&nested(201)).contains("more than 200"));
}
