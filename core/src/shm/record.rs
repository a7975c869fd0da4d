//! Declaring records of shared memory without unsafe code in other rooms.

/// Declares a struct that may stand in shared memory: `#[repr(C)]`, on cache lines of its own, and made
/// only of types that may stand there themselves.
///
/// ```
/// use core::sync::atomic::AtomicU64;
/// swoole_core::shm_record! {
///     /// What a process counts.
///     pub struct Counts {
///         /// Requests served.
///         pub requests: AtomicU64,
///     }
/// }
/// ```
#[macro_export]
macro_rules! shm_record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $kind:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[repr(C, align(64))]
        #[derive(Debug, Default)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $kind,)*
        }

        const _: () = {
            const fn is_record<T: $crate::shm::region::ShmRecord>() {}
            $(is_record::<$kind>();)*
        };

        // SAFETY: every field is a `ShmRecord` (checked above), so all-zero is valid for the whole, it
        // holds no pointers, nothing in it needs to be dropped, and it changes through atomics only.
        // The padding that the alignment adds is never read.
        unsafe impl $crate::shm::region::ShmRecord for $name {}
    };
}

use super::region::ShmRecord;
use core::sync::atomic::AtomicI32;

// SAFETY: all-zero bytes are the atomic's value 0.
unsafe impl ShmRecord for AtomicI32 {}
// SAFETY: an array of records is laid out as its elements and holds nothing else.
unsafe impl<T: ShmRecord, const N: usize> ShmRecord for [T; N] {}
