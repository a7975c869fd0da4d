//! Streams of sockets: PHP's own, with a wait in the event loop in front of what would block.
//!
//! A stream that a coroutine makes while the hook of its transport is on gets operations of ours, and
//! keeps them. They hand everything to PHP's own, so that timeouts, metadata, contexts, filters and
//! notifications are PHP's; where a coroutine would be blocked they wait first and then let PHP's own try
//! without waiting. Outside of coroutines they are PHP's own. Streams that are made outside of coroutines
//! stay PHP's: several coroutines may share one then, which is served one request after the other.
//!
//! | file | what |
//! |---|---|
//! | `abi` | structures of PHP |
//! | `ops` | the operations, and which of PHP's stand behind them |
//! | `factory` | the transports (`tcp://`, ...) |
//! | `io` | reading, writing, closing |
//! | `connect` | connecting |
//! | `bind` | the address that a connection comes from |
//! | `xport` | accepting, datagrams, whether the peer is there |
//! | `pair` | `stream_socket_pair()` |
//! | `tls` | encryption |
//! | `lookup` | addresses of host names |

pub mod abi;
pub mod bind;
pub mod connect;
pub mod factory;
pub mod io;
pub mod lookup;
pub mod ops;
pub mod pair;
pub mod tls;
pub mod xport;
