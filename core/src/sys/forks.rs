//! Noticing forks, also those that other code makes (ext/pcntl).

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often this process and its ancestors have forked since they began to watch.
static FORKS: AtomicU64 = AtomicU64::new(0);
/// How many forks lie between this process and the one that began to watch.
static INCARNATION: AtomicU64 = AtomicU64::new(0);
/// The same, less those whose parent this process has taken over.
static GENERATION: AtomicU64 = AtomicU64::new(0);

extern "C" fn before() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn in_child() {
    INCARNATION.fetch_add(1, Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[inline]
fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the handlers only add to statics, which is allowed in a forking process, and live as
        // long as the process: an extension is never unloaded before its end.
        // JUSTIFICATION: std has no hook for forks, and scripts fork through other extensions.
        unsafe { libc::pthread_atfork(Some(before), None, Some(in_child)) };
    });
}

/// Grows with each fork, in parent and child: two equal answers mean that no child can know what was
/// made in between.
#[must_use]
pub fn count() -> u64 {
    watch();
    FORKS.load(Ordering::Relaxed)
}

/// In a child whose parent is over since the fork (a daemon's): what was made before is this process's. Its
/// threads are not, and its process id is another one: see [`incarnation`].
pub fn take_over() {
    // 0 where nobody had begun to watch: then nothing was made before.
    let less = |generation: u64| Some(generation.saturating_sub(1));
    let _ = GENERATION.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
}

/// Grows with each fork in the child alone, whoever is taken over: threads that were started and process ids
/// that were learned under another answer are the parent's.
#[must_use]
#[inline]
pub fn incarnation() -> u64 {
    watch();
    INCARNATION.load(Ordering::Relaxed)
}

/// Grows with each fork in the child alone: what was made under another answer is the parent's, unless this
/// process has taken that over.
#[must_use]
#[inline]
pub fn generation() -> u64 {
    watch();
    GENERATION.load(Ordering::Relaxed)
}
