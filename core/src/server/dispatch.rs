//! Which worker gets a message: a pure function of the mode and of what is known of the connection.

use crate::options::DispatchMode;

/// What the choice may depend on.
#[derive(Clone, Copy, Debug)]
pub struct DispatchKey {
    /// The socket's descriptor number, as the reference uses it for mode 2.
    pub socket_fd: i32,
    /// The user id set by `bind()`, 0 if none.
    pub uid: i64,
    /// A hash of the peer's address (the IPv4 address itself).
    pub address_hash: u32,
}

/// How loaded a worker looks from the host that dispatches.
pub trait WorkerLoad {
    /// Waiting for work, with nothing queued from this host.
    fn is_idle(&self, worker_id: u32) -> bool;
}

/// Keeps the position of the round robin of one host.
#[derive(Debug)]
pub struct Dispatcher {
    mode: DispatchMode,
    worker_num: u32,
    next: u32,
}

impl Dispatcher {
    /// `offset` spreads the starts of several hosts over the workers.
    #[must_use]
    pub fn new(mode: DispatchMode, worker_num: u32, offset: u32) -> Self {
        let worker_num = worker_num.max(1);
        Self {
            mode,
            worker_num,
            next: offset % worker_num,
        }
    }

    /// Whether all messages of a connection go to one worker, in order: only then are connect and
    /// close delivered by default.
    #[must_use]
    pub fn is_sticky(mode: DispatchMode) -> bool {
        !matches!(mode, DispatchMode::RoundRobin | DispatchMode::IdleFirst)
    }

    /// The worker for the next message.
    pub fn choose(&mut self, key: &DispatchKey, load: &impl WorkerLoad) -> u32 {
        match self.mode {
            DispatchMode::RoundRobin => self.round_robin(),
            DispatchMode::FdModulo => modulo(i64::from(key.socket_fd), self.worker_num),
            DispatchMode::IdleFirst => self.idle_first(load),
            DispatchMode::IpModulo => key.address_hash % self.worker_num,
            DispatchMode::UidModulo if key.uid != 0 => modulo(key.uid, self.worker_num),
            DispatchMode::UidModulo => modulo(i64::from(key.socket_fd), self.worker_num),
        }
    }

    fn round_robin(&mut self) -> u32 {
        let worker = self.next;
        self.next = (self.next + 1) % self.worker_num;
        worker
    }

    /// The first idle worker after the last one chosen, so that equal workers share the load; with
    /// none idle, the next in turn.
    fn idle_first(&mut self, load: &impl WorkerLoad) -> u32 {
        for step in 0..self.worker_num {
            let worker = (self.next + step) % self.worker_num;
            if load.is_idle(worker) {
                self.next = (worker + 1) % self.worker_num;
                return worker;
            }
        }
        self.round_robin()
    }
}

fn modulo(value: i64, worker_num: u32) -> u32 {
    // The remainder of a value by a u32 fits a u32.
    u32::try_from(value.rem_euclid(i64::from(worker_num))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle(Vec<bool>);
    impl WorkerLoad for Idle {
        fn is_idle(&self, worker_id: u32) -> bool {
            self.0[worker_id as usize]
        }
    }
    const NONE: Idle = Idle(Vec::new());

    fn key(socket_fd: i32) -> DispatchKey {
        DispatchKey {
            socket_fd,
            uid: 0,
            address_hash: 0,
        }
    }

    #[test]
    fn round_robin_visits_every_worker_in_turn() {
        let mut d = Dispatcher::new(DispatchMode::RoundRobin, 3, 1);
        let got: Vec<u32> = (0..6).map(|_| d.choose(&key(9), &NONE)).collect();
        assert_eq!(got, [1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn fd_modulo_keeps_a_connection_on_one_worker() {
        let mut d = Dispatcher::new(DispatchMode::FdModulo, 4, 0);
        assert!((0..10).all(|_| d.choose(&key(7), &NONE) == 3));
    }

    #[test]
    fn idle_first_skips_busy_workers_and_falls_back_to_turns() {
        let mut d = Dispatcher::new(DispatchMode::IdleFirst, 3, 0);
        let load = Idle(vec![false, false, true]);
        assert_eq!(d.choose(&key(1), &load), 2);
        let busy = Idle(vec![false; 3]);
        let got: Vec<u32> = (0..3).map(|_| d.choose(&key(1), &busy)).collect();
        assert_eq!(got, [0, 1, 2]);
    }

    #[test]
    fn uid_decides_once_bound_negative_ones_too() {
        let mut d = Dispatcher::new(DispatchMode::UidModulo, 3, 0);
        assert_eq!(d.choose(&key(5), &NONE), 2);
        let bound = DispatchKey { uid: -1, ..key(5) };
        assert_eq!(d.choose(&bound, &NONE), 2);
        let bound = DispatchKey { uid: 4, ..key(5) };
        assert_eq!(d.choose(&bound, &NONE), 1);
    }
}
