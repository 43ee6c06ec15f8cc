//! Whether a rule speaks, is on trial, or is silent.

use std::str::FromStr;

use crate::signal::{FRAUD_SHADOWED, FRAUD_SUSPECTED};

/// What becomes of a rule's suspicions. Nothing else depends on it: a rule keeps its history whatever its mode, so it
/// is exact from the first event after it is turned on, and needs no days to warm up. An episode that began before
/// that is not reported afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are not emitted.
    Off,
    /// They are emitted as `fraud.suspected`.
    #[default]
    Live,
    /// They are emitted as `fraud.shadowed`, which subscribers of `fraud.suspected` do not meet: counted and archived,
    /// to see what a rule would do before it does it.
    Shadow,
}

/// A text that names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mode is {}", Mode::NAMES)]
pub struct UnknownMode;

impl Mode {
    /// The modes as they are written.
    pub const NAMES: &'static str = "off, live or shadow";

    /// The type of signal of a suspicion; `None` where none is emitted.
    pub const fn signal_type(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Live => Some(FRAUD_SUSPECTED),
            Self::Shadow => Some(FRAUD_SHADOWED),
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        match name {
            "off" => Ok(Self::Off),
            "live" => Ok(Self::Live),
            "shadow" => Ok(Self::Shadow),
            _ => Err(UnknownMode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_by_its_name_only() {
        let read = ["off", "live", "shadow", "Live", ""].map(|name| name.parse::<Mode>().ok());
        assert_eq!(read, [Some(Mode::Off), Some(Mode::Live), Some(Mode::Shadow), None, None]);
    }
}
