//! What can be asked of connections and of the server as a whole.

use std::sync::atomic::Ordering::Relaxed;

use super::Mode;
use super::context::Context;
use super::session::{CLOSE_DONE, PEER_GONE, Session};
use super::shared::{WorkerRecord, WorkerState};
use crate::error::Error;
use crate::net::address::RawAddress;

/// Connections that one call lists at most, as in the reference.
const LIST_MAX: usize = 100;

/// What `getClientInfo()` tells. Times are seconds since the epoch, 0 where it has not happened yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientInfo {
    pub reactor_id: u32,
    pub server_port: u16,
    pub server_fd: i32,
    pub socket_fd: i32,
    /// A `SWOOLE_SOCK_*` number.
    pub socket_type: i64,
    pub remote_ip: String,
    pub remote_port: u16,
    pub connect_time_s: f64,
    pub last_recv_s: f64,
    pub last_send_s: f64,
    pub last_dispatch_s: f64,
    pub close_errno: i32,
    pub recv_queued_bytes: u64,
    pub send_queued_bytes: u64,
    /// The worker that serves the connection, where one does.
    pub worker_id: Option<u32>,
    pub uid: Option<i64>,
}

/// A value of `stats()`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StatValue {
    Int(i64),
    Float(f64),
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

pub(super) fn int(value: u64) -> StatValue {
    StatValue::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Context {
    /// What is known of a connection. With `ignore_error` also of one that is closed but not yet gone.
    pub fn client_info(&self, session_id: u64, ignore_error: bool) -> Result<ClientInfo, Error> {
        let session = self
            .shared
            .sessions
            .get(session_id)
            .ok_or(Error::SessionNotExist { session_id })?;
        let ended = session.close_state() == CLOSE_DONE;
        if ended && !ignore_error {
            return Err(Error::SessionClosed { session_id });
        }
        let info = self.describe(session);
        // The slot may have changed hands while it was read.
        match self.shared.sessions.get(session_id) {
            Some(_) => Ok(info),
            None => Err(Error::SessionNotExist { session_id }),
        }
    }

    fn describe(&self, session: &Session) -> ClientInfo {
        let address = session.address();
        let port = self.shared.ports.get(session.port.load(Relaxed) as usize);
        let host = session.host().unwrap_or(0) as usize;
        let uid = session.uid.load(Relaxed);
        ClientInfo {
            reactor_id: self.shared.reactor_id(host),
            server_port: port.map_or(0, |port| port.port),
            server_fd: session.server_fd.load(Relaxed),
            socket_fd: session.socket_fd.load(Relaxed),
            socket_type: port.map_or(0, |port| port.sock_type.number()),
            remote_ip: match address.family {
                RawAddress::UNIX => String::new(),
                _ => address.ip(),
            },
            remote_port: address.port(),
            connect_time_s: seconds(session.connect_us.load(Relaxed)),
            last_recv_s: seconds(session.last_recv_us.load(Relaxed)),
            last_send_s: seconds(session.last_send_us.load(Relaxed)),
            last_dispatch_s: seconds(session.last_dispatch_us.load(Relaxed)),
            close_errno: session.close_errno.load(Relaxed),
            // Input that no worker took stays in the kernel.
            recv_queued_bytes: 0,
            send_queued_bytes: session.send_queued_bytes.load(Relaxed),
            worker_id: session.worker.load(Relaxed).checked_sub(1),
            uid: (uid != 0).then_some(uid),
        }
    }

    /// Session ids greater than `after`, ascending: 1 to 100 of them.
    pub fn client_list(&self, after: u64, count: usize) -> Result<Vec<u64>, Error> {
        if count == 0 || count > LIST_MAX {
            return Err(Error::InvalidParams(format!(
                "a list of {count} connections was asked for: 1 to {LIST_MAX} are possible at a time"
            )));
        }
        let mut list = Vec::with_capacity(count);
        let mut from = after;
        // Connections that are closed or gone but not yet freed are left out.
        while list.len() < count {
            let known = &mut self.known_sessions.borrow_mut();
            let page = self.shared.sessions.list(known, from, count);
            let Some(last) = page.last() else { break };
            from = *last;
            list.extend(page.into_iter().filter(|id| self.is_listed(*id)));
        }
        list.truncate(count);
        Ok(list)
    }

    fn is_listed(&self, session_id: u64) -> bool {
        self.shared.sessions.get(session_id).is_some_and(|s| {
            s.is_adopted() && s.close_state() != CLOSE_DONE && s.peer.load(Relaxed) != PEER_GONE
        })
    }

    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.shared.connections()
    }

    /// What `stats()` tells, in its order.
    #[must_use]
    pub fn stats(&self) -> Vec<(&'static str, StatValue)> {
        let shared = &self.shared;
        let hosts = |value: fn(&super::shared::HostRecord) -> u64| -> u64 {
            shared.hosts.iter().map(value).sum()
        };
        let lanes = |value: fn(&super::lane::LaneRecord) -> u64| -> u64 {
            shared.lanes.iter().map(value).sum()
        };
        let idle_of = |workers: &[WorkerRecord]| {
            let idle = workers.iter().filter(|w| w.state() == WorkerState::Idle);
            int(idle.count() as u64)
        };
        let event_workers = shared.event_workers();
        let mut stats = vec![
            ("start_time", int(shared.global.start_time_s.load(Relaxed))),
            ("connection_num", int(self.connection_count())),
            ("abort_count", int(shared.global.refused.load(Relaxed))),
            ("accept_count", int(hosts(|h| h.accepted.get()))),
            ("close_count", int(hosts(|h| h.closed.get()))),
            ("worker_num", int(event_workers as u64)),
            ("task_worker_num", int(shared.task_workers().len() as u64)),
            (
                "user_worker_num",
                int((shared.workers.len() - shared.core_workers()) as u64),
            ),
            ("idle_worker_num", idle_of(&shared.workers[..event_workers])),
            ("dispatch_count", int(hosts(|h| h.dispatched.get()))),
            ("request_count", int(lanes(|w| w.all_requests.get()))),
            ("response_count", int(lanes(|w| w.all_responses.get()))),
            ("total_recv_bytes", int(hosts(|h| h.received_bytes.get()))),
            ("total_send_bytes", int(hosts(|h| h.sent_bytes.get()))),
            ("send_queued_bytes", int(shared.queued_bytes())),
            ("session_round", int(shared.sessions.round())),
        ];
        if self.worker_id().is_some() {
            let record = &shared.lanes[self.lane];
            stats.push(("worker_request_count", int(record.requests.get())));
            stats.push(("worker_response_count", int(record.responses.get())));
            stats.push(("worker_dispatch_count", int(record.requests.get())));
        }
        stats.extend(self.task_stats());
        if !shared.task_workers().is_empty() {
            stats.push(("task_idle_worker_num", idle_of(shared.task_workers())));
        }
        if shared.mode == Mode::Process {
            stats.push(("reactor_num", int(shared.hosts.len() as u64)));
        }
        stats
    }
}
