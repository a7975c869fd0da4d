//! A bounded buffer of bytes that have come and are not used yet.

/// A buffer that is empty keeps at most so many bytes of memory.
const KEPT_BYTES: usize = 64 * 1024;

/// Bytes in the order they came. It grows as needed (who reads sets the limits), moves its content only
/// when that makes room, and gives large memory back when it is empty.
#[derive(Debug, Default)]
pub struct InputBuffer {
    /// Initialised; its length is the capacity.
    memory: Vec<u8>,
    start: usize,
    end: usize,
}

impl InputBuffer {
    /// Holds no memory until there are bytes.
    #[must_use]
    pub const fn new() -> InputBuffer {
        InputBuffer {
            memory: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// What has come and was not consumed.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room for exactly `bytes` behind what has come; report with [`InputBuffer::added`] how many were
    /// written there.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.memory.len() - self.end < bytes && self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let needed = self.end + bytes;
        if self.memory.len() < needed {
            // Doubling, so that growing in small steps stays linear.
            let capacity = needed.max(self.memory.len().saturating_mul(2).min(needed * 2));
            self.memory.resize(capacity, 0);
        }
        &mut self.memory[self.end..needed]
    }

    /// So many bytes were written to the start of the last [`InputBuffer::room`].
    pub fn added(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.memory.len());
    }

    /// Copies bytes in.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.added(bytes.len());
    }

    /// Puts bytes in front of what has come.
    pub fn put_back(&mut self, bytes: &[u8]) {
        if self.is_empty() {
            return self.extend(bytes);
        }
        let behind = self.filled().to_vec();
        self.clear();
        self.extend(bytes);
        self.extend(&behind);
    }

    /// Forgets the first `bytes` (at most all).
    pub fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        if self.memory.len() > KEPT_BYTES {
            self.memory = Vec::new();
        }
    }

    /// Gives all memory back; what has come is forgotten.
    pub fn release(&mut self) {
        *self = InputBuffer::new();
    }
}
