//! Arrays carry units, expressions compute with them, and files keep them.
//!
//! `fixtures/united.tsv` is what astropy's quantities make of each operation; `fixtures/united.py`
//! writes it.

use maparray::expr::Expr;
use maparray::{
    AfterUse, Container, Create, DType, ErrorKind, Eval, Existing, MemMapArray, Mode, Order,
    Select, Unit,
    format::{Format, Parsed, npy},
};

fn unit(text: &str) -> Unit {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn array(elements: &[f64], text: &str) -> MemMapArray {
    MemMapArray::from_slice(elements).with_unit(unit(text))
}

#[test]
fn a_sum_of_lengths_has_the_unit_of_the_first_and_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.npy"), folder.path().join("c.npy"));
    array(&[1.0, 2.0], "km").save(&from).unwrap();
    let a = MemMapArray::open(&from, Mode::Read).unwrap();
    assert_eq!(a.unit(), Some(&unit("km")));
    let b = array(&[500.0, 250.0], "m");
    let sum: Expr = "a + b".parse().unwrap();
    let eval = || Eval::new(sum.clone()).array("a", &a).array("b", &b);
    eval().save(&to).unwrap();
    for result in [eval().run().unwrap(), MemMapArray::read(&to).unwrap()] {
        assert_eq!(result.unit(), Some(&unit("km")));
        assert_eq!(result.to_vec::<f64>().unwrap(), [1.5, 2.25]);
    }
}

/// What astropy refuses and we do not: names of operations, with the unit of an operand.
fn is_ours_alone(text: &str, a: &str, b: &str) -> bool {
    let name = text.split('(').next().unwrap();
    let plain = |unit: &str| matches!(unit, "" | "%");
    match name {
        // A ratio of like units is an angle as good as a plain number.
        "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "sinc" => plain(a),
        // Truth of plain numbers.
        "logical_not" => plain(a),
        "logical_and" => (plain(a) || a == "-") && (plain(b) || b == "-"),
        // Percents are brought to plain numbers, as everywhere else.
        "prod" | "cumprod" => a == "%",
        _ => false,
    }
}

#[test]
fn every_operation_does_to_units_what_astropy_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/united.tsv");
    let table = std::fs::read_to_string(path).unwrap();
    let operand = |values: &[f64], text: &str| match text {
        "-" | "" if text == "-" => MemMapArray::from_slice(values),
        text => array(values, text),
    };
    let (mut complaints, mut rows) = (vec![], 0);
    for row in table.lines() {
        let cells: Vec<&str> = row.split('\t').collect();
        let &[text, a, b, wanted, value] = cells.as_slice() else {
            panic!("a row of five cells: {row}");
        };
        rows += 1;
        let expr: Expr = text.parse().unwrap();
        let (left, right) = (operand(&[0.25, 0.5, 0.75], a), operand(&[0.5, 1.0, 2.0], b));
        let mut eval = Eval::new(expr.clone()).array("a", &left);
        if expr.names().contains(&"b".to_owned()) {
            eval = eval.array("b", &right);
        }
        let result = match eval.run() {
            Ok(result) => result,
            Err(error) if wanted == "!" && error.kind() == ErrorKind::Unit => continue,
            Err(error) => {
                complaints.push(format!("{row}: {error}"));
                continue;
            }
        };
        let found = result.unit().map_or("-".into(), Unit::to_string);
        let first = first_of(&result);
        let same = match wanted {
            "!" => is_ours_alone(text, a, b),
            "-" => found == "-" && close(first, value.parse().unwrap()),
            wanted => result.unit().is_some_and(|own| {
                let factor = own.factor_to(&unit(wanted));
                factor.is_ok_and(|factor| close(first * factor, value.parse().unwrap()))
            }),
        };
        if !same {
            complaints.push(format!("{row}: found {first} {found}"));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {rows}\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    assert!(rows > 4000);
}

fn first_of(result: &MemMapArray) -> f64 {
    let first = vec![0; result.ndim()];
    let bytes = result.bytes_of(&first).unwrap();
    match result.dtype().show(&bytes).as_str() {
        "True" => 1.0,
        "False" => 0.0,
        text => text.parse().unwrap(),
    }
}

fn close(found: f64, wanted: f64) -> bool {
    found == wanted
        || (found.is_nan() && wanted.is_nan())
        || (found - wanted).abs() <= 1e-13 * wanted.abs()
        || wanted.is_infinite()
}

fn kind_of(text: &str, a: &MemMapArray) -> ErrorKind {
    Eval::new(text.parse().unwrap())
        .array("a", a)
        .run()
        .unwrap_err()
        .kind()
}

#[test]
fn an_error_says_the_operation_and_both_units() {
    let (a, b) = (array(&[1.0], "adu"), array(&[1.0], "km / s"));
    let eval = |text: &str| {
        Eval::new(text.parse().unwrap())
            .array("a", &a)
            .array("b", &b)
    };
    let message = |text: &str| eval(text).run().unwrap_err().to_string();
    assert_eq!(
        message("a + b"),
        "units of `add`: found `km / s`, expected one like `adu`"
    );
    assert_eq!(
        message("b < a"),
        "units of `less`: found `adu`, expected one like `km / s`"
    );
    assert_eq!(
        message("exp(a) * b"),
        "units of `exp`: found `adu`, expected plain numbers"
    );
    assert_eq!(
        message("b * (a + 1)"),
        "units of `add`: found no unit, expected one like `adu`"
    );
    assert_eq!(
        message("a ** b * 1"),
        "units of `power`: found `km / s`, expected plain numbers"
    );
    assert_eq!(
        message("sqrt(b) + a ** 0.1234567"),
        "power of a unit: found 0.1234567, expected a fraction of 32-bit integers"
    );
    assert_eq!(
        message("rad2deg(a / a) * b"),
        "units of `rad2deg`: found plain numbers, expected one like `rad`"
    );
    let exponents = MemMapArray::from_slice(&[2.0]);
    let power = Eval::new("a ** n".parse().unwrap())
        .array("a", &a)
        .array("n", &exponents);
    assert_eq!(
        power.run().unwrap_err().to_string(),
        "power of the unit `adu`: found an exponent that only values tell, expected a constant \
         fraction"
    );
}

#[test]
fn an_operation_inside_an_expression_is_checked_before_an_element_is_read() {
    let a = array(&[1.0, 2.0], "adu");
    for text in [
        "sum(a) + 1",
        "where(a > 1, a, 0)",
        "sin(sum(a))",
        "cumprod(a)",
        "a ** (1/128)",
    ] {
        let eval = Eval::new(text.parse().unwrap()).array("a", &a);
        assert_eq!(
            eval.describe().unwrap_err().kind(),
            ErrorKind::Unit,
            "{text}"
        );
    }
    assert_eq!(kind_of("a + float32(1)", &a), ErrorKind::Unit);
    let eval = Eval::new("float32(a) + float32(0)".parse().unwrap()).array("a", &a);
    assert_eq!(eval.unit().unwrap(), Some(unit("adu")));
}

#[test]
fn dtypes_stay_where_nothing_is_converted_and_integers_become_floats_where_it_is() {
    let adu = MemMapArray::from_slice(&[1_i16, 2]).with_unit(unit("m"));
    let eval = |text: &str, b: &MemMapArray| {
        let eval = Eval::new(text.parse().unwrap())
            .array("a", &adu)
            .array("b", b);
        eval.run().unwrap()
    };
    assert_eq!(eval("a + b", &adu).to_vec::<i16>().unwrap(), [2, 4]);
    let far = MemMapArray::from_slice(&[1_i16, 2]).with_unit(unit("km"));
    assert_eq!(
        eval("a + b", &far).to_vec::<f64>().unwrap(),
        [1001.0, 2002.0]
    );
    let single = MemMapArray::from_slice(&[1.0_f32, 2.0]);
    let (km, m) = (
        single.clone().with_unit(unit("km")),
        single.with_unit(unit("m")),
    );
    let sum = Eval::new("a + b".parse().unwrap())
        .array("a", &m)
        .array("b", &km);
    assert_eq!(
        sum.run().unwrap().to_vec::<f32>().unwrap(),
        [1001.0, 2002.0]
    );
}

#[test]
fn parts_copies_and_moves_keep_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let adu = Some(unit("adu / s"));
    let has = |array: &MemMapArray| array.unit() == adu.as_ref();
    let mut a = array(&[3.0, 1.0, 2.0], "adu / s");
    assert!(has(&a.clone()) && has(&a.select(&[Select::At(0)]).unwrap()));
    assert!(has(&a.to_memory().unwrap()) && has(&a.take(&[1, 0], 0).unwrap()));
    assert!(has(&a.compress(&[true, false, true], 0).unwrap()));
    assert!(has(&a.reinterpret(&DType::of::<i64>()).unwrap()));
    let chunks = a.iter_chunks(maparray::ChunkSize::Rows(2)).unwrap();
    assert!(chunks.into_iter().all(|(_, chunk)| has(&chunk)));
    a.enable_memmap(&path, Format::Npy, Existing::Refuse)
        .unwrap();
    assert!(has(&a) && has(&MemMapArray::read(&path).unwrap()));
    a.disable_memmap().unwrap();
    assert!(has(&a));
    a.enable_temporary(None).unwrap();
    assert!(has(&a));
    a.take_to(&[2], 0, &path).unwrap();
    assert!(has(&MemMapArray::open(&path, Mode::ReadWrite).unwrap()));
    let mut out = array(&[0.0], "s");
    assert_eq!(
        a.take_into(&[2], 0, &mut out).unwrap_err().kind(),
        ErrorKind::Unit
    );
    out.set_unit(None);
    let bare = a.take_into(&[2], 0, &mut out).unwrap_err();
    assert_eq!(
        bare.to_string(),
        "units of `out`: found `adu / s`, expected plain numbers"
    );
    out.set_unit(unit("adu / s"));
    a.take_into(&[2], 0, &mut out).unwrap();
    assert_eq!(
        format!("{a:?}"),
        "MemMapArray(<f8, shape (3,), unit `adu / s`, memory)"
    );
}

#[test]
fn a_conversion_keeps_floats_and_makes_floats_of_integers() {
    let a = MemMapArray::from_slice(&[1_u8, 2]).with_unit(unit("h"));
    let seconds = a.to(&unit("s")).unwrap();
    assert_eq!(seconds.to_vec::<f64>().unwrap(), [3600.0, 7200.0]);
    assert_eq!(seconds.unit(), Some(&unit("s")));
    let same = a.to(&unit("h")).unwrap();
    assert_eq!(same.to_vec::<f64>().unwrap(), [1.0, 2.0]);
    let plain = MemMapArray::from_slice(&[0.5_f32]);
    assert_eq!(
        plain.to(&unit("%")).unwrap().to_vec::<f32>().unwrap(),
        [50.0]
    );
    assert_eq!(plain.to(&unit("m")).unwrap_err().kind(), ErrorKind::Unit);
    assert_eq!(a.to(&unit("m")).unwrap_err().kind(), ErrorKind::Unit);
}

#[test]
fn a_result_is_brought_to_the_unit_of_the_array_it_is_written_to() {
    let a = array(&[1.0, 2.0], "km");
    let write = |text: &str, out: &mut MemMapArray| {
        let eval = Eval::new(text.parse().unwrap()).array("a", &a);
        eval.write(out).map_err(|error| error.kind())
    };
    let mut metres = array(&[0.0, 0.0], "m");
    write("a * 2", &mut metres).unwrap();
    assert_eq!(metres.to_vec::<f64>().unwrap(), [2000.0, 4000.0]);
    assert_eq!(write("a * a", &mut metres), Err(ErrorKind::Unit));
    assert_eq!(write("a / a", &mut metres), Err(ErrorKind::Unit));
    let mut unsaid = MemMapArray::from_slice(&[0.0, 0.0]);
    assert_eq!(write("a", &mut unsaid), Err(ErrorKind::Unit));
    write("a / (a + a)", &mut unsaid).unwrap();
    assert_eq!(unsaid.to_vec::<f64>().unwrap(), [0.5, 0.5]);
    let zero = Eval::new("0.0".parse().unwrap());
    zero.write(&mut metres).unwrap();
    let five = Eval::new("5.0".parse().unwrap());
    assert_eq!(five.write(&mut metres).unwrap_err().kind(), ErrorKind::Unit);
    let mut percent = array(&[50.0], "%");
    Eval::new("a + 1".parse().unwrap())
        .update("a", &mut percent)
        .unwrap();
    assert_eq!(percent.to_vec::<f64>().unwrap(), [150.0]);
}

#[test]
fn a_container_keeps_its_unit_until_data_brings_one_or_it_is_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frame.npy");
    let mut frame = Container::new(None, Some(&path));
    assert_eq!(frame.unit(), None);
    frame.set_unit(unit("adu")).unwrap();
    frame.enable_memmap(None, Default::default()).unwrap();
    frame
        .reset_data(Some(MemMapArray::from_slice(&[1.0])))
        .unwrap();
    assert_eq!(frame.unit(), Some(&unit("adu")));
    assert_eq!(MemMapArray::read(&path).unwrap().unit(), Some(&unit("adu")));
    frame.reset_data(Some(array(&[1.0], "s"))).unwrap();
    frame
        .reset_data(Some(MemMapArray::from_slice(&[2.0])))
        .unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().unit(), Some(&unit("s")));
    frame.disable_memmap(AfterUse::Keep).unwrap();
    assert_eq!(frame.unit(), Some(&unit("s")));
    frame.reset_data(None).unwrap();
    assert_eq!(frame.unit(), None);
}

#[test]
fn new_files_of_every_kind_keep_the_unit_of_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let a = array(&[1.0, 2.0], "adu");
    let eval = |text: &str| Eval::new(text.parse().unwrap()).array("a", &a);
    let options = Create {
        order: Order::F,
        ..Create::default()
    };
    eval("a * a")
        .save_as(path("a"), &DType::of::<f32>(), &options)
        .unwrap();
    eval("cumsum(a)").save(path("b")).unwrap();
    eval("a / a").save(path("c")).unwrap();
    eval("a > 0").save(path("d")).unwrap();
    let units = ["a", "b", "c", "d"].map(|name| {
        let array = MemMapArray::read(path(name)).unwrap();
        array.unit().map(Unit::to_string)
    });
    assert_eq!(
        units.map(|unit| unit.unwrap_or("-".into())),
        ["adu2", "adu", "", "-"]
    );
}

#[test]
fn an_explanation_says_the_unit() {
    let a = array(&[1.0, 2.0], "adu");
    let both = ["a * a", "a > 0"].map(|text| text.parse().unwrap());
    let plan = Eval::many(both).array("a", &a).explain().unwrap();
    assert_eq!(plan.units, [Some(unit("adu2")), None]);
    assert!(plan.to_string().contains("\nresult in `adu2`\n"), "{plan}");
}

#[test]
fn dates_have_no_unit_besides_their_own() {
    let days = MemMapArray::from_slice(&[1_i64]).reinterpret(&"m8[D]".parse().unwrap());
    let days = days.unwrap().with_unit(unit("d"));
    assert_eq!(kind_of("a + a", &days), ErrorKind::Unit);
    let adu = array(&[1.0], "adu");
    let days = days.with_unit(None);
    let product = Eval::new("a * days".parse().unwrap())
        .array("a", &adu)
        .array("days", &days);
    assert_eq!(
        product.run().unwrap_err().to_string(),
        "unit of dates or durations: found `adu`, expected none beside dtype `<m8[D]`"
    );
}

#[test]
fn a_file_without_a_unit_has_the_same_bytes_as_ever_and_one_with_a_unit_as_many() {
    let dtype = DType::of::<f64>();
    let plain = npy::write(&dtype, &[3], Order::C).unwrap();
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }";
    assert_eq!(plain[10..].trim_ascii_end(), text.as_bytes());
    let united = npy::write_in(Some("adu / s"), &dtype, &[3], Order::C).unwrap();
    let text = format!("{text}  # unit: 'adu / s'");
    assert_eq!(united[10..].trim_ascii_end(), text.as_bytes());
    assert_eq!((united.len(), united.last()), (plain.len(), Some(&b'\n')));
}

#[test]
fn a_unit_goes_into_every_version_and_comes_back() {
    let units = ["", "adu", "it's", "\\ \n \u{2} \"'", "µm", "Ω 単位"];
    for (unit, shape) in units
        .iter()
        .flat_map(|unit| [(unit, &[][..]), (unit, &[3, 70_000])])
    {
        let file = npy::write_in(Some(unit), &DType::of::<u8>(), shape, Order::F).unwrap();
        let Parsed::Header(header) = npy::parse(&file, u64::MAX).unwrap() else {
            panic!("all of it is there");
        };
        assert_eq!(
            (header.unit.as_deref(), header.data_offset),
            (Some(*unit), file.len() as u64)
        );
        assert_eq!(header.version.0, if unit.contains('Ω') { 3 } else { 1 });
        let bare = npy::replace_unit(&file, None).unwrap();
        assert_eq!(bare.len(), file.len());
        assert_eq!(
            npy::replace_unit(&bare, Some(unit)).unwrap().len(),
            file.len()
        );
    }
    let long = "m".repeat(1025);
    let error = npy::write_in(Some(&long), &DType::of::<u8>(), &[], Order::C).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unit);
    let file = npy::write(&DType::of::<u8>(), &[3], Order::C).unwrap();
    let error = npy::replace_unit(&file, Some(&long[..100])).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("expected no more than its blanks"),
        "{error}"
    );
    assert!(npy::replace_unit(&file[..100], None).is_err());
}

#[test]
fn a_unit_that_nobody_knows_is_an_error_with_the_file_and_info_still_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut file = npy::write_in(Some("quux"), &DType::of::<u8>(), &[], Order::C).unwrap();
    file.push(1);
    std::fs::write(&path, file).unwrap();
    for error in [
        MemMapArray::open(&path, Mode::Read).unwrap_err(),
        MemMapArray::read(&path).unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.path()),
            (ErrorKind::Unit, Some(&*path))
        );
    }
    let info = maparray::info(&path).unwrap();
    assert_eq!(info.header.unit.as_deref(), Some("quux"));
}

#[test]
fn a_mapped_file_hears_of_a_new_unit_without_a_move_of_its_elements() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    MemMapArray::from_slice(&[1.0, 2.0]).save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut a = MemMapArray::open(&path, Mode::ReadWrite).unwrap();
    a.set_unit(unit("adu"));
    a.store_unit().unwrap();
    assert_eq!(MemMapArray::read(&path).unwrap().unit(), Some(&unit("adu")));
    let part = a.select(&[Select::At(0)]).unwrap();
    assert_eq!(part.store_unit().unwrap_err().kind(), ErrorKind::Mismatch);
    a.set_unit(None);
    a.store_unit().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let reader = MemMapArray::open(&path, Mode::Read).unwrap();
    assert_eq!(reader.store_unit().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert!(reader.to_memory().unwrap().store_unit().is_err());
}
