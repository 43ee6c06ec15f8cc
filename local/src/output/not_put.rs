//! Lines of the input that no stream takes, as a file.

use std::path::Path;

use super::whole::write_whole;
use crate::error::Error;
use crate::input::LineNotPut;

/// Its name.
pub(super) const NOT_PUT: &str = "not-put.jsonl";

/// Writes a line for each; no file where there is none.
pub(crate) fn write(out: &Path, lines: &[LineNotPut]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let (path, mut text) = (out.join(NOT_PUT), Vec::new());
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(Error::output(&path))?;
        text.push(b'\n');
    }
    write_whole(&path, &text)
}
