//! What the functions emit when something happens in a shop, as scripts that can be read by those who know the shop.
//!
//! `tests/scenarios/*.txt`: what happens stands above the ruler, what is emitted below it.

#[cfg(test)]
mod emitted;
#[cfg(test)]
mod script;
#[cfg(test)]
mod shop;
