//! The one object layout of the classes that refer to native state: three numbers, then the standard
//! object. Native state itself lives in `server_state`: an object holds only numbers that name it, so
//! a subclass, a clone by reflection or an object whose constructor never ran can do no harm.

use super::ffi::*;
use super::server_state;
use std::mem::{offset_of, size_of};
use std::rc::Rc;
use std::sync::OnceLock;

/// What `create_*` allocates. The engine knows only `std`; `offset` in the handlers tells it the rest.
#[repr(C)]
#[derive(Debug)]
pub struct Native {
    /// Which server the object belongs to (see [`server_state`]); 0: none.
    pub server_id: i64,
    /// A port's index; an iterator's too, -1 if it goes over all ports.
    pub port: i64,
    /// Iterator: the session it has passed last; 0 at the start.
    pub after: i64,
    /// Iterator: the session it stands at.
    pub current: i64,
    /// Iterator: how many sessions it has seen, the current one included.
    pub index: i64,
    pub std: zend_object,
}

/// The fields in front of `object`.
///
/// # Safety
/// `object` was made by one of this file's `create_*` functions and lives.
#[must_use]
pub unsafe fn native(object: *mut zend_object) -> *mut Native {
    // SAFETY: the caller's promise: `std` stands at this offset of a `Native`.
    unsafe { object.byte_sub(offset_of!(Native, std)).cast() }
}

#[derive(Debug)]
struct Tables {
    server: zend_object_handlers,
    plain: zend_object_handlers,
    data: zend_object_handlers,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        // SAFETY: a constant table of the engine, filled before any module starts.
        let mut plain = unsafe { std::ptr::read(&raw const std_object_handlers) };
        plain.unset_property = Some(unset_property);
        plain.clone_obj = None;
        let data = plain;
        plain.offset = offset_of!(Native, std) as i32;
        let mut server = plain;
        server.free_obj = Some(free_server);
        Tables {
            server,
            plain,
            data,
        }
    })
}

/// # Safety
/// Called by the engine with a class that uses this layout.
unsafe fn create(
    ce: *mut zend_class_entry,
    handlers: &'static zend_object_handlers,
) -> *mut zend_object {
    // SAFETY: the engine's own recipe: the allocation has room for the declared properties behind
    // `std` and is zero in front of it; then the standard part and the properties are initialised.
    unsafe {
        let object: *mut Native = ext_php_rs_zend_object_alloc(size_of::<Native>(), ce).cast();
        let std = &raw mut (*object).std;
        zend_object_std_init(std, ce);
        object_properties_init(std, ce);
        (*std).handlers = handlers;
        std
    }
}

/// `Swoole\Server` and all its subclasses.
pub unsafe extern "C" fn create_server(ce: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: called by the engine.
    unsafe { create(ce, &tables().server) }
}

/// Ports and iterators.
pub unsafe extern "C" fn create_plain(ce: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: called by the engine.
    unsafe { create(ce, &tables().plain) }
}

/// Event and StatusInfo: properties only.
pub unsafe extern "C" fn create_data(ce: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: called by the engine; `zend_objects_new` is its constructor for standard objects.
    unsafe {
        let object = zend_objects_new(ce);
        object_properties_init(object, ce);
        (*object).handlers = &raw const tables().data;
        object
    }
}

/// A class of static methods only: `new` throws.
pub unsafe extern "C" fn create_denied(ce: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: called by the engine, which frees the object when it sees the exception; the message is
    // copied.
    unsafe {
        let object = create_data(ce);
        zend_throw_error(
            std::ptr::null_mut(),
            c"The object of %s can not be created for security reasons".as_ptr(),
            (&raw const (*(*ce).name).val).cast::<std::ffi::c_char>(),
        );
        object
    }
}

unsafe extern "C" fn free_server(object: *mut zend_object) {
    // SAFETY: only in the handlers of objects made by `create_server`.
    let server_id = unsafe { (*native(object)).server_id };
    if server_id != 0 {
        server_state::object_freed(server_id);
    }
    // SAFETY: the engine calls this once per object.
    unsafe { zend_object_std_dtor(object) };
}

/// Declared properties stay: internal code finds them by name. Dynamic ones go as usual.
unsafe extern "C" fn unset_property(
    object: *mut zend_object,
    member: *mut zend_string,
    cache_slot: *mut *mut std::ffi::c_void,
) {
    // SAFETY: called by the engine with a live object and name; zend_throw_error copies its arguments.
    unsafe {
        let ce = (*object).ce;
        if zend_hash_find(&raw const (*ce).properties_info, member).is_null() {
            zend_std_unset_property(object, member, cache_slot);
        } else {
            zend_throw_error(
                std::ptr::null_mut(),
                c"Property %s of class %s cannot be unset".as_ptr(),
                (&raw const (*member).val).cast::<std::ffi::c_char>(),
                (&raw const (*(*ce).name).val).cast::<std::ffi::c_char>(),
            );
        }
    }
}

/// Whether an object is of a class, or of one that extends or implements it.
///
/// # Safety
/// `object` lives, and `class` is one of the engine's classes.
#[must_use]
pub unsafe fn is_a(object: *mut zend_object, class: *mut zend_class_entry) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*object).ce == class || instanceof_function_slow((*object).ce, class) }
}

/// A class whose objects own native state: one object, one state. The state is there from the start
/// (`initial`), or from when a constructor puts it there; methods ask for it with [`state`] and refuse
/// to work without.
pub trait Stateful: Sized + 'static {
    /// The state of an object that was just made. An exception may be thrown instead.
    fn initial() -> Option<Rc<Self>> {
        None
    }

    /// The handlers of all such objects: a static of each type.
    fn handlers() -> &'static OnceLock<zend_object_handlers>;
}

/// What [`create_stateful`] allocates.
#[repr(C)]
struct Holder<T> {
    /// From `Rc::into_raw`; null: no state.
    state: *const T,
    std: zend_object,
}

/// # Safety
/// `object` was made by `create_stateful::<T>` and lives.
unsafe fn holder<T: Stateful>(object: *mut zend_object) -> *mut Holder<T> {
    // SAFETY: the caller's promise: `std` stands at this offset of a `Holder`.
    unsafe { object.byte_sub(offset_of!(Holder<T>, std)).cast() }
}

/// `create_object` of a class with state, and of its subclasses.
pub unsafe extern "C" fn create_stateful<T: Stateful>(
    ce: *mut zend_class_entry,
) -> *mut zend_object {
    let handlers = T::handlers().get_or_init(|| {
        let mut handlers = tables().data;
        handlers.offset = offset_of!(Holder<T>, std) as i32;
        handlers.free_obj = Some(free_stateful::<T>);
        handlers
    });
    let initial = T::initial().map_or(std::ptr::null(), Rc::into_raw);
    // SAFETY: as in `create`; `state` is set before anything can look at it.
    unsafe {
        let object: *mut Holder<T> =
            ext_php_rs_zend_object_alloc(size_of::<Holder<T>>(), ce).cast();
        (*object).state = initial;
        let std = &raw mut (*object).std;
        zend_object_std_init(std, ce);
        object_properties_init(std, ce);
        (*std).handlers = handlers;
        std
    }
}

unsafe extern "C" fn free_stateful<T: Stateful>(object: *mut zend_object) {
    // SAFETY: only in the handlers of objects made by `create_stateful::<T>`; the engine calls this
    // once per object.
    unsafe {
        drop(take_state::<T>(object));
        zend_object_std_dtor(object);
    }
}

/// The state of an object.
///
/// # Safety
/// `object` lives and is of the class whose `create` is `create_stateful::<T>`: `$this` in a method of
/// that class.
#[must_use]
#[inline]
pub unsafe fn state<T: Stateful>(object: *mut zend_object) -> Option<Rc<T>> {
    // SAFETY: the caller's promise; a state that is not null is an `Rc` that the object owns, so it
    // may be counted once more.
    unsafe {
        let state = (*holder::<T>(object)).state;
        if state.is_null() {
            return None;
        }
        Rc::increment_strong_count(state);
        Some(Rc::from_raw(state))
    }
}

/// The state of an object, without counting it.
///
/// # Safety
/// As [`state`]; and while the reference lives, the object does, and its state is not set or taken.
#[must_use]
#[inline]
pub unsafe fn peek_state<'a, T: Stateful>(object: *mut zend_object) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { (*holder::<T>(object)).state.as_ref() }
}

/// Gives an object its state, in place of one it may have.
///
/// # Safety
/// As [`state`].
pub unsafe fn set_state<T: Stateful>(object: *mut zend_object, new: Rc<T>) {
    // SAFETY: the caller's promise.
    unsafe {
        drop(take_state::<T>(object));
        (*holder::<T>(object)).state = Rc::into_raw(new);
    }
}

/// Takes the state from an object.
///
/// # Safety
/// As [`state`].
pub unsafe fn take_state<T: Stateful>(object: *mut zend_object) -> Option<Rc<T>> {
    // SAFETY: the caller's promise; what the object owned is owned by the result.
    unsafe {
        let place = &raw mut (*holder::<T>(object)).state;
        let state = place.replace(std::ptr::null());
        (!state.is_null()).then(|| Rc::from_raw(state))
    }
}
