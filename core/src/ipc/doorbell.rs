//! Waking a consumer, only when it sleeps.
//!
//! # No wake-up is lost
//! The consumer stores `sleeping = 1`, then looks at its rings; the producer publishes to a ring, then
//! looks at `sleeping`. A SeqCst fence stands between the two steps on each side, so at least one sees
//! what the other did: the consumer sees the record and stays awake, or the producer sees the flag and
//! rings. The bell is an eventfd: rung before the wait, it ends the wait at once.
//!
//! A producer killed between publishing and ringing leaves a record that nobody announced. Whoever
//! notices its death (the manager) calls [`Doorbell::force`] on its consumers.

use crate::shm::sync::{AtomicU32, Ordering, fence};

/// Something that ends a consumer's wait, from any process, also if it comes before the wait.
pub trait Bell {
    /// Must not block and cannot fail: a bell rung already stays rung.
    fn ring(&self);
}

impl Bell for nix::sys::eventfd::EventFd {
    fn ring(&self) {
        // EAGAIN: the counter is full, so the bell is rung. EINTR cannot be, without blocking; once
        // more costs nothing. Nothing else can come from a valid eventfd.
        if self.write(1) == Err(nix::Error::EINTR) {
            let _ = self.write(1);
        }
    }
}

impl<B: Bell + ?Sized> Bell for &B {
    fn ring(&self) {
        (**self).ring();
    }
}

impl<B: Bell + ?Sized> Bell for std::sync::Arc<B> {
    fn ring(&self) {
        (**self).ring();
    }
}

/// A consumer's bell and the shared word that says whether it sleeps. The consumer and all of its
/// producers hold one over the same two.
#[derive(Debug)]
pub struct Doorbell<B = nix::sys::eventfd::EventFd> {
    bell: B,
    /// 1: the consumer waits, or is about to. Set by the consumer, taken by whoever rings.
    sleeping: &'static AtomicU32,
}

impl<B: Bell> Doorbell<B> {
    pub fn new(bell: B, sleeping: &'static AtomicU32) -> Self {
        Self { bell, sleeping }
    }

    /// The bell, to wait on it and to clear it.
    pub fn bell(&self) -> &B {
        &self.bell
    }

    /// Consumer: from here on producers ring. Look at every ring once more, and wait only if all are
    /// empty; then [`Doorbell::awake`].
    #[inline]
    pub fn prepare_sleep(&self) {
        // Swaps here and in `awake`, like the one in `notify`, keep all writes of the flag in one
        // chain in which each sees the one before it; it costs no more than store and fence do.
        self.sleeping.swap(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    /// Consumer: producers need not ring. A ring that comes all the same does no harm.
    #[inline]
    pub fn awake(&self) {
        self.sleeping.swap(0, Ordering::AcqRel);
    }

    /// Producer: after publishing (once per batch will do), rings if the consumer sleeps. Gives
    /// whether it rang.
    #[inline]
    pub fn notify(&self) -> bool {
        fence(Ordering::SeqCst);
        // The load keeps the line shared between producers while the consumer is busy; the swap lets
        // one of them alone pay for the system call.
        let asleep = self.sleeping.load(Ordering::Relaxed) != 0
            && self.sleeping.swap(0, Ordering::AcqRel) != 0;
        if asleep {
            self.bell.ring();
        }
        asleep
    }

    /// Rings whatever the flag says: after a process died, which may have taken the flag and not
    /// rung, and for news that are not in a ring.
    pub fn force(&self) {
        self.bell.ring();
    }
}
