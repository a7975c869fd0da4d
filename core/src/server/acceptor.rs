//! Taking new connections: in the master's main thread, or in each worker of base mode.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::server_loop::ServerLoop;
use super::session::{NewSession, Session};
use super::shared::Shared;
use crate::error::Error;
use crate::log;
use crate::net::address::Address;
use crate::net::listener::{self, BindOptions, ListenOptions, Listener};
use crate::net::stream::{KeepAlive, SocketOptions, Stream};
use crate::options::Settings;
use crate::reactor::clock;

/// Connections taken from one listener before anything else gets a turn.
const ACCEPT_BATCH: usize = 64;
/// How long to leave clients in the backlog when descriptors ran out, in milliseconds.
const EXHAUSTED_PAUSE_MS: u64 = 100;

/// The least time between two warnings about connections, in milliseconds.
const QUIET_MS: u64 = 1_000;

/// A connection that has its session.
#[derive(Debug)]
pub(super) struct Accepted {
    pub stream: Stream,
    pub session_id: u64,
    pub session: &'static Session,
    pub port: u16,
    pub host: u32,
}

/// The listeners of a process.
#[derive(Debug)]
pub(super) struct Acceptor {
    shared: Arc<Shared>,
    listeners: Vec<Listener>,
    /// Clients may be waiting: nothing has said otherwise since the last event.
    ready: Vec<bool>,
    paused_until_ms: Option<u64>,
    /// When a warning may be logged again, monotonic milliseconds: a flood of clients is not to become a
    /// flood of lines.
    quiet_until_ms: u64,
}

/// What `set()` says about listening sockets and their connections.
pub(super) fn listen_options(settings: &Settings) -> ListenOptions {
    let tcp = &settings.tcp;
    ListenOptions {
        defer_accept_s: tcp.defer_accept_s,
        fastopen: tcp.fastopen,
        socket: SocketOptions {
            nodelay: tcp.nodelay,
            keepalive: tcp.keepalive.then_some(KeepAlive {
                idle_s: tcp.keepidle_s,
                interval_s: tcp.keepinterval_s,
                count: tcp.keepcount,
            }),
            user_timeout_ms: tcp.user_timeout_ms,
            recv_buffer_bytes: settings.kernel_recv_buffer_bytes,
            send_buffer_bytes: settings.kernel_send_buffer_bytes,
        },
    }
}

impl Acceptor {
    pub fn new(shared: Arc<Shared>, listeners: Vec<Listener>) -> Self {
        let ready = vec![true; listeners.len()];
        Self {
            shared,
            listeners,
            ready,
            paused_until_ms: None,
            quiet_until_ms: 0,
        }
    }

    /// A socket of this process' own on the same port (`enable_reuse_port`).
    pub fn reopen(shared: &Shared, inherited: Listener, host: &str) -> Result<Listener, Error> {
        let sock_type = inherited.sock_type();
        if !sock_type.is_tcp() {
            return Ok(inherited);
        }
        let port = i64::from(inherited.local_addr().port());
        drop(inherited);
        let options = BindOptions { reuse_port: true };
        let own = Listener::bind_with(sock_type, host, port, options)?;
        own.listen(shared.settings.backlog, &listen_options(&shared.settings))?;
        Ok(own)
    }

    pub fn on_ready(&mut self, index: usize) {
        if let Some(ready) = self.ready.get_mut(index) {
            *ready = true;
        }
    }

    /// Whether there may be somebody to accept now.
    pub fn is_ready(&self) -> bool {
        let paused = self
            .paused_until_ms
            .is_some_and(|until| clock::monotonic_ms() < until);
        !paused && self.ready.iter().any(|ready| *ready)
    }

    /// When accepting goes on after a pause.
    pub fn retry_at_ms(&self) -> Option<u64> {
        self.paused_until_ms
    }

    /// Closes the listeners. Clients that the kernel has already let in are taken first, so that they
    /// are served and not reset.
    pub fn stop(&mut self) {
        self.listeners.clear();
        self.ready.clear();
        self.paused_until_ms = None;
    }

    /// Removes the files of unix sockets, at the end of the server.
    pub fn remove_socket_files(&self) {
        for listener in &self.listeners {
            listener.remove_socket_file();
        }
    }

    /// Takes some of the waiting clients; `host_of` names the owner of a socket by its descriptor.
    pub fn accept(&mut self, host_of: impl Fn(i32) -> u32) -> Vec<Accepted> {
        if self
            .paused_until_ms
            .is_some_and(|until| clock::monotonic_ms() >= until)
        {
            self.paused_until_ms = None;
        }
        let mut accepted = Vec::new();
        for index in 0..self.listeners.len() {
            if self.ready[index] {
                self.accept_from(index, &host_of, &mut accepted);
            }
        }
        accepted
    }

    fn accept_from(
        &mut self,
        index: usize,
        host_of: &impl Fn(i32) -> u32,
        accepted: &mut Vec<Accepted>,
    ) {
        for _ in 0..ACCEPT_BATCH {
            match self.listeners[index].accept() {
                Ok(listener::Accepted::Connection(fd, address)) => {
                    accepted.extend(self.admit(index, fd, &address, host_of));
                }
                Ok(listener::Accepted::WouldBlock) => {
                    self.ready[index] = false;
                    return;
                }
                Ok(listener::Accepted::TryAgain) => {}
                Ok(listener::Accepted::Exhausted { errno }) => return self.pause(errno),
                Err(error) => {
                    log::error(format_args!(
                        "accept on port {}: {error}",
                        self.shared.ports[index].port
                    ));
                    self.ready[index] = false;
                    return;
                }
            }
        }
    }

    fn may_log(&mut self) -> bool {
        let now = clock::monotonic_ms();
        let may = now >= self.quiet_until_ms;
        if may {
            self.quiet_until_ms = now + QUIET_MS;
        }
        may
    }

    fn pause(&mut self, errno: i32) {
        self.paused_until_ms = Some(clock::monotonic_ms() + EXHAUSTED_PAUSE_MS);
        if !self.may_log() {
            return;
        }
        log::warning(format_args!(
            "no new connections for {EXHAUSTED_PAUSE_MS} ms, {} are open: {}; raise the limit of open files (ulimit -n) or lower max_conn",
            self.shared.connections(),
            crate::error::describe(errno)
        ));
    }

    /// Gives a connection its session, or refuses it because of `max_conn`.
    fn admit(
        &mut self,
        index: usize,
        fd: OwnedFd,
        address: &Address,
        host_of: &impl Fn(i32) -> u32,
    ) -> Option<Accepted> {
        let global = self.shared.global;
        let max_conn = u64::from(self.shared.settings.max_conn);
        let socket_fd = fd.as_raw_fd();
        let host = host_of(socket_fd);
        let new = NewSession {
            host,
            socket_fd,
            server_fd: self.shared.ports[index].fd,
            port: index as u16,
            address: address.to_raw(),
            now_us: clock::wall_us(),
        };
        let open = self.shared.connections();
        let opened = (open < max_conn)
            .then(|| self.shared.sessions.open(&new))
            .flatten();
        let Some((session_id, session)) = opened else {
            global.refused.fetch_add(1, Relaxed);
            if self.may_log() {
                log::warning(format_args!(
                    "{}",
                    Error::TooManyConnections {
                        connections: open,
                        max_conn
                    }
                ));
            }
            return None;
        };
        self.shared.hosts[host as usize]
            .accepted
            .add_single_writer(1);
        Some(Accepted {
            stream: Stream::new(fd),
            session_id,
            session,
            port: index as u16,
            host,
        })
    }

    /// Takes everybody whom the kernel has let in already: no more rounds than a full backlog needs, as
    /// clients that are refused may come back at once.
    pub fn accept_rest(&mut self, host_of: impl Fn(i32) -> u32) -> Vec<Accepted> {
        let mut rest = Vec::new();
        self.ready.fill(true);
        let rounds = self.shared.settings.backlog.unsigned_abs() as usize / ACCEPT_BATCH + 2;
        for _ in 0..rounds {
            if !self.is_ready() {
                break;
            }
            rest.extend(self.accept(&host_of));
        }
        rest
    }

    pub fn watch(&self, server_loop: &ServerLoop, first_token: usize) -> Result<(), Error> {
        for (index, listener) in self.listeners.iter().enumerate() {
            server_loop.watch(listener.raw_fd(), first_token - index)?;
        }
        Ok(())
    }
}
