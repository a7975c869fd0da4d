//! Processes, dispatch, and the life of the server.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Server};
use super::super::settings::{DispatchMode, MAX_REACTORS, MAX_WORKERS};
use super::{I32_MAX, U32_MAX, store};

const SECONDS: Kind = Kind::Float {
    min: 0.0,
    max: 31_536_000.0,
};
const COUNT: Kind = Kind::Int {
    min: 0,
    max: U32_MAX,
};

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "worker_num",
        Server,
        Kind::Int {
            min: 0,
            max: MAX_WORKERS as i64,
        },
        "number of CPUs",
        store!("worker_num", worker_num = Some(u32)),
        "Number of worker processes, which run the callbacks. 0 is the number of CPUs; at most 1000 for each CPU are started.",
    ),
    Row::built(
        "reactor_num",
        Server,
        Kind::Int {
            min: 0,
            max: MAX_REACTORS as i64,
        },
        "number of CPUs, at most 8",
        store!("reactor_num", reactor_num = Some(u32)),
        "Number of reactor threads, which read and write the sockets in SWOOLE_PROCESS mode. 0 is the number of CPUs; no more than worker_num and 4 for each CPU are started, and reactor_num times worker_num stays within 6144.",
    ),
    Row::built(
        "dispatch_mode",
        Server,
        Kind::Int { min: 1, max: 10 },
        "2",
        ("dispatch_mode", |given, value| {
            given.dispatch_mode = Some(match value.int() {
                1 => DispatchMode::RoundRobin,
                3 => DispatchMode::IdleFirst,
                4 => DispatchMode::IpModulo,
                5 => DispatchMode::UidModulo,
                _ => DispatchMode::FdModulo,
            });
            Ok((value.int() > 5).then(|| {
                format!(
                    "mode {} is not built in this version, mode 2 (a connection stays with one worker) is used",
                    value.int()
                )
            }))
        }),
        "Which worker gets a message in SWOOLE_PROCESS mode: 1 the next one, 2 the same one for a connection, 3 an idle one, 4 the same one for a client address, 5 the same one for the uid of bind(). With 1 and 3 onConnect and onClose are not called unless enable_unsafe_event is on.",
    ),
    Row::later(
        "dispatch_func",
        Server,
        Kind::Callable,
        "none",
        "dispatch by a function of the user",
        "Function that gets the server, the fd, the type and the first bytes of a message and returns the number of the worker to give it to.",
    ),
    Row::built(
        "max_connection",
        Server,
        COUNT,
        "limit of open descriptors, at most 100000",
        store!("max_conn", max_conn = Some(u32)),
        "Most connections open at a time; beyond it new ones are refused and counted. 0 is the default; at most 1048576, and what the limit of open descriptors (ulimit -n) leaves.",
    )
    .aliases(&["max_conn"]),
    Row::built(
        "max_request",
        Server,
        COUNT,
        "0",
        store!("max_request", max_request = Some(u32)),
        "Number of messages after which a worker ends and is replaced, against memory leaks in PHP code. 0 is never.",
    ),
    Row::built(
        "max_request_grace",
        Server,
        COUNT,
        "half of max_request if that is over 10, else 0",
        store!("max_request_grace", max_request_grace = Some(u32)),
        "Each worker adds a random number of messages from 1 to this to max_request, so that workers do not end all at once. 0 is none.",
    ),
    Row::built(
        "reload_async",
        Server,
        Kind::Bool,
        "true",
        store!("reload_async", reload_async = Some(bool)),
        "On reload start the new workers at once and let the old ones finish what they have, for up to max_wait_time, rather than one after the other.",
    ),
    Row::built(
        "max_wait_time",
        Server,
        SECONDS,
        "3",
        store!("max_wait_time_ms", max_wait_time_ms = Some(milliseconds)),
        "Seconds that a worker has to finish its work on reload, on shutdown and at max_request, before it is killed; fractions are allowed. 0 is without limit.",
    ),
    Row::built(
        "daemonize",
        Server,
        Kind::Bool,
        "false",
        store!("daemonize", daemonize = bool),
        "Run in the background. Standard output goes to log_file, or nowhere without one. Leave it off under systemd, supervisord and in containers.",
    ),
    Row::built(
        "pid_file",
        Server,
        Kind::Path,
        "none",
        store!("pid_file", pid_file = path),
        "File that holds the process id of the master from start to shutdown.",
    ),
    Row::built(
        "user",
        Server,
        Kind::Text { max_len: 255 },
        "the user that starts the server",
        store!("user", user = text),
        "Name of the user that workers run as. Only root can change it.",
    ),
    Row::built(
        "group",
        Server,
        Kind::Text { max_len: 255 },
        "the group that starts the server",
        store!("group", group = text),
        "Name of the group that workers run as. Only root can change it.",
    ),
    Row::built(
        "chroot",
        Server,
        Kind::Path,
        "none",
        store!("chroot", chroot = path),
        "Folder that becomes the root directory of the workers. Only root can change it.",
    ),
    Row::built(
        "open_cpu_affinity",
        Server,
        Kind::Bool,
        "false",
        store!("open_cpu_affinity", open_cpu_affinity = bool),
        "Bind each reactor thread and each worker to one CPU, in turn.",
    ),
    Row::built(
        "cpu_affinity_ignore",
        Server,
        Kind::IntList {
            min: 0,
            max: 4095,
            max_len: 4096,
        },
        "none",
        store!("cpu_affinity_ignore", cpu_affinity_ignore = u32_list),
        "Numbers of CPUs, from 0 on, that open_cpu_affinity leaves free, for example those that serve the network card. At least one CPU must remain.",
    ),
    Row::built(
        "enable_reuse_port",
        Server,
        Kind::Bool,
        "false",
        store!("enable_reuse_port", enable_reuse_port = bool),
        "Set SO_REUSEPORT, so that several servers can listen on one port and the kernel spreads the connections.",
    ),
    Row::built(
        "output_buffer_size",
        Server,
        Kind::Size {
            min: 1,
            max: U32_MAX,
        },
        "4294967295",
        store!("buffer_output_bytes", buffer_output_bytes = Some(u64)),
        "Most bytes of one send(). Larger data is refused: use sendfile(), or send it in parts.",
    )
    .aliases(&["buffer_output_size"]),
    Row::built(
        "max_output_buffer_total",
        Server,
        Kind::Size {
            min: 0,
            max: i64::MAX,
        },
        "a quarter of the memory, at least 64 MiB",
        store!(
            "output_total_limit_bytes",
            max_output_buffer_total = u64
        ),
        "Most bytes that may wait for all clients together; beyond it send() fails, so that many slow clients do not use up the memory. 0 is the default. An option of this project.",
    ),
    Row::built(
        "send_timeout",
        Server,
        SECONDS,
        "60",
        store!("send_timeout_ms", send_timeout_ms = milliseconds),
        "Seconds that send() waits for room between worker and reactor thread before it fails with ETIMEDOUT; fractions are allowed. 0 is the default.",
    ),
    Row::built(
        "enable_unsafe_event",
        Server,
        Kind::Bool,
        "false",
        store!("enable_unsafe_event", enable_unsafe_event = bool),
        "Call onConnect and onClose with dispatch_mode 1 and 3 as well, where their order is not certain.",
    ),
    Row::built(
        "discard_timeout_request",
        Server,
        Kind::Bool,
        "false",
        store!(
            "discard_timeout_request",
            discard_timeout_request = bool
        ),
        "With dispatch_mode 1 and 3, discard data that reaches a worker after its connection was closed, rather than call onReceive.",
    ),
    Row::built(
        "event_object",
        Server,
        Kind::Bool,
        "false",
        store!("event_object", event_object = bool),
        "Callbacks of connections get the server and one object with all values, rather than each value as an argument.",
    ),
    Row::no_effect(
        "input_buffer_size",
        Server,
        Kind::Size { min: 0, max: U32_MAX },
        "buffers for input grow and shrink by themselves, package_max_length is the limit",
        "Size in bytes of the buffer for input in old versions.",
    )
    .aliases(&["buffer_input_size"])
    .always_quiet(),
    Row::later(
        "single_thread",
        Server,
        Kind::Bool,
        "false",
        "a reactor in the main thread of the master; reactor_num => 1 comes near",
        "Run the one reactor in the main thread of the master, with no thread besides.",
    ),
    Row::built(
        "enable_coroutine",
        Server,
        Kind::Bool,
        "true",
        store!("enable_coroutine", enable_coroutine = Some(bool)),
        "Run the callbacks for start, beforeShutdown, workerStart, connect, receive and close, and those of timers, in a coroutine each.",
    ),
    Row::built(
        "send_yield",
        Server,
        Kind::Bool,
        "true with dispatch_mode 2 and 4",
        store!("send_yield", send_yield = Some(bool)),
        "Where the output buffer is full let the coroutine wait in send(), up to send_timeout, rather than fail.",
    ),
    Row::later(
        "enable_delay_receive",
        Server,
        Kind::Bool,
        "false",
        "confirm(), pause() and resume()",
        "Do not read from a new connection until confirm() is called for it.",
    ),
    Row::later(
        "max_queued_bytes",
        Server,
        Kind::Size {
            min: 0,
            max: U32_MAX,
        },
        "0",
        "flow control of single connections",
        "Stop reading from a connection while this many bytes of it wait for the worker. 0 is off.",
    )
    .quiet_if_empty(),
    Row::later(
        "max_concurrency",
        Server,
        Kind::Int { min: 1, max: U32_MAX },
        "4294967295",
        "the count of requests under way of the HTTP server",
        "Most requests under way in all workers; further ones wait.",
    ),
    Row::built(
        "worker_max_concurrency",
        Server,
        Kind::Int { min: 1, max: U32_MAX },
        "max_concurrency",
        store!("worker_max_concurrency", worker_max_concurrency = Some(u32)),
        "Most messages that a worker has in hand: while so many coroutines are not done with theirs it takes no more.",
    ),
    Row::later(
        "start_session_id",
        Server,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "1",
        "session ids that start elsewhere; they start at 1",
        "The first session id.",
    ),
    Row::later(
        "heartbeat_check_interval",
        Server,
        Kind::Int { min: 0, max: 65_535 },
        "0",
        "the heartbeat",
        "Seconds between two searches for idle connections, which are closed. 0 is off.",
    )
    .quiet_if_empty(),
    Row::no_effect(
        "bootstrap",
        Server,
        Kind::Any,
        "it is for servers of threads, which need a thread-safe build of PHP",
        "Script that each thread runs.",
    ),
    Row::no_effect(
        "init_arguments",
        Server,
        Kind::Any,
        "it is for servers of threads, which need a thread-safe build of PHP",
        "Function that gives the arguments of each thread.",
    ),
    Row::later(
        "stats_file",
        Server,
        Kind::Path,
        "none",
        "the helpers of the PHP library",
        "File that stats() is written to at intervals.",
    )
    .quiet_if_empty(),
    Row::later(
        "stats_timer_interval",
        Server,
        Kind::Int {
            min: 1,
            max: I32_MAX,
        },
        "1000",
        "the helpers of the PHP library",
        "Milliseconds between two writes of stats_file.",
    ),
    Row::later(
        "admin_server",
        Server,
        Kind::Text { max_len: 255 },
        "none",
        "the helpers of the PHP library",
        "Address, such as 127.0.0.1:9502, of the HTTP interface for watching the server.",
    )
    .quiet_if_empty(),
    Row::no_effect(
        "request_slowlog_file",
        Server,
        Kind::Any,
        "it was removed in version 4.4.8",
        "File for the stacks of slow requests in old versions.",
    ),
    Row::no_effect(
        "request_slowlog_timeout",
        Server,
        Kind::Any,
        "it was removed in version 4.4.8",
        "Seconds after which a request was slow in old versions.",
    ),
];
