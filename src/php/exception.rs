//! `Swoole\Exception` and `Swoole\Error`.

use super::class::{ClassDef, Entry};
use super::ffi::{zend_ce_error, zend_ce_exception};

/// The registered `Swoole\Exception`.
pub static EXCEPTION: Entry = Entry::unset();
/// The registered `Swoole\Error`.
pub static ERROR: Entry = Entry::unset();

/// `Swoole\Exception`.
pub static EXCEPTION_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Exception",
    // SAFETY: the engine's class, set before any module starts.
    parent: Some(|| unsafe { zend_ce_exception }),
    interfaces: &[],
    methods: &[],
    properties: &[],
    flags: 0,
    create: None,
    aliases: &[c"swoole_exception"],
    entry: &EXCEPTION,
};

/// `Swoole\Error`.
pub static ERROR_CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Error",
    // SAFETY: as above.
    parent: Some(|| unsafe { zend_ce_error }),
    interfaces: &[],
    methods: &[],
    properties: &[],
    flags: 0,
    create: None,
    aliases: &[c"swoole_error"],
    entry: &ERROR,
};
