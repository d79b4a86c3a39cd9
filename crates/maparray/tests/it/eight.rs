//! Do floats of eight bits come and go as ml_dtypes has them?

use half::f16;
use maparray::dtype::{F8E4M3, F8E5M2, promote_scalars};
use maparray::{DType, Element, Eval, MemMapArray, Order, Scalar, ops};

/// The values of all codes, and what all halves become: see `fixtures/fp8.py`.
fn answers(place: usize) -> (Vec<f32>, Vec<u8>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/ops/fp8.bin");
    let file = std::fs::read(path).expect("committed");
    let part = &file[place * (1024 + 65536)..][..1024 + 65536];
    let values = part[..1024].chunks_exact(4);
    let values = values.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four")));
    (values.collect(), part[1024..].to_vec())
}

fn cast(from: Scalar, to: Scalar, bytes: &[u8]) -> Vec<u8> {
    let count = bytes.len() / from.size();
    // Kernels write to memory at a multiple of 16.
    let mut out = vec![0_u128; (count * to.size()).div_ceil(16)];
    let out: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut out)[..count * to.size()];
    let words: Vec<u128> = bytes
        .chunks(16)
        .map(|chunk| {
            let mut word = [0; 16];
            word[..chunk.len()].copy_from_slice(chunk);
            bytemuck::cast::<[u8; 16], u128>(word)
        })
        .collect();
    let input: &[u8] = &bytemuck::cast_slice(&words)[..bytes.len()];
    ops::cast(from, to)(&[input.into()], out);
    out.to_vec()
}

const BOTH: [Scalar; 2] = [Scalar::F8E4M3, Scalar::F8E5M2];

#[test]
fn every_code_has_its_value_and_every_half_its_code() {
    let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_ne_bytes).collect();
    let codes: Vec<u8> = (0..=255).collect();
    for (place, eight) in BOTH.into_iter().enumerate() {
        let (values, narrowed) = answers(place);
        let found = cast(eight, Scalar::F32, &codes);
        for (code, (found, value)) in found.chunks_exact(4).zip(&values).enumerate() {
            let found = bytemuck::pod_read_unaligned::<f32>(found);
            assert_eq!(
                found.to_bits(),
                value.to_bits(),
                "{eight:?} {code:#x}: {value}"
            );
        }
        let found = cast(Scalar::F16, eight, &halves);
        let differing = (0..found.len()).find(|&bits| found[bits] != narrowed[bits]);
        let half = differing.map(|bits| (f16::from_bits(bits as u16), found[bits], narrowed[bits]));
        assert_eq!(half, None, "{eight:?}");
    }
}

#[test]
fn every_cast_goes_by_way_of_the_value() {
    let codes: Vec<u8> = (0..=255).collect();
    for eight in BOTH {
        let wide = cast(eight, Scalar::F32, &codes);
        // To itself it is a copy, whatever NaN it is.
        for &other in Scalar::STORED.iter().filter(|&&other| other != eight) {
            let direct = cast(eight, other, &codes);
            assert_eq!(
                direct,
                cast(Scalar::F32, other, &wide),
                "{eight:?} to {other:?}"
            );
            if !matches!(other, Scalar::Bool | Scalar::F16 | Scalar::BF16) && !other.is_eight_bits()
            {
                let back = cast(other, eight, &direct);
                let again = cast(other, Scalar::F64, &direct);
                assert_eq!(
                    back,
                    cast(Scalar::F64, eight, &again),
                    "{other:?} to {eight:?}"
                );
            }
        }
        let back = cast(Scalar::F32, eight, &wide);
        let same = |code: &u8| back[*code as usize] == *code;
        let nan = |code: &u8| {
            bytemuck::pod_read_unaligned::<f32>(&wide[*code as usize * 4..][..4]).is_nan()
        };
        assert!(
            codes.iter().all(|code| same(code) || nan(code)),
            "{eight:?}"
        );
    }
}

#[test]
fn doubles_are_rounded_once() {
    // Above the middle between 1 and 1.125, by less than a single knows.
    let above = 1.0_f64 + 2.0_f64.powi(-4) + 2.0_f64.powi(-40);
    let code = cast(Scalar::F64, Scalar::F8E4M3, bytemuck::bytes_of(&above));
    assert_eq!(F8E4M3::from_bits(code[0]).to_f32(), 1.125);
    assert_eq!(F8E4M3::from_f32(above as f32).to_f32(), 1.0);
}

#[test]
fn they_are_computed_in_single_precision_and_cast_on_demand() {
    let eights = MemMapArray::from_slice(&[1.5, 448.0, -0.25].map(F8E4M3::from_f32));
    let others = MemMapArray::from_slice(&[1.0, 2.0, 4.0].map(F8E5M2::from_f32));
    let eval = |text: &str| {
        let expr = text.parse().expect("an expression");
        let eval = Eval::new(expr).array("a", &eights);
        let eval = match text.contains('b') {
            true => eval.array("b", &others),
            false => eval,
        };
        eval.run().unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let floats = |text: &str| eval(text).to_vec::<f32>().expect(text);
    assert_eq!(floats("a + a"), [3.0, 896.0, -0.5]);
    assert_eq!(floats("a * b"), [1.5, 896.0, -1.0]);
    assert_eq!(floats("a * 0.3"), [1.5, 448.0, -0.25].map(|x| x * 0.3_f32));
    assert_eq!(floats("sum(a)"), [449.25]);
    assert_eq!(floats("max(a)"), [448.0]);
    assert_eq!(floats("sort(a)"), [-0.25, 1.5, 448.0]);
    assert_eq!(floats("float32(a)"), [1.5, 448.0, -0.25]);
    assert_eq!(floats("matmul(a, b)"), [1.5 + 896.0 - 1.0]);
    let narrow = eval("float8_e5m2(a)").to_vec::<F8E5M2>().expect("eights");
    assert_eq!(narrow.map_to(F8E5M2::to_f32), [1.5, 448.0, -0.25]);
    let chosen = eval("where(a > 1, a, a)");
    assert_eq!(chosen.dtype(), &DType::of::<F8E4M3>());
    for &other in Scalar::ALL {
        let beside = promote_scalars(Scalar::F8E4M3, other);
        assert_eq!(beside, promote_scalars(Scalar::F32, other));
    }
}

/// `map` for vectors, so that a comparison reads on.
trait MapTo<T> {
    fn map_to<U>(self, function: fn(T) -> U) -> Vec<U>;
}

impl<T> MapTo<T> for Vec<T> {
    fn map_to<U>(self, function: fn(T) -> U) -> Vec<U> {
        self.into_iter().map(function).collect()
    }
}

#[test]
fn their_names_are_those_of_ml_dtypes_and_files_of_numpys_hold_bytes() {
    for (name, scalar) in [
        ("float8_e4m3fn", Scalar::F8E4M3),
        ("float8_e5m2", Scalar::F8E5M2),
    ] {
        let dtype: DType = name.parse().expect(name);
        assert_eq!(dtype.scalar(), Some(scalar));
        assert_eq!(dtype.to_string(), name);
        let header = maparray::format::npy::write(&dtype, &[3], Order::C).expect("bytes");
        assert!(header.windows(5).any(|word| word == b"'|V1'"), "{name}");
    }
    for bad in ["4", "5", "<4", "<float8_e5m2"] {
        assert!(bad.parse::<DType>().is_err(), "{bad}");
    }
    let show = |scalar: Scalar, code: u8| scalar.native().show(&[code]);
    let shown: Vec<String> = [0x00, 0x80, 0x01, 0x38, 0x7E, 0x7F]
        .map(|code| show(Scalar::F8E4M3, code))
        .into();
    assert_eq!(shown, ["0.0", "-0.0", "0.001953125", "1.0", "448.0", "nan"]);
    assert_eq!(show(Scalar::F8E5M2, 0x7C), "inf");
    assert_eq!(F8E4M3::SCALAR.computed(), Scalar::F32);
}
