//! Files, pipes and terminals: PHP's own streams of descriptors, with a wait in front of what would block.
//!
//! Pipes and terminals are waited for in the event loop; what a disk keeps is read, written and locked by a
//! thread of the pool while other coroutines run. Everything else is PHP's own: its operations run here when
//! the wait is over. Included files are never waited for: no other coroutine runs in the middle of an
//! autoloader.
//!
//! | file | what |
//! |---|---|
//! | `stdio` | the operations of PHP's streams of descriptors |
//! | `open` | opening, and the wrapper `async.file://` |
//! | `pipe` | opening named pipes |

pub mod open;
pub mod pipe;
pub mod stdio;
