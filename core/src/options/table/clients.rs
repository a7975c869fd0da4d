//! Time limits of coroutine clients, which a server may set for its whole process.

use super::super::kind::{Kind, Value};
use super::super::row::{Row, Scope::Process};

/// 0 and less is without limit.
const SECONDS: Kind = Kind::Float {
    min: f64::MIN,
    max: f64::MAX,
};
/// More than this is without limit.
const MAX_TIMEOUT_MS: u64 = i32::MAX as u64 * 1000;

fn timeout(value: &Value) -> Option<u64> {
    let timeout_ms = value.milliseconds();
    (1..=MAX_TIMEOUT_MS)
        .contains(&timeout_ms)
        .then_some(timeout_ms)
}

pub(super) static ROWS: &[Row] = &[
    Row::built(
        "socket_dns_timeout",
        Process,
        SECONDS,
        "60",
        ("process.socket.dns_timeout_ms", |given, value| {
            given.process.socket.dns_timeout_ms = timeout(value);
            Ok(None)
        }),
        "Seconds for looking up a host name. 0 and less is without limit.",
    ),
    Row::built(
        "socket_connect_timeout",
        Process,
        SECONDS,
        "10",
        ("process.socket.connect_timeout_ms", |given, value| {
            given.process.socket.connect_timeout_ms = timeout(value);
            Ok(None)
        }),
        "Seconds for connecting. 0 and less is without limit.",
    ),
    Row::built(
        "socket_write_timeout",
        Process,
        SECONDS,
        "60",
        ("process.socket.write_timeout_ms", |given, value| {
            given.process.socket.write_timeout_ms = timeout(value);
            Ok(None)
        }),
        "Seconds for sending. 0 and less is without limit.",
    )
    .aliases(&["socket_send_timeout"]),
    Row::built(
        "socket_read_timeout",
        Process,
        SECONDS,
        "60",
        ("process.socket.read_timeout_ms", |given, value| {
            given.process.socket.read_timeout_ms = timeout(value);
            Ok(None)
        }),
        "Seconds for receiving. 0 and less is without limit.",
    )
    .aliases(&["socket_recv_timeout"]),
    Row::built(
        "socket_timeout",
        Process,
        SECONDS,
        "60",
        ("process.socket.write_timeout_ms", |given, value| {
            given.process.socket.write_timeout_ms = timeout(value);
            given.process.socket.read_timeout_ms = timeout(value);
            Ok(None)
        }),
        "Seconds for sending and for receiving. 0 and less is without limit.",
    ),
];
