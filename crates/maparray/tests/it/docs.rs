//! Do the tables of the pages say what the rows say?
//!
//! The tables in `docs/` are made from the rows of dtypes and operations. With MAPARRAY_GENERATE=1
//! in the environment this test writes them; without, it compares.

use std::any::type_name;
use std::path::Path;
use std::{env, fs};

use half::{bf16, f16};
use maparray::dtype::{Kind, TimeUnit, promote_scalars};
use maparray::expr::{self, Whole};
use maparray::ops::{Op, Reduction};
use maparray::{ByteOrder, DType, Element, Scalar};
use num_complex::Complex;

/// The letters of Numeric's table of 2002.
const NUMERIC: &str = "cb1swiulfdFD";

#[test]
fn the_tables_of_the_pages_say_what_the_rows_say() {
    let pages = [
        (
            "dtypes.md",
            vec![
                ("numbers", numbers()),
                ("others", others()),
                ("units", units()),
                ("promotion", promotion()),
            ],
        ),
        (
            "ops.md",
            vec![
                ("operations", operations()),
                ("reductions", reductions()),
                ("whole arrays", wholes()),
            ],
        ),
        ("formats.md", vec![("formats", formats())]),
    ];
    for (name, tables) in pages {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(name);
        let written = fs::read_to_string(&path).expect("a page of ours");
        let wanted = tables.iter().fold(written.clone(), |page, (title, table)| {
            insert(&page, title, table)
        });
        if env::var_os("MAPARRAY_GENERATE").is_some() {
            fs::write(&path, &wanted).expect("a page that can be written");
        } else {
            assert!(
                wanted == written,
                "docs/{name} is not what the rows say; write it anew with `cargo xtask generate`"
            );
        }
    }
}

/// The page with this table between its marks.
fn insert(page: &str, title: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {title} -->\n"), "<!-- end -->");
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("the page has no place for {title}"));
    let (_, after) = rest.split_once(end).expect("every table has an end");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

#[test]
fn a_table_is_put_between_its_marks_and_nowhere_else() {
    let page = "a\n<!-- generated: t -->\nold\n<!-- end -->\nb <!-- end -->";
    let wanted = "a\n<!-- generated: t -->\n\nnew\n<!-- end -->\nb <!-- end -->";
    assert_eq!(insert(page, "t", "new"), wanted);
    assert_eq!(insert(wanted, "t", "new"), wanted);
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|head| head.to_string()).collect();
    let mut text = line(&heads) + &format!("|{}\n", "---|".repeat(heads.len()));
    text.extend(rows.map(|row| line(&row)));
    text
}

fn code(text: &str) -> String {
    // A bar would end the cell.
    format!("`{}`", text.replace('|', "\\|"))
}

fn formats() -> String {
    let heads = ["format", "names end in", "holds", "elements are", "written"];
    table(
        &heads,
        maparray::format::FORMATS.iter().map(|row| {
            let endings: Vec<String> = row
                .endings
                .iter()
                .map(|end| code(&format!(".{end}")))
                .collect();
            let texts = [row.holds, row.access, row.writes].map(str::to_owned);
            [vec![row.name.to_owned(), endings.join(" ")], texts.into()].concat()
        }),
    )
}

fn numbers() -> String {
    fn row<T: Element>() -> (Scalar, Vec<String>) {
        let scalar = T::SCALAR;
        let kind = match scalar.kind() {
            Kind::Bool => "truth",
            Kind::Unsigned => "integer without sign",
            Kind::Signed => "integer",
            Kind::Float => "float",
            Kind::Complex => "complex",
        };
        let descriptor = |order| code(&DType::Number(scalar, order).to_string());
        let (little, big) = (descriptor(ByteOrder::Little), descriptor(ByteOrder::Big));
        let descriptors = if little == big {
            little
        } else {
            format!("{little} {big}")
        };
        let old = NUMERIC.chars().filter(|&letter| {
            DType::from_typecode(letter).expect("a letter of the table") == scalar.native()
        });
        let old: Vec<String> = old.map(|letter| code(&letter.to_string())).collect();
        let rust = type_name::<T>().replace("num_complex::", "");
        let rust = rust.rsplit("::").next().expect("a name").to_owned();
        let row = vec![
            code(scalar.name()),
            descriptors,
            code(&scalar.code().to_string()),
            old.join(" "),
            code(&rust),
            scalar.size().to_string(),
            kind.to_owned(),
        ];
        (scalar, row)
    }
    let rows = [
        row::<bool>(),
        row::<i8>(),
        row::<u8>(),
        row::<i16>(),
        row::<u16>(),
        row::<i32>(),
        row::<u32>(),
        row::<i64>(),
        row::<u64>(),
        row::<f16>(),
        row::<bf16>(),
        row::<f32>(),
        row::<f64>(),
        row::<Complex<f32>>(),
        row::<Complex<f64>>(),
    ];
    assert!(rows.iter().map(|row| row.0).eq(Scalar::ALL.iter().copied()));
    let heads = ["name", "in files", "code", "2002", "Rust", "bytes", "kind"];
    table(&heads, rows.into_iter().map(|row| row.1))
}

fn others() -> String {
    let rows = [
        ("|S5", "bytes, padded with NUL"),
        ("<U3", "characters of four bytes (UCS-4), padded with NUL"),
        ("<M8[ns]", "a moment: steps since the beginning of 1970"),
        ("<m8[25s]", "a duration in steps of 25 seconds"),
        ("<f16", "long double of 10, 12 or 16 bytes"),
        ("<c32", "a pair of long doubles"),
        ("|V8", "bytes without meaning"),
        (
            "[('a', '<i4'), ('', '|V4'), ('b', '<f8')]",
            "a record; fields without a name are padding",
        ),
        (
            "[(('title', 'a'), '<i4'), ('c', '|u1', (3,))]",
            "titles, and blocks of elements in a field",
        ),
    ];
    let heads = ["in files", "bytes", "is"];
    table(
        &heads,
        rows.into_iter().map(|(descriptor, meaning)| {
            let dtype: DType = descriptor.parse().expect("a descriptor of ours");
            assert_eq!(dtype.to_string(), descriptor);
            vec![
                code(descriptor),
                dtype.size().to_string(),
                meaning.to_owned(),
            ]
        }),
    )
}

fn units() -> String {
    use TimeUnit::*;
    let units = [
        Year,
        Month,
        Week,
        Day,
        Hour,
        Minute,
        Second,
        Millisecond,
        Microsecond,
        Nanosecond,
        Picosecond,
        Femtosecond,
        Attosecond,
    ];
    let name = |unit: &TimeUnit| {
        format!(
            "{} {}",
            code(unit.code()),
            format!("{unit:?}").to_lowercase()
        )
    };
    let lines = units
        .chunks(7)
        .map(|line| line.iter().map(name).collect::<Vec<_>>().join(", "));
    lines.collect::<Vec<_>>().join(",\n") + ".\n"
}

fn promotion() -> String {
    let short = |scalar: &Scalar| match scalar {
        Scalar::BF16 => "`bf16`".to_owned(),
        _ => format!("`{}{}`", scalar.letter(), scalar.size()),
    };
    let mut heads = vec![String::new()];
    heads.extend(Scalar::ALL.iter().map(short));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(
        &heads,
        Scalar::ALL.iter().map(|left| {
            let cells = Scalar::ALL
                .iter()
                .map(|&right| short(&promote_scalars(*left, right)).replace('`', ""));
            std::iter::once(short(left)).chain(cells).collect()
        }),
    )
}

/// What comes out for each kind of operand.
fn results(result: impl Fn(Scalar) -> Option<Scalar>) -> [String; 4] {
    let kinds: [&[Kind]; 4] = [
        &[Kind::Bool],
        &[Kind::Unsigned, Kind::Signed],
        &[Kind::Float],
        &[Kind::Complex],
    ];
    kinds.map(|kinds| {
        let operands = Scalar::ALL
            .iter()
            .copied()
            .filter(|scalar| kinds.contains(&scalar.kind()));
        let found: Vec<(Scalar, Option<Scalar>)> =
            operands.map(|operand| (operand, result(operand))).collect();
        if found
            .iter()
            .all(|(operand, found)| *found == Some(*operand))
        {
            return if kinds == [Kind::Bool] {
                code("bool")
            } else {
                "same".to_owned()
            };
        }
        let mut names: Vec<String> = vec![];
        for (_, found) in found {
            let name = found.map_or("–".to_owned(), |scalar| code(scalar.name()));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" ")
    })
}

fn operations() -> String {
    let heads = [
        "name", "also", "sign", "operands", "bool", "integers", "floats", "complex",
    ];
    table(
        &heads,
        Op::ALL.iter().map(|&op| {
            let also: Vec<String> = op.aliases().iter().map(|alias| code(alias)).collect();
            let mut row = vec![
                code(op.name()),
                also.join(" "),
                op.sign().map_or(String::new(), code),
                op.arity().to_string(),
            ];
            let output = |scalar| {
                let mut operands = vec![scalar; op.arity()];
                if op == Op::Where {
                    operands[0] = Scalar::Bool;
                }
                op.resolve(&operands).ok().map(|found| found.output)
            };
            row.extend(results(output));
            row
        }),
    )
}

fn reductions() -> String {
    let heads = [
        "name",
        "bool",
        "integers",
        "floats",
        "complex",
        "of no elements",
    ];
    table(
        &heads,
        Reduction::ALL.iter().map(|&reduction| {
            let output = |scalar| reduction.resolve(scalar).ok().map(|fold| fold.output);
            let mut row = vec![code(reduction.name())];
            row.extend(results(output));
            row.push(if reduction.has_identity() {
                let fold = reduction
                    .resolve(Scalar::F64)
                    .expect("floats can be reduced");
                let mut nothing = [0_u128];
                let bytes = bytemuck::cast_slice_mut::<u128, u8>(&mut nothing);
                (fold.start)(1, 0.0).finish(&mut bytes[..fold.output.size()]);
                code(&fold.output.native().show(bytes))
            } else {
                "an error".to_owned()
            });
            row
        }),
    )
}

fn wholes() -> String {
    let heads = ["call", "gives", "bool", "integers", "floats", "complex"];
    table(
        &heads,
        Whole::ALL.iter().map(|&whole| {
            let signature = whole.signature();
            // Parameters without a default: a window, a number of elements, a share.
            let needed = |name| whole.parameters().any(|known| known == name);
            let call = match whole.arity() {
                2 => format!("{}(a, b)", whole.name()),
                _ if needed("window") => format!("{}(a, 2)", whole.name()),
                _ if needed("k") || needed("q") => format!("{}(a, 1)", whole.name()),
                _ => format!("{}(a)", whole.name()),
            };
            let call = call.parse().expect("a call with all that it needs");
            let output = |scalar: Scalar| {
                let lookup = |_: &str| Some((scalar.native(), vec![4, 4]));
                Some(expr::infer(&call, &lookup).ok()?.scalar)
            };
            let mut row = vec![code(&signature), whole.says().to_owned()];
            row.extend(results(output));
            row
        }),
    )
}
