//! Tests of [`super::exchange`].

#![allow(clippy::unwrap_used)]

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::doorbell::Doorbell;
use super::exchange::{
    Exchange, Inbox, LANES, RING_MAX_BYTES, RING_MIN_BYTES, RINGS_BUDGET_BYTES, SCAN_LIMIT,
    process_mode_rings, ring_capacity,
};
use crate::shm::region::Layout;

const MIB: usize = 1024 * 1024;

fn exchange(producers: usize, consumers: usize) -> Exchange {
    let mut layout = Layout::new();
    let slot = Exchange::layout(&mut layout, producers, consumers, RING_MIN_BYTES);
    Exchange::open(&layout.build("test-exchange").unwrap(), &slot)
}

/// Takes all there is: (producer, bytes).
fn take_all(inbox: &Inbox) -> Vec<(usize, Vec<u8>)> {
    let mut taken = Vec::new();
    while let Some(producer) = inbox.next_ready() {
        if let Some(record) = inbox.peek(producer).unwrap() {
            taken.push((producer, record.bytes().to_vec()));
        }
    }
    taken
}

/// Resident bytes of the mapping of this name, as the kernel counts them.
fn resident_bytes(name: &str) -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines().skip_while(|line| !line.contains(name));
    let line = lines.find(|line| line.starts_with("Rss:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

#[test]
fn capacity_is_the_largest_power_of_two_in_the_budget() {
    assert_eq!(ring_capacity(0, RINGS_BUDGET_BYTES), RING_MAX_BYTES);
    assert_eq!(ring_capacity(768, 192 * MIB), 256 * 1024);
    assert_eq!(ring_capacity(769, 192 * MIB), 128 * 1024);
    assert_eq!(ring_capacity(10, 0), RING_MIN_BYTES);
    assert_eq!(
        ring_capacity(usize::MAX, RINGS_BUDGET_BYTES),
        RING_MIN_BYTES
    );
}

/// 8 reactor threads and 32 workers: under 256 MiB of address space, and hardly any of it touched.
#[test]
fn memory_is_bounded_and_costs_nothing_until_used() {
    let (reactors, workers) = (8, 32);
    let rings = process_mode_rings(reactors, workers);
    let capacity = ring_capacity(rings, RINGS_BUDGET_BYTES);
    assert_eq!((rings, capacity), (768, 256 * 1024));

    let name = "test-exchange-memory";
    let mut layout = Layout::new();
    let to_workers = Exchange::layout(&mut layout, reactors, workers, capacity);
    let to_reactors = Exchange::layout(&mut layout, workers * LANES, reactors, capacity);
    assert!(layout.bytes() < 200 * MIB, "{} bytes", layout.bytes());
    let built = layout.build(name).unwrap();
    let to_workers = Exchange::open(&built, &to_workers);
    let to_reactors = Exchange::open(&built, &to_reactors);
    assert_eq!(resident_bytes(name), 0);

    // All ends attached: the control blocks, 256 bytes each, and the bitmaps.
    let inboxes: Vec<_> = (0..reactors).map(|c| to_reactors.inbox(c)).collect();
    let more: Vec<_> = (0..workers).map(|c| to_workers.inbox(c)).collect();
    assert!(resident_bytes(name) < MIB / 2, "{}", resident_bytes(name));
    assert!(inboxes.iter().chain(&more).all(|inbox| !inbox.collect()));

    // A large reservation with little in it touches what is in it.
    let before = resident_bytes(name);
    let mut producer = to_reactors.producer(3, 2);
    for number in 0..16_u8 {
        let mut reservation = producer.try_reserve(64 * 1024).unwrap();
        reservation.bytes_mut()[0] = number;
        reservation.commit(1);
    }
    assert_eq!(resident_bytes(name) - before, 4096);
    assert!(inboxes[2].scan_all());
    assert_eq!(take_all(&inboxes[2]).len(), 16);
}

#[test]
fn each_pair_has_a_ring_of_its_own() {
    for producers in [1, SCAN_LIMIT, SCAN_LIMIT + 1, 64, 65, 130] {
        let exchange = exchange(producers, 3);
        assert_eq!((exchange.producers(), exchange.consumers()), (producers, 3));
        let mut ends: Vec<_> = (0..producers)
            .flat_map(|p| (0..3).map(move |c| (p, c)))
            .map(|(p, c)| (p, c, exchange.producer(p, c)))
            .collect();
        let inboxes: Vec<_> = (0..3).map(|c| exchange.inbox(c)).collect();
        for round in 0..3_u8 {
            for (p, c, end) in &mut ends {
                assert!(end.try_push(&[&[*p as u8, *c as u8, round]]));
                exchange.mark(*p, *c);
            }
            for (c, inbox) in inboxes.iter().enumerate() {
                let mut taken = take_all(inbox);
                taken.sort();
                let expected = (0..producers).map(|p| (p, vec![p as u8, c as u8, round]));
                assert!(taken.into_iter().eq(expected));
                assert!(!inbox.collect() && !inbox.scan_all());
            }
        }
    }
}

#[test]
fn every_ring_gets_its_turn() {
    let exchange = exchange(70, 1);
    let mut first = exchange.producer(0, 0);
    let mut last = exchange.producer(69, 0);
    for _ in 0..3 {
        assert!(first.try_push(&[b"x"]) && last.try_push(&[b"x"]));
    }
    let inbox = exchange.inbox(0);
    let order: Vec<usize> = take_all(&inbox).into_iter().map(|(p, _)| p).collect();
    assert_eq!(order, [0, 69, 0, 69, 0, 69]);
}

#[test]
fn what_a_killed_producer_did_not_mark_is_found() {
    let exchange = exchange(SCAN_LIMIT + 1, 1);
    let inbox = exchange.inbox(0);
    assert!(exchange.producer(4, 0).try_push(&[b"x"]));
    assert_eq!(inbox.next_ready(), None);
    assert!(inbox.scan_all());
    assert_eq!(take_all(&inbox), [(4, b"x".to_vec())]);
    // A successor of the consumer finds it without being told.
    assert!(exchange.producer(4, 0).try_push(&[b"y"]));
    drop(inbox);
    assert_eq!(take_all(&exchange.inbox(0)), [(4, b"y".to_vec())]);
}

#[test]
fn a_record_in_hand_does_not_hide_the_next() {
    let exchange = exchange(SCAN_LIMIT + 1, 1);
    let mut producer = exchange.producer(4, 0);
    assert!(producer.try_push(&[b"1"]) && producer.try_push(&[b"2"]));
    exchange.mark(4, 0);
    let inbox = exchange.inbox(0);
    let record = inbox.peek(4).unwrap();
    assert!(inbox.peek(4).unwrap().is_none());
    drop(record);
    assert_eq!(take_all(&inbox), [(4, b"2".to_vec())]);
}

/// Many threads, one sleeper with a bitmap and an eventfd: everything arrives, no wake-up is lost.
#[test]
fn a_sleeper_gets_everything() {
    const PRODUCERS: usize = 12;
    const RECORDS: u32 = 2_000;
    let exchange = exchange(PRODUCERS, 1);
    let bell = std::sync::Arc::new(EventFd::from_flags(EfdFlags::empty()).unwrap());
    std::thread::scope(|scope| {
        for index in 0..PRODUCERS {
            let (exchange, bell) = (&exchange, bell.clone());
            scope.spawn(move || {
                let bell = Doorbell::new(bell, exchange.sleeping(0));
                let mut producer = exchange.producer(index, 0);
                for number in 0..RECORDS {
                    while !producer.try_push(&[&number.to_ne_bytes()]) {
                        std::thread::yield_now();
                    }
                    exchange.announce(index, 0, &bell);
                }
            });
        }
        let inbox = exchange.inbox(0);
        let bell = Doorbell::new(bell, exchange.sleeping(0));
        let mut next = [0_u32; PRODUCERS];
        while next.iter().any(|count| *count < RECORDS) {
            for (producer, bytes) in take_all(&inbox) {
                assert_eq!(bytes, next[producer].to_ne_bytes());
                next[producer] += 1;
            }
            if next.iter().all(|count| *count == RECORDS) {
                break;
            }
            bell.prepare_sleep();
            if !inbox.collect() {
                // Blocks: a lost wake-up hangs the test.
                bell.bell().read().unwrap();
            }
            bell.awake();
        }
    });
}
