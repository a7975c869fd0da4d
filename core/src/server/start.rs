//! From the constructor to the end of `start()`: binding, shared state, the first fork, and what each
//! process becomes.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use super::acceptor::listen_options;
use super::context::set_current;
use super::entry::Incarnation;
use super::handler::{EventHandler, Role};
use super::manager::{self, Ended};
use super::server_loop::between_turns;
use super::shared::{Listens, Shared};
use super::{Mode, PortInfo, base, master, task_worker, user_process, worker};
use crate::error::Error;
use crate::ipc::doorbell::Doorbell;
use crate::log;
use crate::net::address::SockType;
use crate::net::listener::{BindOptions, Listener};
use crate::options::Settings;
use crate::protocol::framing::Rule;
use crate::reactor::clock;
use crate::reactor::event_loop::{self, OWN_TOKEN};
use crate::reactor::poller::{Interest, Poller, Token};
use crate::sys::pid_file::PidFile;
use crate::sys::process::{self, Forked};
use crate::sys::reaped;
use crate::sys::signal::{self, Signal, SignalInbox};

/// Tokens from here on are not connections; listeners count down from the last. All are below those that
/// the event loop uses itself.
pub(super) const BELL_TOKEN: usize = OWN_TOKEN - 1;
pub(super) const SIGNAL_TOKEN: usize = BELL_TOKEN - 1;
pub(super) const LISTENER_TOKEN: usize = BELL_TOKEN - 2;

pub(super) fn poller() -> Result<Poller, Error> {
    Poller::new().map_err(|error| Error::os("epoll_create", "", &error))
}

/// Watches a descriptor for input.
pub(super) fn watch(poller: &Poller, fd: RawFd, token: usize) -> Result<(), Error> {
    poller
        .register(fd, Token(token), Interest::READABLE)
        .map_err(|error| Error::os("epoll_ctl", format!("fd {fd}"), &error))
}

pub(super) fn wait(poller: &mut Poller, timeout: Option<Duration>) -> Result<(), Error> {
    poller
        .wait(timeout)
        .map_err(|error| Error::os("epoll_wait", "", &error))
}

pub(super) fn bell_fd(bell: &Doorbell) -> RawFd {
    bell.bell().as_raw_fd()
}

/// Makes a bell silent again, so that the next ring is an event.
pub(super) fn clear_bell(bell: &Doorbell) {
    // EAGAIN: it was silent.
    let _ = bell.bell().read();
}

/// A server before its start. It has its port from here on.
#[derive(Debug)]
pub struct Server {
    mode: Mode,
    listeners: Vec<Listener>,
    ports: Vec<PortInfo>,
    /// The port is shared with other servers.
    joined: bool,
}

/// What a process is when [`Server::start`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The server is down; this is the process that called.
    Master { status: i32 },
    /// A forked process has done its part and must end with this status.
    Child { role: Role, status: i32 },
}

impl Server {
    /// Binds the port; clients are let in by [`Server::start`]. With `reuse_port` other sockets may
    /// share it (SO_REUSEPORT).
    ///
    /// # Errors
    /// The host, the port or the path cannot be had; datagram sockets are not built yet.
    pub fn new(
        mode: Mode,
        host: &str,
        port: u16,
        sock_type: SockType,
        reuse_port: bool,
    ) -> Result<Server, Error> {
        if !sock_type.is_stream() {
            return Err(Error::NotBuilt {
                what: format!("a server on a socket of type {}", sock_type.number()),
                needs: "UDP and unix datagram sockets come with onPacket".to_owned(),
            });
        }
        let bind = |reuse_port| {
            Listener::bind_with(sock_type, host, i64::from(port), BindOptions { reuse_port })
        };
        // Options come later: if the port is taken by servers that share it (SO_REUSEPORT), this one may
        // be about to join them.
        let (listener, joined) = match bind(reuse_port) {
            Err(error) if error.errno() == libc::EADDRINUSE && !reuse_port => {
                (bind(true).map_err(|_| error)?, true)
            }
            bound => (bound?, reuse_port),
        };
        let info = PortInfo {
            host: host.to_owned(),
            port: if sock_type.is_tcp() {
                listener.local_addr().port()
            } else {
                0
            },
            sock_type,
            fd: listener.raw_fd(),
        };
        Ok(Server {
            mode,
            listeners: vec![listener],
            ports: vec![info],
            joined,
        })
    }

    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    #[must_use]
    pub fn ports(&self) -> &[PortInfo] {
        &self.ports
    }

    /// Runs the server. Returns in the calling process when the server is down, and in each forked
    /// process when that one is done.
    ///
    /// # Errors
    /// The server cannot start; then nothing is left running.
    pub fn start(
        mut self,
        settings: Settings,
        handler: Rc<dyn EventHandler>,
    ) -> Result<Finished, Error> {
        check_identity(&settings)?;
        check_framing(self.mode, &settings)?;
        if self.joined && !settings.enable_reuse_port {
            return Err(Error::Bind {
                address: format!("{}:{}", self.ports[0].host, self.ports[0].port),
                errno: libc::EADDRINUSE,
            });
        }
        if self.mode == Mode::Process && settings.enable_reuse_port {
            self.share_port()?;
        }
        log::configure(settings.log.clone())?;
        log::set_identity(log::Flag::Master, 0);
        for warning in &settings.warnings {
            log::warning(warning);
        }
        let pid_path = settings.pid_file.as_deref().map(std::path::absolute);
        if settings.daemonize {
            daemonize()?;
        }
        let listens = Listens::collect(|event| handler.listens(event));
        let own_sockets = self.mode == Mode::Base && settings.enable_reuse_port;
        for listener in self.listeners.iter().filter(|_| !own_sockets) {
            listener.listen(settings.backlog, &listen_options(&settings))?;
        }
        let users = handler.user_processes();
        let shared = Shared::create(self.mode, settings, self.ports, listens, users)?;
        let shared = Arc::new(shared);
        shared
            .global
            .master_pid
            .store(process::getpid().as_raw(), Release);
        shared
            .global
            .start_time_s
            .store(clock::wall_us() / 1_000_000, Relaxed);
        let pid_file = match pid_path {
            Some(Ok(path)) => Some(PidFile::write(&path)?),
            _ => None,
        };
        for ignored in [Signal::PIPE, Signal::HUP] {
            signal::ignore(ignored)?;
        }
        let mut signals = SignalInbox::install(&[
            Signal::TERM,
            Signal::INT,
            Signal::USR1,
            Signal::USR2,
            Signal::CHLD,
            Signal::WINCH,
            Signal::rtmin(),
        ])?;
        signals.forgive_repeats();
        let launch = Launch {
            shared,
            handler,
            listeners: self.listeners,
            signals: Rc::new(RefCell::new(signals)),
        };
        let finished = launch.run();
        set_current(None);
        // What user code added to it ends with the server.
        event_loop::discard();
        // Children got copies of it and leave the file alone.
        if !matches!(finished, Ok(Finished::Child { .. }))
            && let Some(pid_file) = &pid_file
        {
            pid_file.remove();
        }
        finished
    }
}

impl Server {
    /// Makes the listening socket one that other servers may share the port with.
    fn share_port(&mut self) -> Result<(), Error> {
        for (listener, port) in std::mem::take(&mut self.listeners)
            .into_iter()
            .zip(&mut self.ports)
        {
            let sock_type = listener.sock_type();
            let shared = if sock_type.is_tcp() && !self.joined {
                // The address is free only when the former socket is closed.
                drop(listener);
                let options = BindOptions { reuse_port: true };
                Listener::bind_with(sock_type, &port.host, i64::from(port.port), options)?
            } else {
                listener
            };
            port.fd = shared.raw_fd();
            self.listeners.push(shared);
        }
        Ok(())
    }
}

/// Everything that the first fork hands on.
struct Launch {
    shared: Arc<Shared>,
    handler: Rc<dyn EventHandler>,
    listeners: Vec<Listener>,
    signals: Signals,
}

/// The signals of a process of the server, shared with its event loop.
pub(super) type Signals = Rc<RefCell<SignalInbox>>;

/// Whether a signal has the log's file opened again, in the master, the manager and all workers.
pub(super) fn reopens_log(signal: Signal) -> bool {
    [Signal::WINCH, Signal::rtmin()].contains(&signal)
}

impl Launch {
    fn run(self) -> Result<Finished, Error> {
        match self.shared.mode {
            Mode::Base if self.is_single() => self.single(),
            Mode::Base => self.base(),
            Mode::Process => self.process(),
        }
    }

    /// Whether base mode does without a manager: there is one process to run, and it is never replaced.
    fn is_single(&self) -> bool {
        self.shared.workers.len() == 1 && self.shared.settings.max_request == 0
    }

    /// One process is the whole server.
    fn single(self) -> Result<Finished, Error> {
        let Launch {
            shared,
            handler,
            listeners,
            signals,
        } = self;
        let who = Incarnation {
            worker_id: 0,
            epoch: 1,
        };
        shared.workers[0].epoch.store(1, Release);
        let start = base::Start {
            who,
            listeners,
            signals,
            single: true,
        };
        let status = base::run(&shared, &handler, start)?;
        if status == 0 {
            let _ = between_turns(|| handler.on_shutdown());
        }
        Ok(Finished::Master { status })
    }

    /// The calling process is the manager.
    fn base(self) -> Result<Finished, Error> {
        let Launch {
            shared,
            handler,
            listeners,
            signals,
        } = self;
        let listeners = Rc::new(RefCell::new(listeners));
        match manager::run(&shared, &handler, signals, true, Rc::clone(&listeners))? {
            Ended::Done { status } => {
                let _ = between_turns(|| handler.on_shutdown());
                Ok(Finished::Master { status })
            }
            Ended::Become(who, signals) => {
                let listeners = listeners.take();
                Ok(live(&shared, &handler, who, signals, |signals| {
                    let start = base::Start {
                        who,
                        listeners,
                        signals,
                        single: false,
                    };
                    base::run(&shared, &handler, start)
                }))
            }
        }
    }

    /// The calling process is the master, its child the manager.
    fn process(self) -> Result<Finished, Error> {
        let Launch {
            shared,
            handler,
            listeners,
            signals,
        } = self;
        match process::fork()? {
            Forked::Parent(manager) => {
                let status = master::run(&shared, &handler, listeners, signals, manager)?;
                Ok(Finished::Master { status })
            }
            Forked::Child => {
                reaped::forget();
                // Only the master accepts: the port must be free when it is gone.
                drop(listeners);
                signals.borrow().reset_after_fork()?;
                follow_parent(shared.global.master_pid.load(Relaxed))?;
                match manager::run(&shared, &handler, signals, false, Rc::default()) {
                    Ok(Ended::Become(who, signals)) => {
                        Ok(live(&shared, &handler, who, signals, |signals| {
                            worker::run(&shared, &handler, who, signals)
                        }))
                    }
                    Ok(Ended::Done { status }) => Ok(as_child(Role::Manager, Ok(status))),
                    Err(error) => Ok(as_child(Role::Manager, Err(error))),
                }
            }
        }
    }
}

/// The whole life of a child of the manager; `serve` is that of a worker.
fn live(
    shared: &Arc<Shared>,
    handler: &Rc<dyn EventHandler>,
    who: Incarnation,
    signals: Signals,
    serve: impl FnOnce(Signals) -> Result<i32, Error>,
) -> Finished {
    let worker_id = who.worker_id;
    let slot = worker_id as usize;
    if slot < shared.event_workers() {
        return as_child(Role::Worker { worker_id }, serve(signals));
    }
    // Connections are of no concern to it: the port must be free when the workers are gone.
    drop(serve);
    if slot < shared.core_workers() {
        let status = task_worker::run(shared, handler, who, signals);
        as_child(Role::TaskWorker { worker_id }, status)
    } else {
        let status = user_process::run(shared, handler, who);
        as_child(Role::UserProcess { worker_id }, status)
    }
}

/// A child's error must not come out of `start()`, which looks like the master's: it is logged.
fn as_child(role: Role, status: Result<i32, Error>) -> Finished {
    let status = status.unwrap_or_else(|error| {
        log::error(format_args!("the process ends: {error}"));
        1
    });
    Finished::Child { role, status }
}

/// Ends this process when its parent does, whatever ends that.
pub(super) fn follow_parent(parent: i32) -> Result<(), Error> {
    process::set_parent_death_signal(Signal::KILL)?;
    if process::getppid().as_raw() != parent {
        return Err(Error::WrongProcess(format!(
            "the parent process (pid {parent}) is gone already"
        )));
    }
    Ok(())
}

/// Refuses users and groups that do not exist before anything runs.
fn check_identity(settings: &Settings) -> Result<(), Error> {
    if let Some(name) = &settings.user
        && !matches!(nix::unistd::User::from_name(name), Ok(Some(_)))
    {
        return Err(Error::UnknownUser { name: name.clone() });
    }
    if let Some(name) = &settings.group
        && !matches!(nix::unistd::Group::from_name(name), Ok(Some(_)))
    {
        return Err(Error::UnknownGroup { name: name.clone() });
    }
    Ok(())
}

/// A length function is user code, which reactor threads cannot run. Packages cut by the default field instead
/// would be wrong ones.
fn check_framing(mode: Mode, settings: &Settings) -> Result<(), Error> {
    if mode == Mode::Process && settings.framing.framing().rule == Rule::Function {
        return Err(Error::NotBuilt {
            what:
                "package_length_func in SWOOLE_PROCESS mode, whose reactor threads cannot run PHP"
                    .to_owned(),
            needs: "use SWOOLE_BASE, open_eof_split, or package_length_type for a length in binary"
                .to_owned(),
        });
    }
    Ok(())
}

/// Goes to the background, with output going to the log file, or nowhere without one.
fn daemonize() -> Result<(), Error> {
    let target = match log::file_handle() {
        Some(file) => file,
        None => std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/null")
            .map_err(|error| Error::os("open", "/dev/null", &error))?,
    };
    nix::unistd::dup2_stdout(&target)?;
    nix::unistd::dup2_stderr(&target)?;
    process::daemonize()?;
    Ok(())
}
