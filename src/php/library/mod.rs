//! The part of the extension that is written in PHP: classes whose sources are embedded, each compiled when
//! a script first uses it.
//!
//! The engine asks [`zend_autoload`] for a class that it does not know; this stands before the autoloaders
//! that scripts register, so none of them is asked for a class of the library. Classes of a script end with
//! the request, so nothing is remembered here.

pub mod files;
pub mod functions;

use super::class::function_entries;
use super::ffi::*;
use super::ini;
use super::method::{Bailout, Stop, protect};
use files::{ALIASES, FILES, File};
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

type Autoload = unsafe extern "C" fn(*mut zend_string, *mut zend_string) -> *mut zend_class_entry;

/// Who was asked before: the SPL's autoloaders. A function pointer, or null.
static PREVIOUS: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Registers the functions and takes the engine's hook; at module startup, behind the classes.
pub fn startup() {
    if !ini::is_on(ini::ENABLE_LIBRARY) {
        return;
    }
    let mut functions = functions::all();
    if ini::use_shortname() {
        functions.extend(functions::short());
    }
    let functions = function_entries(&functions);
    // SAFETY: module startup is single-threaded; the table is static and ends with an all-zero row. The SPL
    // has started, so its hook is set. An optional function pointer has the layout of a pointer.
    unsafe {
        zend_register_functions(
            std::ptr::null_mut(),
            functions,
            std::ptr::null_mut(),
            MODULE_PERSISTENT as i32,
        );
        let previous = std::mem::transmute::<Option<Autoload>, *mut c_void>(zend_autoload);
        PREVIOUS.store(previous, Ordering::Relaxed);
        zend_autoload = Some(autoload);
    }
}

/// Gives the hook back, unless somebody has taken it since; at module shutdown.
pub fn shutdown() {
    // SAFETY: module shutdown is single-threaded; `PREVIOUS` holds what was in the hook.
    unsafe {
        if zend_autoload.is_some_and(|hook| std::ptr::fn_addr_eq(hook, autoload as Autoload)) {
            zend_autoload = previous();
        }
    }
}

fn previous() -> Option<Autoload> {
    let previous = PREVIOUS.load(Ordering::Relaxed);
    // SAFETY: what `startup` stored, an optional function pointer of this type.
    unsafe { std::mem::transmute::<*mut c_void, Option<Autoload>>(previous) }
}

unsafe extern "C" fn autoload(
    name: *mut zend_string,
    lower_name: *mut zend_string,
) -> *mut zend_class_entry {
    // SAFETY: the engine passes live strings, and has put aside an exception that is under way.
    let class = match class_named(unsafe { str_bytes(lower_name) }) {
        Some(Class::Own(file)) => load(file),
        Some(Class::Alias(alias, file)) => load_alias(alias, file),
        None => {
            let Some(next) = previous() else {
                return std::ptr::null_mut();
            };
            // SAFETY: the arguments that the engine passed.
            return unsafe { next(name, lower_name) };
        }
    };
    match class {
        Ok(class) => class,
        // SAFETY: called by the engine inside its own zend_try; nothing is owned here.
        Err(Bailout) => unsafe { ext_php_rs_zend_bailout() },
    }
}

enum Class {
    Own(&'static File),
    Alias(&'static str, &'static File),
}

/// What the library has under a name in lower case.
fn class_named(lower_name: &[u8]) -> Option<Class> {
    let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(lower_name);
    if !lower_name.starts_with(b"swoole") && !lower_name.starts_with(b"co\\") {
        return None;
    }
    if let Some(file) = FILES.iter().find(|file| is(file.class)) {
        return Some(Class::Own(file));
    }
    let (alias, class) = ALIASES.iter().find(|(alias, _)| is(alias))?;
    if alias.starts_with("Co\\") && !ini::use_shortname() {
        return None;
    }
    let file = FILES.iter().find(|file| file.class == *class)?;
    Some(Class::Alias(alias, file))
}

/// A class of the library by its name, compiled if need be.
pub fn class(name: &str) -> Result<*mut zend_class_entry, Stop> {
    let class = super::convert::look_up_class(name.as_bytes())?;
    if class.is_null() {
        return Err(Stop::error(format!(
            "Class \"{name}\" not found: swoole.enable_library is off"
        )));
    }
    Ok(class)
}

/// The class if it is known already.
fn find(name: &str) -> *mut zend_class_entry {
    // SAFETY: the table of classes is live; its keys are in lower case; its values are class entries.
    unsafe {
        zend_hash_str_find_ptr_lc((*eg()).class_table, name.as_ptr().cast(), name.len()).cast()
    }
}

fn load_alias(alias: &'static str, file: &'static File) -> Result<*mut zend_class_entry, Bailout> {
    let mut class = find(file.class);
    if class.is_null() {
        class = load(file)?;
    }
    if !class.is_null() {
        // SAFETY: a class of this request gets another name, as class_alias() gives it; the engine copies
        // the name.
        protect(|| unsafe {
            zend_register_class_alias_ex(alias.as_ptr().cast(), alias.len(), class, false)
        })?;
    }
    Ok(class)
}

/// Compiles the file of a class and runs it. Null: an exception is under way.
fn load(file: &'static File) -> Result<*mut zend_class_entry, Bailout> {
    let mut around = Around::leave();
    let loaded = protect(|| around.run(file));
    around.enter_again();
    loaded?;
    Ok(find(file.class))
}

/// What the engine is in the middle of when it needs a class, put aside while the class is made.
struct Around {
    frame: *mut zend_execute_data,
    compiler_options: u32,
    error_reporting: i32,
    handled_errors: i32,
}

impl Around {
    fn leave() -> Around {
        // SAFETY: the engine's globals; words of theirs are read and written.
        unsafe {
            let globals = eg();
            let around = Around {
                frame: (*globals).current_execute_data,
                compiler_options: (*ext_php_rs_compiler_globals()).compiler_options,
                error_reporting: (*globals).error_reporting,
                handled_errors: (*globals).user_error_handler_error_reporting,
            };
            // Not what opcache or a debugger asks of files.
            (*ext_php_rs_compiler_globals()).compiler_options = 0;
            // A later PHP may find something deprecated in the library, which is not the script's
            // business. What ends the script is told.
            (*globals).error_reporting = around.error_reporting & E_FATAL_ERRORS.cast_signed();
            (*globals).user_error_handler_error_reporting = 0;
            around
        }
    }

    /// The file's code runs as a script of its own: it must not get at the variables of the function that
    /// happened to need the class. Inside [`protect`].
    fn run(&mut self, file: &'static File) {
        // SAFETY: the engine copies the source and compiles the copy; the result is ours, run once and
        // released. On a bailout the engine frees all of it with the request.
        unsafe {
            let source =
                ext_php_rs_zend_string_init(file.source.as_ptr().cast(), file.source.len(), false);
            let code = compile_string(
                source,
                file.path.as_ptr(),
                ZEND_COMPILE_POSITION_AT_OPEN_TAG,
            );
            ext_php_rs_zend_string_release(source);
            if code.is_null() {
                return;
            }
            (*eg()).current_execute_data = std::ptr::null_mut();
            let mut result = undef();
            zend_execute(code, result.ptr());
            (*eg()).current_execute_data = self.frame;
            zval_ptr_dtor(result.ptr());
            zend_destroy_static_vars(code);
            destroy_op_array(code);
            _efree(code.cast());
        }
    }

    fn enter_again(self) {
        // SAFETY: as in `leave`; the frame that ran then runs still.
        unsafe {
            let globals = eg();
            (*globals).current_execute_data = self.frame;
            (*ext_php_rs_compiler_globals()).compiler_options = self.compiler_options;
            (*globals).error_reporting = self.error_reporting;
            (*globals).user_error_handler_error_reporting = self.handled_errors;
        }
    }
}
