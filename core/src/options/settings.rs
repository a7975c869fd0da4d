//! Settings: what the server runs with, after defaults, limits of the machine and rules between options.

use std::path::PathBuf;

use super::tasks::resolve_task_workers;
use super::{FramingSettings, ProcessSettings, TaskIpc, TaskSettings, Warning, WarningKind};
use crate::error::Error;
use crate::log;

/// Most workers of a server. The number of CPUs times [`WORKERS_PER_CPU`] is a limit as well.
pub const MAX_WORKERS: u32 = 4096;
pub const WORKERS_PER_CPU: u32 = 1000;
/// Most reactor threads of a server. The number of CPUs times [`REACTORS_PER_CPU`] is a limit as well.
pub const MAX_REACTORS: u32 = 256;
pub const REACTORS_PER_CPU: u32 = 4;
/// Reactor threads where `reactor_num` is not set: at most this many.
pub const DEFAULT_MAX_REACTORS: u32 = 8;
/// `reactor_num` times `worker_num` stays within this, so that the rings between them (two for each pair,
/// each of 16 KiB at least) stay within 192 MiB of address space.
pub const MAX_REACTOR_WORKER_PAIRS: u32 = 6144;
/// Most connections of a server.
pub const MAX_CONNECTIONS: u32 = 1 << 20;
/// Connections where `max_conn` is not set: at most this many.
pub const DEFAULT_MAX_CONNECTIONS: u32 = 100_000;
/// How long a sender waits where `send_timeout` is not set or 0, in milliseconds: nothing waits for ever.
pub const DEFAULT_SEND_TIMEOUT_MS: u64 = 60_000;
/// `max_request_grace` is half of `max_request` where that is over this.
const MIN_REQUESTS_FOR_GRACE: u32 = 10;
/// `max_output_buffer_total` where it is not set: this part of the memory, ...
const OUTPUT_TOTAL_SHARE: u64 = 4;
/// ... and no less than this.
const MIN_OUTPUT_TOTAL_BYTES: u64 = 64 << 20;
/// What one read(2) of a client takes at most.
const INPUT_CHUNK_BYTES: u32 = 65_536;

/// How messages of connections are given to workers (`dispatch_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DispatchMode {
    /// Each message to the next worker.
    RoundRobin = 1,
    /// A connection stays with one worker, by its number.
    FdModulo = 2,
    /// Each message to a worker that is idle.
    IdleFirst = 3,
    /// All connections of a client address stay with one worker.
    IpModulo = 4,
    /// By the uid of `bind()`, until then by the number of the connection.
    UidModulo = 5,
}

impl DispatchMode {
    /// Whether all messages of a connection go to one worker, in order; where not, connect and close
    /// events are not delivered unless `enable_unsafe_event` is on.
    #[must_use]
    pub fn keeps_order(self) -> bool {
        !matches!(self, DispatchMode::RoundRobin | DispatchMode::IdleFirst)
    }
}

/// Options of TCP sockets; they have no effect on other sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// TCP_DEFER_ACCEPT of the listening socket, seconds; 0 is off.
    pub defer_accept_s: u32,
    /// TCP_FASTOPEN of the listening socket.
    pub fastopen: bool,
    /// SO_KEEPALIVE; the next three have no effect without it.
    pub keepalive: bool,
    pub keepidle_s: u32,
    pub keepinterval_s: u32,
    pub keepcount: u32,
    /// TCP_USER_TIMEOUT, milliseconds; 0 leaves it to the system.
    pub user_timeout_ms: u32,
}

impl Default for TcpOptions {
    fn default() -> TcpOptions {
        TcpOptions {
            nodelay: true,
            defer_accept_s: 0,
            fastopen: false,
            keepalive: false,
            keepidle_s: 3600,
            keepinterval_s: 60,
            keepcount: 5,
            user_timeout_ms: 0,
        }
    }
}

/// What the machine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env {
    /// CPUs that this process may use; 0 counts as 1.
    pub cpu_num: u32,
    /// Soft limit of open descriptors (RLIMIT_NOFILE).
    pub nofile_limit: u64,
    /// Physical memory, or the limit of the container; 0 if not known.
    pub memory_bytes: u64,
}

/// All values are final: nothing else decides a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// 1..=[`MAX_WORKERS`].
    pub worker_num: u32,
    /// 1..=`worker_num`. Without meaning in BASE mode, where each worker owns its connections.
    pub reactor_num: u32,
    /// Without meaning in BASE mode.
    pub dispatch_mode: DispatchMode,
    /// 1..=[`MAX_CONNECTIONS`], and within the limit of descriptors.
    pub max_conn: u32,
    /// A worker ends after this many messages, plus its random share; 0 is never.
    pub max_request: u32,
    /// The share is from 1 to this; 0 is none.
    pub max_request_grace: u32,
    pub reload_async: bool,
    pub enable_coroutine: bool,
    pub send_yield: bool,
    /// 1 and more.
    pub worker_max_concurrency: u32,
    /// How long a worker or the server may take to end; 0 is without limit.
    pub max_wait_time_ms: u64,
    pub daemonize: bool,
    pub pid_file: Option<PathBuf>,
    pub log: log::Config,
    pub user: Option<String>,
    pub group: Option<String>,
    pub chroot: Option<PathBuf>,
    pub open_cpu_affinity: bool,
    /// CPUs that no reactor thread and no worker is bound to; not all of them.
    pub cpu_affinity_ignore: Vec<u32>,
    pub backlog: i32,
    pub enable_reuse_port: bool,
    pub tcp: TcpOptions,
    pub framing: FramingSettings,
    /// SO_RCVBUF of the listening socket; `None` leaves it to the kernel.
    pub kernel_recv_buffer_bytes: Option<u32>,
    /// SO_SNDBUF of the listening socket; `None` leaves it to the kernel.
    pub kernel_send_buffer_bytes: Option<u32>,
    /// Most bytes that wait for one client, before a send fails with an overflow.
    pub socket_buffer_bytes: u64,
    /// Most bytes of one `send()`.
    pub buffer_output_bytes: u64,
    /// bufferFull fires when as many bytes wait for a client.
    pub high_watermark_bytes: u64,
    /// bufferEmpty fires when no more than these wait again; less than `high_watermark_bytes`.
    pub low_watermark_bytes: u64,
    pub input_chunk_bytes: u32,
    /// Most bytes that wait for all clients together.
    pub output_total_limit_bytes: u64,
    /// How long a sender waits for room; never 0.
    pub send_timeout_ms: u64,
    pub enable_unsafe_event: bool,
    pub discard_timeout_request: bool,
    pub event_object: bool,
    pub task: TaskSettings,
    /// In effect since the options were given, in this process and its children.
    pub process: ProcessSettings,
    /// What was adjusted to limits of the machine.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// What a server runs with where no option is set.
    #[must_use]
    pub fn defaults(env: &Env) -> Settings {
        Given::default().settings(env)
    }
}

/// The values that were given, converted but not yet weighed against each other; `None` is not given.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub worker_num: Option<u32>,
    pub reactor_num: Option<u32>,
    pub dispatch_mode: Option<DispatchMode>,
    pub max_conn: Option<u32>,
    pub max_request: Option<u32>,
    pub max_request_grace: Option<u32>,
    pub reload_async: Option<bool>,
    pub enable_coroutine: Option<bool>,
    pub send_yield: Option<bool>,
    pub worker_max_concurrency: Option<u32>,
    pub max_wait_time_ms: Option<u64>,
    pub daemonize: bool,
    pub pid_file: Option<PathBuf>,
    pub log: log::Config,
    pub user: Option<String>,
    pub group: Option<String>,
    pub chroot: Option<PathBuf>,
    pub open_cpu_affinity: bool,
    pub cpu_affinity_ignore: Vec<u32>,
    pub backlog: Option<u32>,
    pub enable_reuse_port: bool,
    pub tcp: TcpOptions,
    pub framing: FramingSettings,
    /// For all sizes here and below 0 means: not given.
    pub kernel_recv_buffer_bytes: u32,
    pub kernel_send_buffer_bytes: u32,
    pub socket_buffer_bytes: Option<u64>,
    pub buffer_output_bytes: Option<u64>,
    pub high_watermark_bytes: u64,
    pub low_watermark_bytes: u64,
    pub max_output_buffer_total: u64,
    pub send_timeout_ms: u64,
    pub enable_unsafe_event: bool,
    pub discard_timeout_request: bool,
    pub event_object: bool,
    pub task_worker_num: u32,
    pub task_ipc: TaskIpc,
    pub task_max_request: u32,
    pub task_max_request_grace: Option<u32>,
    pub task_tmpdir: Option<PathBuf>,
    pub task_enable_coroutine: bool,
    pub task_object: Option<bool>,
    pub message_queue_key: i64,
    pub process: ProcessSettings,
}

impl Given {
    pub(super) fn resolve(&self, env: &Env) -> Result<Settings, Error> {
        let mut settings = self.settings(env);
        check_watermarks(&mut settings)?;
        settings.task.check()?;
        check_affinity(&mut settings, env)?;
        Ok(settings)
    }

    fn settings(&self, env: &Env) -> Settings {
        // Taken apart without `..`, so that a value which goes nowhere does not compile.
        let Given {
            worker_num,
            reactor_num,
            dispatch_mode,
            max_conn,
            max_request,
            max_request_grace,
            reload_async,
            enable_coroutine,
            send_yield,
            worker_max_concurrency,
            max_wait_time_ms,
            daemonize,
            pid_file,
            log,
            user,
            group,
            chroot,
            open_cpu_affinity,
            cpu_affinity_ignore,
            backlog,
            enable_reuse_port,
            tcp,
            framing,
            kernel_recv_buffer_bytes,
            kernel_send_buffer_bytes,
            socket_buffer_bytes,
            buffer_output_bytes,
            high_watermark_bytes,
            low_watermark_bytes,
            max_output_buffer_total,
            send_timeout_ms,
            enable_unsafe_event,
            discard_timeout_request,
            event_object,
            task_worker_num,
            task_ipc,
            task_max_request,
            task_max_request_grace,
            task_tmpdir,
            task_enable_coroutine,
            task_object,
            message_queue_key,
            process,
        } = self.clone();
        let mut warnings = Vec::new();
        let worker_num = resolve_workers(worker_num, env, &mut warnings);
        let reactor_num = resolve_reactors(reactor_num, worker_num, env, &mut warnings);
        let task = TaskSettings {
            worker_num: resolve_task_workers(task_worker_num, env, &mut warnings),
            ipc: task_ipc,
            max_request: task_max_request,
            max_request_grace: task_max_request_grace
                .unwrap_or_else(|| default_grace(task_max_request)),
            tmpdir: task_tmpdir.unwrap_or_else(|| PathBuf::from("/tmp")),
            enable_coroutine: task_enable_coroutine,
            object: task_object.unwrap_or(event_object),
            message_queue_key,
        };
        let reserved = reserved_descriptors(worker_num + task.worker_num, reactor_num);
        let max_conn = resolve_max_conn(max_conn, reserved, env, &mut warnings);
        let max_request = max_request.unwrap_or(0);
        let socket_buffer_bytes = socket_buffer_bytes.unwrap_or(8 << 20);
        Settings {
            worker_num,
            reactor_num,
            dispatch_mode: dispatch_mode.unwrap_or(DispatchMode::FdModulo),
            max_conn,
            max_request,
            max_request_grace: max_request_grace.unwrap_or_else(|| default_grace(max_request)),
            reload_async: reload_async.unwrap_or(true),
            enable_coroutine: enable_coroutine.unwrap_or(true),
            send_yield: send_yield.unwrap_or(matches!(
                dispatch_mode,
                None | Some(DispatchMode::FdModulo | DispatchMode::IpModulo)
            )),
            worker_max_concurrency: worker_max_concurrency.unwrap_or(u32::MAX),
            max_wait_time_ms: max_wait_time_ms.unwrap_or(3000),
            daemonize,
            pid_file,
            log,
            user,
            group,
            chroot,
            open_cpu_affinity,
            cpu_affinity_ignore,
            backlog: backlog.map_or(512, |backlog| i32::try_from(backlog).unwrap_or(i32::MAX)),
            enable_reuse_port,
            tcp,
            framing,
            kernel_recv_buffer_bytes: (kernel_recv_buffer_bytes > 0)
                .then_some(kernel_recv_buffer_bytes),
            kernel_send_buffer_bytes: (kernel_send_buffer_bytes > 0)
                .then_some(kernel_send_buffer_bytes),
            socket_buffer_bytes,
            buffer_output_bytes: buffer_output_bytes.unwrap_or(u64::from(u32::MAX)),
            high_watermark_bytes: or_default(high_watermark_bytes, socket_buffer_bytes * 8 / 10)
                .max(1),
            low_watermark_bytes,
            input_chunk_bytes: INPUT_CHUNK_BYTES,
            output_total_limit_bytes: or_default(
                max_output_buffer_total,
                (env.memory_bytes / OUTPUT_TOTAL_SHARE).max(MIN_OUTPUT_TOTAL_BYTES),
            ),
            send_timeout_ms: or_default(send_timeout_ms, DEFAULT_SEND_TIMEOUT_MS),
            enable_unsafe_event,
            discard_timeout_request,
            event_object,
            task,
            process,
            warnings,
        }
    }
}

/// Half of what a worker serves, where that is not a handful.
fn default_grace(max_request: u32) -> u32 {
    if max_request > MIN_REQUESTS_FOR_GRACE {
        max_request / 2
    } else {
        0
    }
}

/// Descriptors that a server of this size needs for itself, in any one of its processes: rings, doorbells,
/// listening sockets, logs, and what PHP code opens.
#[must_use]
pub fn reserved_descriptors(worker_num: u32, reactor_num: u32) -> u64 {
    64 + 2 * u64::from(worker_num) + 8 * u64::from(reactor_num)
}

fn or_default(given: u64, default: u64) -> u64 {
    if given == 0 { default } else { given }
}

pub(super) fn adjusted(warnings: &mut Vec<Warning>, option: &str, text: String) {
    warnings.push(Warning::new(option, WarningKind::Adjusted, text));
}

fn resolve_workers(given: Option<u32>, env: &Env, warnings: &mut Vec<Warning>) -> u32 {
    let cpus = env.cpu_num.max(1);
    let most = cpus.saturating_mul(WORKERS_PER_CPU).min(MAX_WORKERS);
    match given.unwrap_or(0) {
        0 => cpus.min(most),
        num if num > most => {
            let text = format!(
                "option [worker_num] is {num}: too many processes for {cpus} CPUs, {most} are started"
            );
            adjusted(warnings, "worker_num", text);
            most
        }
        num => num,
    }
}

fn resolve_reactors(
    given: Option<u32>,
    worker_num: u32,
    env: &Env,
    warnings: &mut Vec<Warning>,
) -> u32 {
    let cpus = env.cpu_num.max(1);
    let wanted = match given {
        None => cpus.min(DEFAULT_MAX_REACTORS),
        Some(0) => cpus,
        Some(num) => num,
    };
    let most = cpus
        .saturating_mul(REACTORS_PER_CPU)
        .min(MAX_REACTORS)
        .min(MAX_REACTOR_WORKER_PAIRS / worker_num)
        .max(1);
    // More reactor threads than workers are of no use; as documented, this is no reason for a warning.
    let wanted = wanted.min(worker_num);
    if wanted > most && given.is_some() {
        let text = format!(
            "option [reactor_num] is {wanted}: too many threads for {cpus} CPUs and {worker_num} workers, \
             {most} are started"
        );
        adjusted(warnings, "reactor_num", text);
    }
    wanted.min(most)
}

fn resolve_max_conn(
    given: Option<u32>,
    reserved: u64,
    env: &Env,
    warnings: &mut Vec<Warning>,
) -> u32 {
    let free = env.nofile_limit.saturating_sub(reserved).max(1);
    let most = u32::try_from(free).unwrap_or(u32::MAX).min(MAX_CONNECTIONS);
    match given.unwrap_or(0) {
        0 => most.min(DEFAULT_MAX_CONNECTIONS),
        num if num > most => {
            let text = format!(
                "option [max_conn] is {num}: this process may have {} descriptors open and needs {reserved} \
                 for itself, so max_conn is {most}; raise the limit with ulimit -n (at most \
                 {MAX_CONNECTIONS} connections)",
                env.nofile_limit
            );
            adjusted(warnings, "max_conn", text);
            most
        }
        num => num,
    }
}

fn check_watermarks(settings: &mut Settings) -> Result<(), Error> {
    let (low, high) = (settings.low_watermark_bytes, settings.high_watermark_bytes);
    if low >= high {
        return Err(Error::option(
            "buffer_low_watermark",
            low.to_string(),
            format!("it must be less than buffer_high_watermark, which is {high}"),
        ));
    }
    let limit = settings.socket_buffer_bytes;
    if high > limit {
        let text = format!(
            "option [buffer_high_watermark] is {high}: bufferFull never fires, because a connection \
             holds at most {limit} bytes (socket_buffer_size)"
        );
        adjusted(&mut settings.warnings, "buffer_high_watermark", text);
    }
    Ok(())
}

fn check_affinity(settings: &mut Settings, env: &Env) -> Result<(), Error> {
    let cpus = env.cpu_num.max(1);
    let ignored = &settings.cpu_affinity_ignore;
    if (0..cpus).all(|cpu| ignored.contains(&cpu)) {
        return Err(Error::option(
            "cpu_affinity_ignore",
            format!("{ignored:?}"),
            format!("it must leave at least one of the {cpus} CPUs"),
        ));
    }
    if let Some(cpu) = ignored.iter().find(|cpu| **cpu >= cpus) {
        let text = format!(
            "option [cpu_affinity_ignore] has CPU {cpu}: this machine has CPUs 0 to {}",
            cpus - 1
        );
        adjusted(&mut settings.warnings, "cpu_affinity_ignore", text);
    }
    Ok(())
}
