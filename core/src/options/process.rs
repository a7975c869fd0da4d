//! Settings of the process as a whole: what `swoole_async_set()`, `set()` of coroutines, of process pools
//! and of servers change at once, and what children inherit.

use std::net::SocketAddr;

use parking_lot::Mutex;

use super::row::{Scope, Stage};
use super::settings::Given;
use super::{Options, Raw, Warning, find};
use crate::error::Error;
use crate::log;

/// The thread pool for files and DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AioSettings {
    /// Threads that stay when idle; `None`: one for each CPU.
    pub core_threads: Option<u32>,
    /// Most threads; `None`: eight for each CPU.
    pub max_threads: Option<u32>,
    /// A call that waits longer than this for a thread gets a new one, within `max_threads`.
    pub max_wait_ms: u64,
    /// A thread beyond `core_threads` ends after this time without work.
    pub max_idle_ms: u64,
}

/// Limits of the sockets of coroutines. `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketSettings {
    pub dns_timeout_ms: Option<u64>,
    pub connect_timeout_ms: Option<u64>,
    pub write_timeout_ms: Option<u64>,
    pub read_timeout_ms: Option<u64>,
}

/// How host names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// Take a random one of several addresses, not the first.
    pub random: bool,
    /// How long an address is kept; 0 is not at all.
    pub cache_ms: u64,
    /// How long an address is kept by clients of coroutines; 0 is not at all.
    pub client_cache_ms: u64,
    /// Most addresses that are kept; 0 is none.
    pub cache_capacity: u32,
    /// The DNS server to ask; `None`: those of the system.
    pub server: Option<SocketAddr>,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessSettings {
    pub aio: AioSettings,
    pub socket: SocketSettings,
    pub dns: DnsSettings,
    /// Callbacks outside of servers (timers, processes) run in coroutines.
    pub enable_coroutine: bool,
    /// The event loop keeps running while a signal listener is set.
    pub wait_signal: bool,
    /// Show PHP warnings about mistakes in calls; `None` leaves it to php.ini.
    pub display_errors: Option<bool>,
}

const DEFAULTS: ProcessSettings = ProcessSettings {
    aio: AioSettings {
        core_threads: None,
        max_threads: None,
        max_wait_ms: 1,
        max_idle_ms: 1000,
    },
    socket: SocketSettings {
        dns_timeout_ms: Some(60_000),
        connect_timeout_ms: Some(10_000),
        write_timeout_ms: Some(60_000),
        read_timeout_ms: Some(60_000),
    },
    dns: DnsSettings {
        random: false,
        cache_ms: 60_000,
        client_cache_ms: 60_000,
        cache_capacity: 1000,
        server: None,
    },
    enable_coroutine: true,
    wait_signal: false,
    display_errors: None,
};

impl Default for ProcessSettings {
    fn default() -> ProcessSettings {
        DEFAULTS
    }
}

/// What is in effect. Survives a fork, as memory does; nothing is called while the lock is held.
static SETTINGS: Mutex<ProcessSettings> = Mutex::new(DEFAULTS);
/// The log as these options made it; a server starts from it.
static LOG: Mutex<Option<log::Config>> = Mutex::new(None);

/// The settings in effect.
#[must_use]
pub fn process() -> ProcessSettings {
    *SETTINGS.lock()
}

/// Changes the settings in effect.
pub fn change_process(change: impl FnOnce(&mut ProcessSettings)) {
    let mut new = process();
    change(&mut new);
    *SETTINGS.lock() = new;
}

pub(super) fn process_log() -> log::Config {
    LOG.lock().clone().unwrap_or_default()
}

/// Puts options of the process into effect: all of them or, if one cannot be, none. Options that are not
/// of the process are passed over without a word, as old scripts give names of old versions.
///
/// # Errors
/// [`Error::Option`] for a wrong type or a value out of range.
pub fn set_process(given: &[(String, Raw)]) -> Result<Vec<Warning>, Error> {
    let mut options = Options::of_process();
    let mut warnings = Vec::new();
    let mut logs = false;
    for (name, raw) in given {
        let Some(row) = find(name) else { continue };
        // Of servers' options this is the one that is of other processes as well.
        let is_coroutine = row.name == "enable_coroutine";
        if is_coroutine {
            if let Some(on) = raw.truth() {
                options.given.process.enable_coroutine = on;
            }
        } else if row.scope == Scope::Process {
            let warning = options.apply(name, raw)?;
            // What does nothing here is no news to a script that sets it for other versions.
            warnings.extend(warning.filter(|_| !matches!(row.stage, Stage::NoEffect(_))));
            logs |= row.name.starts_with("log_");
        }
    }
    if logs {
        let config = options.given.log.clone();
        log::configure(config.clone())?;
        *LOG.lock() = Some(config);
    }
    options.commit_process();
    Ok(warnings)
}

impl Options {
    /// Options of a server that is made now: those of the process are as they are set already.
    #[must_use]
    pub fn of_process() -> Options {
        Options {
            given: Given {
                log: process_log(),
                process: process(),
                ..Given::default()
            },
            ..Options::default()
        }
    }

    /// Before options are applied: what others have changed since is not undone by
    /// [`Options::commit_process`].
    pub fn refresh_process(&mut self) {
        self.given.process = process();
    }

    /// Puts the options of the process into effect. The log follows when the server starts.
    pub fn commit_process(&self) {
        *SETTINGS.lock() = self.given.process;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, raw: Raw) -> [(String, Raw); 1] {
        [(name.to_owned(), raw)]
    }

    // One test, for the settings are of the whole process.
    #[test]
    fn all_or_nothing() -> Result<(), Error> {
        let unknown = given("disable_dns_cache", Raw::Bool(true));
        assert_eq!(set_process(&unknown)?, vec![]);
        set_process(&given("socket_timeout", Raw::Int(5)))?;
        assert_eq!(process().socket.read_timeout_ms, Some(5000));
        assert_eq!(process().socket.write_timeout_ms, Some(5000));
        set_process(&given("socket_read_timeout", Raw::Int(-7)))?;
        assert_eq!(process().socket.read_timeout_ms, None);
        set_process(&given("thread_num", Raw::Int(-1)))?;
        assert_eq!(process().aio.core_threads, Some(1));
        let mut both = given("dns_lookup_random", Raw::Bool(true)).to_vec();
        both.extend(given("aio_worker_num", Raw::List(Vec::new())));
        assert!(set_process(&both).is_err());
        assert!(!process().dns.random);
        set_process(&given("enable_coroutine", Raw::Int(0)))?;
        assert!(!process().enable_coroutine);
        assert_eq!(set_process(&given("trace_flags", Raw::Int(7)))?, vec![]);
        change_process(|settings| *settings = ProcessSettings::default());
        Ok(())
    }
}
