use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::log::{Level, Rotation};

const ENV: Env = Env {
    cpu_num: 4,
    nofile_limit: 20_000,
    memory_bytes: 8 << 30,
};

fn str(text: &str) -> Raw {
    Raw::Str(text.as_bytes().to_vec())
}

/// The settings that these options make, without any warning.
fn set(options: &[(&str, Raw)]) -> Result<Settings, Error> {
    let mut all = Options::default();
    for (name, raw) in options {
        assert_eq!(all.apply(name, raw)?, None, "{name}");
    }
    let settings = all.resolve(&ENV)?;
    assert_eq!(settings.warnings, []);
    Ok(settings)
}

/// Applies one option and gives the warning.
fn warning(name: &str, raw: &Raw) -> Option<Warning> {
    Options::default().apply(name, raw).ok().flatten()
}

#[test]
fn each_row_is_unique_and_documented() {
    let mut names = HashSet::new();
    for row in table() {
        for name in row.aliases.iter().chain([&row.name]) {
            assert!(names.insert(*name), "{name} twice");
            assert!(find(name).is_some_and(|found| found.name == row.name));
        }
        assert!(row.doc.ends_with('.') && row.doc.len() > 10, "{}", row.name);
        assert!(!row.default.is_empty(), "{}", row.name);
        if let Stage::Later(why) | Stage::NoEffect(why) = row.stage {
            assert!(why.len() > 2, "{}", row.name);
        }
    }
    assert!(names.len() >= 183, "{}", names.len());
}

#[test]
fn sizes_and_times_say_their_unit() {
    for row in table() {
        let unit = match row.kind {
            Kind::Size { .. } => "ytes",
            Kind::Float { .. } => "econds",
            _ => continue,
        };
        assert!(row.doc.contains(unit), "{}", row.name);
    }
}

/// Values of the right kind, at least one of which is not the default.
fn samples(kind: Kind) -> Vec<Raw> {
    match kind {
        Kind::Bool => vec![Raw::Bool(true), Raw::Bool(false)],
        Kind::Int { min, max } | Kind::Size { min, max } => {
            [min, max, 3].into_iter().map(Raw::Int).collect()
        }
        Kind::Float { max, .. } => vec![Raw::Float(max), Raw::Float(0.5)],
        Kind::Text { .. } => vec![str("/x"), str("192.0.2.1")],
        Kind::Path | Kind::Str { .. } => vec![str("/x")],
        Kind::IntList { min, .. } => vec![Raw::List(vec![Raw::Int(min)])],
        Kind::StrList | Kind::Map | Kind::Callable | Kind::Any => Vec::new(),
    }
}

#[test]
fn no_built_option_is_taken_and_ignored() -> Result<(), Error> {
    let defaults = Options::default().resolve(&ENV)?;
    for row in table() {
        let Stage::Built(built) = row.stage else {
            continue;
        };
        let mut changed = false;
        let samples = match row.name {
            "package_length_type" => vec![str("n")],
            "dns_server" => vec![str("192.0.2.1")],
            _ => samples(row.kind),
        };
        for sample in samples {
            let mut options = Options::default();
            options.apply(row.name, &sample)?;
            // Low watermarks above the default high one are refused, which is an effect as well.
            let Ok(mut settings) = options.resolve(&ENV) else {
                continue;
            };
            settings.warnings.clear();
            changed |= settings != defaults;
        }
        assert!(changed, "{} changes nothing", row.name);
        let mut fields = format!("{defaults:?}");
        for part in built.field.split('.') {
            let at = fields.find(&format!("{part}: "));
            assert!(at.is_some(), "{}: no field {}", row.name, built.field);
            fields = fields.split_off(at.unwrap_or(0));
        }
    }
    Ok(())
}

#[test]
fn defaults_are_those_of_the_reference() {
    let s = Settings::defaults(&ENV);
    assert_eq!((s.worker_num, s.reactor_num), (4, 4));
    assert_eq!(s.dispatch_mode, DispatchMode::FdModulo);
    assert_eq!((s.max_request, s.max_request_grace), (0, 0));
    assert!(s.reload_async && !s.daemonize && !s.discard_timeout_request);
    assert_eq!((s.max_wait_time_ms, s.backlog), (3000, 512));
    assert_eq!(s.socket_buffer_bytes, 8 << 20);
    assert_eq!(s.buffer_output_bytes, u64::from(u32::MAX));
    assert_eq!(s.high_watermark_bytes, (8 << 20) * 8 / 10);
    assert_eq!((s.low_watermark_bytes, s.input_chunk_bytes), (0, 65_536));
    assert_eq!(s.output_total_limit_bytes, 2 << 30);
    assert_eq!(s.log, crate::log::Config::default());
    assert!(s.tcp.nodelay && !s.tcp.keepalive);
    assert_eq!(
        (s.tcp.keepidle_s, s.tcp.keepinterval_s, s.tcp.keepcount),
        (3600, 60, 5)
    );
    let big = Env {
        cpu_num: 64,
        nofile_limit: 1 << 20,
        memory_bytes: 0,
    };
    let s = Settings::defaults(&big);
    assert_eq!((s.worker_num, s.reactor_num), (64, 8));
    assert_eq!(
        (s.max_conn, s.output_total_limit_bytes),
        (100_000, 64 << 20)
    );
}

#[test]
fn values_are_converted_as_php_does() -> Result<(), Error> {
    let s = set(&[
        ("worker_num", str("3")),
        ("reactor_num", Raw::Float(2.0)),
        ("reload_async", Raw::Int(0)),
        ("daemonize", str("1")),
        ("socket_buffer_size", str("2M")),
        ("buffer_output_size", str("1G")),
        ("max_conn", str(" 1000 ")),
        ("max_wait_time", str("1.5")),
        ("send_timeout", Raw::Float(0.0001)),
        ("backlog", Raw::Bool(true)),
        ("open_tcp_nodelay", Raw::Null),
        ("log_file", str("/tmp/x.log")),
        ("log_level", Raw::Int(4)),
        ("log_rotation", Raw::Int(2)),
        ("log_date_format", str("%H:%M")),
        ("user", str("")),
        (
            "cpu_affinity_ignore",
            Raw::List(vec![Raw::Int(0), str("1")]),
        ),
    ])?;
    assert_eq!((s.worker_num, s.reactor_num), (3, 2));
    assert!(!s.reload_async && s.daemonize && s.tcp.nodelay);
    assert_eq!(
        (s.socket_buffer_bytes, s.buffer_output_bytes),
        (2 << 20, 1 << 30)
    );
    assert_eq!(
        (s.max_conn, s.max_wait_time_ms, s.send_timeout_ms),
        (1000, 1500, 1)
    );
    assert_eq!((s.backlog, s.user), (1, None));
    assert_eq!(s.log.file, Some("/tmp/x.log".into()));
    assert_eq!(
        (s.log.level, s.log.rotation),
        (Level::Warning, Rotation::Daily)
    );
    assert_eq!(s.log.date_format.as_deref(), Some("%H:%M"));
    assert_eq!(s.cpu_affinity_ignore, [0, 1]);
    Ok(())
}

#[test]
fn a_refused_value_names_option_value_and_what_is_allowed() {
    let cases = [
        ("worker_num", Raw::Int(-1), "-1", "from 0 to 4096"),
        ("worker_num", str("four"), "\"four\"", "integer"),
        (
            "worker_num",
            Raw::List(vec![]),
            "an array of 0 items",
            "integer",
        ),
        ("max_wait_time", Raw::Float(f64::NAN), "NaN", "from 0 to"),
        ("tcp_keepidle", Raw::Int(40_000), "40000", "from 1 to 32767"),
        ("dispatch_mode", Raw::Int(0), "0", "from 1 to 10"),
        ("daemonize", Raw::Callable, "a callable", "true or false"),
        (
            "pid_file",
            str("a\0b"),
            "\"a\\u{0}b\"",
            "without zero bytes",
        ),
        ("log_file", Raw::Bool(true), "true", "a path"),
        ("user", Raw::Str(vec![0xff]), "\"\u{fffd}\"", "UTF-8"),
        ("socket_buffer_size", str("8MB"), "\"8MB\"", "\"8M\""),
        ("cpu_affinity_ignore", Raw::Int(1), "1", "an array"),
        ("log_date_format", str("%Q"), "\"%Q\"", "strftime"),
        ("task_worker_num", str("x"), "\"x\"", "integer"),
    ];
    for (name, raw, value, allowed) in cases {
        let mut options = Options::default();
        let text = match options.apply(name, &raw) {
            Err(error @ Error::Option { .. }) => error.to_string(),
            other => panic!("{name} {raw:?}: {other:?}"),
        };
        assert!(
            text.starts_with(&format!("option [{name}] is {value}: ")),
            "{text}"
        );
        assert!(text.contains(allowed), "{text}");
        assert_eq!(options.values(), []);
    }
}

#[test]
fn surprising_conversions_are_remarked() {
    let cut = warning("worker_num", &Raw::Float(4.5));
    assert_eq!(
        cut.map(|w| w.text),
        Some("option [worker_num]: 4.5 is cut to the integer 4".to_owned())
    );
    let off = warning("daemonize", &str("off"));
    assert!(off.is_some_and(|w| w.text.contains("which PHP takes for true")));
    let stream = warning("dispatch_mode", &Raw::Int(7));
    assert!(
        stream.is_some_and(
            |w| w.text.contains("mode 7 is not built") && w.kind == WarningKind::Adjusted
        )
    );
}

#[test]
fn unknown_names_get_the_nearest_known_one() {
    for (name, text) in [
        ("invalid_option", "unsupported option [invalid_option]"),
        (
            "worker_nums",
            "unsupported option [worker_nums], did you mean [worker_num]?",
        ),
        (
            "Worker-Num",
            "unsupported option [Worker-Num], did you mean [worker_num]?",
        ),
        (
            "max_conns",
            "unsupported option [max_conns], did you mean [max_conn]?",
        ),
        ("0", "unsupported option [0]"),
        ("", "unsupported option []"),
    ] {
        let warning = warning(name, &Raw::Int(1));
        assert_eq!(warning.as_ref().map(|w| w.kind), Some(WarningKind::Unknown));
        assert_eq!(warning.map(|w| w.text).as_deref(), Some(text));
    }
    let long = "worker_num".repeat(10_000);
    assert!(warning(&long, &Raw::Null).is_some_and(|w| w.text.len() < 200));
}

#[test]
fn options_of_later_parts_say_so_unless_they_switch_off_what_is_not_there() {
    for (name, raw) in [
        ("open_eof_check", Raw::Bool(false)),
        ("open_length_check", Raw::Int(0)),
        ("heartbeat_idle_time", Raw::Null),
        ("debug_mode", Raw::Bool(false)),
        ("input_buffer_size", Raw::Int(65_536)),
    ] {
        assert_eq!(warning(name, &raw), None, "{name}");
    }
    let later = warning("heartbeat_idle_time", &Raw::Int(2));
    assert_eq!(later.as_ref().map(|w| w.kind), Some(WarningKind::Later));
    assert!(later.is_some_and(|w| w.text.contains("[heartbeat_idle_time]")));
    let kqueue = warning("enable_kqueue", &Raw::Bool(true));
    assert_eq!(kqueue.map(|w| w.kind), Some(WarningKind::NoEffect));
}

#[test]
fn options_of_the_server_do_nothing_on_a_port() -> Result<(), Error> {
    let mut options = Options::default();
    let wrong = options.apply_in(Scope::Port, "worker_num", &Raw::Int(9))?;
    assert_eq!(wrong.map(|w| w.kind), Some(WarningKind::WrongScope));
    assert_eq!(
        options.apply_in(Scope::Port, "backlog", &Raw::Int(9))?,
        None
    );
    let settings = options.resolve(&ENV)?;
    assert_eq!((settings.worker_num, settings.backlog), (4, 9));
    Ok(())
}

#[test]
fn the_setting_property_shows_what_was_given_and_the_defaults_of_some() -> Result<(), Error> {
    let mut options = Options::default();
    for (name, raw) in [
        ("max_conn", Raw::Int(100)),
        ("worker_num", str("2")),
        ("own", Raw::Null),
        ("worker_num", Raw::Int(3)),
    ] {
        options.apply(name, &raw)?;
    }
    let given = [
        ("max_conn".to_owned(), Raw::Int(100)),
        ("worker_num".to_owned(), Raw::Int(3)),
        ("own".to_owned(), Raw::Null),
    ];
    assert_eq!(options.values(), given);
    assert!(options.is_given("max_connection") && options.is_given("max_conn"));
    assert!(!options.is_given("own") && !options.is_given("backlog"));
    let settings = options.resolve(&ENV)?;
    assert_eq!(
        options.shown_defaults(&settings),
        [
            ("task_worker_num", Raw::Int(0)),
            ("output_buffer_size", Raw::Int(u32::MAX.into())),
            ("max_connection", Raw::Int(100)),
        ]
    );
    Ok(())
}

/// The settings of these integers on `env`, and the options that were adjusted.
fn resolved(env: &Env, options: &[(&str, i64)]) -> Result<(Settings, Vec<String>), Error> {
    let mut all = Options::default();
    for (name, number) in options {
        all.apply(name, &Raw::Int(*number))?;
    }
    let settings = all.resolve(env)?;
    let adjusted = settings.warnings.iter().map(|w| w.option.clone()).collect();
    Ok((settings, adjusted))
}

#[test]
fn workers_and_reactors_stay_within_their_limits() -> Result<(), Error> {
    let two = Env { cpu_num: 2, ..ENV };
    let big = Env { cpu_num: 64, ..ENV };
    for (env, given, expected, warnings) in [
        (two, (0, 0), (2, 2), vec![]),
        (two, (1, 4), (1, 1), vec![]),
        (two, (4000, 1), (2000, 1), vec!["worker_num"]),
        (two, (100, 100), (100, 8), vec!["reactor_num"]),
        (big, (100, 100), (100, 61), vec!["reactor_num"]),
        (big, (100, 0), (100, 61), vec!["reactor_num"]),
        (big, (4096, 1), (4096, 1), vec![]),
        (big, (32, 8), (32, 8), vec![]),
    ] {
        let options = [("worker_num", given.0), ("reactor_num", given.1)];
        let (settings, adjusted) = resolved(&env, &options)?;
        assert_eq!(
            (settings.worker_num, settings.reactor_num),
            expected,
            "{given:?}"
        );
        assert_eq!(adjusted, warnings, "{given:?}");
    }
    Ok(())
}

#[test]
fn connections_stay_within_the_limit_of_descriptors() -> Result<(), Error> {
    let small = Env {
        cpu_num: 1,
        nofile_limit: 1024,
        ..ENV
    };
    let (settings, adjusted) = resolved(&small, &[])?;
    let most = 1024 - u32::try_from(reserved_descriptors(1, 1)).unwrap_or(0);
    assert_eq!((settings.max_conn, adjusted.len()), (most, 0));
    let (settings, adjusted) = resolved(&small, &[("max_conn", 100_000)])?;
    assert_eq!(
        (settings.max_conn, adjusted),
        (most, vec!["max_conn".to_owned()])
    );
    assert!(settings.warnings[0].text.contains("ulimit -n"));
    assert_eq!(resolved(&small, &[("max_connection", 1)])?.0.max_conn, 1);
    let none = Env {
        nofile_limit: 0,
        ..small
    };
    assert_eq!(resolved(&none, &[])?.0.max_conn, 1);
    let vast = Env {
        nofile_limit: u64::MAX,
        ..small
    };
    assert_eq!(
        resolved(&vast, &[("max_conn", 2_000_000)])?.0.max_conn,
        MAX_CONNECTIONS
    );
    Ok(())
}

#[test]
fn requests_have_a_grace_of_half() -> Result<(), Error> {
    for (options, grace) in [
        (vec![("max_request", 10)], 0),
        (vec![("max_request", 11)], 5),
        (vec![("max_request", 1000), ("max_request_grace", 0)], 0),
        (vec![("max_request", 1000), ("max_request_grace", 7)], 7),
    ] {
        assert_eq!(
            resolved(&ENV, &options)?.0.max_request_grace,
            grace,
            "{options:?}"
        );
    }
    Ok(())
}

#[test]
fn watermarks_and_affinity_are_checked_against_each_other() -> Result<(), Error> {
    let low = ("buffer_low_watermark", 100);
    let refused = resolved(&ENV, &[low, ("buffer_high_watermark", 100)]);
    assert!(refused.is_err_and(|e| {
        e.to_string()
            .contains("buffer_high_watermark, which is 100")
    }));
    assert!(resolved(&ENV, &[low, ("socket_buffer_size", 100)]).is_err());
    let (settings, adjusted) = resolved(&ENV, &[("buffer_high_watermark", 9 << 20)])?;
    assert_eq!(settings.high_watermark_bytes, 9 << 20);
    assert_eq!(adjusted, ["buffer_high_watermark"]);
    assert_eq!(
        resolved(&ENV, &[("socket_buffer_size", 1)])?
            .0
            .high_watermark_bytes,
        1
    );

    let ignore = |cpus: &[i64]| {
        let mut options = Options::default();
        let list = cpus.iter().map(|cpu| Raw::Int(*cpu)).collect();
        options.apply("cpu_affinity_ignore", &Raw::List(list))?;
        options.resolve(&ENV)
    };
    assert!(ignore(&[0, 1, 2, 3]).is_err());
    assert_eq!(ignore(&[0, 9])?.warnings.len(), 1);
    assert_eq!(ignore(&[0, 1, 2])?.warnings, []);
    Ok(())
}

fn any_raw() -> impl Strategy<Value = Raw> {
    let leaf = prop_oneof![
        Just(Raw::Null),
        any::<bool>().prop_map(Raw::Bool),
        any::<i64>().prop_map(Raw::Int),
        (-10i64..5000).prop_map(Raw::Int),
        any::<f64>().prop_map(Raw::Float),
        any::<Vec<u8>>().prop_map(Raw::Str),
        "[-+ ]?(0[xob])?[0-9a-f.]{0,20}[kKmMgGe ]?".prop_map(|text| Raw::Str(text.into_bytes())),
        "[%a-zA-Z/:. é]{0,12}".prop_map(|text| Raw::Str(text.into_bytes())),
        Just(Raw::Callable),
        Just(Raw::Other("resource")),
    ];
    leaf.prop_recursive(2, 16, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Raw::List),
            prop::collection::vec((".{0,4}", inner), 0..6).prop_map(Raw::Map),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = table()
        .flat_map(|row| row.aliases.iter().copied().chain([row.name]))
        .collect();
    prop_oneof![
        20 => prop::sample::select(names).prop_map(str::to_owned),
        1 => ".{0,80}",
    ]
}

proptest! {
    #[test]
    fn no_input_panics_or_breaks_a_limit(
        given in prop::collection::vec((any_name(), any_raw(), any::<bool>()), 0..12),
        cpu_num in 0u32..300,
        nofile_limit in any::<u64>(),
        memory_bytes in any::<u64>(),
    ) {
        let mut options = Options::default();
        for (name, raw, on_port) in &given {
            let scope = if *on_port { Scope::Port } else { Scope::Server };
            match options.apply_in(scope, name, raw) {
                Ok(Some(warning)) => prop_assert!(!warning.text.is_empty()),
                Ok(None) => {}
                Err(error) => prop_assert!(error.to_string().contains(name.as_str())),
            }
            prop_assert!(raw.shown().len() < 1000);
        }
        let env = Env { cpu_num, nofile_limit, memory_bytes };
        if let Ok(s) = options.resolve(&env) {
            prop_assert!((1..=MAX_WORKERS).contains(&s.worker_num));
            prop_assert!((1..=s.worker_num).contains(&s.reactor_num));
            prop_assert!(s.reactor_num * s.worker_num <= MAX_REACTOR_WORKER_PAIRS);
            prop_assert!((1..=MAX_CONNECTIONS).contains(&s.max_conn));
            prop_assert!(s.low_watermark_bytes < s.high_watermark_bytes);
            prop_assert!(s.send_timeout_ms > 0 && s.socket_buffer_bytes > 0);
            prop_assert!(s.buffer_output_bytes > 0 && s.output_total_limit_bytes > 0);
            prop_assert!(s.backlog >= 0);
        }
    }

    #[test]
    fn what_resolves_once_resolves_the_same_again(
        given in prop::collection::vec((any_name(), any_raw()), 0..6),
    ) {
        let mut options = Options::default();
        for (name, raw) in &given {
            let _ = options.apply(name, raw);
        }
        prop_assert_eq!(options.resolve(&ENV), options.resolve(&ENV));
    }
}
