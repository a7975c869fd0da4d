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

use swoole_core::shm::mutex::RobustMutex;
use swoole_core::shm::region::Layout;
use swoole_core::shm::ring::{Consumer, Producer, Ring};

const CAPACITY_BYTES: usize = 16 * 1024;
const HEAD_BYTES: usize = 24;

fn main() {
    let kills: u64 = number("SWOOLE_RS_KILLS").unwrap_or(200);
    let started_ns = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let seed = number("SWOOLE_RS_SEED").unwrap_or(started_ns.as_nanos() as u64);
    println!("ring_kill: {kills} kills per case, SWOOLE_RS_SEED={seed}");
    let cases: [(&str, Case); 3] = [
        ("producer_killed", producer_killed),
        ("consumer_killed", consumer_killed),
        ("holder_killed", |_, _| holder_killed()),
    ];
    for (name, case) in cases {
        let start = Instant::now();
        let seen = case(kills, &mut Random(seed | 1));
        println!("test {name} ... ok ({seen}, {:?})", start.elapsed());
    }
}

/// Takes the number of kills; says what it saw.
type Case = fn(u64, &mut Random) -> String;

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
    /// Consumer: records that a successor saw again.
    repeated: &'static AtomicU64,
    /// A child's complaint: the number of the line that found it.
    complaint: &'static AtomicU64,
}

impl Shared {
    fn new() -> Self {
        let mut layout = Layout::new();
        let ring = layout.ring(CAPACITY_BYTES);
        let words = layout.array::<AtomicU64>(4);
        let built = layout.build("test-kill").unwrap();
        let [done, copied, repeated, complaint] = built.get(words) else {
            unreachable!()
        };
        Self {
            ring: built.ring(ring),
            done,
            copied,
            repeated,
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

/// What became of an attempt to write a record.
#[derive(PartialEq)]
enum Produced {
    Yes,
    /// Begun and given up, as after read(2) says EAGAIN.
    Abandoned,
    Full,
}

fn produce(
    producer: &mut Producer,
    random: &mut Random,
    incarnation: u64,
    sequence: u64,
) -> Produced {
    let largest = producer.max_record();
    let most = if random.below(50) == 0 { largest } else { 300 };
    let len = HEAD_BYTES + random.below((most - HEAD_BYTES + 1) as u64) as usize;
    let spare = random.below((largest - len + 1) as u64) as usize / 4;
    let Some(mut reservation) = producer.try_reserve(len + spare) else {
        return Produced::Full;
    };
    dwell(random);
    fill(&mut reservation.bytes_mut()[..len], incarnation, sequence);
    // What is not committed is scribbled on, as a read(2) of more bytes does.
    reservation.bytes_mut()[len..].fill(0xee);
    dwell(random);
    if random.below(8) == 0 {
        return Produced::Abandoned;
    }
    reservation.commit(len);
    Produced::Yes
}

/// Now and then stays a while where it is, so that a kill comes there.
fn dwell(random: &mut Random) {
    if random.below(32) == 0 {
        for _ in 0..random.below(4) {
            std::thread::yield_now();
        }
        for _ in 0..random.below(2000) {
            spin_loop();
        }
    }
}

/// Until `done`: the other process gets on, whatever else this machine does.
fn wait_until(shared: &Shared, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        let complaint = shared.complaint.load(Ordering::Relaxed);
        assert_eq!(complaint, 0, "the child found a fault in line {complaint}");
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

/// Reads what producers write, and demands that it is right.
struct Reader<'a> {
    shared: &'a Shared,
    consumer: Consumer,
    /// Records of each incarnation that arrived.
    arrived: Vec<u64>,
    taken: u64,
}

impl Reader<'_> {
    fn read(&mut self, most: u64) {
        for _ in 0..most {
            let Some(record) = self.consumer.peek().unwrap() else {
                break;
            };
            let (incarnation, sequence) = check(record.bytes()).expect("a torn record");
            let at = incarnation as usize;
            let later = &self.arrived[at + 1..];
            assert!(later.iter().all(|count| *count == 0), "out of order");
            assert_eq!(sequence, self.arrived[at], "lost or twice");
            self.arrived[at] += 1;
            self.taken += 1;
        }
    }

    /// Goes on until some records came or the ring was full.
    fn let_it_work(&mut self, random: &mut Random) {
        let what = "the producer stands still";
        if random.below(4) == 0 {
            wait_until(self.shared, what, || self.consumer.take_waiting());
            return;
        }
        let target = self.taken + random.below(200);
        let burst = 1 + random.below(60);
        wait_until(self.shared, what, || {
            self.read(burst);
            self.taken >= target
        });
    }
}

/// Incarnations of a producer are killed; a consumer reads on. Of each incarnation every record that
/// was surely committed arrives, once, in order, whole, and at most one more.
fn producer_killed(kills: u64, random: &mut Random) -> String {
    let shared = Shared::new();
    let mut reader = Reader {
        shared: &shared,
        consumer: Consumer::attach(shared.ring),
        arrived: vec![0; kills as usize],
        taken: 0,
    };
    let mut committed = Vec::new();
    for incarnation in 0..kills {
        shared.done.store(0, Ordering::Relaxed);
        let mut child_random = Random(random.next() | 1);
        let pid = spawn(|| produce_for_ever(&shared, incarnation, &mut child_random));
        // Sometimes it is killed before it begins.
        for _ in 0..random.below(4) {
            reader.let_it_work(random);
        }
        dwell(random);
        kill_9(pid, &shared);
        committed.push(shared.done.load(Ordering::Acquire));
        // Sometimes the successor begins while much of the old one is still there.
        if random.below(2) == 0 {
            reader.read(u64::MAX);
        }
    }
    reader.read(u64::MAX);
    assert!(reader.consumer.is_empty());
    let mut uncounted = 0;
    for (incarnation, (committed, arrived)) in committed.iter().zip(&reader.arrived).enumerate() {
        let extra = arrived.checked_sub(*committed);
        assert!(
            matches!(extra, Some(0 | 1)),
            "incarnation {incarnation}: {committed} committed, {arrived} arrived"
        );
        uncounted += extra.unwrap_or(0);
    }
    let taken = reader.taken;
    format!("{taken} records, {uncounted} killed just after a commit")
}

fn produce_for_ever(shared: &Shared, incarnation: u64, random: &mut Random) {
    let mut producer = Producer::attach(shared.ring);
    shared.demand(producer.is_sound(), line!());
    let mut sequence = 0;
    loop {
        match produce(&mut producer, random, incarnation, sequence) {
            Produced::Yes => {
                sequence += 1;
                dwell(random);
                shared.done.store(sequence, Ordering::Release);
            }
            Produced::Abandoned => {}
            Produced::Full => {
                producer.set_waiting(true);
                std::thread::yield_now();
            }
        }
    }
}

/// Incarnations of a consumer are killed; a producer writes on. Each record is read whole and in
/// order; only the one that a dead consumer had copied and not released is seen again.
fn consumer_killed(kills: u64, random: &mut Random) -> String {
    let shared = Shared::new();
    let mut producer = Producer::attach(shared.ring);
    let mut sequence = 0;
    let what = "the consumer stands still";
    for _ in 0..kills {
        let mut child_random = Random(random.next() | 1);
        let pid = spawn(|| consume_for_ever(&shared, &mut child_random));
        for _ in 0..random.below(4) {
            let target = sequence + random.below(200);
            wait_until(&shared, what, || {
                match produce(&mut producer, random, 0, sequence) {
                    Produced::Yes => sequence += 1,
                    Produced::Abandoned | Produced::Full => {}
                }
                sequence >= target
            });
            // Sometimes it is killed when it has nothing to do.
            if random.below(4) == 0 {
                wait_until(&shared, what, || producer.used_bytes() == 0);
            }
        }
        dwell(random);
        kill_9(pid, &shared);
    }
    // The last one may finish in peace.
    let pid = spawn(|| consume_for_ever(&shared, &mut Random(1)));
    wait_until(&shared, "records were lost", || {
        producer.used_bytes() == 0 && shared.done.load(Ordering::Acquire) >= sequence
    });
    kill_9(pid, &shared);
    assert_eq!(shared.copied.load(Ordering::Relaxed), sequence);
    let repeated = shared.repeated.load(Ordering::Relaxed);
    assert!(repeated <= kills);
    format!("{sequence} records, {repeated} seen again")
}

fn consume_for_ever(shared: &Shared, random: &mut Random) {
    let consumer = Consumer::attach(shared.ring);
    // What the predecessor had copied out, and perhaps not released.
    let mut expected = shared.copied.load(Ordering::Acquire);
    let mut may_repeat = true;
    loop {
        let record = match consumer.peek() {
            Ok(Some(record)) => record,
            Ok(None) => {
                std::thread::yield_now();
                continue;
            }
            Err(_) => return shared.demand(false, line!()),
        };
        dwell(random);
        let Some((_, sequence)) = check(record.bytes()) else {
            return shared.demand(false, line!());
        };
        if may_repeat && sequence + 1 == expected {
            // Seen again.
            expected = sequence;
            shared.repeated.fetch_add(1, Ordering::Relaxed);
        }
        may_repeat = false;
        shared.demand(sequence == expected, line!());
        expected += 1;
        shared.copied.store(expected, Ordering::Release);
        dwell(random);
        record.release();
        shared.done.store(expected, Ordering::Release);
    }
}

/// The next one to lock a mutex learns that its holder died, and can go on.
fn holder_killed() -> String {
    let mut layout = Layout::new();
    let slot = layout.array::<RobustMutex>(1);
    let mutex = &layout.build("test-mutex").unwrap().get(slot)[0];
    mutex.init().unwrap();
    let times = 10;
    for _ in 0..times {
        let pid = spawn(|| {
            let _guard = mutex.lock().unwrap();
            raise(Signal::SIGKILL).unwrap();
        });
        waitpid(pid, None).unwrap();
        assert!(mutex.lock().unwrap().holder_died());
        assert!(!mutex.lock().unwrap().holder_died());
    }
    format!("{times} holders")
}
