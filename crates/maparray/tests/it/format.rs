//! What do the file's bytes mean?

use maparray::format::{Format, Header, Parsed, npy};
use maparray::{DType, Order, Scalar};

fn header(file: &[u8], file_len: u64) -> Header {
    match npy::parse(file, file_len).expect("a good header") {
        Parsed::Header(header) => header,
        Parsed::Needs(needed) => panic!("asked for {needed} bytes, had {}", file.len()),
    }
}

#[test]
fn a_header_reads_as_it_was_written() {
    for &scalar in Scalar::ALL {
        let dtype = DType::from(scalar);
        for shape in [&[][..], &[0], &[7], &[3, 4], &[2, 0, 5]] {
            for order in [Order::C, Order::F] {
                let file = npy::write(&dtype, shape, order).expect("a plain array");
                let found = header(&file, file.len() as u64);
                let expected = Header {
                    format: Format::Npy,
                    version: (1, 0),
                    dtype: dtype.clone(),
                    shape: shape.to_vec(),
                    order,
                    data_offset: file.len() as u64,
                };
                assert_eq!(found, expected);
            }
        }
    }
}
