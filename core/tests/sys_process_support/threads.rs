//! Forks of processes with threads, and what goes on in a daemon.

use super::{child, wait_for};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use swoole_core::log;
use swoole_core::reactor::{event_loop, thread_pool};
use swoole_core::shm::atomic;
use swoole_core::sys::message_queue::MessageQueue;
use swoole_core::sys::process::{self, Forked};
use swoole_core::sys::signal::SignalInbox;
use swoole_core::sys::thread::LockingThread;
use swoole_core::sys::{Signal, forks, user_process};

/// Other extensions have threads, too: that is worth a line in the log, once, and no more.
pub fn foreign_threads_are_warned_of_once() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("log");
    let config = log::Config {
        file: Some(file.clone()),
        ..log::Config::default()
    };
    log::configure(config).expect("log");
    let (tx, rx) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || rx.recv());
    for _ in 0..3 {
        let pid = match process::fork().expect("fork") {
            Forked::Parent(pid) => pid,
            Forked::Child => process::exit_now(3),
        };
        assert_eq!(wait_for(pid).code, 3);
    }
    drop(tx);
    assert!(other.join().expect("join").is_err());
    let text = std::fs::read_to_string(&file).expect("log");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("WARNING"), "{text}");
    assert!(
        text.contains("threads of other extensions or libraries (1)"),
        "{text}"
    );
    // Those that hold locks of this crate's do stand in the way.
    let counted = LockingThread::announce();
    let error = process::fork().expect_err("refused");
    assert!(error.to_string().contains("1 reactor threads"), "{error}");
    drop(counted);
    assert_eq!(wait_for(child(|| 4)).code, 4);
    log::configure(log::Config::default()).expect("log");
}

pub fn threads_of_a_pool_do_not_stop_a_fork() {
    fn sum_in_threads() -> u32 {
        let sum = std::rc::Rc::new(std::cell::Cell::new(0));
        for number in 0..100 {
            let sum = std::rc::Rc::clone(&sum);
            let done = move |number| sum.set(sum.get() + number);
            thread_pool::run(move || number, done).expect("run");
        }
        event_loop::current().expect("loop").run().expect("turn");
        sum.get()
    }
    assert_eq!(sum_in_threads(), 4950);
    assert!(thread_pool::stats().threads > 0);
    // While its threads are at work, too: the locks that they hold are not the child's.
    for number in 0..50 {
        thread_pool::run(move || number, |_| {}).expect("run");
        let pid = child(|| {
            assert_eq!(thread_pool::stats(), thread_pool::Stats::default());
            i32::from(sum_in_threads() == 4950)
        });
        assert_eq!(wait_for(pid).code, 1);
    }
    event_loop::current().expect("loop").run().expect("turn");
    event_loop::discard();
}

/// Another thread logs all the time; each child logs, too, which takes the log's lock.
pub fn a_process_with_threads_forks_for_user_code() {
    let folder = tempfile::tempdir().expect("folder");
    let config = log::Config {
        file: Some(folder.path().join("log")),
        ..log::Config::default()
    };
    log::configure(config).expect("log");
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Relaxed) {
                log::info("thread");
            }
        }
    });
    for _ in 0..50 {
        let pid = match process::fork().expect("fork") {
            Forked::Parent(pid) => pid,
            Forked::Child => {
                log::info("child");
                process::exit_now(3)
            }
        };
        assert_eq!(wait_for(pid).code, 3);
    }
    stop.store(true, Relaxed);
    thread.join().expect("join");
    let text = std::fs::read_to_string(folder.path().join("log")).expect("log");
    assert_eq!(text.matches("child").count(), 50);
    log::configure(log::Config::default()).expect("log");
}

/// As `Swoole\Process::daemon()`: what was made before is the daemon's, but for threads and the process id.
pub fn a_daemon_takes_over_what_its_caller_made() {
    fn sum(before: u32) -> u32 {
        let sum = std::rc::Rc::new(std::cell::Cell::new(before));
        for number in 0..10 {
            let sum = std::rc::Rc::clone(&sum);
            thread_pool::run(move || number, move |number| sum.set(sum.get() + number))
                .expect("run");
        }
        event_loop::current().expect("loop").run().expect("turn");
        sum.get()
    }
    fn catches(signal: Signal) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").expect("status");
        let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("line").trim(), 16).expect("number");
        caught & (1 << (signal.number() - 1)) != 0
    }
    let (mut told, mut tells) = UnixStream::pair().expect("pair");
    let pid = child(move || {
        let me = atomic::me();
        let inbox = SignalInbox::install(&[Signal::USR1]).expect("inbox");
        let queue = MessageQueue::open(libc::IPC_PRIVATE).expect("queue");
        let id = queue.id();
        assert_eq!(sum(1), 46);
        // Under way when the caller ends.
        let late = std::rc::Rc::new(std::cell::Cell::new(0));
        let note = std::rc::Rc::clone(&late);
        let job = || std::thread::sleep(std::time::Duration::from_millis(20));
        thread_pool::run(job, move |()| note.set(5)).expect("run");
        thread_pool::settle();
        user_process::daemon(false, false).expect("daemon");
        forks::take_over();
        assert_eq!(thread_pool::stats().threads, 0);
        let result = (late.get(), sum(2), late.get());
        let is_known = atomic::me() != me && atomic::pid_of(atomic::me()) == std::process::id();
        let caught = catches(Signal::USR1);
        drop((inbox, queue));
        let caught = (caught, catches(Signal::USR1));
        // SAFETY: the kernel fills a live struct, for which zero is valid, or refuses.
        let is_gone = unsafe {
            let mut status: libc::msqid_ds = std::mem::zeroed();
            libc::msgctl(id, libc::IPC_STAT, &raw mut status) < 0
        };
        let text = format!("{result:?} {is_known} {caught:?} {is_gone}");
        tells.write_all(text.as_bytes()).expect("tell");
        0
    });
    assert_eq!(wait_for(pid).code, 0);
    let limit = std::time::Duration::from_secs(30);
    told.set_read_timeout(Some(limit)).expect("limit");
    let mut text = String::new();
    told.read_to_string(&mut text)
        .expect("the daemon tells in time");
    assert_eq!(text, "(0, 47, 5) true (true, false) true");
}
