//! Tests of [`super::doorbell`]: in a file of their own, as the model check compiles that file over
//! other atomics.

#![allow(clippy::unwrap_used)]

use super::doorbell::Doorbell;
use crate::shm::sync::AtomicU32;
use nix::sys::eventfd::{EfdFlags, EventFd};

fn doorbell() -> Doorbell {
    let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap();
    Doorbell::new(bell, Box::leak(Box::new(AtomicU32::new(0))))
}

fn rung(doorbell: &Doorbell) -> bool {
    doorbell.bell().read().is_ok()
}

#[test]
fn it_rings_a_sleeper_once() {
    let doorbell = doorbell();
    assert!(!doorbell.notify());
    assert!(!rung(&doorbell));
    doorbell.prepare_sleep();
    assert!(doorbell.notify());
    assert!(!doorbell.notify());
    assert!(rung(&doorbell));
    doorbell.prepare_sleep();
    doorbell.awake();
    assert!(!doorbell.notify());
    doorbell.force();
    assert!(rung(&doorbell));
}

#[test]
fn a_full_bell_is_a_rung_bell() {
    let doorbell = doorbell();
    doorbell.bell().write(u64::MAX - 1).unwrap();
    doorbell.force();
    assert!(rung(&doorbell));
}
