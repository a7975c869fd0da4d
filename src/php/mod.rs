//! The only room that knows PHP: classes, functions and constants over `swoole_core`.

pub mod atomic;
pub mod callback;
pub mod class;
pub mod constants;
pub mod convert;
pub mod event;
pub mod exception;
pub mod ffi;
pub mod functions;
pub mod handler;
pub mod info;
pub mod ini;
pub mod iterator;
pub mod lock;
pub mod method;
pub mod module;
pub mod name_resolver;
pub mod object;
pub mod port;
pub mod properties;
pub mod server;
pub mod server_methods;
pub mod server_setup;
pub mod server_state;
pub mod table;
pub mod table_rows;
