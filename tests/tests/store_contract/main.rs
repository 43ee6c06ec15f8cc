//! One contract for every `Store`: the one in memory, and DynamoDB as an emulator speaks it over HTTP. What holds
//! for one and not for the other would let tests in memory prove nothing.

#[cfg(test)]
mod dynamodb;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod reorder_points;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod stores;
