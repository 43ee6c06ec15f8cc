//! Loyalty points: one for each whole unit of money ordered, less those of what came back.

use millrace_domain::fold::{CannotApply, Emit, KeyState};
use millrace_domain::{Data, Event};
use serde::{Deserialize, Serialize};

/// Minor units that make a point.
const POINT_MINOR: i64 = 100;

/// The points of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loyalty {
    /// Below zero where more came back than is known to have been ordered.
    pub points: i64,
}

impl KeyState for Loyalty {
    type Settings = ();

    const ATTRIBUTES: &'static [&'static str] = &["points"];

    fn handles(data: &Data<'_>) -> bool {
        matches!(data, Data::OrderPlaced(_) | Data::OrderReturned(_))
    }

    fn apply(&mut self, event: &Event<'_>, _: i64, (): &(), _: &mut Emit<'_>) -> Result<(), CannotApply> {
        match &event.data {
            Data::OrderPlaced(order) => self.points += order.total_minor / POINT_MINOR,
            Data::OrderReturned(order) => self.points -= order.total_minor / POINT_MINOR,
            _ => {}
        }
        Ok(())
    }
}
