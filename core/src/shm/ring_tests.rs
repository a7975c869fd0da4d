//! Tests of [`super::ring`]: against a model, and against memory that no producer wrote.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::memory::Ring;
use super::region::Layout;
use super::ring::{Consumer, Producer, max_record_bytes};

const CAPACITY: usize = 1024;

fn ring() -> Ring {
    let mut layout = Layout::new();
    let slot = layout.ring(CAPACITY);
    layout.build("test-ring").unwrap().ring(slot)
}

/// A ring whose positions are just before the end of their range.
fn ring_at(position: u64) -> Ring {
    let ring = ring();
    ring.head().store(position, Ordering::Relaxed);
    ring.tail().store(position, Ordering::Relaxed);
    ring
}

fn pop(consumer: &Consumer) -> Option<Vec<u8>> {
    let record = consumer.peek().unwrap()?;
    let bytes = record.bytes().to_vec();
    record.release();
    Some(bytes)
}

#[test]
fn records_come_out_as_they_went_in() {
    let ring = ring();
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    assert!(consumer.is_empty());
    assert_eq!(pop(&consumer), None);
    assert!(producer.try_push(&[b"hello, ", b"", b"world"]));
    assert!(producer.try_push(&[]));
    assert!(!consumer.is_empty());
    assert_eq!(producer.used_bytes(), 8 + 16 + 8);
    assert_eq!(pop(&consumer).as_deref(), Some(&b"hello, world"[..]));
    assert_eq!(pop(&consumer).as_deref(), Some(&b""[..]));
    assert_eq!(pop(&consumer), None);
    assert_eq!(producer.used_bytes(), 0);
}

#[test]
fn records_are_counted_where_they_stand() {
    // Around the end of the memory, too, where padding stands between them.
    let ring = ring();
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    let record = [7u8; 100];
    let mut there = 0;
    for round in 0..200 {
        while there < 1 + round % 7 {
            assert!(producer.try_push(&[&record[..10 + round % 50]]));
            there += 1;
        }
        assert_eq!(consumer.count_up_to(100), there);
        assert_eq!(consumer.count_up_to(2), there.min(2));
        assert_eq!(consumer.count_up_to(0), 0);
        for _ in 0..=round % 3 {
            if pop(&consumer).is_some() {
                there -= 1;
            }
        }
    }
    // What no producer wrote ends the count.
    consumer.skip_all();
    assert!(producer.try_push(&[&record]));
    assert!(producer.try_push(&[&record]));
    let second = ring.tail().load(Ordering::Relaxed) - 112;
    assert_eq!(consumer.count_up_to(9), 2);
    ring.store_word(ring.offset(second), u64::MAX);
    assert_eq!(consumer.count_up_to(9), 1);
}

#[test]
fn one_record_at_a_time() {
    let ring = ring();
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    assert!(producer.try_push(&[b"1"]) && producer.try_push(&[b"2"]));
    let record = consumer.peek().unwrap().unwrap();
    assert!(consumer.peek().unwrap().is_none());
    assert_eq!(record.bytes(), b"1");
    drop(record);
    assert_eq!(pop(&consumer).as_deref(), Some(&b"2"[..]));
}

#[test]
fn the_largest_record_fits_wherever_the_positions_stand() {
    for step in (0..CAPACITY as u64).step_by(8) {
        let ring = ring_at(step.wrapping_sub(512));
        let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
        let largest = vec![7; producer.max_record()];
        assert!(producer.free_for(largest.len()));
        assert!(producer.try_push(&[&largest]), "at {step}");
        assert_eq!(pop(&consumer).as_ref(), Some(&largest));
        assert!(!producer.free_for(largest.len() + 1));
        assert!(producer.try_reserve(largest.len() + 1).is_none());
        assert!(!producer.try_push(&[&largest, &[1]]));
    }
    assert_eq!(max_record_bytes(CAPACITY as u64), 504);
}

#[test]
fn a_full_ring_refuses_and_takes_again() {
    let ring = ring();
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    let mut pushed = 0;
    while producer.try_push(&[&[pushed; 24]]) {
        pushed += 1;
    }
    assert_eq!(usize::from(pushed), CAPACITY / 32);
    assert!(!consumer.take_waiting());
    producer.set_waiting(true);
    assert!(!producer.free_for(24));
    drop(pop(&consumer));
    assert!(consumer.take_waiting());
    assert!(!consumer.take_waiting());
    assert!(producer.free_for(24));
    assert!(producer.try_push(&[&[pushed; 24]]));
    producer.set_waiting(true);
    producer.set_waiting(false);
    assert!(!consumer.take_waiting());
}

#[test]
fn reserving_touches_no_memory() {
    let ring = ring();
    let mut producer = Producer::attach(ring);
    drop(producer.try_reserve(400).unwrap());
    assert!(
        (0..CAPACITY as u64)
            .step_by(8)
            .all(|at| ring.load_word(at) == 0)
    );
    let mut reservation = producer.try_reserve(400).unwrap();
    assert_eq!(reservation.len(), 400);
    reservation.bytes_mut()[0] = 1;
    reservation.commit(1);
    assert_eq!(producer.used_bytes(), 16);
}

#[test]
fn what_is_skipped_is_gone_and_what_comes_later_is_not() {
    let ring = ring();
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    assert!(producer.try_push(&[b"1"]));
    let record = consumer.peek().unwrap().unwrap();
    assert!(producer.try_push(&[b"2"]) && producer.try_push(&[b"3"]));
    assert!(!consumer.skip_all());
    assert_eq!(record.bytes(), b"1");
    drop(record);
    assert!(consumer.skip_all());
    assert!(consumer.is_empty());
    assert_eq!(pop(&consumer), None);
    assert_eq!(producer.used_bytes(), 0);
    assert!(producer.try_push(&[b"4"]));
    assert_eq!(pop(&consumer).as_deref(), Some(&b"4"[..]));
    // After nonsense, too.
    assert!(producer.try_push(&[b"5"]) && producer.try_push(&[b"6"]));
    ring.store_word(ring.offset(producer_tail(ring) - 32), 0);
    assert_eq!(consumer.peek().unwrap_err().what, "no length word");
    assert!(consumer.skip_all());
    assert!(producer.try_push(&[b"7"]));
    assert_eq!(pop(&consumer).as_deref(), Some(&b"7"[..]));
}

fn producer_tail(ring: Ring) -> u64 {
    ring.tail().load(Ordering::Relaxed)
}

#[test]
fn light_traffic_keeps_to_the_start() {
    let mut layout = Layout::new();
    let slot = layout.ring(256 * 1024);
    let ring = layout.build("test-light").unwrap().ring(slot);
    let (mut producer, consumer) = (Producer::attach(ring), Consumer::attach(ring));
    for round in 0..10_000_u32 {
        // Bursts of three, room for 4 KiB asked for, 100 bytes used.
        for _ in 0..3 {
            let mut reservation = producer.try_reserve(4096).unwrap();
            reservation.bytes_mut()[..4].copy_from_slice(&round.to_ne_bytes());
            reservation.commit(100);
        }
        for _ in 0..3 {
            assert_eq!(pop(&consumer).unwrap()[..4], round.to_ne_bytes());
        }
    }
    let used = (0..256 * 1024)
        .step_by(8)
        .filter(|at| ring.load_word(*at) != 0);
    assert!(used.max().unwrap() < 32 * 1024);
}

#[test]
#[should_panic(expected = "more than was reserved")]
fn committing_more_than_reserved_is_refused() {
    let mut producer = Producer::attach(ring());
    producer.try_reserve(8).unwrap().commit(9);
}

#[test]
#[should_panic(expected = "has a producer")]
fn a_second_producer_is_refused() {
    let ring = ring();
    let _first = Producer::attach(ring);
    let _second = Producer::attach(ring);
}

#[test]
#[should_panic(expected = "has a consumer")]
fn a_second_consumer_is_refused() {
    let ring = ring();
    let _first = Consumer::attach(ring);
    let _second = Consumer::attach(ring);
}

#[test]
fn threads_agree() {
    const RECORDS: u64 = 200_000;
    let ring = ring();
    let writer = std::thread::spawn(move || {
        let mut producer = Producer::attach(ring);
        for number in 0..RECORDS {
            let len = (number % 97) as usize;
            let bytes = [number as u8; 97];
            while !producer.try_push(&[&number.to_ne_bytes(), &bytes[..len]]) {
                std::thread::yield_now();
            }
        }
    });
    let consumer = Consumer::attach(ring);
    let mut number = 0_u64;
    while number < RECORDS {
        let Some(record) = consumer.peek().unwrap() else {
            std::thread::yield_now();
            continue;
        };
        let (head, rest) = record.bytes().split_at(8);
        assert_eq!(head, number.to_ne_bytes());
        assert_eq!(rest.len() as u64, number % 97);
        assert!(rest.iter().all(|byte| *byte == number as u8));
        number += 1;
    }
    writer.join().unwrap();
    assert!(consumer.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Reserve {
        len: usize,
        commit: usize,
    },
    Abandon {
        len: usize,
    },
    Pop,
    /// Looked at, not released: the consumer was killed with it in hand.
    Peek,
    NewProducer,
    NewConsumer,
}

fn step() -> impl Strategy<Value = Step> {
    let len = 0..560_usize;
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Push),
        4 => (len.clone(), 0..120_usize).prop_map(|(len, commit)| Step::Reserve {
            len,
            commit: commit.min(len),
        }),
        1 => len.prop_map(|len| Step::Abandon { len }),
        8 => Just(Step::Pop),
        1 => Just(Step::Peek),
        1 => Just(Step::NewProducer),
        1 => Just(Step::NewConsumer),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_is_a_queue(steps in prop::collection::vec(step(), 1..200), start in any::<u64>()) {
        let ring = ring_at(start & !7);
        let mut producer = Some(Producer::attach(ring));
        let mut consumer = Some(Consumer::attach(ring));
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let mut fill = 0_u8;
        for step in steps {
            let (Some(writer), Some(reader)) = (&mut producer, &consumer) else { unreachable!() };
            match step {
                Step::Push(bytes) => {
                    let fits = writer.free_for(bytes.len());
                    prop_assert!(fits || !model.is_empty());
                    let (one, two) = bytes.split_at(bytes.len() / 2);
                    prop_assert_eq!(writer.try_push(&[one, two]), fits);
                    if fits {
                        model.push_back(bytes);
                    }
                }
                Step::Reserve { len, commit } => {
                    let fits = writer.free_for(len);
                    prop_assert!(fits || !model.is_empty() || len > writer.max_record());
                    let reservation = writer.try_reserve(len);
                    prop_assert_eq!(reservation.is_some(), fits);
                    if let Some(mut reservation) = reservation {
                        fill = fill.wrapping_add(1);
                        // All of it is written, as read(2) may, though less is committed.
                        reservation.bytes_mut().fill(fill);
                        reservation.commit(commit);
                        model.push_back(vec![fill; commit]);
                    }
                }
                Step::Abandon { len } => {
                    if let Some(mut reservation) = writer.try_reserve(len) {
                        reservation.bytes_mut().fill(0xff);
                    }
                }
                Step::Pop => prop_assert_eq!(pop(reader), model.pop_front()),
                Step::Peek => {
                    let record = reader.peek().unwrap();
                    prop_assert_eq!(record.as_ref().map(|r| r.bytes()), model.front().map(|m| &m[..]));
                    core::mem::forget(record);
                    drop(consumer.take());
                    consumer = Some(Consumer::attach(ring));
                }
                Step::NewProducer => {
                    drop(producer.take());
                    producer = Some(Producer::attach(ring));
                }
                Step::NewConsumer => {
                    drop(consumer.take());
                    consumer = Some(Consumer::attach(ring));
                }
            }
            let (Some(writer), Some(reader)) = (&producer, &consumer) else { unreachable!() };
            prop_assert!(writer.is_sound());
            prop_assert_eq!(reader.is_empty(), model.is_empty());
            prop_assert_eq!(writer.used_bytes() == 0, model.is_empty());
            prop_assert!(writer.used_bytes() <= CAPACITY as u64);
        }
        let reader = consumer.unwrap();
        while let Some(expected) = model.pop_front() {
            prop_assert_eq!(pop(&reader), Some(expected));
        }
        prop_assert_eq!(pop(&reader), None);
    }

    /// Whatever the memory holds: an error or records inside the ring, an end, no panic.
    #[test]
    fn corrupt_memory_is_survived(
        head in any::<u64>(),
        used in prop_oneof![0..2048_u64, any::<u64>()],
        words in prop::collection::vec(
            prop_oneof![
                any::<u64>(),
                (0..1200_u64).prop_map(|len| 0x5357_5243_0000_0000 | len),
                (0..1200_u64).prop_map(|len| 0x5357_5044_0000_0000 | len),
                Just(0x5357_5243_ffff_ffff),
            ],
            CAPACITY / 8,
        ),
        aligned in any::<bool>(),
    ) {
        let ring = ring();
        let mask = if aligned { !7 } else { u64::MAX };
        ring.head().store(head & mask, Ordering::Relaxed);
        ring.tail().store(head.wrapping_add(used) & mask, Ordering::Relaxed);
        for (index, word) in words.iter().enumerate() {
            ring.store_word(index as u64 * 8, *word);
        }
        let consumer = Consumer::attach(ring);
        let mut records = 0;
        while let Ok(Some(record)) = consumer.peek() {
            prop_assert!(record.bytes().len() < CAPACITY);
            records += 1;
            prop_assert!(records <= CAPACITY / 8);
        }
        drop(consumer);
        let mut producer = Producer::attach(ring);
        for _ in 0..CAPACITY {
            if !producer.try_push(&[b"x"]) {
                break;
            }
        }
        prop_assert!(!producer.try_push(&[&[0; 504]]));
    }
}

#[test]
fn each_corruption_is_named() {
    let cases: [(&str, u64, u64, u64); 7] = [
        ("impossible positions", 0, 1032, 0),
        ("impossible positions", 8, 0, 0),
        ("impossible positions", 0, 4, 0),
        ("no length word", 0, 8, 0),
        ("a record of a wrong size", 0, 8, 0x5357_5243_0000_0001),
        ("a record of a wrong size", 0, 16, 0x5357_5243_ffff_ffff),
        ("padding of a wrong size", 0, 1024, 0x5357_5044_0000_0400),
    ];
    for (what, head, tail, word) in cases {
        let ring = ring();
        ring.head().store(head, Ordering::Relaxed);
        ring.tail().store(tail, Ordering::Relaxed);
        ring.store_word(ring.offset(head & !7), word);
        let error = Consumer::attach(ring).peek().unwrap_err();
        assert_eq!((error.what, error.head, error.tail), (what, head, tail));
    }
    // A producer that finds impossible positions writes nothing.
    let ring = ring();
    ring.tail().store(4096, Ordering::Relaxed);
    let mut producer = Producer::attach(ring);
    assert!(!producer.is_sound() && !producer.free_for(0) && !producer.try_push(&[]));
    // Nor does one whose consumer's position becomes impossible.
    drop(producer);
    ring.tail().store(0, Ordering::Relaxed);
    let mut producer = Producer::attach(ring);
    while producer.try_push(&[&[0; 100]]) {}
    ring.head().store(u64::MAX, Ordering::Relaxed);
    assert!(!producer.try_push(&[&[0; 100]]));
}
