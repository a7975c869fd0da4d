//! While the hook is on, `Swoole\Coroutine\Socket` is a `Socket`, as in the reference, so that sockets that
//! a coroutine makes go where a script asks for a `Socket`.

use crate::php::ffi::*;
use crate::php::method::{Frame, Stop};
use crate::php::runtime::flags::Hook;
use crate::php::runtime::take_over::{Taken, taken};
use crate::php::socket;

// What knows no sockets of ours refuses them, as it does without the hook.
taken! {
    SENDMSG = c"socket_sendmsg", sendmsg, is_a_socket() => |frame, place| refuse(&SENDMSG, frame, place);
    RECVMSG = c"socket_recvmsg", recvmsg, is_a_socket() => |frame, place| refuse(&RECVMSG, frame, place);
    EXPORT = c"socket_export_stream", export, is_a_socket() => |frame, place| refuse(&EXPORT, frame, place);
    AT_MARK = c"socket_atmark", at_mark, is_a_socket() => |frame, place| refuse(&AT_MARK, frame, place);
}

pub fn take_over() {
    for function in [&SENDMSG, &RECVMSG, &EXPORT, &AT_MARK] {
        function.take();
    }
}

/// `ZEND_INTERNAL_CLASS`
const INTERNAL_CLASS: u32 = 1;

/// The class of PHP's sockets; null: its extension is not loaded.
fn php_socket() -> *mut zend_class_entry {
    let name = "socket";
    // SAFETY: the table of classes; classes of extensions stay.
    unsafe {
        let table = (*eg()).class_table;
        let found = zend_hash_str_find(table, name.as_ptr().cast(), name.len());
        if found.is_null() {
            return std::ptr::null_mut();
        }
        let class: *mut zend_class_entry = (*found).value.ptr.cast();
        if (*class).type_ as u32 == INTERNAL_CLASS {
            class
        } else {
            std::ptr::null_mut()
        }
    }
}

fn parent() -> *mut *mut zend_class_entry {
    // SAFETY: a class of ours, registered, whose parent is a class entry or null.
    unsafe { &raw mut (*socket::ENTRY.get()).__bindgen_anon_1.parent }
}

fn is_a_socket() -> bool {
    // SAFETY: see `parent`.
    unsafe { !(*parent()).is_null() }
}

/// Makes it so for these flags.
pub fn follow(flags: i64) {
    let wanted = if flags & Hook::Sockets as i64 != 0 {
        php_socket()
    } else {
        std::ptr::null_mut()
    };
    // SAFETY: one thread; who asks for the parent does so when it needs it. `Socket` has neither properties
    // nor methods, so there is nothing to inherit.
    unsafe { *parent() = wanted };
}

fn refuse(taken: &Taken, frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    // SAFETY: see `follow`.
    unsafe {
        let class = std::mem::replace(&mut *parent(), std::ptr::null_mut());
        let done = taken.original(frame, place);
        *parent() = class;
        done
    }
}
