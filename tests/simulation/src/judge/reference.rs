//! What must become of a user's events, told in the simplest way: nothing is forgotten, nothing is packed.

use millrace_domain::decode::{Arrival, decode};
use millrace_domain::fold::{Emit, KeyState};
use millrace_domain::session::SessionState;
use millrace_domain::{Position, SequenceNumber};

use crate::plan::{Defect, EventSpec, Settings};
use crate::run::{code, session_settings};

/// What must become of an event that functions can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Applied,
    Duplicate,
    Collision,
    Late,
    Poisoned,
}

/// One user.
#[derive(Clone, Debug)]
pub(super) struct Reference<'p> {
    settings: &'p Settings,
    largest_ms: i64,
    classes: [Class; 2],
    /// The user's state.
    pub(super) state: SessionState,
}

/// All that was ever decided in a class, and what may be judged by it.
#[derive(Clone, Debug)]
struct Class {
    floor_ms: i64,
    decided: Vec<(i64, u64)>,
}

/// The number of an event: its id and its payload.
pub(super) fn number(spec: &EventSpec) -> u64 {
    let text = spec.text();
    let mut number = 0;
    decode(text.as_bytes(), &arrival(&spec.key()), |decoded| {
        number = decoded.event.as_ref().map(code).unwrap_or_default();
    });
    number
}

fn arrival(key: &str) -> Arrival<'_> {
    Arrival { partition_key: key, arrived_at_ms: i64::MAX }
}

fn id(number: u64) -> u64 {
    number >> 32
}

impl<'p> Reference<'p> {
    pub(super) fn new(settings: &'p Settings) -> Self {
        let class = || Class { floor_ms: i64::MIN, decided: Vec::new() };
        Self { settings, largest_ms: i64::MIN, classes: [class(), class()], state: SessionState::default() }
    }

    /// What must become of the next event.
    pub(super) fn expect(&self, spec: &EventSpec, number: u64) -> Expected {
        let class = &self.classes[usize::from(spec.kind.is_money())];
        if spec.time_ms < class.floor_ms {
            return Expected::Late;
        }
        let known = || class.decided.iter().filter(|(time_ms, _)| *time_ms >= class.floor_ms);
        if known().any(|(_, decided)| *decided == number) {
            return Expected::Duplicate;
        }
        if known().any(|(_, decided)| id(*decided) == id(number)) {
            return Expected::Collision;
        }
        match spec.defect {
            Some(Defect::Poison) => Expected::Poisoned,
            _ => Expected::Applied,
        }
    }

    /// Decides an event without applying it.
    pub(super) fn set_aside(&mut self, spec: &EventSpec, number: u64) {
        self.classes[usize::from(spec.kind.is_money())].decide(spec.time_ms, number, self.settings.seen_cap);
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, spec: &EventSpec, number: u64) {
        self.largest_ms = self.largest_ms.max(spec.time_ms);
        let cap = self.settings.seen_cap;
        self.classes[usize::from(spec.kind.is_money())].decide(spec.time_ms, number, cap);
        let horizons = [self.settings.activity_horizon_ms, self.settings.money_horizon_ms];
        for (class, horizon_ms) in self.classes.iter_mut().zip(horizons) {
            class.floor_ms = class.floor_ms.max(self.largest_ms - horizon_ms);
            class.bound(cap);
        }
        fold(&mut self.state, spec, self.largest_ms, self.settings);
    }
}

impl Class {
    fn decide(&mut self, time_ms: i64, number: u64, cap: usize) {
        self.decided.push((time_ms, number));
        self.bound(cap);
    }

    /// No more than `cap` may be judged by; whole milliseconds go.
    fn bound(&mut self, cap: usize) {
        loop {
            let times = || self.decided.iter().map(|(time_ms, _)| *time_ms).filter(|at| *at >= self.floor_ms);
            match times().min().filter(|_| times().count() > cap) {
                Some(oldest_ms) => self.floor_ms = oldest_ms + 1,
                None => return,
            }
        }
    }
}

/// Applies one event to a state, by the domain's own rules.
pub(super) fn fold(state: &mut SessionState, spec: &EventSpec, largest_ms: i64, settings: &Settings) {
    let text = spec.text();
    let key = spec.key();
    let Ok(sequence) = SequenceNumber::parse("0") else { return };
    let position = Position { sequence, sub_sequence: 0, index: 0 };
    let mut signals = Vec::new();
    decode(text.as_bytes(), &arrival(&key), |decoded| {
        if let Ok(event) = &decoded.event {
            let mut emit = Emit::new("reference", &position, &mut signals);
            // An event that cannot be applied changes nothing, here as there.
            let _ = state.apply(event, largest_ms, &session_settings(settings), &mut emit);
        }
    });
}
