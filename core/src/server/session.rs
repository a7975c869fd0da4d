//! The session table: what every process may know of a connection, in shared memory.
//!
//! A record belongs to one connection for its whole life and is found by its session id, a number
//! that is never given out twice: a process that still holds an old id finds a record with another
//! one and is refused. Each field names its single writer; readers take whatever is there.

use std::sync::atomic::{
    AtomicI32, AtomicI64, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use crate::net::address::RawAddress;
use crate::shm_record;

/// [`Session::key`] of a session that its host has not taken in yet.
const NO_KEY: u32 = u32::MAX;

/// The peer's side, as the host sees it.
pub const PEER_OPEN: u32 = 0;
/// The peer will send no more (FIN); it may still read.
pub const PEER_HALF_CLOSED: u32 = 1;
/// Reset, timed out or otherwise gone: nothing can reach it any more.
pub const PEER_GONE: u32 = 2;

/// Our side, as the workers see it.
pub const CLOSE_NONE: u32 = 0;
/// `on_close` is running.
pub const CLOSE_RUNNING: u32 = 1;
/// `on_close` has run and the host was told: nothing more is sent.
pub const CLOSE_DONE: u32 = 2;

shm_record! {
    /// One connection. 128 bytes, all zero when free.
    pub struct Session {
        /// Session id, 0 when free. Writer: the acceptor publishes it last, the host clears it first.
        id: AtomicU64,
        /// Host index + 1 that holds the slot, 0 when free. Writer: acceptor (compare and swap), host.
        claim: AtomicU32,
        /// Key of the connection in its host's table. Writer: host, before the first event.
        pub key: AtomicU32,
        /// Descriptor number in the host's process. Writer: acceptor.
        pub socket_fd: AtomicI32,
        /// Descriptor number of the listening socket. Writer: acceptor.
        pub server_fd: AtomicI32,
        /// Index of the listening port. Writer: acceptor.
        pub port: AtomicU32,
        /// Worker id + 1 that got the last message. Writer: host.
        pub worker: AtomicU32,
        /// One of `PEER_*`. Writer: host.
        pub peer: AtomicU32,
        /// errno of the peer's end, 0 for an orderly one. Writer: host.
        pub close_errno: AtomicI32,
        /// Bytes accepted for sending that the kernel has not taken yet. Writer: host.
        pub send_queued_bytes: AtomicU64,
        /// Microseconds since the epoch. Writer: host.
        pub last_recv_us: AtomicU64,
        /// Microseconds since the epoch. Writer: host.
        pub last_send_us: AtomicU64,
        /// Microseconds since the epoch. Writer: host.
        pub last_dispatch_us: AtomicU64,
        /// Microseconds since the epoch. Writer: acceptor.
        pub connect_us: AtomicU64,
        /// `CLOSE_*` in the lowest two bits, above them the session's id: what is written late, by one
        /// who still holds the id, never marks the slot's next session. See [`Session::begin_close`].
        /// Writer: the worker that closes.
        close: AtomicU64,
        /// Not ended by the heartbeat. Writer: any worker (`protect()`).
        pub protected: AtomicU32,
        /// Family and port of the peer's address. Writer: acceptor.
        address_meta: AtomicU32,
        /// Lane + 1 of the worker that waits until less is queued ([`super::room`]), or 0. Writer: that worker;
        /// the host takes it away.
        pub room_wanted: AtomicU32,
        /// Set by `bind()`. Writer: any worker (compare and swap from 0).
        pub uid: AtomicI64,
        /// The peer's address. Writer: acceptor.
        address: [AtomicU64; 2],
    }
}

impl Session {
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id.load(Acquire)
    }

    /// One of `CLOSE_*`.
    #[inline]
    #[must_use]
    pub fn close_state(&self) -> u32 {
        (self.close.load(Acquire) & 3) as u32
    }

    /// Begins the close of session `id`: `on_close` is to be run by whoever gets true.
    pub fn begin_close(&self, id: u64) -> bool {
        let running = id << 2 | u64::from(CLOSE_RUNNING);
        let begun = self
            .close
            .compare_exchange(0, running, AcqRel, Relaxed)
            .is_ok();
        // The slot may have changed hands between the caller's look-up and here.
        if begun && self.id() != id {
            let _ = self.close.compare_exchange(running, 0, AcqRel, Relaxed);
            return false;
        }
        begun
    }

    /// `on_close` of session `id` has run, or will never end.
    pub fn finish_close(&self, id: u64) {
        let running = id << 2 | u64::from(CLOSE_RUNNING);
        let done = id << 2 | u64::from(CLOSE_DONE);
        let _ = self.close.compare_exchange(running, done, AcqRel, Relaxed);
    }

    /// Whether the host has taken the connection in: before that nothing can be sent to it.
    #[inline]
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.key.load(Acquire) != NO_KEY
    }

    /// The host that owns the socket.
    #[must_use]
    pub fn host(&self) -> Option<u32> {
        self.claim.load(Acquire).checked_sub(1)
    }

    #[must_use]
    pub fn address(&self) -> RawAddress {
        let meta = self.address_meta.load(Relaxed);
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&self.address[0].load(Relaxed).to_ne_bytes());
        bytes[8..].copy_from_slice(&self.address[1].load(Relaxed).to_ne_bytes());
        RawAddress {
            family: (meta >> 16) as u16,
            port: (meta & 0xffff) as u16,
            bytes,
        }
    }

    fn set_address(&self, address: &RawAddress) {
        let half = |at: usize| {
            let mut word = [0u8; 8];
            word.copy_from_slice(&address.bytes[at..at + 8]);
            u64::from_ne_bytes(word)
        };
        self.address[0].store(half(0), Relaxed);
        self.address[1].store(half(8), Relaxed);
        let meta = (u32::from(address.family) << 16) | u32::from(address.port);
        self.address_meta.store(meta, Relaxed);
    }

    fn reset_fields(&self) {
        self.peer.store(PEER_OPEN, Relaxed);
        self.close.store(0, Relaxed);
        self.key.store(NO_KEY, Relaxed);
        self.protected.store(0, Relaxed);
        self.uid.store(0, Relaxed);
        self.worker.store(0, Relaxed);
        self.close_errno.store(0, Relaxed);
        self.send_queued_bytes.store(0, Relaxed);
        self.room_wanted.store(0, Relaxed);
        self.last_send_us.store(0, Relaxed);
    }
}

/// What the acceptor knows of a new connection.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    pub host: u32,
    pub socket_fd: i32,
    pub server_fd: i32,
    pub port: u16,
    pub address: RawAddress,
    pub now_us: u64,
}

/// The sessions that one look at the whole table has found: what a process keeps of it between the pages of a
/// list, so that the pages do not cost such a look each.
#[derive(Debug, Default)]
pub struct Known {
    /// The last id that had been given out; 0: nobody has looked yet.
    round: u64,
    /// All that were live then, ascending. Some have ended since.
    ids: Vec<u64>,
}

impl Known {
    fn between(&self, from: u64, end: u64) -> &[u64] {
        let at = |id| self.ids.partition_point(|known| *known < id);
        self.ids.get(at(from)..at(end)).unwrap_or_default()
    }
}

/// The table. `slots` has a power of two of records; a session's slot is its id modulo that.
#[derive(Clone, Copy, Debug)]
pub struct SessionTable {
    slots: &'static [Session],
    /// The last id given out.
    round: &'static AtomicU64,
}

impl SessionTable {
    /// Slots for `max_conn` connections at a time: some room, so that a free slot is found quickly.
    #[must_use]
    pub fn slots_for(max_conn: u32) -> usize {
        (max_conn.max(1) as usize + max_conn as usize / 4 + 16).next_power_of_two()
    }

    #[must_use]
    pub fn new(slots: &'static [Session], round: &'static AtomicU64) -> Self {
        debug_assert!(slots.len().is_power_of_two());
        Self { slots, round }
    }

    #[inline]
    fn slot(&self, id: u64) -> &'static Session {
        &self.slots[(id as usize) & (self.slots.len() - 1)]
    }

    /// The record of a live session.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&'static Session> {
        let session = self.slot(id);
        (id != 0 && session.id() == id).then_some(session)
    }

    /// Gives a new connection its id; `None` when every slot is taken.
    #[must_use]
    pub fn open(&self, new: &NewSession) -> Option<(u64, &'static Session)> {
        for _ in 0..self.slots.len() {
            let id = self.round.fetch_add(1, Relaxed) + 1;
            let session = self.slot(id);
            let claim = new.host + 1;
            if session
                .claim
                .compare_exchange(0, claim, AcqRel, Relaxed)
                .is_err()
            {
                continue;
            }
            session.reset_fields();
            session.socket_fd.store(new.socket_fd, Relaxed);
            session.server_fd.store(new.server_fd, Relaxed);
            session.port.store(u32::from(new.port), Relaxed);
            session.connect_us.store(new.now_us, Relaxed);
            session.last_recv_us.store(new.now_us, Relaxed);
            session.last_dispatch_us.store(0, Relaxed);
            session.set_address(&new.address);
            session.id.store(id, Release);
            return Some((id, session));
        }
        None
    }

    /// Ends a session; by its host only. A stale id changes nothing.
    pub fn free(&self, id: u64) -> bool {
        let session = self.slot(id);
        if id == 0 || session.id() != id {
            return false;
        }
        session.id.store(0, Release);
        session.claim.store(0, Release);
        true
    }

    /// Frees every slot of a host that died.
    pub fn free_host(&self, host: u32) {
        for session in self.used_slots() {
            if session.claim.load(Acquire) == host + 1 {
                session.id.store(0, Release);
                session.claim.store(0, Release);
            }
        }
    }

    /// The sessions that a worker serves.
    #[must_use]
    pub fn of_worker(&self, worker_id: u32) -> Vec<u64> {
        self.used_slots()
            .filter(|session| session.worker.load(Relaxed) == worker_id + 1)
            .map(Session::id)
            .filter(|id| *id != 0)
            .collect()
    }

    /// Live session ids greater than `after`, ascending, at most `count`. `known` is the caller's, for all of
    /// its calls.
    #[must_use]
    pub fn list(&self, known: &mut Known, after: u64, count: usize) -> Vec<u64> {
        let last = self.round.load(Acquire);
        let from = after.saturating_add(1);
        // The latest ids, each of which has a slot of its own, are looked up one by one. Older ones are those
        // that stayed while the ids went round.
        let latest = last.saturating_sub(self.slots.len() as u64 - 1).max(1);
        let old = if from < latest {
            self.look(known, last);
            known.between(from, latest)
        } else {
            &[]
        };
        old.iter()
            .copied()
            .chain(from.max(latest)..=last)
            .filter(|id| self.slot(*id).id() == *id)
            .take(count)
            .collect()
    }

    /// Sees to it that `known` has every live id that is not among the latest ones.
    fn look(&self, known: &mut Known, last: u64) {
        // Half a round: what was about to be opened at that moment, and was not seen, is among the latest.
        let is_fresh = last - known.round.min(last) < self.slots.len() as u64 / 2;
        if known.round != 0 && is_fresh {
            return;
        }
        known.round = last;
        known.ids.clear();
        known
            .ids
            .extend(self.used_slots().map(Session::id).filter(|id| *id != 0));
        known.ids.sort_unstable();
    }

    /// The last id given out.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round.load(Relaxed)
    }

    /// Slots that were ever used: the others were never touched and cost no memory.
    fn used_slots(&self) -> impl Iterator<Item = &'static Session> + use<> {
        let used = usize::try_from(self.round.load(Acquire)).unwrap_or(usize::MAX);
        let slots = self.slots;
        let all = used >= slots.len() - 1;
        let range = if all { 0..slots.len() } else { 1..used + 1 };
        slots[range].iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(slots: usize) -> SessionTable {
        let slots: Vec<Session> = (0..slots).map(|_| Session::default()).collect();
        SessionTable::new(slots.leak(), Box::leak(Box::new(AtomicU64::new(0))))
    }

    fn new(host: u32) -> NewSession {
        NewSession {
            host,
            socket_fd: 11,
            server_fd: 3,
            port: 0,
            address: RawAddress {
                family: 2,
                port: 40000,
                bytes: *b"\x7f\0\0\x01............",
            },
            now_us: 5,
        }
    }

    fn list(table: &SessionTable, after: u64, count: usize) -> Vec<u64> {
        table.list(&mut Known::default(), after, count)
    }

    #[test]
    fn a_record_is_two_cache_lines() {
        assert_eq!(size_of::<Session>(), 128);
    }

    #[test]
    fn ids_rise_from_one_and_are_never_reused() {
        let t = table(4);
        let ids: Vec<u64> = (0..4).map(|_| t.open(&new(0)).expect("room").0).collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert!(t.open(&new(0)).is_none(), "full");
        assert!(t.free(2));
        assert!(!t.free(2), "freed once");
        let (id, _) = t.open(&new(0)).expect("room");
        assert!(id > 4 && id % 4 == 2);
        assert!(t.get(2).is_none(), "a stale id finds nothing");
        assert!(t.get(id).is_some());
        assert!(t.get(0).is_none());
    }

    #[test]
    fn the_address_comes_back_whole() {
        let t = table(2);
        let (_, s) = t.open(&new(0)).expect("room");
        assert_eq!(s.address(), new(0).address);
    }

    #[test]
    fn list_pages_in_order() {
        let t = table(8);
        for _ in 0..6 {
            t.open(&new(0)).expect("room");
        }
        t.free(3);
        assert_eq!(list(&t, 0, 3), [1, 2, 4]);
        assert_eq!(list(&t, 4, 100), [5, 6]);
        assert!(list(&t, u64::MAX, 3).is_empty());
    }

    #[test]
    fn a_dead_host_loses_its_sessions_only() {
        let t = table(8);
        t.open(&new(0)).expect("room");
        t.open(&new(1)).expect("room");
        t.open(&new(0)).expect("room");
        t.free_host(0);
        assert_eq!(list(&t, 0, 9), [2]);
    }

    #[test]
    fn list_has_those_that_stay_while_the_ids_go_round() {
        for slots in [2, 8, 64] {
            let t = table(slots);
            let mut known = Known::default();
            assert_eq!(t.open(&new(0)).map(|(id, _)| id), Some(1));
            for _ in 0..2 * slots {
                let (id, _) = t.open(&new(0)).expect("room");
                assert_eq!(t.list(&mut known, 0, 9), [1, id]);
                assert_eq!(t.list(&mut known, 1, 9), [id]);
                t.free(id);
            }
            assert_eq!(t.list(&mut known, 0, 9), [1]);
            t.free(1);
            assert!(t.list(&mut known, 0, 9).is_empty());
        }
    }

    /// Against the plain way, with what a process knows at different ages.
    #[test]
    fn list_is_every_live_session_once_in_order() {
        let t = table(32);
        let mut known = [Known::default(), Known::default(), Known::default()];
        let mut live: Vec<u64> = Vec::new();
        let mut seed = 7_u64;
        for step in 0..2_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (seed >> 33) as usize;
            if live.len() < 20 && (live.is_empty() || random.is_multiple_of(2)) {
                live.push(t.open(&new(0)).expect("room").0);
            } else {
                // Mostly the younger ones end.
                let at = random / 2 % live.len().min(4);
                t.free(live.remove(live.len() - 1 - at));
            }
            for (n, known) in known.iter_mut().enumerate() {
                if step % (n * 20 + 1) != 0 {
                    continue;
                }
                let mut pages = Vec::new();
                while let Some(page) = Some(t.list(known, pages.last().map_or(0, |id| *id), n + 1))
                    .filter(|page| !page.is_empty())
                {
                    pages.extend(page);
                }
                assert_eq!(pages, live, "step {step}");
            }
        }
    }

    #[test]
    fn a_late_close_does_not_touch_the_next_session_of_the_slot() {
        let t = table(1);
        let (first, s) = t.open(&new(0)).expect("room");
        assert!(s.begin_close(first));
        assert!(!s.begin_close(first), "once");
        t.free(first);
        let (second, s) = t.open(&new(0)).expect("room");
        s.finish_close(first);
        assert_eq!(s.close_state(), CLOSE_NONE);
        assert!(!s.begin_close(first));
        assert_eq!(s.close_state(), CLOSE_NONE);
        assert!(s.begin_close(second));
        s.finish_close(second);
        assert_eq!(s.close_state(), CLOSE_DONE);
    }
}
