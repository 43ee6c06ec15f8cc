//! Late events, one a line.

use std::io::Write;
use std::path::Path;

use crate::error::Error;
use crate::mapping::Late;

/// Adds events to `late.jsonl` below `out`. An invocation whose answer was lost may report the same event again.
pub(crate) fn append(out: &Path, late: &[Late]) -> Result<(), Error> {
    if late.is_empty() {
        return Ok(());
    }
    let path = out.join("late.jsonl");
    let mut lines = Vec::new();
    for event in late {
        serde_json::to_writer(&mut lines, event).map_err(Error::output(&path))?;
        lines.push(b'\n');
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let mut file = file.map_err(Error::output(&path))?;
    file.write_all(&lines).and_then(|()| file.sync_all()).map_err(Error::output(&path))
}
