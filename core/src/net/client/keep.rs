//! Connections that outlive their client objects (`SWOOLE_KEEP`), for the next client of the same name.

use super::Client;
use crate::net::SockType;
use crate::sys::forks;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

/// Of one name, at most so many connections are kept.
const MAX_PER_NAME: usize = 64;
/// At most so many are kept altogether.
const MAX_TOTAL: usize = 1024;

/// What a kept connection is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub sock_type: SockType,
    /// The client's id, or host and port.
    pub id: Vec<u8>,
}

#[derive(Default)]
struct Pool {
    /// The process that the connections belong to (see [`forks::generation`]): a copy made by fork must not write
    /// to them.
    made_in: u64,
    total: usize,
    by_name: HashMap<Name, VecDeque<Client>>,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

fn with_pool<R>(f: impl FnOnce(&mut Pool) -> R) -> R {
    POOL.with_borrow_mut(|pool| {
        let made_in = forks::generation();
        if pool.made_in != made_in {
            *pool = Pool {
                made_in,
                ..Pool::default()
            };
        }
        f(pool)
    })
}

/// Keeps a connection. One too many is closed.
pub fn keep(name: Name, client: Client) {
    let rejected = with_pool(|pool| {
        if pool.total >= MAX_TOTAL {
            return Some(client);
        }
        let queue = pool.by_name.entry(name).or_default();
        if queue.len() >= MAX_PER_NAME {
            return Some(client);
        }
        queue.push_back(client);
        pool.total += 1;
        None
    });
    drop(rejected);
}

/// The connection that was kept first and is still alive.
#[must_use]
pub fn take(name: &Name) -> Option<Client> {
    loop {
        let client = with_pool(|pool| {
            let queue = pool.by_name.get_mut(name)?;
            let client = queue.pop_front();
            if queue.is_empty() {
                pool.by_name.remove(name);
            }
            pool.total -= usize::from(client.is_some());
            client
        })?;
        if client.is_alive() {
            return Some(client);
        }
    }
}
