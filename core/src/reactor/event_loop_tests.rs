#![allow(clippy::expect_used)]

use super::event_loop::{self, EventLoop, HookAt, Trigger};
use super::poller::Interest;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

/// The loop of this test's thread.
fn fresh() -> Rc<EventLoop> {
    event_loop::discard();
    event_loop::current().expect("loop")
}

type Log = Rc<RefCell<Vec<String>>>;

fn note(log: &Log, text: &str) -> Box<dyn FnOnce()> {
    let (log, text) = (Rc::clone(log), text.to_owned());
    Box::new(move || log.borrow_mut().push(text))
}

fn pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().expect("pair");
    a.set_nonblocking(true).expect("nonblocking");
    (a, b)
}

#[test]
fn ends_when_nothing_is_left() {
    let l = fresh();
    assert!(!l.has_work());
    l.run().expect("run");
    let log = Log::default();
    l.after(2, note(&log, "second"));
    l.after(1, note(&log, "first"));
    l.defer(note(&log, "deferred"));
    l.run().expect("run");
    assert_eq!(*log.borrow(), ["deferred", "first", "second"]);
}

#[test]
fn timers_are_never_early_and_keep_their_order() {
    let l = fresh();
    let log = Log::default();
    let at = l.now_us() + 3_000;
    for name in ["a", "b", "c"] {
        l.at(at, false, note(&log, name));
    }
    let (seen, inner) = (Rc::new(Cell::new(0)), Rc::clone(&l));
    let when = Rc::clone(&seen);
    l.at(at, false, Box::new(move || when.set(inner.now_us())));
    l.run().expect("run");
    assert_eq!(*log.borrow(), ["a", "b", "c"]);
    assert!(seen.get() >= at);
}

#[test]
fn a_timer_that_adds_one_of_no_delay_does_not_starve_the_rest() {
    let l = fresh();
    let rounds = Rc::new(Cell::new(0));
    fn again(l: &Rc<EventLoop>, rounds: &Rc<Cell<u32>>) {
        let (inner, count) = (Rc::clone(l), Rc::clone(rounds));
        l.after(
            0,
            Box::new(move || {
                count.set(count.get() + 1);
                again(&inner, &count);
            }),
        );
    }
    again(&l, &rounds);
    l.turn(None, |_| {}).expect("turn");
    assert_eq!(rounds.get(), 1, "the next one waits for the next turn");
    event_loop::discard();
}

#[test]
fn a_cancelled_timer_does_not_run() {
    let l = fresh();
    let log = Log::default();
    let id = l.after(0, note(&log, "never"));
    assert!(l.cancel(id));
    assert!(!l.cancel(id));
    assert!(!l.has_work());
    l.run().expect("run");
    assert!(log.borrow().is_empty());
}

#[test]
fn what_is_deferred_while_deferred_calls_run_waits_a_turn() {
    let l = fresh();
    let log = Log::default();
    let (inner, second) = (Rc::clone(&l), Rc::clone(&log));
    l.defer(Box::new(move || {
        second.borrow_mut().push("outer".to_owned());
        inner.defer(note(&second, "inner"));
    }));
    l.turn(None, |_| {}).expect("turn");
    assert_eq!(*log.borrow(), ["outer"]);
    l.run().expect("run");
    assert_eq!(*log.borrow(), ["outer", "inner"]);
}

#[test]
fn level_triggered_watches_repeat_and_edges_do_not() {
    for (trigger, expected) in [(Trigger::Level, 3), (Trigger::Edge, 1)] {
        let l = fresh();
        let (a, mut b) = pair();
        let count = Rc::new(Cell::new(0));
        let seen = Rc::clone(&count);
        l.watch(
            a.as_raw_fd(),
            Interest::READABLE,
            trigger,
            Rc::new(move |ready| {
                assert!(ready.readable && !ready.writable);
                seen.set(seen.get() + 1);
            }),
        )
        .expect("watch");
        b.write_all(b"x").expect("write");
        for _ in 0..3 {
            l.turn(Some(Duration::ZERO), |_| {}).expect("turn");
        }
        assert_eq!(count.get(), expected, "{trigger:?}");
        event_loop::discard();
    }
}

#[test]
fn a_callback_may_remove_its_own_watch_and_others() {
    let l = fresh();
    let (a, mut b) = pair();
    let (c, mut d) = pair();
    let ids = Rc::new(RefCell::new(Vec::new()));
    let calls = Rc::new(Cell::new(0));
    for stream in [&a, &c] {
        let (inner, all, count) = (Rc::clone(&l), Rc::clone(&ids), Rc::clone(&calls));
        let id = l
            .watch(
                stream.as_raw_fd(),
                Interest::READABLE,
                Trigger::Level,
                Rc::new(move |_| {
                    count.set(count.get() + 1);
                    for id in all.borrow_mut().drain(..) {
                        inner.unwatch(id);
                    }
                }),
            )
            .expect("watch");
        ids.borrow_mut().push(id);
    }
    b.write_all(b"x").expect("write");
    d.write_all(b"x").expect("write");
    l.run().expect("run");
    assert_eq!(
        calls.get(),
        1,
        "the second one was removed in the same turn"
    );
}

#[test]
fn a_descriptor_is_watched_once_and_a_closed_one_is_forgotten() {
    let l = fresh();
    let (a, mut b) = pair();
    let mut owned = std::os::fd::OwnedFd::from(a);
    let fd = owned.as_raw_fd();
    let silent = || Rc::new(|_| panic!("the closed one has no news"));
    let old = l
        .watch(fd, Interest::READABLE, Trigger::Level, silent())
        .expect("watch");
    let twice = l.watch(fd, Interest::READABLE, Trigger::Level, silent());
    assert_eq!(twice.expect_err("twice").raw_os_error(), Some(libc::EEXIST));
    assert_eq!(l.find(fd), Some(old));

    // The same number again, as after a close that nobody told the loop of.
    let (c, mut d) = pair();
    nix::unistd::dup2(&c, &mut owned).expect("dup2");
    let got = Rc::new(Cell::new(false));
    let seen = Rc::clone(&got);
    let new = l
        .watch(
            fd,
            Interest::READABLE,
            Trigger::Edge,
            Rc::new(move |_| seen.set(true)),
        )
        .expect("the number is free again");
    assert_eq!(l.find(fd), Some(new));
    d.write_all(b"x").expect("write");
    l.turn(Some(Duration::ZERO), |_| {}).expect("turn");
    assert!(got.get());
    assert!(l.change(old, Interest::WRITABLE).is_err());
    l.unwatch(old);
    l.unwatch(new);
    assert!(!l.has_work());
    let _ = b.write_all(b"x");
}

#[test]
fn regular_files_and_closed_descriptors_are_refused() {
    let l = fresh();
    let file = tempfile::tempfile().expect("file");
    let watch = |fd| l.watch(fd, Interest::READABLE, Trigger::Level, Rc::new(|_| {}));
    let refused = watch(file.as_raw_fd()).expect_err("a regular file");
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    assert_eq!(
        watch(1_000_000).expect_err("closed").raw_os_error(),
        Some(libc::EBADF)
    );
    assert!(!l.has_work());
}

#[test]
fn detached_watches_and_repeating_timers_are_told_apart_from_work() {
    let l = fresh();
    let (a, _b) = pair();
    let id = l
        .watch(
            a.as_raw_fd(),
            Interest::READABLE,
            Trigger::Edge,
            Rc::new(|_| {}),
        )
        .expect("watch");
    assert!(l.has_work() && l.has_work_to_finish());
    l.detach(id);
    l.detach(id);
    assert!(!l.has_work());
    let tick = l.at(l.now_us() + 1_000_000, true, Box::new(|| {}));
    assert!(l.has_work() && !l.has_work_to_finish());
    l.cancel(tick);
    let hold = l.hold();
    assert!(l.has_work_to_finish());
    drop(hold);
    assert!(!l.has_work());
}

#[test]
fn lent_watches_give_way() {
    let l = fresh();
    let (a, mut b) = pair();
    let fd = a.as_raw_fd();
    let log = Log::default();
    let watch = |name: &'static str| {
        let log = Rc::clone(&log);
        let told = Rc::new(move |_| log.borrow_mut().push(name.to_owned()));
        l.watch(fd, Interest::READABLE, Trigger::Edge, told)
    };
    let kept = watch("kept").expect("watch");
    assert!(watch("other").is_err());
    l.lend(kept);
    l.lend(kept);
    assert!(!l.has_work() && l.find(fd).is_none());
    assert!(l.reclaim(kept) && l.reclaim(kept));
    assert!(l.has_work() && l.find(fd) == Some(kept));
    assert!(watch("other").is_err());
    l.lend(kept);
    let other = watch("other").expect("lent");
    assert_eq!(l.find(fd), Some(other));
    assert!(!l.reclaim(kept));
    l.lend(kept);
    l.unwatch(kept);
    b.write_all(b"x").expect("write");
    l.turn(Some(Duration::ZERO), |_| {}).expect("turn");
    assert_eq!(*log.borrow(), ["other"]);
    l.unwatch(other);
    assert!(!l.has_work());
}

#[test]
fn other_threads_hand_in_work() {
    let l = fresh();
    let remote = l.remote().expect("remote");
    assert!(!l.has_work());
    let sum = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let hold = Rc::new(RefCell::new(Some(l.hold())));
    thread_local!(static HOLD: RefCell<Option<Rc<RefCell<Option<event_loop::Hold>>>>> = const { RefCell::new(None) });
    HOLD.set(Some(Rc::clone(&hold)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (remote, sum) = (remote.clone(), sum.clone());
            std::thread::spawn(move || {
                for _ in 0..100 {
                    let sum = sum.clone();
                    remote.post(Box::new(move || {
                        if sum.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 399 {
                            HOLD.with_borrow(|h| h.as_ref().expect("hold").take());
                        }
                    }));
                }
            })
        })
        .collect();
    l.run().expect("run");
    threads.into_iter().for_each(|t| t.join().expect("thread"));
    assert_eq!(sum.load(std::sync::atomic::Ordering::Relaxed), 400);
}

#[test]
fn after_the_end_no_callback_runs() {
    let l = fresh();
    let log = Log::default();
    let inner = Rc::clone(&l);
    l.defer(Box::new(move || inner.end(7)));
    l.defer(note(&log, "deferred"));
    l.after(0, note(&log, "timer"));
    let hook_log = Rc::clone(&log);
    l.run().expect("run");
    l.set_hook(
        HookAt::TurnEnd,
        Some(Rc::new(move || {
            hook_log.borrow_mut().push("hook".to_owned())
        })),
    );
    l.turn(Some(Duration::ZERO), |_| {}).expect("turn");
    assert_eq!(l.ended(), Some(7));
    // The timer was due in the turn of the end, and ran before what was deferred.
    assert!(log.borrow().iter().all(|entry| entry == "timer"), "{log:?}");
    event_loop::discard();
}

#[test]
fn foreign_tokens_go_to_the_caller() {
    let l = fresh();
    let (mut a, mut b) = pair();
    l.register(a.as_raw_fd(), 77, Interest::READABLE)
        .expect("register");
    assert!(!l.has_work());
    b.write_all(b"x").expect("write");
    let mut tokens = Vec::new();
    l.turn(Some(Duration::ZERO), |ready| tokens.push(ready.token))
        .expect("turn");
    assert_eq!(tokens, [77]);
    a.read_exact(&mut [0]).expect("read");
    l.deregister(a.as_raw_fd()).expect("deregister");
}

#[test]
fn foreign_events_are_kept_while_user_code_runs_the_loop() {
    let l = fresh();
    let (mut a, mut b) = pair();
    l.register(a.as_raw_fd(), 77, Interest::READABLE)
        .expect("register");
    b.write_all(b"x").expect("write");
    let log = Log::default();
    l.after(5, note(&log, "timer"));
    // One that repeats keeps nobody.
    l.at(l.now_us() + 60_000_000, true, note(&log, "never"));
    l.set_running(true);
    assert!(l.replace_running(false));
    l.run_between().expect("run");
    assert!(!l.replace_running(true), "as it was");
    assert_eq!(*log.borrow(), ["timer"]);
    let mut tokens = Vec::new();
    // At once, although the wait may be without end.
    l.wait(None, |ready| tokens.push(ready.token))
        .expect("wait");
    assert_eq!(tokens, [77], "edge-triggered: it comes once");
    l.wait(Some(Duration::ZERO), |ready| tokens.push(ready.token))
        .expect("wait");
    assert_eq!(tokens, [77]);
    a.read_exact(&mut [0]).expect("read");
    l.deregister(a.as_raw_fd()).expect("deregister");
    event_loop::discard();
}

#[test]
fn an_idle_loop_says_so_once() {
    let l = fresh();
    let (a, mut b) = pair();
    let id = l
        .watch(
            a.as_raw_fd(),
            Interest::READABLE,
            Trigger::Edge,
            Rc::new(|_| ()),
        )
        .expect("watch");
    let idle = Rc::new(Cell::new(0));
    let (seen, inner) = (Rc::clone(&idle), Rc::clone(&l));
    let hook = move || {
        seen.set(seen.get() + 1);
        inner.unwatch(id);
    };
    l.set_hook(HookAt::Idle, Some(Rc::new(hook)));
    l.run().expect("run");
    assert_eq!(idle.get(), 1);
    b.write_all(b"x").expect("write");
    event_loop::discard();
}
