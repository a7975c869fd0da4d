//! The table of options, in groups.

use super::row::Row;

mod clients;
mod coroutine;
mod http;
mod log;
mod port;
mod protocol;
mod server;
mod task;
mod tls;

/// Bounds that several groups share.
const I32_MAX: i64 = i32::MAX as i64;
const U32_MAX: i64 = u32::MAX as i64;

/// A setter that stores one field of `Given` as it is.
macro_rules! store {
    ($field:literal, $place:ident $(. $inner:ident)? = $convert:ident) => {
        ($field, |given, value| {
            given.$place $(.$inner)? = value.$convert();
            Ok(None)
        })
    };
    ($field:literal, $place:ident = Some($convert:ident)) => {
        ($field, |given, value| {
            given.$place = Some(value.$convert());
            Ok(None)
        })
    };
}
use store;

/// Every option there is, for checks, documentation and stubs.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [
        server::ROWS,
        port::ROWS,
        log::ROWS,
        task::ROWS,
        protocol::ROWS,
        http::ROWS,
        tls::ROWS,
        coroutine::ROWS,
        clients::ROWS,
    ]
    .into_iter()
    .flatten()
}
