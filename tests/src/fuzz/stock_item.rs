//! `Recent::unpack` and `read_points`: what a stock item keeps packed, and the file of reorder points.

use std::fmt::Write as _;

use millrace_domain::stock::{HEADER, RECENT_LIMIT_MOVES, Recent, read_points};

/// The bytes as packed moves.
pub(super) fn recent_moves(bytes: &[u8]) {
    let Ok(recent) = Recent::unpack(bytes) else { return };
    assert!(recent.moves().len() <= RECENT_LIMIT_MOVES);
    assert!(recent.moves().is_sorted_by(|one, next| one.at_ms < next.at_ms));
    let packed = recent.pack();
    assert!(packed.len() <= bytes.len(), "packing makes it longer");
    assert_eq!(Recent::unpack(&packed), Ok(recent));
    for torn in 0..packed.len() {
        assert!(Recent::unpack(&packed[..torn]).is_err(), "moves torn at byte {torn} are read");
    }
}

/// The bytes as a file of reorder points.
pub(super) fn points_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_points(text) {
        Ok(points) => {
            let mut written = format!("{HEADER}\n");
            for (sku, point) in &points {
                let quoted = sku.replace('"', "\"\"");
                writeln!(written, "\"{quoted}\",{},{}", point.point(), point.target()).expect("a text grows");
                assert!(point.target() > point.point() && point.point() >= 0);
            }
            assert_eq!(read_points(&written), Ok(points));
        }
        Err(invalid) => assert!(!invalid.to_string().is_empty()),
    }
}
