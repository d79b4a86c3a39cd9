//! Arrays carry units, expressions compute with them, and files keep them.
//!
//! `fixtures/united.tsv` is what astropy's quantities make of each operation; `fixtures/united.py`
//! writes it.

use maparray::expr::Expr;
use maparray::{
    AfterUse, Container, Create, DType, ErrorKind, Eval, Existing, MemMapArray, Mode, Order,
    Select, Unit, format::Format,
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
