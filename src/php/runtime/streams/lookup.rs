//! Addresses of host names, without blocking.

use crate::php::coroutine::engine;
use crate::php::coroutine::waits::wake_from_loop;
use crate::php::coroutine::{self, Woken};
use crate::php::event_loop;
use crate::php::method::Stop;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use swoole_core::sys::names::{self, Hints, NameError};

/// Look-ups at a time, each in a thread of its own; more are done at once, and block.
const MAX_THREADS: usize = 16;
const STACK_BYTES: usize = 256 * 1024;

static THREADS: AtomicUsize = AtomicUsize::new(0);

type Found = Result<Vec<SocketAddr>, NameError>;

/// What a look-up has come to.
#[derive(Debug)]
pub enum Looked {
    /// Never none of them; each comes once.
    Up(Vec<IpAddr>),
    Failed(NameError),
    TimedOut,
    Canceled,
}

/// The addresses of a host, in the resolver's order. In a coroutine.
pub fn addresses(host: &str, socktype: i32, timeout_ms: Option<u64>) -> Result<Looked, Stop> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(Looked::Up(vec![ip]));
    }
    let hints = Hints {
        socktype,
        ..Hints::default()
    };
    let found = match in_thread(host, hints, timeout_ms)? {
        Waited::Found(found) => found,
        Waited::NoThread => names::getaddrinfo(host, None, hints),
        Waited::Not(looked) => return Ok(looked),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return Ok(Looked::Failed(error)),
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    Ok(if addresses.is_empty() {
        Looked::Failed(NameError {
            code: libc::EAI_NONAME,
            errno: 0,
        })
    } else {
        Looked::Up(addresses)
    })
}

enum Waited {
    Found(Found),
    NoThread,
    Not(Looked),
}

/// A place among the threads, given back when it goes.
struct Place;

impl Place {
    fn take() -> Option<Place> {
        let taken = THREADS.fetch_add(1, Ordering::Relaxed);
        let place = Place;
        (taken < MAX_THREADS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

fn in_thread(host: &str, hints: Hints, timeout_ms: Option<u64>) -> Result<Waited, Stop> {
    let (Some(place), Some(co)) = (Place::take(), engine::running()) else {
        return Ok(Waited::NoThread);
    };
    let event_loop = event_loop::ready()?;
    let Ok(remote) = event_loop.remote() else {
        return Ok(Waited::NoThread);
    };
    let (cid, wait) = (co.cid.get(), co.waits.get() + 1);
    let answer: Arc<Mutex<Option<Found>>> = Arc::default();
    let (host, theirs) = (host.to_owned(), Arc::clone(&answer));
    let work = move || {
        let found = names::getaddrinfo(&host, None, hints);
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        drop(place);
        remote.post(Box::new(move || {
            wake_from_loop(cid, wait, Woken::Resumed);
        }));
    };
    let thread = std::thread::Builder::new()
        .name("lookup".to_owned())
        .stack_size(STACK_BYTES);
    if thread.spawn(work).is_err() {
        return Ok(Waited::NoThread);
    }
    let hold = event_loop.hold();
    let woken = coroutine::suspend(timeout_ms);
    drop(hold);
    let found = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(match (woken, found) {
        (Woken::Ended, _) => return Err(Stop::Exit),
        (Woken::Resumed, Some(found)) => Waited::Found(found),
        (Woken::TimedOut, _) => Waited::Not(Looked::TimedOut),
        (Woken::Resumed | Woken::Canceled, _) => Waited::Not(Looked::Canceled),
    })
}
