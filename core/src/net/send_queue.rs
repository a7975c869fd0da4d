//! Bytes that wait until a client reads.

use super::stream::{Stream, WriteOutcome};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Size of the buffers that small pushes share.
pub const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks given to the kernel in one call.
const WRITEV_CHUNKS: usize = 64;

/// Spare buffers of one thread, so that queues that fill and empty do not go to the allocator each time.
#[derive(Debug)]
pub struct BufferPool {
    free: Vec<Vec<u8>>,
    max_free: usize,
}

impl BufferPool {
    /// Keeps at most `max_free` buffers of 16 KiB.
    #[must_use]
    pub fn new(max_free: usize) -> BufferPool {
        BufferPool {
            free: Vec::new(),
            max_free,
        }
    }

    /// Memory that the spare buffers hold.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.free.len() * CHUNK_BYTES
    }

    fn take(&mut self) -> Vec<u8> {
        self.free
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES))
    }

    fn give(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < self.max_free {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum FlushOutcome {
    /// The queue is empty.
    Done,
    /// The client must read first; writability is reported as an edge.
    Blocked,
    /// The connection is broken, for this errno. What is left in the queue will not be read by anybody.
    Gone(i32),
}

/// A flush: what it came to, and how many bytes the kernel took on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Flushed {
    pub outcome: FlushOutcome,
    pub written_bytes: usize,
}

/// A queue of bytes. It has no limit of its own: the caller compares [`SendQueue::bytes`] with the one
/// that holds before it pushes. Small pushes share buffers of 16 KiB from the pool, so it takes at most
/// about twice the memory of its bytes plus two buffers, as long as no chunk is partly sent; one that is
/// partly sent is given back when all of it is. An empty queue holds no heap memory.
///
/// Always give it the pool of the same thread, and [`SendQueue::clear`] it before dropping to give the
/// buffers back to the pool.
#[derive(Debug, Default)]
pub struct SendQueue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
}

#[derive(Debug)]
struct Chunk {
    data: Vec<u8>,
    /// How much of `data` the kernel has.
    sent: usize,
    pooled: bool,
}

impl Chunk {
    fn unsent(&self) -> &[u8] {
        self.data.get(self.sent..).unwrap_or_default()
    }

    fn room(&self) -> usize {
        if self.pooled {
            CHUNK_BYTES.saturating_sub(self.data.len())
        } else {
            0
        }
    }
}

impl SendQueue {
    #[must_use]
    pub fn new() -> SendQueue {
        SendQueue::default()
    }

    /// Appends a copy of `bytes`.
    pub fn push(&mut self, pool: &mut BufferPool, bytes: &[u8]) {
        self.bytes += bytes.len();
        let mut rest = bytes;
        if let Some(last) = self.chunks.back_mut() {
            // A large push is not split: it would cost a copy of a few bytes and gain nothing.
            if last.room() >= rest.len() || rest.len() <= CHUNK_BYTES {
                let (head, tail) = rest.split_at(last.room().min(rest.len()));
                last.data.extend_from_slice(head);
                rest = tail;
            }
        }
        if rest.is_empty() {
            return;
        }
        let pooled = rest.len() <= CHUNK_BYTES;
        let data = if pooled {
            let mut buffer = pool.take();
            buffer.extend_from_slice(rest);
            buffer
        } else {
            rest.to_vec()
        };
        self.chunks.push_back(Chunk {
            data,
            sent: 0,
            pooled,
        });
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Heap memory held, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let buffers: usize = self.chunks.iter().map(|c| c.data.capacity()).sum();
        buffers + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Writes until the queue is empty or the kernel takes no more.
    pub fn flush(&mut self, pool: &mut BufferPool, stream: &Stream) -> Flushed {
        let mut written_bytes = 0;
        let outcome = loop {
            if self.bytes == 0 {
                break FlushOutcome::Done;
            }
            match self.write_once(stream) {
                WriteOutcome::Wrote(n) => {
                    written_bytes += n;
                    self.advance(pool, n);
                }
                WriteOutcome::WouldBlock => break FlushOutcome::Blocked,
                WriteOutcome::Gone(errno) => break FlushOutcome::Gone(errno),
            }
        };
        Flushed {
            outcome,
            written_bytes,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self, pool: &mut BufferPool) {
        for chunk in std::mem::take(&mut self.chunks) {
            if chunk.pooled {
                pool.give(chunk.data);
            }
        }
        self.bytes = 0;
    }

    fn write_once(&self, stream: &Stream) -> WriteOutcome {
        if let (Some(only), 1) = (self.chunks.front(), self.chunks.len()) {
            return stream.write(only.unsent());
        }
        let mut slices = [IoSlice::new(&[]); WRITEV_CHUNKS];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk.unsent());
            count += 1;
        }
        match slices.get(..count) {
            Some(several) => stream.writev(several),
            None => WriteOutcome::Wrote(0),
        }
    }

    /// Drops `written` bytes from the front.
    fn advance(&mut self, pool: &mut BufferPool, written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        let mut left = written;
        while let Some(first) = self.chunks.front_mut() {
            let unsent = first.unsent().len();
            if left < unsent {
                first.sent += left;
                return;
            }
            left -= unsent;
            if let Some(chunk) = self.chunks.pop_front()
                && chunk.pooled
            {
                pool.give(chunk.data);
            }
        }
        // The list itself is memory too.
        self.chunks = VecDeque::new();
    }
}

#[cfg(test)]
#[path = "send_queue_tests.rs"]
mod tests;
