//! Which hooks are on: a sum of `SWOOLE_HOOK_*`.

use crate::php::coroutine;
use crate::php::coroutine::engine::PhpThread;
use crate::php::ffi::E_WARNING;
use crate::php::method::{Bailout, docref};
use std::cell::Cell;

/// `SWOOLE_HOOK_ALL`.
pub const ALL: i64 = 2_143_285_247;

/// A bit of [`ALL`] that is no hook's: flags that have it were made from [`ALL`], not put together.
const MADE_FROM_ALL: i64 = 1 << 30;

/// A hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum Hook {
    Tcp = 1 << 1,
    Udp = 1 << 2,
    Unix = 1 << 3,
    Udg = 1 << 4,
    Ssl = 1 << 5,
    Tls = 1 << 6,
    StreamFunction = 1 << 7,
    File = 1 << 8,
    Sleep = 1 << 9,
    Proc = 1 << 10,
    Curl = 1 << 11,
    NativeCurl = 1 << 12,
    Sockets = 1 << 14,
    Stdio = 1 << 15,
    PdoPgsql = 1 << 16,
    PdoOdbc = 1 << 17,
    PdoOracle = 1 << 18,
    PdoSqlite = 1 << 19,
    PdoFirebird = 1 << 20,
    NetFunction = 1 << 21,
    MongoDb = 1 << 22,
}

/// Those that are not built, or not for all they stand for, by the names of their constants, and what
/// is said of them.
const NOT_BUILT: &[(Hook, &str, &str)] = &[
    (Hook::PdoPgsql, "SWOOLE_HOOK_PDO_PGSQL", EVERYTHING),
    (Hook::PdoOdbc, "SWOOLE_HOOK_PDO_ODBC", EVERYTHING),
    (Hook::PdoOracle, "SWOOLE_HOOK_PDO_ORACLE", EVERYTHING),
    (Hook::PdoSqlite, "SWOOLE_HOOK_PDO_SQLITE", EVERYTHING),
    (Hook::PdoFirebird, "SWOOLE_HOOK_PDO_FIREBIRD", EVERYTHING),
    (Hook::NetFunction, "SWOOLE_HOOK_NET_FUNCTION", BUT_SOME),
    (Hook::MongoDb, "SWOOLE_HOOK_MONGODB", EVERYTHING),
];

const EVERYTHING: &str = "is not built yet: what it stands for goes on blocking the process";
const BUT_SOME: &str = "is built but for mail() and dns_*(), which go on blocking the process";

/// The flags as they were set.
#[must_use]
pub fn get() -> i64 {
    coroutine::options::hook_flags()
}

/// Whether a hook is on, in a coroutine or not.
#[must_use]
#[inline]
pub fn is_on(hook: Hook) -> bool {
    get() & hook as i64 != 0
}

/// Whether a hook is on, and a coroutine runs that it may suspend.
#[must_use]
#[inline]
pub fn applies(hook: Hook) -> bool {
    coroutine::current().is_some() && is_on(hook)
}

/// Warns about hooks that somebody asks for by name and that are not built: once each. Whoever asks for
/// all gets those there are.
pub fn warn_about(flags: i64) -> Result<(), Bailout> {
    static WARNED: PhpThread<Cell<i64>> = PhpThread::new(Cell::new(0));
    if flags & MADE_FROM_ALL != 0 {
        return Ok(());
    }
    for (hook, name, state) in NOT_BUILT {
        let bit = *hook as i64;
        let warned = WARNED.get().get();
        if flags & bit != 0 && warned & bit == 0 {
            WARNED.get().set(warned | bit);
            docref(E_WARNING, &format!("{name} {state}"))?;
        }
    }
    Ok(())
}
