//! `generate`: events of made-up users as JSON lines.

use std::io::{BufWriter, Write};

use millrace_domain::time::parse_rfc3339_ms;

use crate::cli::Generate;
use crate::error::Error;
use crate::made_up_users::MadeUpUsers;

pub(crate) fn run(options: &Generate) -> Result<(), Error> {
    let from_ms = parse_rfc3339_ms(&options.start).ok_or_else(|| {
        Error::Usage(format!("--start {:?} is no RFC 3339 timestamp of 1970 or later", options.start))
    })?;
    let events = MadeUpUsers::new(options.users, options.seed, from_ms).take(options.events);
    match &options.out {
        None => write(BufWriter::new(std::io::stdout().lock()), events).map_err(Error::standard_output),
        Some(path) => {
            let file = std::fs::File::create(path).map_err(Error::output(path))?;
            write(BufWriter::new(file), events).map_err(Error::output(path))
        }
    }
}

fn write(mut out: impl Write, events: impl Iterator<Item = crate::input::Input>) -> std::io::Result<()> {
    for event in events {
        out.write_all(&event.data)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
