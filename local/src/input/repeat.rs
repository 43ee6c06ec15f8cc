//! Every record twice: the copy comes later, by up to a number of events; originals stay in order.

use std::collections::BTreeMap;

use super::Input;
use crate::error::Error;

/// Records with their copies.
pub(crate) struct Repeated<I> {
    inner: I,
    within: u64,
    rng: fastrand::Rng,
    position: u64,
    copies: BTreeMap<(u64, u64), Input>,
}

impl<I: Iterator<Item = Result<Input, Error>>> Repeated<I> {
    /// Copies follow at most `within` originals later.
    pub(crate) fn new(inner: I, within: usize, seed: u64) -> Self {
        Self {
            inner,
            within: within as u64,
            rng: fastrand::Rng::with_seed(seed),
            position: 0,
            copies: BTreeMap::new(),
        }
    }
}

impl<I: Iterator<Item = Result<Input, Error>>> Iterator for Repeated<I> {
    type Item = Result<Input, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.copies.first_key_value().is_some_and(|((due, _), _)| *due <= self.position) {
            return self.copies.pop_first().map(|(_, copy)| Ok(copy));
        }
        match self.inner.next() {
            Some(Ok(input)) => {
                self.position += 1;
                let due = self.position + self.rng.u64(0..=self.within);
                self.copies.insert((due, self.position), input.clone());
                Some(Ok(input))
            }
            Some(Err(error)) => Some(Err(error)),
            None => self.copies.pop_first().map(|(_, copy)| Ok(copy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_twice_in_order_and_near() {
        let inputs =
            (0..500_u32).map(|index| Ok(Input { partition_key: index.to_string(), data: "".into() }));
        let all: Vec<u32> =
            Repeated::new(inputs, 50, 1).map(|input| input.unwrap().partition_key.parse().unwrap()).collect();
        let mut firsts = Vec::new();
        for index in &all {
            if !firsts.contains(index) {
                firsts.push(*index);
            }
        }
        assert_eq!((all.len(), firsts), (1_000, (0..500).collect::<Vec<_>>()));
        let originals_between = |index: u32| {
            let places: Vec<_> =
                all.iter().enumerate().filter(|(_, other)| **other == index).map(|(at, _)| at).collect();
            let between = &all[places[0] + 1..places[1]];
            between.iter().filter(|other| **other > index).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert!((0..500).all(|index| originals_between(index) <= 50));
        assert!((0..500).any(|index| originals_between(index) > 25));
    }
}
