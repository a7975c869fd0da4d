//! Coroutines and DNS.

use super::super::kind::Kind;
use super::super::row::{Row, Scope::Process};
use super::I32_MAX;
use crate::protocol::dns::server_address;

const DNS: &str = "the resolver of coroutines";

pub(super) static ROWS: &[Row] = &[
    Row::in_php(
        "max_coroutine",
        Process,
        Kind::Int {
            min: 0,
            max: i64::MAX,
        },
        "100000",
        "Most coroutines of a process at a time. 0 is the default.",
    )
    .aliases(&["max_coro_num"]),
    Row::in_php(
        "enable_deadlock_check",
        Process,
        Kind::Bool,
        "true",
        "Report coroutines that wait for ever when the event loop has nothing left to do.",
    ),
    Row::in_php(
        "deadlock_check_disable_trace",
        Process,
        Kind::Bool,
        "false",
        "Leave the traces out of that report.",
    ),
    Row::in_php(
        "deadlock_check_limit",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "32",
        "Most coroutines in that report.",
    ),
    Row::in_php(
        "deadlock_check_depth",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "32",
        "Most frames of a trace in that report.",
    ),
    Row::in_php(
        "hook_flags",
        Process,
        Kind::Int {
            min: 0,
            max: i64::MAX,
        },
        "0 outside of coroutines",
        "PHP functions to run without blocking, a sum of SWOOLE_HOOK_* values.",
    ),
    Row::in_php(
        "enable_preemptive_scheduler",
        Process,
        Kind::Bool,
        "false",
        "Let others run when a coroutine computes for over 10 ms.",
    ),
    Row::in_php(
        "c_stack_size",
        Process,
        // What is out of its bounds, less than nothing included, is brought into them.
        Kind::Size {
            min: i64::MIN,
            max: i64::MAX,
        },
        "2097152",
        "Bytes of the native stack of a coroutine.",
    )
    .aliases(&["stack_size"]),
    Row::in_php(
        "exit_condition",
        Process,
        Kind::Callable,
        "none",
        "Function that tells whether the event loop may end.",
    ),
    Row::later(
        "name_resolver",
        Process,
        Kind::Any,
        "none",
        DNS,
        "Array of objects that look up services by name.",
    ),
    Row::built(
        "dns_server",
        Process,
        Kind::Text { max_len: 255 },
        "that of the system",
        ("process.dns.server", |given, value| {
            let text = value.text();
            given.process.dns.server = text.as_deref().and_then(server_address);
            let unknown = text.is_some() && given.process.dns.server.is_none();
            Ok(unknown.then(|| {
                "it is no IP address (with a port behind a colon where it is not 53), so the \
                 servers of the system are asked"
                    .to_owned()
            }))
        }),
        "Address of the DNS server, with a port after a colon where it is not 53.",
    ),
    Row::built(
        "dns_lookup_random",
        Process,
        Kind::Bool,
        "false",
        ("process.dns.random", |given, value| {
            given.process.dns.random = value.bool();
            Ok(None)
        }),
        "Take a random one of several addresses.",
    ),
    Row::later(
        "use_async_resolver",
        Process,
        Kind::Bool,
        "false",
        DNS,
        "Look up names in the event loop rather than in a thread.",
    ),
    Row::built(
        "dns_cache_refresh_time",
        Process,
        Kind::Float {
            min: 0.0,
            max: 31_536_000.0,
        },
        "60",
        ("process.dns.cache_ms", |given, value| {
            given.process.dns.cache_ms = value.milliseconds();
            Ok(None)
        }),
        "Seconds that an address is kept.",
    ),
    Row::built(
        "dns_cache_expire",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "60",
        ("process.dns.client_cache_ms", |given, value| {
            given.process.dns.client_cache_ms = value.u64() * 1000;
            Ok(None)
        }),
        "Seconds that an address is kept by coroutine clients.",
    ),
    Row::built(
        "dns_cache_capacity",
        Process,
        Kind::Int {
            min: 0,
            max: I32_MAX,
        },
        "1000",
        ("process.dns.cache_capacity", |given, value| {
            given.process.dns.cache_capacity = value.u32();
            Ok(None)
        }),
        "Most addresses that are kept.",
    ),
];
