//! Children that one part of a process has reaped and another one asks for: the master and the manager of a
//! server reap whatever ends, and user code may wait for a child of its own.

use super::process::ExitStatus;
use nix::unistd::Pid;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// The oldest is forgotten beyond that.
const MAX_KEPT: usize = 256;

thread_local! {
    static KEPT: RefCell<VecDeque<(Pid, ExitStatus)>> = const { RefCell::new(VecDeque::new()) };
    static NEWS: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// Remembers a child that was reaped, and tells who wants to know.
pub fn keep(pid: Pid, status: ExitStatus) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back((pid, status));
    });
    if let Some(news) = NEWS.get() {
        news();
    }
}

/// Takes a child that was reaped: this one, or the first.
#[must_use]
pub fn take(pid: Option<Pid>) -> Option<(Pid, ExitStatus)> {
    KEPT.with_borrow_mut(|kept| match pid {
        None => kept.pop_front(),
        Some(pid) => {
            let index = kept.iter().position(|(known, _)| *known == pid)?;
            kept.remove(index)
        }
    })
}

/// Has `news` called for each child from now on.
pub fn on_news(news: Option<fn()>) {
    NEWS.set(news);
}

/// In a forked child: they were the parent's.
pub fn forget() {
    KEPT.with_borrow_mut(VecDeque::clear);
    NEWS.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reaped_is_kept_for_a_while() {
        thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
        let status = ExitStatus {
            code: 3,
            signal: 0,
            raw: 3 << 8,
        };
        on_news(Some(|| COUNT.set(COUNT.get() + 1)));
        for pid in 1..=300 {
            keep(Pid::from_raw(pid), status);
        }
        assert_eq!(COUNT.get(), 300);
        assert_eq!(take(Some(Pid::from_raw(44))), None);
        assert_eq!(
            take(Some(Pid::from_raw(46))),
            Some((Pid::from_raw(46), status))
        );
        assert_eq!(take(Some(Pid::from_raw(46))), None);
        assert_eq!(take(None), Some((Pid::from_raw(45), status)));
        forget();
        assert_eq!(take(None), None);
    }
}
