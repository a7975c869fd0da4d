//! `swoole_async_set`: options of the process.

use crate::php::class::*;
use crate::php::convert::{self, set_bool};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, docref};
use crate::php::method::{parse, trampolines};
use crate::php::server_setup::bad_option;
use swoole_core::error::Error;
use swoole_core::options::{self, Raw};

trampolines! {
    async_set => do_async_set;
}

pub static FUNCTIONS: &[MethodDef] = &[function(
    c"swoole_async_set",
    async_set,
    &[arg(c"settings", ARRAY)],
    BOOL,
)];

fn do_async_set(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut settings: *mut zval = std::ptr::null_mut();
    parse!(frame, c"a", settings)?;
    // SAFETY: an argument of the running call, an array.
    apply(unsafe { (*settings).value.arr })?;
    set_bool(place, true);
    Ok(())
}

/// Puts the options of the process that an array has into effect: all of them or, on the first bad value,
/// none. Others are passed over.
pub fn apply(array: *mut HashTable) -> Result<(), Stop> {
    let given = convert::to_options(array);
    let warnings = match options::set_process(&given) {
        Ok(warnings) => warnings,
        Err(error) => {
            let bad = given
                .iter()
                .find(|(option, _)| matches!(&error, Error::Option { name, .. } if name == option));
            return Err(bad_option(&error, bad.map_or(&Raw::Null, |(_, raw)| raw)));
        }
    };
    for warning in &warnings {
        docref(E_WARNING, &warning.to_string())?;
    }
    Ok(())
}
