//! What the functions tell of what happens in a shop, as scripts that can be read by those who know the shop.
//!
//! `tests/scenarios/*.txt`: what happens stands above the ruler, what is told below it.

#[cfg(test)]
mod script;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod told;
