//! A table does what a map does, with any keys, values and sizes.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use swoole_core::shm::table::{
    Cursor, Full, Kind, MAX_KEY_BYTES, Number, RowBuf, Spec, Table, Value, Written, cut_key,
    hash_key, rounded_size,
};

const STRING_BYTES: usize = 24;

fn spec() -> Spec {
    let mut spec = Spec::new(1, 0.2);
    spec.column(Kind::Int);
    spec.column(Kind::Str {
        max_bytes: STRING_BYTES - 3,
    });
    spec.column(Kind::Float);
    spec
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Row(i64, Vec<u8>, f64);

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Option<i64>, Option<Vec<u8>>, Option<f64>),
    AddInt(Vec<u8>, i64),
    AddFloat(Vec<u8>, f64),
    Remove(Vec<u8>),
    Get(Vec<u8>),
    Walk,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..120_u32).prop_map(|n| format!("key{n}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..70),
        1 => (0..5_u8).prop_map(|n| vec![n; MAX_KEY_BYTES + usize::from(n)]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop::collection::vec(any::<u8>(), 0..40);
    let real = -1e6..1e6;
    prop_oneof![
        4 => (key(), any::<Option<i64>>(), prop::option::of(text), prop::option::of(real.clone()))
            .prop_map(|(k, i, s, f)| Step::Set(k, i, s, f)),
        2 => (key(), any::<i64>()).prop_map(|(k, n)| Step::AddInt(k, n)),
        1 => (key(), real).prop_map(|(k, f)| Step::AddFloat(k, f)),
        3 => key().prop_map(Step::Remove),
        2 => key().prop_map(Step::Get),
        1 => Just(Step::Walk),
    ]
}

fn read(table: &Table, key: &[u8]) -> Option<Row> {
    let mut row = RowBuf::default();
    let found = table.get(key, hash_key(cut_key(key)), None, &mut row);
    assert_eq!(found, table.exists(key, hash_key(cut_key(key))));
    found.then(|| shown(table, &row))
}

fn shown(table: &Table, row: &RowBuf) -> Row {
    let [int, text, float] = table.columns() else {
        panic!("three columns");
    };
    Row(row.int(int), row.bytes(text).to_vec(), row.float(float))
}

fn walk(table: &Table) -> BTreeMap<Vec<u8>, Row> {
    let mut cursor = Cursor::default();
    let mut rows = BTreeMap::new();
    cursor.rewind(table);
    while let Some(key) = cursor.key() {
        let row = shown(table, cursor.row());
        assert!(rows.insert(key.to_vec(), row).is_none(), "a row came twice");
        cursor.advance(table);
    }
    rows
}

fn apply(table: &Table, model: &mut HashMap<Vec<u8>, Row>, step: Step) {
    let room = |model: &HashMap<Vec<u8>, Row>, key: &[u8]| {
        model.contains_key(key) || (model.len() as u64) < table.capacity()
    };
    match step {
        Step::Set(key, int, text, float) => {
            let hash = hash_key(cut_key(&key));
            let values = [
                int.map(Value::Int),
                text.as_deref().map(Value::Str),
                float.map(Value::Float),
            ];
            let written = table.set(&key, hash, &values);
            let key = cut_key(&key).to_vec();
            if !room(model, &key) {
                assert_eq!(written, Err(Full));
                return;
            }
            let known = model.contains_key(&key);
            let expected = [Written::Inserted, Written::Updated][usize::from(known)];
            assert_eq!(written, Ok(expected));
            let row = model.entry(key).or_default();
            row.0 = int.unwrap_or(row.0);
            row.2 = float.unwrap_or(row.2);
            if let Some(mut text) = text {
                text.truncate(STRING_BYTES);
                row.1 = text;
            }
        }
        Step::AddInt(key, n) => {
            let sum = table.add(&key, hash_key(cut_key(&key)), 0, Number::Int(n));
            let key = cut_key(&key).to_vec();
            if !room(model, &key) {
                assert_eq!(sum, Err(Full));
                return;
            }
            let row = model.entry(key).or_default();
            row.0 = row.0.wrapping_add(n);
            assert_eq!(sum, Ok(Some(Number::Int(row.0))));
        }
        Step::AddFloat(key, f) => {
            let hash = hash_key(cut_key(&key));
            assert_eq!(table.add(&key, hash, 1, Number::Int(1)), Ok(None));
            assert_eq!(table.add(&key, hash, 9, Number::Int(1)), Ok(None));
            let sum = table.add(&key, hash, 2, Number::Float(f));
            let key = cut_key(&key).to_vec();
            if !room(model, &key) {
                assert_eq!(sum, Err(Full));
                return;
            }
            let row = model.entry(key).or_default();
            row.2 += f;
            assert_eq!(sum, Ok(Some(Number::Float(row.2))));
        }
        Step::Remove(key) => {
            let removed = table.remove(&key, hash_key(cut_key(&key)));
            assert_eq!(removed, model.remove(cut_key(&key)).is_some());
        }
        Step::Get(key) => assert_eq!(read(table, &key), model.get(cut_key(&key)).cloned()),
        Step::Walk => {
            let rows: BTreeMap<_, _> = model.clone().into_iter().collect();
            assert_eq!(walk(table), rows);
        }
    }
    assert_eq!(table.count(), model.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_a_map(steps in prop::collection::vec(step(), 1..400)) {
        let table = spec().create().unwrap();
        let mut model = HashMap::new();
        for step in steps {
            apply(&table, &mut model, step);
        }
        apply(&table, &mut model, Step::Walk);
    }
}

fn put(table: &Table, key: &str, n: i64) -> Result<Written, Full> {
    let text = format!("{n}");
    let values = [
        Some(Value::Int(n)),
        Some(Value::Str(text.as_bytes())),
        Some(Value::Float(n as f64)),
    ];
    table.set(key.as_bytes(), hash_key(key.as_bytes()), &values)
}

#[test]
fn sizes_and_proportions_come_into_range() {
    assert_eq!(rounded_size(0), 64);
    assert_eq!(rounded_size(65), 128);
    assert_eq!(rounded_size(u32::MAX), 1 << 31);
    for (proportion, capacity) in [(0.2, 76), (f64::NAN, 76), (-1.0, 76), (0.5, 96), (7.0, 128)] {
        assert_eq!(
            Spec::new(64, proportion).create().unwrap().capacity(),
            capacity
        );
    }
}

#[test]
fn what_cannot_be_had_is_refused() {
    let mut huge = Spec::new(1 << 31, 1.0);
    for _ in 0..1000 {
        huge.column(Kind::Str {
            max_bytes: usize::MAX,
        });
    }
    assert!(huge.create().is_none());
}

#[test]
fn every_row_is_usable_whatever_the_keys() {
    let mut rows = RowBuf::default();
    for round in 0..3 {
        let table = spec().create().unwrap();
        let keys: Vec<String> = match round {
            0 => (0..).take(76).map(|n| format!("k{n}")).collect(),
            1 => (0..)
                .map(|n: u32| format!("{n}"))
                .filter(|k| hash_key(k.as_bytes()) % 64 == 7)
                .take(76)
                .collect(),
            _ => (0..76)
                .map(|n| "x".repeat(n % 64) + &"y".repeat(n / 64))
                .collect(),
        };
        let distinct: HashSet<_> = keys.iter().collect();
        for key in &distinct {
            assert_eq!(put(&table, key, 1), Ok(Written::Inserted), "{key}");
        }
        if distinct.len() as u64 == table.capacity() {
            assert_eq!(put(&table, "one more", 1), Err(Full));
            assert_eq!(
                table.add(b"and more", hash_key(b"and more"), 0, Number::Int(1)),
                Err(Full)
            );
        }
        // A full table takes new versions of its rows, over and over.
        for n in 0..500 {
            for key in distinct.iter().take(9) {
                assert_eq!(put(&table, key, n), Ok(Written::Updated));
            }
        }
        for key in &distinct {
            assert!(table.get(key.as_bytes(), hash_key(key.as_bytes()), None, &mut rows));
            assert!(table.remove(key.as_bytes(), hash_key(key.as_bytes())));
        }
        let stats = table.stats();
        assert_eq!((stats.rows, stats.spare_rows_left), (0, stats.spare_rows));
        assert_eq!(stats.inserts, distinct.len() as u64);
        assert_eq!(stats.deletes, distinct.len() as u64);
    }
}

#[test]
fn a_table_is_refilled_for_ever() {
    let table = spec().create().unwrap();
    for round in 0..200 {
        for n in 0..table.capacity() {
            put(&table, &format!("r{round} n{n}"), 1).unwrap();
        }
        for n in 0..table.capacity() {
            let key = format!("r{round} n{n}");
            assert!(table.remove(key.as_bytes(), hash_key(key.as_bytes())));
        }
    }
}

#[test]
fn rows_may_go_during_a_walk() {
    let table = spec().create().unwrap();
    for n in 0..70 {
        put(&table, &format!("k{n}"), n).unwrap();
    }
    let mut cursor = Cursor::default();
    cursor.rewind(&table);
    let mut seen = 0;
    while let Some(key) = cursor.key().map(<[u8]>::to_vec) {
        assert!(table.remove(&key, hash_key(&key)));
        seen += 1;
        cursor.advance(&table);
    }
    assert_eq!((seen, table.count()), (70, 0));
}

#[test]
fn threads_see_whole_rows() {
    let table = spec().create().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..2_i64 {
            let table = &table;
            scope.spawn(move || {
                for n in 0..20_000 {
                    let key = format!("k{}", n % 5);
                    if n % 17 == 16 {
                        table.remove(key.as_bytes(), hash_key(key.as_bytes()));
                    } else {
                        put(table, &key, n * 2 + writer).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| {
            for n in 0..40_000 {
                if let Some(row) = read_loosely(&table, &format!("k{}", n % 5)) {
                    assert_eq!(row.0.to_string().as_bytes(), row.1);
                    assert_eq!(row.0 as f64, row.2);
                }
            }
        });
    });
    assert_eq!(table.count(), walk(&table).len() as u64);
}

fn read_loosely(table: &Table, key: &str) -> Option<Row> {
    let mut row = RowBuf::default();
    let found = table.get(key.as_bytes(), hash_key(key.as_bytes()), None, &mut row);
    found.then(|| shown(table, &row))
}
