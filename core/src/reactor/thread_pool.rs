//! Threads for what blocks and cannot be waited for otherwise: files, names. PHP-free, as all threads but
//! the main one are.
//!
//! Each thread with an event loop has a pool of its own, made on first use. Jobs run in order of arrival, as
//! many at a time as there are threads; what a job gives goes back to the loop, which it keeps alive until
//! then. `aio_core_worker_num` threads stay; more are made when jobs wait for long, and end when idle.
//!
//! A process made by fork makes its own pool: the parent's threads do not exist there, and their locks may
//! be held for ever, so nothing of the parent's pool is touched. For that reason, too, a job must take no
//! lock that the main thread takes (see [`crate::sys::process::fork`]): it makes system calls, and gives
//! what they gave.

use super::event_loop::{self, Hold};
use crate::options;
use crate::sys::thread::{HelperThread, set_thread_name};
use crate::sys::{forks, process, signal};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Jobs that may wait for a thread; more than there may be coroutines, of which each has one at most.
pub const MAX_QUEUED: usize = 1 << 17;

const THREADS_PER_CPU: u32 = 8;

/// Between two looks whether the jobs are done.
const SETTLE_PAUSE: Duration = Duration::from_millis(1);
/// How long the jobs have for it.
const SETTLE_LIMIT: Duration = Duration::from_secs(2);

/// What a job gave, or its panic.
type Outcome = std::thread::Result<Box<dyn Any + Send>>;

struct Job {
    run: Box<dyn FnOnce() + Send>,
    since: Instant,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    /// Of them, those that wait for a job.
    idle: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom a job's outcome goes to.
struct Waiting {
    done: Box<dyn FnOnce(Outcome)>,
    hold: Hold,
}

struct Pool {
    /// The process it was made in (see [`forks::generation`]).
    born_in: u64,
    /// The process that has its threads (see [`forks::incarnation`]).
    threads_in: u64,
    shared: Arc<Shared>,
    waiting: RefCell<HashMap<u64, Waiting>>,
    last_id: Cell<u64>,
    /// A timer looks after the jobs that wait.
    watched: Cell<bool>,
}

thread_local! {
    /// Not dropped with the thread: what waits may own what is gone by then.
    static POOL: ManuallyDrop<RefCell<Option<std::rc::Rc<Pool>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

/// How many threads there may be.
#[derive(Clone, Copy, Debug)]
struct Limits {
    core: usize,
    max: usize,
    max_wait_ms: u64,
    max_idle: Duration,
}

impl Limits {
    fn now() -> Limits {
        let aio = options::process().aio;
        let cpus = process::cpu_count();
        let core = aio.core_threads.map_or(cpus, |count| count as usize).max(1);
        let max = match aio.max_threads {
            Some(count) => count as usize,
            None => cpus * THREADS_PER_CPU as usize,
        };
        Limits {
            core,
            max: max.max(core),
            max_wait_ms: aio.max_wait_ms.max(1),
            max_idle: Duration::from_millis(aio.max_idle_ms.max(1)),
        }
    }
}

fn pool() -> std::rc::Rc<Pool> {
    existing().unwrap_or_else(|| {
        let made = std::rc::Rc::new(Pool::new());
        POOL.with(|place| *place.borrow_mut() = Some(std::rc::Rc::clone(&made)));
        made
    })
}

/// This process's, if it has one.
fn existing() -> Option<std::rc::Rc<Pool>> {
    POOL.with(|place| {
        let mut place = place.borrow_mut();
        let pool = place.as_ref()?;
        if pool.is_of_this_process() {
            return Some(std::rc::Rc::clone(pool));
        }
        // The parent's: what it owns must not be released here, nor its lock be taken.
        let parents = std::mem::ManuallyDrop::new(place.take()?);
        if parents.born_in != forks::generation() {
            return None;
        }
        // Taken over, with those who wait: what they wait for was done before (see [`settle`]), and is on its
        // way.
        let own = Pool {
            waiting: RefCell::new(parents.waiting.take()),
            last_id: parents.last_id.clone(),
            ..Pool::new()
        };
        Some(std::rc::Rc::clone(place.insert(std::rc::Rc::new(own))))
    })
}

/// Waits until no job is queued or under way: before this process is replaced by its child, which has no
/// threads to go on with them. What the jobs gave is delivered by the loop, as ever. Jobs that do not end in
/// time (they may wait for this very thread) are given up: answers how many.
pub fn settle() -> usize {
    let begin = Instant::now();
    while let Some(pool) = existing() {
        let busy = {
            let state = pool.shared.state();
            state.queue.len() + (state.threads - state.idle)
        };
        if busy == 0 {
            return 0;
        }
        if begin.elapsed() >= SETTLE_LIMIT {
            discard();
            return busy;
        }
        std::thread::sleep(SETTLE_PAUSE);
    }
    0
}

/// Runs `job` in a thread of the pool and then `done` with what it gave, in this thread's event loop, which
/// lives until then. A job that panics makes the loop panic.
///
/// # Errors
/// EAGAIN: [`MAX_QUEUED`] jobs wait already, or the system gives no thread at all; out of descriptors.
pub fn run<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
    done: impl FnOnce(T) + 'static,
) -> io::Result<()> {
    let event_loop = event_loop::current()?;
    let remote = event_loop.remote()?;
    let pool = pool();
    let id = pool.last_id.get() + 1;
    pool.last_id.set(id);
    let answer = move || {
        let outcome: Outcome = catch_unwind(AssertUnwindSafe(|| -> Box<dyn Any + Send> {
            Box::new(job())
        }));
        remote.post(Box::new(move || defer(id, outcome)));
    };
    let done = move |outcome: Outcome| match outcome {
        Ok(value) => {
            if let Ok(value) = value.downcast::<T>() {
                done(*value);
            }
        }
        Err(panic) => resume_unwind(panic),
    };
    let waiting = Waiting {
        done: Box::new(done),
        hold: event_loop.hold(),
    };
    pool.waiting.borrow_mut().insert(id, waiting);
    let pushed = pool.push(Box::new(answer));
    if pushed.is_err() {
        let refused = pool.waiting.borrow_mut().remove(&id);
        drop(refused);
    } else {
        watch(&pool);
    }
    pushed
}

/// In the loop's thread, behind what was deferred before: a job that is done at once does not overtake it.
fn defer(id: u64, outcome: Outcome) {
    if let Some(event_loop) = event_loop::existing() {
        event_loop.defer(Box::new(move || deliver(id, outcome)));
    }
}

fn deliver(id: u64, outcome: Outcome) {
    let waiting = pool().waiting.borrow_mut().remove(&id);
    // None: given up meanwhile.
    if let Some(Waiting { done, hold }) = waiting {
        done(outcome);
        drop(hold);
    }
}

/// Drops whatever waits for jobs; those under way run to their end, and what they give is dropped. For the
/// end of a loop, and before what waits must be gone.
pub fn discard() {
    if let Some(pool) = existing() {
        // What is dropped may be anything, so no borrow is held.
        let waiting = pool.waiting.take();
        let queue = std::mem::take(&mut pool.shared.state().queue);
        drop((waiting, queue));
    }
}

/// What there is in this thread's pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub threads: usize,
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Jobs whose outcome has not been delivered.
    pub unfinished: usize,
}

/// See [`Stats`].
#[must_use]
pub fn stats() -> Stats {
    let Some(pool) = existing() else {
        return Stats::default();
    };
    let state = pool.shared.state();
    Stats {
        threads: state.threads,
        queued: state.queue.len(),
        unfinished: pool.waiting.borrow().len(),
    }
}

impl Pool {
    fn new() -> Pool {
        Pool {
            born_in: forks::generation(),
            threads_in: forks::incarnation(),
            shared: Arc::default(),
            waiting: RefCell::default(),
            last_id: Cell::new(0),
            watched: Cell::new(false),
        }
    }

    fn is_of_this_process(&self) -> bool {
        self.threads_in == forks::incarnation()
    }

    fn push(&self, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let mut state = self.shared.state();
        if state.queue.len() >= MAX_QUEUED {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let since = Instant::now();
        state.queue.push_back(Job { run, since });
        let is_taken = state.idle >= state.queue.len();
        let threads = state.threads;
        drop(state);
        if is_taken {
            self.shared.wake.notify_one();
            return Ok(());
        }
        let limits = Limits::now();
        if threads < limits.core
            && let Err(error) = self.add_thread(&limits)
            && threads == 0
        {
            self.shared.state().queue.pop_back();
            return Err(error);
        }
        Ok(())
    }

    fn add_thread(&self, limits: &Limits) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let (core, max_idle) = (limits.core, limits.max_idle);
        // Counted here, so that a fork right after knows of it.
        let helper = HelperThread::announce();
        shared.state().threads += 1;
        let work = move || {
            let _helper = helper;
            set_thread_name("swoole-aio");
            shared.work(core, max_idle);
        };
        // Signals are for the main thread.
        let mask = signal::block_all();
        let spawned = std::thread::Builder::new().spawn(work);
        drop(mask);
        if spawned.is_err() {
            self.shared.state().threads -= 1;
        }
        spawned.map(drop)
    }

    /// Adds a thread if the first job has waited for too long; whether jobs wait that more threads could do.
    fn grow(&self) -> bool {
        let limits = Limits::now();
        let state = self.shared.state();
        let Some(first) = state.queue.front() else {
            return false;
        };
        let waits = first.since.elapsed() >= Duration::from_millis(limits.max_wait_ms);
        let (idle, threads) = (state.idle, state.threads);
        drop(state);
        if threads >= limits.max {
            return false;
        }
        // A thread that cannot be made is no loss: there are others.
        !(waits && idle == 0 && self.add_thread(&limits).is_err())
    }
}

/// Sees to it that jobs that wait for long get more threads.
fn watch(pool: &std::rc::Rc<Pool>) {
    if pool.watched.get() || pool.shared.state().queue.is_empty() {
        return;
    }
    let Some(event_loop) = event_loop::existing() else {
        return;
    };
    pool.watched.set(true);
    let pool = std::rc::Rc::clone(pool);
    let look = move || {
        pool.watched.set(false);
        if pool.is_of_this_process() && pool.grow() {
            watch(&pool);
        }
    };
    event_loop.after(Limits::now().max_wait_ms, Box::new(look));
}

impl Shared {
    /// What a thread does.
    fn work(&self, core: usize, max_idle: Duration) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                (job.run)();
                state = self.state();
                continue;
            }
            state.idle += 1;
            let (next, wait) = self
                .wake
                .wait_timeout(state, max_idle)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() && state.threads > core {
                state.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::sync::mpsc;

    fn turn_to_the_end() {
        event_loop::current().expect("loop").run().expect("run");
    }

    #[test]
    fn outcomes_come_back_to_the_loop() {
        let here = std::thread::current().id();
        let sum = Rc::new(Cell::new(0));
        for number in 0..200_u64 {
            let sum = Rc::clone(&sum);
            run(
                move || (number, std::thread::current().id()),
                move |(number, thread)| {
                    assert_ne!(thread, here);
                    assert_eq!(std::thread::current().id(), here);
                    sum.set(sum.get() + number);
                },
            )
            .expect("run");
        }
        turn_to_the_end();
        assert_eq!(sum.get(), 199 * 200 / 2);
        assert_eq!((stats().queued, stats().unfinished), (0, 0));
    }

    #[test]
    fn jobs_that_wait_get_more_threads() {
        // One more job than there are core threads: it must run for the others to end.
        let count = Limits::now().core;
        let done = Rc::new(Cell::new(0));
        let (free, wait): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel::<()>()).unzip();
        for wait in wait {
            let done = Rc::clone(&done);
            run(
                move || wait.recv().is_err(),
                move |_| done.set(done.get() + 1),
            )
            .expect("run");
        }
        run(move || drop(free), |()| {}).expect("run");
        turn_to_the_end();
        assert_eq!(done.get(), count);
        assert!(stats().threads > count);
    }

    #[test]
    fn a_panic_comes_out_of_the_loop() {
        run(|| panic!("of a job"), |()| {}).expect("run");
        let result = catch_unwind(turn_to_the_end);
        assert!(result.is_err());
        let ran = Rc::new(Cell::new(false));
        let note = Rc::clone(&ran);
        run(|| {}, move |()| note.set(true)).expect("run");
        turn_to_the_end();
        assert!(ran.get());
    }

    #[test]
    fn what_waits_can_be_dropped() {
        let owned = Rc::new(());
        let (release, wait) = mpsc::channel::<()>();
        let kept = Rc::clone(&owned);
        run(move || wait.recv().is_err(), move |_| drop(kept)).expect("run");
        assert_eq!(Rc::strong_count(&owned), 2);
        discard();
        assert_eq!(Rc::strong_count(&owned), 1);
        turn_to_the_end();
        drop(release);
    }
}
