//! Processes that write to a table at once, and processes that are killed with -9 while they do.
//!
//! Not under the test harness: fork needs a process of one thread. `SWOOLE_RS_KILLS` sets the number of
//! kills (default 100).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use swoole_core::shm::atomic::CELLS;
use swoole_core::shm::lock::{Got, Patience, RW_LOCKS};
use swoole_core::shm::table::{Cursor, Kind, Number, RowBuf, Spec, Table, Value, hash_key};

/// Longer than any step here takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let kills = std::env::var("SWOOLE_RS_KILLS").ok();
    let kills = kills.and_then(|n| n.parse().ok()).unwrap_or(100);
    four_writers();
    println!("test four_writers ... ok");
    writers_killed(kills);
    println!("test writers_killed ... ok ({kills} kills)");
    holders_killed();
    println!("test holders_killed ... ok");
}

fn in_child(work: impl FnOnce()) -> Pid {
    // SAFETY: this process has one thread, so the child may go on as usual; it ends without returning.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let ok = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_ok();
            // SAFETY: ends the child at once; nothing of the parent's is flushed twice.
            unsafe { libc::_exit(i32::from(!ok)) }
        }
    }
}

fn table() -> Table {
    let mut spec = Spec::new(64, 0.2);
    for kind in [Kind::Int, Kind::Str { max_bytes: 200 }, Kind::Int] {
        spec.column(kind);
    }
    spec.create().unwrap()
}

fn checksum(n: i64, text: &[u8]) -> i64 {
    text.iter().fold(n ^ 0x5555, |sum, &byte| {
        sum.wrapping_mul(31).wrapping_add(i64::from(byte))
    })
}

fn put(table: &Table, key: &str, n: i64) {
    let text = format!("{n}:").repeat((n % 20) as usize);
    let text = &text.as_bytes()[..text.len().min(200)];
    let values = [
        Some(Value::Int(n)),
        Some(Value::Str(text)),
        Some(Value::Int(checksum(n, text))),
    ];
    table
        .set(key.as_bytes(), hash_key(key.as_bytes()), &values)
        .unwrap();
}

fn check_row(table: &Table, row: &RowBuf) {
    let [n, text, sum] = table.columns() else {
        panic!("three columns");
    };
    assert_eq!(
        checksum(row.int(n), row.bytes(text)),
        row.int(sum),
        "a torn row"
    );
}

/// All rows, checked; how many.
fn check_all(table: &Table) -> u64 {
    let mut cursor = Cursor::default();
    let mut rows = 0;
    cursor.rewind(table);
    while let Some(key) = cursor.key() {
        if key != b"sum" {
            check_row(table, cursor.row());
        }
        rows += 1;
        cursor.advance(table);
    }
    rows
}

fn ended_well(child: Pid) {
    assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
}

fn four_writers() {
    let table = table();
    let rounds = 5000;
    let work = |writer: i64| {
        let mut row = RowBuf::default();
        for n in 0..rounds {
            let key = format!("k{}", (n * 7 + writer) % 60);
            match n % 8 {
                0 => drop(table.remove(key.as_bytes(), hash_key(key.as_bytes()))),
                1..=4 => put(&table, &key, n * 4 + writer),
                _ => {
                    if table.get(key.as_bytes(), hash_key(key.as_bytes()), None, &mut row) {
                        check_row(&table, &row);
                    }
                }
            }
            table
                .add(b"sum", hash_key(b"sum"), 0, Number::Int(1))
                .unwrap();
        }
    };
    let children: Vec<Pid> = (0..4).map(|writer| in_child(|| work(writer))).collect();
    children.into_iter().for_each(ended_well);
    let mut row = RowBuf::default();
    assert!(table.get(b"sum", hash_key(b"sum"), Some(0), &mut row));
    assert_eq!(row.int(&table.columns()[0]), 4 * rounds);
    assert_eq!(check_all(&table), table.count());
    let stats = table.stats();
    assert_eq!(stats.inserts - stats.deletes, stats.rows);
}

fn writers_killed(kills: u64) {
    let table = table();
    let deadline = Instant::now() + PATIENCE;
    for round in 0..kills {
        let child = in_child(|| {
            for n in 0.. {
                let key = format!("k{}", n % 40);
                if n % 9 == 8 {
                    table.remove(key.as_bytes(), hash_key(key.as_bytes()));
                } else {
                    put(&table, &key, n);
                }
                table
                    .add(b"sum", hash_key(b"sum"), 0, Number::Int(1))
                    .unwrap();
            }
        });
        // Lets it do a varying amount of work: its own count says how much.
        let wanted = 50 + round as i64 * 37 % 1000;
        let mut row = RowBuf::default();
        let before = sum(&table, &mut row);
        while sum(&table, &mut row) - before < wanted {
            assert!(Instant::now() < deadline, "the writer does not get on");
            std::hint::spin_loop();
        }
        kill(child, Signal::SIGKILL).unwrap();
        if round % 2 == 0 {
            // Every other one stays a zombie for a while: it must not hold anything up either.
            waitpid(child, None).unwrap();
        }
        check_all(&table);
        for n in 0..40 {
            put(&table, &format!("k{n}"), n);
        }
        assert_eq!(check_all(&table), table.count());
        if round % 2 == 1 {
            waitpid(child, None).unwrap();
        }
    }
    // No slot was lost: the table takes as many rows as ever, and not one more.
    let mut n = 0;
    while table.count() < table.capacity() {
        put(&table, &format!("more{n}"), 3);
        n += 1;
    }
    assert_eq!(check_all(&table), table.capacity());
    assert!(table.set(b"too many", hash_key(b"too many"), &[]).is_err());
}

fn sum(table: &Table, row: &mut RowBuf) -> i64 {
    match table.get(b"sum", hash_key(b"sum"), Some(0), row) {
        true => row.int(&table.columns()[0]),
        false => 0,
    }
}

fn holders_killed() {
    let cell = CELLS.take().unwrap();
    let lock = RW_LOCKS.take().unwrap();
    for exclusive in [true, false] {
        let holder = in_child(|| {
            cell.lock.lock(Patience::Forever).map(|_| ()).unwrap();
            lock.lock(exclusive, Patience::Forever).unwrap();
            cell.word.store(1, std::sync::atomic::Ordering::SeqCst);
            loop {
                nix::unistd::pause();
            }
        });
        while cell.word.swap(0, std::sync::atomic::Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let waiter = in_child(|| {
            assert_eq!(cell.lock.lock(Patience::Forever), Ok(Got::FromDead));
            cell.lock.unlock();
            lock.lock(true, Patience::Forever).unwrap();
            lock.unlock();
        });
        // Not waited for: who waits must see through a zombie.
        kill(holder, Signal::SIGKILL).unwrap();
        ended_well(waiter);
        waitpid(holder, None).unwrap();
    }
}
