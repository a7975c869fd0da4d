//! Processes killed with -9 at random moments leave their rings consistent.
//!
//! Not under the test harness: fork needs a process of one thread. `SWOOLE_RS_KILLS` sets the number
//! of kills per case (default 200), `SWOOLE_RS_SEED` repeats a run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use swoole_core::shm::memory::Ring;
use swoole_core::shm::mutex::RobustMutex;
use swoole_core::shm::region::Layout;
use swoole_core::shm::ring::{Consumer, Producer};

const CAPACITY_BYTES: usize = 16 * 1024;
const HEAD_BYTES: usize = 24;

fn main() {
    let kills: u64 = number("SWOOLE_RS_KILLS").unwrap_or(200);
    let started_ns = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let seed = number("SWOOLE_RS_SEED").unwrap_or(started_ns.as_nanos() as u64);
    println!("ring_kill: {kills} kills per case, SWOOLE_RS_SEED={seed}");
    let cases: [(&str, fn(u64, &mut Random) -> u64); 3] = [
        ("producer_killed", producer_killed),
        ("consumer_killed", consumer_killed),
        ("holder_killed", |_, _| holder_killed()),
    ];
    for (name, case) in cases {
        let start = Instant::now();
        let records = case(kills, &mut Random(seed | 1));
        println!(
            "test {name} ... ok ({records} records, {:?})",
            start.elapsed()
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// xorshift: good enough to vary lengths and moments, and the same in each run of a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
}

/// Memory that the processes keep their accounts in.
struct Shared {
    ring: Ring,
    /// Producer: records surely committed by this incarnation. Consumer: records surely released.
    done: &'static AtomicU64,
    /// Consumer: records copied out, counted before they are released.
    copied: &'static AtomicU64,
    /// A child's complaint: the number of the line that found it.
    complaint: &'static AtomicU64,
}

impl Shared {
    fn new() -> Self {
        let mut layout = Layout::new();
        let ring = layout.ring(CAPACITY_BYTES);
        let words = layout.array::<AtomicU64>(3);
        let built = layout.build("test-kill").unwrap();
        let [done, copied, complaint] = built.get(words) else {
            unreachable!()
        };
        Self {
            ring: built.ring(ring),
            done,
            copied,
            complaint,
        }
    }

    /// In a child: says what is wrong where the parent sees it.
    fn demand(&self, holds: bool, line: u32) {
        if !holds {
            self.complaint.store(u64::from(line), Ordering::Relaxed);
            std::process::abort();
        }
    }
}

fn spawn(child: impl FnOnce()) -> Pid {
    // SAFETY: this process has one thread (no harness), so the child may do anything.
    // JUSTIFICATION: there is no safe fork.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            child();
            std::process::abort();
        }
    }
}

fn kill_9(pid: Pid, shared: &Shared) {
    kill(pid, Signal::SIGKILL).unwrap();
    let status = waitpid(pid, None).unwrap();
    let complaint = shared.complaint.load(Ordering::Relaxed);
    assert_eq!(complaint, 0, "the child found a fault in line {complaint}");
    assert_eq!(status, WaitStatus::Signaled(pid, Signal::SIGKILL, false));
}

/// Bytes `incarnation, sequence, checksum, filling`, all told by the first two and the length.
fn fill(bytes: &mut [u8], incarnation: u64, sequence: u64) {
    let (head, filling) = bytes.split_at_mut(HEAD_BYTES);
    let mut sum = incarnation.rotate_left(32) ^ sequence ^ filling.len() as u64;
    for byte in filling {
        sum = sum.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) ^ 0x55;
        *byte = sum as u8;
    }
    for (place, value) in head.chunks_exact_mut(8).zip([incarnation, sequence, sum]) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
}

/// Takes a record apart; `None` if it is not exactly as `fill` made it.
fn check(bytes: &[u8]) -> Option<(u64, u64)> {
    let word = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let (incarnation, sequence) = (word(0)?, word(8)?);
    word(16)?;
    let mut expected = vec![0; bytes.len()];
    fill(&mut expected, incarnation, sequence);
    (expected == bytes).then_some((incarnation, sequence))
}

/// One record, or one that is begun and given up, or none if the ring is full.
fn produce(producer: &mut Producer, random: &mut Random, incarnation: u64, sequence: u64) -> bool {
    let most = if random.below(50) == 0 {
        producer.max_record() as u64
    } else {
        300
    };
    let len = HEAD_BYTES + random.below(most - HEAD_BYTES as u64 + 1) as usize;
    let spare = random.below((producer.max_record() - len + 1) as u64) as usize;
    let Some(mut reservation) = producer.try_reserve(len + spare / 4) else {
        return false;
    };
    fill(&mut reservation.bytes_mut()[..len], incarnation, sequence);
    // What is not committed is scribbled on, as a read(2) of more bytes does.
    reservation.bytes_mut()[len..].fill(0xee);
    if random.below(8) == 0 {
        return false;
    }
    reservation.commit(len);
    true
}

/// Waits a random moment, mostly short: about as long as a few records take.
fn pause(random: &mut Random) {
    let most_us = [1, 10, 100, 1500][random.below(4) as usize];
    let pause = Duration::from_nanos(random.below(most_us * 1000));
    let start = Instant::now();
    while start.elapsed() < pause {
        spin_loop();
    }
}

/// Incarnations of a producer are killed; a consumer reads on. Of each incarnation every record that
/// was surely committed arrives, once, in order, whole, and at most one more.
fn producer_killed(kills: u64, random: &mut Random) -> u64 {
    let shared = Shared::new();
    let consumer = Consumer::attach(shared.ring);
    let mut arrived = vec![0_u64; kills as usize];
    let mut taken = 0;
    let mut read = |random: &mut Random, most: u64, arrived: &mut [u64], newest: u64| {
        for _ in 0..most {
            let Some(record) = consumer.peek().unwrap() else {
                break;
            };
            let (incarnation, sequence) = check(record.bytes()).expect("a torn record");
            assert!(incarnation <= newest);
            let later = &arrived[incarnation as usize + 1..];
            assert!(later.iter().all(|count| *count == 0), "out of order");
            assert_eq!(sequence, arrived[incarnation as usize], "lost or twice");
            arrived[incarnation as usize] += 1;
            taken += 1;
            if random.below(4) == 0 && consumer.take_waiting() {}
        }
    };
    let mut committed = Vec::new();
    for incarnation in 0..kills {
        shared.done.store(0, Ordering::Relaxed);
        let mut child_random = Random(random.next() | 1);
        let pid = spawn(|| {
            let mut producer = Producer::attach(shared.ring);
            shared.demand(producer.is_sound(), line!());
            let mut sequence = 0;
            loop {
                if produce(&mut producer, &mut child_random, incarnation, sequence) {
                    sequence += 1;
                    shared.done.store(sequence, Ordering::Release);
                } else {
                    producer.set_waiting(true);
                }
            }
        });
        // Sometimes the ring runs full, sometimes it is drained all the time.
        for _ in 0..random.below(6) {
            pause(random);
            let most = random.below(400);
            read(random, most, &mut arrived, incarnation);
        }
        kill_9(pid, &shared);
        committed.push(shared.done.load(Ordering::Acquire));
        // Sometimes the successor begins while much of the old one is still there.
        if random.below(2) == 0 {
            read(random, u64::MAX, &mut arrived, incarnation);
        }
    }
    read(random, u64::MAX, &mut arrived, kills);
    assert!(consumer.is_empty());
    for (incarnation, (committed, arrived)) in committed.iter().zip(&arrived).enumerate() {
        let extra = arrived.checked_sub(*committed);
        assert!(
            matches!(extra, Some(0 | 1)),
            "incarnation {incarnation}: {committed} committed, {arrived} arrived"
        );
    }
    taken
}

/// Incarnations of a consumer are killed; a producer writes on. Each record is read whole and in
/// order; only the one that a dead consumer had copied and not released is seen again, once.
fn consumer_killed(kills: u64, random: &mut Random) -> u64 {
    let shared = Shared::new();
    let mut producer = Producer::attach(shared.ring);
    let mut sequence = 0;
    for _ in 0..kills {
        let pid = spawn(|| consume_for_ever(&shared));
        for _ in 0..random.below(6) {
            pause(random);
            for _ in 0..random.below(400) {
                if produce(&mut producer, random, 0, sequence) {
                    sequence += 1;
                }
            }
        }
        kill_9(pid, &shared);
    }
    // The last one may finish in peace.
    let pid = spawn(|| consume_for_ever(&shared));
    let start = Instant::now();
    while producer.used_bytes() > 0 || shared.done.load(Ordering::Acquire) < sequence {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "records were lost"
        );
        assert_eq!(shared.complaint.load(Ordering::Relaxed), 0);
        std::thread::yield_now();
    }
    kill_9(pid, &shared);
    assert_eq!(shared.copied.load(Ordering::Relaxed), sequence);
    sequence
}

fn consume_for_ever(shared: &Shared) {
    let consumer = Consumer::attach(shared.ring);
    // What the predecessor had copied out, and perhaps not released.
    let mut expected = shared.copied.load(Ordering::Acquire);
    let mut may_repeat = true;
    loop {
        let record = match consumer.peek() {
            Ok(Some(record)) => record,
            Ok(None) => {
                spin_loop();
                continue;
            }
            Err(_) => return shared.demand(false, line!()),
        };
        let Some((_, sequence)) = check(record.bytes()) else {
            return shared.demand(false, line!());
        };
        if may_repeat && sequence + 1 == expected {
            // Seen again. It was copied before, so it is not counted again.
            expected = sequence;
        }
        may_repeat = false;
        shared.demand(sequence == expected, line!());
        expected += 1;
        shared.copied.store(expected, Ordering::Release);
        record.release();
        shared.done.store(expected, Ordering::Release);
    }
}

/// The next one to lock a mutex learns that its holder died, and can go on.
fn holder_killed() -> u64 {
    let mut layout = Layout::new();
    let slot = layout.array::<RobustMutex>(1);
    let mutex = &layout.build("test-mutex").unwrap().get(slot)[0];
    mutex.init().unwrap();
    for _ in 0..10 {
        let pid = spawn(|| {
            let _guard = mutex.lock().unwrap();
            raise(Signal::SIGKILL).unwrap();
        });
        waitpid(pid, None).unwrap();
        assert!(mutex.lock().unwrap().holder_died());
        assert!(!mutex.lock().unwrap().holder_died());
    }
    0
}
