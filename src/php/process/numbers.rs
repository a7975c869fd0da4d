//! The global constants of signals and priorities, where ext/pcntl does not define them.

use super::super::ffi::*;
use std::ffi::CStr;

const NUMBERS: &[(&CStr, i32)] = &[
    (c"SIGHUP", libc::SIGHUP),
    (c"SIGINT", libc::SIGINT),
    (c"SIGQUIT", libc::SIGQUIT),
    (c"SIGILL", libc::SIGILL),
    (c"SIGTRAP", libc::SIGTRAP),
    (c"SIGABRT", libc::SIGABRT),
    (c"SIGBUS", libc::SIGBUS),
    (c"SIGFPE", libc::SIGFPE),
    (c"SIGKILL", libc::SIGKILL),
    (c"SIGUSR1", libc::SIGUSR1),
    (c"SIGSEGV", libc::SIGSEGV),
    (c"SIGUSR2", libc::SIGUSR2),
    (c"SIGPIPE", libc::SIGPIPE),
    (c"SIGALRM", libc::SIGALRM),
    (c"SIGTERM", libc::SIGTERM),
    (c"SIGSTKFLT", libc::SIGSTKFLT),
    (c"SIGCHLD", libc::SIGCHLD),
    (c"SIGCONT", libc::SIGCONT),
    (c"SIGSTOP", libc::SIGSTOP),
    (c"SIGTSTP", libc::SIGTSTP),
    (c"SIGTTIN", libc::SIGTTIN),
    (c"SIGTTOU", libc::SIGTTOU),
    (c"SIGURG", libc::SIGURG),
    (c"SIGXCPU", libc::SIGXCPU),
    (c"SIGXFSZ", libc::SIGXFSZ),
    (c"SIGVTALRM", libc::SIGVTALRM),
    (c"SIGPROF", libc::SIGPROF),
    (c"SIGWINCH", libc::SIGWINCH),
    (c"SIGIO", libc::SIGIO),
    (c"SIGPWR", libc::SIGPWR),
    (c"SIGSYS", libc::SIGSYS),
    (c"SIG_IGN", super::signals::IGNORE),
    (c"PRIO_PROCESS", libc::PRIO_PROCESS as i32),
    (c"PRIO_PGRP", libc::PRIO_PGRP as i32),
    (c"PRIO_USER", libc::PRIO_USER as i32),
];

/// At module startup. ext/pcntl has all of these: what is there already is left as it is.
pub fn register(module_number: i32) {
    // SAFETY: module startup is single-threaded; the table of constants lives; names are static.
    unsafe {
        for (name, value) in NUMBERS {
            let (key, len) = (name.as_ptr(), name.to_bytes().len());
            if zend_hash_str_find((*eg()).zend_constants, key, len).is_null() {
                let flags = (CONST_CS | CONST_PERSISTENT) as i32;
                zend_register_long_constant(key, len, i64::from(*value), flags, module_number);
            }
        }
    }
}
