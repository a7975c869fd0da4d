//! Loading of classes: while one coroutine loads a class, another that needs it waits for that. The
//! engine itself would call the class unknown, as it does where a class is needed to load itself.

use super::co::{Wait, Woken};
use super::engine::{self, PhpThread};
use super::waits::wake_from_loop;
use crate::php::ffi::*;
use crate::php::method::protect;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

type Loader = unsafe extern "C" fn(*mut zend_string, *mut zend_string) -> *mut zend_class_entry;

struct Loading {
    cid: i64,
    /// Number and wait of those that need it, too.
    waiting: Vec<(i64, u64)>,
}

struct Autoload {
    original: Cell<Option<Loader>>,
    /// Classes by their name in lower case.
    loading: RefCell<Option<HashMap<Vec<u8>, Loading>>>,
}

static AUTOLOAD: PhpThread<Autoload> = PhpThread::new(Autoload {
    original: Cell::new(None),
    loading: RefCell::new(None),
});

/// Takes the engine's hook over; at module startup, after the SPL has set it.
pub fn register() {
    // SAFETY: looks a name up in what the process has loaded; `zend_autoload` is a variable of this type
    // (Zend/zend_execute.h).
    unsafe {
        let hook: *mut Option<Loader> =
            libc::dlsym(libc::RTLD_DEFAULT, c"zend_autoload".as_ptr()).cast();
        if let Some(hook) = hook.as_mut()
            && let Some(original) = *hook
        {
            AUTOLOAD.get().original.set(Some(original));
            *hook = Some(load);
        }
    }
}

fn original(name: *mut zend_string, lower: *mut zend_string) -> *mut zend_class_entry {
    match AUTOLOAD.get().original.get() {
        // SAFETY: the hook that we replaced, with the engine's own arguments.
        Some(original) => unsafe { original(name, lower) },
        None => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn load(
    name: *mut zend_string,
    lower: *mut zend_string,
) -> *mut zend_class_entry {
    if engine::running().is_none() {
        return original(name, lower);
    }
    // Nothing is owned here any more when the bailout goes on.
    match load_in_coroutine(name, lower) {
        Ok(class) => class,
        // SAFETY: called by the engine inside its own try.
        Err(_) => unsafe { ext_php_rs_zend_bailout() },
    }
}

fn with_loading<R>(f: impl FnOnce(&mut HashMap<Vec<u8>, Loading>) -> R) -> R {
    f(AUTOLOAD.get().loading.borrow_mut().get_or_insert_default())
}

/// What to do about a class.
enum Task {
    Load,
    /// It is needed to load itself.
    Refuse,
    Wait,
}

fn load_in_coroutine(
    name: *mut zend_string,
    lower: *mut zend_string,
) -> Result<*mut zend_class_entry, crate::php::method::Bailout> {
    let Some(co) = engine::running() else {
        return Ok(original(name, lower));
    };
    // SAFETY: the engine's strings and tables; it has noted the class as being loaded, for whoever asks
    // next, which is for us to answer.
    let key = unsafe {
        zend_hash_del((*eg()).in_autoload, lower);
        str_bytes(lower).to_vec()
    };
    let task = with_loading(|loading| match loading.get_mut(&key) {
        None => {
            let cid = co.cid.get();
            let waiting = Vec::new();
            loading.insert(key.clone(), Loading { cid, waiting });
            Task::Load
        }
        Some(by) if by.cid == co.cid.get() => Task::Refuse,
        Some(by) => {
            by.waiting.push((co.cid.get(), co.waits.get() + 1));
            Task::Wait
        }
    });
    match task {
        Task::Refuse => Ok(std::ptr::null_mut()),
        Task::Wait => {
            engine::wait(Wait::Uncancellable, None);
            Ok(find(lower))
        }
        Task::Load => {
            let loaded = protect(|| original(name, lower));
            let done = with_loading(|loading| loading.remove(&key));
            for (cid, wait) in done.map(|done| done.waiting).unwrap_or_default() {
                wake_from_loop(cid, wait, Woken::Resumed);
            }
            loaded
        }
    }
}

/// In a child, outside of coroutines: its parent's are not there to go on with what they load.
pub fn forget() {
    with_loading(HashMap::clear);
}

/// The class, if it is known by now.
fn find(lower: *mut zend_string) -> *mut zend_class_entry {
    // SAFETY: the engine's table of classes by name; a live string.
    unsafe {
        let found = zend_hash_find((*eg()).class_table, lower);
        if found.is_null() {
            std::ptr::null_mut()
        } else {
            (*found).value.ptr.cast()
        }
    }
}
