//! Marks of a consumer's bitmap: which rings to look at. In a file of its own for the model check.

use crate::shm::sync::{AtomicU64, Ordering, fence};

/// Producer, after publishing: sets its bit. If the bit is found set, the consumer has yet to take it
/// and will then see what was published.
#[inline]
pub fn set(word: &AtomicU64, bit: u64) {
    // Between publishing and the look at the mark; pairs with the fence in `take`.
    fence(Ordering::SeqCst);
    if word.load(Ordering::Relaxed) & bit == 0 {
        // The fence in `Doorbell::notify` stands between this and the look at `sleeping`.
        word.fetch_or(bit, Ordering::Release);
    }
}

/// Consumer: takes all marks out of `words`, giving each word that had some to `found`. Look at the
/// rings after it.
#[inline]
pub fn take(words: &[AtomicU64], mut found: impl FnMut(usize, u64)) {
    for (index, word) in words.iter().enumerate() {
        // The load leaves the line shared with producers that find their bit set.
        if word.load(Ordering::Relaxed) != 0 {
            // Acquire: what was published before a mark is seen after it.
            found(index, word.swap(0, Ordering::AcqRel));
        }
    }
    // Between taking the marks and the look at the rings; pairs with the fence in `set`.
    fence(Ordering::SeqCst);
}
