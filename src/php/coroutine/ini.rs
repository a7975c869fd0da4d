//! The ini settings of coroutines.

use crate::php::ini;

/// `swoole.enable_preemptive_scheduler`.
pub fn enable_preemptive_scheduler() -> bool {
    ini::is_on(c"swoole.enable_preemptive_scheduler")
}
