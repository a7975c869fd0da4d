//! Which worker gets a message: a pure function of the mode and of what is known of the connection.

use std::cmp::Reverse;

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
    /// In no callback, with nothing queued from this host.
    fn is_idle(&self, worker_id: u32) -> bool;

    /// In no callback: what is queued for it will be served soon.
    fn is_free(&self, worker_id: u32) -> bool;

    /// How much waits for it from this host, in any unit.
    fn queued(&self, worker_id: u32) -> u64;
}

/// Keeps the position of the round robin of one host.
#[derive(Debug)]
pub struct Dispatcher {
    mode: DispatchMode,
    worker_num: u32,
    next: u32,
    /// When each worker was chosen last, counted in choices (mode 3).
    chosen: Vec<u64>,
    choices: u64,
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
            chosen: match mode {
                DispatchMode::IdleFirst => vec![0; worker_num as usize],
                _ => Vec::new(),
            },
            choices: 0,
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
            DispatchMode::IdleFirst => {
                let worker = self.idle_first(load);
                self.choices += 1;
                if let Some(chosen) = self.chosen.get_mut(worker as usize) {
                    *chosen = self.choices;
                }
                worker
            }
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

    /// The first idle worker after the last one chosen, so that equal workers share the load. With none
    /// idle, one that is between messages before one that is in the middle of one, which may be a long one;
    /// then the one with the least waiting; among equals the one that got its last message most recently: a
    /// worker that is stuck in a message got its last one long ago.
    fn idle_first(&mut self, load: &impl WorkerLoad) -> u32 {
        for step in 0..self.worker_num {
            let worker = (self.next + step) % self.worker_num;
            if load.is_idle(worker) {
                self.next = (worker + 1) % self.worker_num;
                return worker;
            }
        }
        let waiting = |worker: &u32| {
            let chosen = self.chosen.get(*worker as usize).copied().unwrap_or(0);
            (
                !load.is_free(*worker),
                load.queued(*worker),
                Reverse(chosen),
            )
        };
        (0..self.worker_num).min_by_key(waiting).unwrap_or(0)
    }
}

fn modulo(value: i64, worker_num: u32) -> u32 {
    // The remainder of a value by a u32 fits a u32.
    u32::try_from(value.rem_euclid(i64::from(worker_num))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What waits for each worker; `None` is idle.
    struct Waiting(Vec<Option<u64>>);
    impl WorkerLoad for Waiting {
        fn is_idle(&self, worker_id: u32) -> bool {
            self.0[worker_id as usize].is_none()
        }
        fn is_free(&self, worker_id: u32) -> bool {
            self.is_idle(worker_id)
        }
        fn queued(&self, worker_id: u32) -> u64 {
            self.0[worker_id as usize].unwrap_or(0)
        }
    }
    const NONE: Waiting = Waiting(Vec::new());

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
    fn idle_first_skips_busy_workers() {
        let mut d = Dispatcher::new(DispatchMode::IdleFirst, 3, 0);
        let load = Waiting(vec![Some(0), Some(0), None]);
        assert_eq!(d.choose(&key(1), &load), 2);
        let load = Waiting(vec![None, Some(0), None]);
        assert_eq!(d.choose(&key(1), &load), 0);
    }

    #[test]
    fn with_none_idle_the_shortest_queue_and_not_the_stuck_worker_is_taken() {
        let mut d = Dispatcher::new(DispatchMode::IdleFirst, 3, 0);
        let idle = Waiting(vec![None; 3]);
        let got: Vec<u32> = (0..3).map(|_| d.choose(&key(1), &idle)).collect();
        assert_eq!(got, [0, 1, 2]);
        // Worker 0 got its message before the others did: it may be stuck.
        assert_eq!(d.choose(&key(1), &Waiting(vec![Some(0); 3])), 2);
        let queues = Waiting(vec![Some(0), Some(0), Some(9)]);
        assert_eq!(d.choose(&key(1), &queues), 1);
        let queues = Waiting(vec![Some(5), Some(9), Some(9)]);
        assert_eq!(d.choose(&key(1), &queues), 0);
    }

    #[test]
    fn a_worker_between_messages_is_taken_before_one_in_a_message_with_less_queued() {
        struct Second;
        impl WorkerLoad for Second {
            fn is_idle(&self, _: u32) -> bool {
                false
            }
            fn is_free(&self, worker_id: u32) -> bool {
                worker_id == 1
            }
            fn queued(&self, worker_id: u32) -> u64 {
                u64::from(worker_id)
            }
        }
        let mut d = Dispatcher::new(DispatchMode::IdleFirst, 3, 0);
        assert_eq!(d.choose(&key(1), &Second), 1);
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
