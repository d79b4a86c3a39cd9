//! `maparray wrap`: what does a file without a header hold, from now on?
//!
//! Writes the small file beside it; the raw one stays as it is.

use std::io::Write;

use maparray::write_sidecar;
use serde_json::json;

use super::print_json;
use crate::args::{How, Wrap};
use crate::failure::Failure;
use crate::value;

pub(super) fn run(wrap: &Wrap, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let raw = maparray::Raw {
        dtype: wrap.dtype.clone(),
        shape: wrap.shape.as_ref().map(|shape| shape.0.clone()),
        order: wrap.order.into(),
        offset: wrap.offset,
    };
    let place = write_sidecar(&wrap.file, &raw, wrap.unit.as_ref())?;
    if how.json {
        let document = json!({
            "path": wrap.file.display().to_string(),
            "sidecar": place.display().to_string(),
        });
        return print_json(out, &document);
    }
    if how.quiet {
        return Ok(());
    }
    Ok(writeln!(out, "{}", value::path(&place))?)
}
