//! `curl_exec()` and `curl_multi_select()`: other coroutines run during a transfer.
//!
//! | file | what |
//! |---|---|
//! | `library` | libcurl, as PHP's extension has loaded it |
//! | `php` | calls of PHP's functions |
//! | `multis` | the multi handles that transfers run on |
//! | `drive` | runs a transfer, by libcurl's sockets and timers |
//! | `busy` | handles that a coroutine is at work with |
//! | `number` | what `curl_errno()` says |
//! | `select` | `curl_multi_select()` |
//!
//! A transfer runs on a multi handle of its own, which PHP's extension makes and ends: so options, callbacks,
//! what is returned and what `curl_getinfo()` says are PHP's.

mod busy;
mod drive;
mod library;
mod multis;
mod number;
mod php;
mod select;

use self::busy::Busy;
use self::library::library;
use self::php::{Kept, call, release};
use super::flags::{Hook, is_on};
use super::take_over::{Taken, taken};
use crate::php::convert::{Key, for_each, set_bool};
use crate::php::coroutine;
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use swoole_core::error::{self, codes};

pub use self::busy::forget as forget_coroutines;
pub use self::multis::request_shutdown;

fn applies() -> bool {
    coroutine::current().is_some() && (is_on(Hook::NativeCurl) || is_on(Hook::Curl))
}

taken! {
    EXEC = c"curl_exec", curl_exec, applies() => do_exec;
    SELECT = c"curl_multi_select", curl_multi_select, applies() => do_select;
    CLOSE = c"curl_close", curl_close, busy::any() => |frame, place| unless_busy(&CLOSE, frame, place);
    SETOPT = c"curl_setopt", curl_setopt, busy::any() => |frame, place| unless_in_use(&SETOPT, frame, place);
    SETOPT_ARRAY = c"curl_setopt_array", curl_setopt_array, busy::any() => |frame, place| unless_in_use(&SETOPT_ARRAY, frame, place);
    RESET = c"curl_reset", curl_reset, busy::any() => |frame, place| unless_busy(&RESET, frame, place);
    COPY = c"curl_copy_handle", curl_copy_handle, busy::any() => |frame, place| unless_busy(&COPY, frame, place);
    PAUSE = c"curl_pause", curl_pause, busy::any() => |frame, place| unless_busy(&PAUSE, frame, place);
    UPKEEP = c"curl_upkeep", curl_upkeep, busy::any() => |frame, place| unless_busy(&UPKEEP, frame, place);
    ESCAPE = c"curl_escape", curl_escape, busy::any() => |frame, place| unless_busy(&ESCAPE, frame, place);
    UNESCAPE = c"curl_unescape", curl_unescape, busy::any() => |frame, place| unless_busy(&UNESCAPE, frame, place);
    ADD = c"curl_multi_add_handle", curl_multi_add_handle, busy::any() => |frame, place| unless_busy(&ADD, frame, place);
    MULTI_EXEC = c"curl_multi_exec", curl_multi_exec, busy::any() => |frame, place| after_select(&MULTI_EXEC, frame, place);
    REMOVE = c"curl_multi_remove_handle", curl_multi_remove_handle, busy::any() => |frame, place| after_select(&REMOVE, frame, place);
    MULTI_CLOSE = c"curl_multi_close", curl_multi_close, busy::any() => |frame, place| after_select(&MULTI_CLOSE, frame, place);
}

pub fn take_over() {
    let all = [
        &EXEC,
        &SELECT,
        &CLOSE,
        &SETOPT,
        &SETOPT_ARRAY,
        &RESET,
        &COPY,
        &PAUSE,
        &UPKEEP,
        &ESCAPE,
        &UNESCAPE,
        &ADD,
        &MULTI_EXEC,
        &REMOVE,
        &MULTI_CLOSE,
    ];
    for function in all {
        function.take();
    }
}

/// PHP's own, for an easy handle that no other coroutine is at work with.
fn unless_busy(taken: &'static Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    for value in [frame.arg(0), frame.arg(1)].into_iter().flatten() {
        if php::is_a(value, "CurlHandle")
            && let Some(object) = php::object_of(value)
        {
            busy::refuse(object)?;
        }
    }
    taken.original(frame, place)
}

/// PHP's own, which sets options. Other coroutines may set numbers of a handle that is at work, as with the
/// reference; strings, lists and functions are what the transfer may be using.
fn unless_in_use(taken: &'static Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut in_use = false;
    if let Some(given) = frame.arg(1) {
        // SAFETY: a live argument; each member is read for the type that says so.
        unsafe {
            let given = deref(given);
            match u32::from(type_of(given)) {
                IS_LONG => in_use = is_pointer((*given).value.lval),
                IS_ARRAY => for_each((*given).value.arr, |key, _| {
                    in_use |= matches!(key, Key::Index(option) if is_pointer(option));
                }),
                _ => {}
            }
        }
    }
    if in_use {
        unless_busy(taken, frame, place)
    } else {
        taken.original(frame, place)
    }
}

/// Whether libcurl, or PHP's extension, keeps what the option is set to.
fn is_pointer(option: i64) -> bool {
    /// `CURLOPT_PRIVATE`, `CURLOPT_RETURNTRANSFER`, `CURLOPT_BINARYTRANSFER`
    const HARMLESS: [i64; 3] = [10_103, 19_913, 19_914];
    // `CURLOPTTYPE_OBJECTPOINT` and `CURLOPTTYPE_FUNCTIONPOINT`; `CURLOPTTYPE_BLOB`
    matches!(option, 10_000..30_000 | 40_000..) && !HARMLESS.contains(&option)
}

/// PHP's own, for a multi handle, which may close descriptors that another coroutine waits for: that one's
/// wait ends first.
fn after_select(taken: &'static Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    if let Some(object) = frame.arg(0).and_then(php::object_of) {
        busy::end_wait(object);
    }
    taken.original(frame, place)
}

fn do_exec(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let handle = frame
        .arg(0)
        .filter(|handle| php::is_a(*handle, "CurlHandle"));
    let (Some(handle), 1, Some(library)) = (handle, frame.num_args(), library()?) else {
        return EXEC.original(frame, place);
    };
    // SAFETY: an argument of the running call, which the script may let go of meanwhile.
    let handle = unsafe { Kept::of(handle) };
    busy::refuse(handle.object())?;
    if busy::is(handle.object()) {
        // From a callback of its own: PHP refuses it.
        return EXEC.original(frame, place);
    }
    let busy = Busy::with(handle.object(), Vec::new());
    let Some(multi) = multis::of(&handle)? else {
        return Ok(());
    };
    let Some(raw) = library.multi_of(multi.object())? else {
        return EXEC.original(frame, place);
    };
    let added = call(
        c"curl_multi_add_handle",
        &mut [multi.value(), handle.value()],
    )?;
    match added {
        // SAFETY: an int, as that function returns.
        Some(added) if unsafe { added.value.lval } == 0 => {}
        // An exception is under way.
        None => return Ok(()),
        Some(_) => {
            // It is in a multi handle of the script's, which PHP's own refuses. Older PHP notes a handle
            // that was not added, too.
            remove(&multi, &handle)?;
            return EXEC.original(frame, place);
        }
    }
    // When the script ends here, PHP gives the handles back.
    let cut_short = !drive::drive(library, raw)?;
    // What follows is to be called even if a callback of the user's has thrown.
    let ended = php::without_exception(|| end(&multi, &handle, place, cut_short));
    drop(busy);
    ended
}

fn remove(multi: &Kept, handle: &Kept) -> Result<(), Stop> {
    if let Some(removed) = call(
        c"curl_multi_remove_handle",
        &mut [multi.value(), handle.value()],
    )? {
        release(removed);
    }
    Ok(())
}

/// What a transfer has come to is for PHP's own code to note and to give.
fn end(multi: &Kept, handle: &Kept, place: Place<'_>, cut_short: bool) -> Result<(), Stop> {
    let mut code = None;
    if !cut_short && let Some(info) = call(c"curl_multi_info_read", &mut [multi.value()])? {
        code = php::element(&info, "result");
        release(info);
    }
    let content = call(c"curl_multi_getcontent", &mut [handle.value()])?;
    remove(multi, handle)?;
    if cut_short {
        /// `CURLE_ABORTED_BY_CALLBACK`: the reference says so of a transfer that was canceled.
        const ABORTED: i32 = 42;
        number::set(handle, ABORTED)?;
        error::set_last(codes::CO_CANCELED);
    }
    let failed = code != Some(0);
    match content {
        Some(content) if !failed && php::is_string(&content) => {
            let mut content = content;
            // SAFETY: a value of ours, whose reference goes over.
            unsafe { std::ptr::copy_nonoverlapping(content.ptr(), place.ptr(), 1) };
        }
        content => {
            if let Some(content) = content {
                release(content);
            }
            set_bool(place, !failed);
        }
    }
    // Files that were written to: as PHP's own does, but for all.
    // SAFETY: flushes what the C library has buffered.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    Ok(())
}

fn do_select(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let multi = frame
        .arg(0)
        .filter(|multi| php::is_a(*multi, "CurlMultiHandle"));
    let (Some(multi), Some(library)) = (multi, library()?) else {
        return SELECT.original(frame, place);
    };
    // SAFETY: an argument of the running call, which the script may let go of meanwhile.
    let multi = unsafe { Kept::of(multi) };
    match library.multi_of(multi.object())? {
        Some(raw) => select::select(&SELECT, library, (&multi, raw), frame, place),
        None => SELECT.original(frame, place),
    }
}
