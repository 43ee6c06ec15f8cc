//! Items that this execution environment wrote or read, for the next invocation.
//!
//! An item from here may be old: another execution environment may have written since. The condition of the commit
//! finds that out, so a write may use the item. It must not when something in the batch emits a signal, or when an
//! event is rejected.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::ports::Stored;

/// The items used last.
#[derive(Debug)]
pub struct StateCache<S>(Option<LruCache<String, Stored<S>>>);

impl<S> StateCache<S> {
    /// A cache of at most `items` items; 0 turns it off.
    pub fn new(items: usize) -> Self {
        Self(NonZeroUsize::new(items).map(LruCache::new))
    }

    /// Takes an item out. What goes on from it puts back what it came to; after a crash or a lost answer
    /// nothing is there, and the item is read again.
    pub fn take(&mut self, key: &str) -> Option<Stored<S>> {
        self.0.as_mut()?.pop(key)
    }

    /// Puts an item in that is known to be stored.
    pub fn put(&mut self, key: &str, stored: Stored<S>) {
        if let Some(items) = &mut self.0 {
            items.put(key.to_owned(), stored);
        }
    }
}

#[cfg(test)]
mod tests {
    use millrace_domain::Ledger;

    use super::*;

    fn stored(version: u64) -> Stored<()> {
        Stored { version, ledger: Ledger::default(), state: () }
    }

    #[test]
    fn an_item_is_taken_once_and_the_oldest_go() {
        let mut cache = StateCache::new(1);
        cache.put("a", stored(1));
        cache.put("b", stored(2));
        assert_eq!(cache.take("a"), None);
        assert_eq!(cache.take("b"), Some(stored(2)));
        assert_eq!(cache.take("b"), None);
    }

    #[test]
    fn no_items_means_no_cache() {
        let mut cache = StateCache::new(0);
        cache.put("a", stored(1));
        assert_eq!(cache.take("a"), None);
    }
}
