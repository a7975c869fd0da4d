#![allow(clippy::expect_used)]

use super::*;
use proptest::prelude::*;
use std::io::Read;
use std::os::unix::net::UnixStream;

const POOL_MAX: usize = 3;

/// A queue's connection with small kernel buffers, so that flushes end in the middle.
fn pair() -> (Stream, UnixStream) {
    let (ours, peer) = UnixStream::pair().expect("pair");
    ours.set_nonblocking(true).expect("nonblocking");
    peer.set_nonblocking(true).expect("nonblocking");
    let ours = Stream::from(ours);
    crate::sys::socket::set_option(&ours, libc::SOL_SOCKET, libc::SO_SNDBUF, 4608).expect("buffer");
    (ours, peer)
}

fn read_up_to(mut peer: &UnixStream, limit: usize, into: &mut Vec<u8>) {
    let mut buffer = vec![0; limit];
    if let Ok(n) = peer.read(&mut buffer) {
        into.extend_from_slice(&buffer[..n]);
    }
}

#[derive(Clone, Debug)]
enum Op {
    Push(usize),
    Flush,
    Read(usize),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let size = prop_oneof![
        4 => 0..200usize,
        2 => 0..CHUNK_BYTES,
        1 => CHUNK_BYTES - 2..CHUNK_BYTES + 3,
        1 => CHUNK_BYTES..5 * CHUNK_BYTES,
    ];
    prop_oneof![
        40 => size.prop_map(Op::Push),
        20 => Just(Op::Flush),
        20 => (1..3 * CHUNK_BYTES).prop_map(Op::Read),
        1 => Just(Op::Clear),
    ]
}

/// Bytes whose order shows.
fn pattern(from: usize, len: usize) -> Vec<u8> {
    (from..from + len)
        .map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8)
        .collect()
}

fn check_memory(queue: &SendQueue, pool: &BufferPool) -> Result<(), TestCaseError> {
    prop_assert!(pool.free_bytes() <= POOL_MAX * CHUNK_BYTES);
    prop_assert_eq!(queue.is_empty(), queue.bytes() == 0);
    if queue.is_empty() {
        prop_assert_eq!(queue.heap_bytes(), 0);
    }
    // Between two small buffers there is either a full one or a large one.
    let partly_sent: usize = queue.chunks.iter().map(|c| c.sent).sum();
    let list = queue.chunks.capacity() * size_of::<Chunk>();
    let held = queue.heap_bytes() - list;
    prop_assert!(held <= 2 * (queue.bytes() + partly_sent) + 2 * CHUNK_BYTES);
    Ok(())
}

proptest! {
    #[test]
    fn delivers_what_was_pushed_in_order(ops in prop::collection::vec(op(), 0..150)) {
        let (stream, peer) = pair();
        let mut pool = BufferPool::new(POOL_MAX);
        let mut queue = SendQueue::new();
        // The model: all that the peer is to get, and how much of it the kernel took.
        let mut expected: Vec<u8> = Vec::new();
        let mut taken = 0;
        let mut pushed = 0;
        let mut received = Vec::new();
        for op in ops {
            match op {
                Op::Push(len) => {
                    let bytes = pattern(pushed, len);
                    pushed += len;
                    queue.push(&mut pool, &bytes);
                    expected.extend_from_slice(&bytes);
                }
                Op::Flush => {
                    let before = queue.bytes();
                    let flushed = queue.flush(&mut pool, &stream);
                    taken += flushed.written_bytes;
                    prop_assert_eq!(before - flushed.written_bytes, queue.bytes());
                    let outcome = if queue.is_empty() { FlushOutcome::Done } else { FlushOutcome::Blocked };
                    prop_assert_eq!(flushed.outcome, outcome);
                }
                Op::Read(limit) => read_up_to(&peer, limit, &mut received),
                Op::Clear => {
                    queue.clear(&mut pool);
                    expected.truncate(taken);
                }
            }
            prop_assert_eq!(queue.bytes(), expected.len() - taken);
            check_memory(&queue, &pool)?;
        }
        while queue.flush(&mut pool, &stream).outcome == FlushOutcome::Blocked {
            read_up_to(&peer, CHUNK_BYTES, &mut received);
        }
        check_memory(&queue, &pool)?;
        drop(stream);
        (&peer).read_to_end(&mut received).expect("rest");
        prop_assert!(received == expected, "bytes differ");
    }
}

#[test]
fn small_pushes_share_a_buffer_and_large_ones_are_exact() {
    let mut pool = BufferPool::new(1);
    let mut queue = SendQueue::new();
    for _ in 0..1000 {
        queue.push(&mut pool, b"0123456789");
    }
    assert_eq!(queue.chunks.len(), 1);
    queue.push(&mut pool, &vec![1; 100_000]);
    assert_eq!(queue.chunks.len(), 2);
    assert_eq!(queue.chunks[1].data.capacity(), 100_000);
    assert_eq!(queue.bytes(), 110_000);
    queue.clear(&mut pool);
    assert_eq!(queue.heap_bytes(), 0);
    assert_eq!(pool.free_bytes(), CHUNK_BYTES);
}

#[test]
fn a_peer_that_is_gone_is_told_and_raises_no_signal() {
    let (stream, peer) = pair();
    let mut pool = BufferPool::new(1);
    let mut queue = SendQueue::new();
    drop(peer);
    for slices in [1, 3] {
        for _ in 0..slices {
            queue.push(&mut pool, &vec![0; CHUNK_BYTES]);
        }
        let flushed = queue.flush(&mut pool, &stream);
        assert_eq!(flushed.outcome, FlushOutcome::Gone(libc::EPIPE));
        assert_eq!(flushed.written_bytes, 0);
    }
}
