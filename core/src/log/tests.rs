use super::*;

use chrono::TimeZone;

fn logger(path: Option<PathBuf>, rotation: Rotation) -> Logger {
    Logger {
        path,
        rotation,
        date_format: DEFAULT_DATE_FORMAT.to_owned(),
        with_microseconds: false,
        file: None,
        period: String::new(),
        complained: false,
        follows: None,
    }
}

fn at(minute: u32) -> DateTime<FixedOffset> {
    Local
        .with_ymd_and_hms(2026, 1, 31, 12, minute, 5)
        .earliest()
        .unwrap_or_else(Local::now)
        .fixed_offset()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_line_has_date_flag_pid_id_level_and_text() {
    let mut logger = logger(None, Rotation::Single);
    let line = logger.line(&at(1), Level::Warning, "disk\tfull");
    let pid = std::process::id();
    assert_eq!(
        line,
        format!("[2026-01-31 12:01:05 @{pid}.0]\tWARNING\tdisk\tfull\n")
    );
    logger.with_microseconds = true;
    logger.date_format = "%H".to_owned();
    let line = logger.line(&at(1), Level::Info, "x");
    assert!(line.starts_with("[12<.000000> @"), "{line}");
}

#[test]
fn the_file_is_opened_again_when_others_ask() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let requests: &'static AtomicU32 = Box::leak(Box::new(AtomicU32::new(7)));
    let mut logger = logger(Some(path.clone()), Rotation::Single);
    logger.open(&at(1));
    logger.follows = Some((requests, 7));
    logger.write_line(&at(1), Level::Info, "before");
    let moved = folder.path().join("moved");
    std::fs::rename(&path, &moved)?;
    logger.write_line(&at(1), Level::Info, "unasked");
    requests.fetch_add(2, Relaxed);
    for _ in 0..2 {
        logger.write_line(&at(1), Level::Info, "asked");
    }
    assert_eq!(read(&moved).lines().count(), 2);
    assert_eq!(read(&path).lines().count(), 2);
    Ok(())
}

#[test]
fn each_period_has_a_file_of_its_own() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let mut logger = logger(Some(path.clone()), Rotation::EveryMinute);
    for (minute, text) in [(1, "one"), (1, "two"), (2, "three")] {
        logger.write_line(&at(minute), Level::Info, text);
    }
    let first = read(&folder.path().join("log.202601311201"));
    assert!(first.contains("\tone\n") && first.contains("\ttwo\n"));
    assert!(read(&folder.path().join("log.202601311202")).contains("\tthree\n"));
    assert!(!path.exists());
    let suffixes = [
        (Rotation::Monthly, "202601"),
        (Rotation::Daily, "20260131"),
        (Rotation::Hourly, "2026013112"),
    ];
    for (rotation, suffix) in suffixes {
        logger.rotation = rotation;
        logger.write_line(&at(3), Level::Info, "x");
        assert!(folder.path().join(format!("log.{suffix}")).exists());
    }
    Ok(())
}

#[test]
fn a_moved_file_is_followed_until_it_is_opened_again() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, moved) = (folder.path().join("log"), folder.path().join("moved"));
    let mut logger = logger(Some(path.clone()), Rotation::Single);
    logger.open(&at(1));
    std::fs::rename(&path, &moved)?;
    logger.write_line(&at(1), Level::Info, "before");
    logger.open(&at(1));
    logger.write_line(&at(1), Level::Info, "after");
    assert!(read(&moved).contains("before") && !read(&moved).contains("after"));
    assert!(read(&path).contains("after"));
    Ok(())
}

#[test]
fn a_file_that_cannot_be_opened_or_written_is_reported_once() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut lost = logger(Some(folder.path().join("no/such/log")), Rotation::Single);
    lost.open(&at(1));
    assert!(lost.complained && lost.file.is_none());
    lost.write_line(&at(1), Level::Info, "to stderr");
    assert!(lost.complained);

    // /dev/full refuses each write with ENOSPC.
    let mut full = logger(Some(PathBuf::from("/dev/full")), Rotation::Single);
    full.open(&at(1));
    full.write_line(&at(1), Level::Info, "to stderr");
    assert!(full.complained);
    full.path = Some(folder.path().join("log"));
    full.open(&at(1));
    full.write_line(&at(1), Level::Info, "there is room again");
    assert!(!full.complained);
    Ok(())
}

#[test]
fn the_open_file_stays_if_the_new_one_cannot_be_opened() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let mut logger = logger(Some(path.clone()), Rotation::Single);
    logger.open(&at(1));
    logger.path = Some(folder.path().join("gone/log"));
    logger.open(&at(1));
    logger.write_line(&at(1), Level::Info, "still here");
    assert!(read(&path).contains("still here"));
    Ok(())
}

#[test]
fn bad_date_formats_are_refused_and_good_ones_are_not() {
    for good in [
        "%Y-%m-%d %H:%M:%S",
        "%a %d %b %Y %I:%M:%S",
        "%s",
        "%z",
        "%%",
        "plain",
    ] {
        assert_eq!(check_date_format(good), Ok(()), "{good}");
    }
    let long = "x".repeat(MAX_DATE_FORMAT_BYTES + 1);
    let wide = "%c".repeat(MAX_DATE_FORMAT_BYTES / 2);
    for bad in ["", "%", "%!", "%Q", "a\nb", "\0", &long, &wide] {
        let refused = check_date_format(bad);
        assert!(
            matches!(&refused, Err(Error::Option { name, .. }) if name == "log_date_format"),
            "{bad}: {refused:?}"
        );
    }
}

#[test]
fn long_texts_are_cut_between_characters() {
    let text = "é".repeat(MAX_TEXT_BYTES);
    let cut = cut(&text);
    assert!(cut.len() < MAX_TEXT_BYTES + 64);
    assert!(cut.ends_with("bytes in all)"));
    let odd = format!("a{text}");
    assert!(super::cut(odd).contains("(cut, "));
}

#[test]
fn a_text_that_cannot_be_formatted_does_no_harm() {
    struct Bad;
    impl Display for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    assert!(cut(Bad).contains("cannot be formatted"));
}

/// The only test that touches the state of the process.
#[test]
fn levels_and_identity_hold_for_the_process() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let bad = configure(Config {
        date_format: Some("%Q".to_owned()),
        ..Config::default()
    });
    assert!(bad.is_err());
    configure(Config {
        file: Some(path.clone()),
        level: Level::Warning,
        ..Config::default()
    })?;
    set_identity(Flag::Worker, 3);
    notice("hidden");
    coded(Level::Warning, "worker", 1007, "shown");
    log(Level::None, "never");
    reopen();
    error(format_args!("shown {}", 2));
    assert!(enabled(Level::Error) && !enabled(Level::Notice));
    assert!(file_handle().is_some());
    let text = read(&path);
    let pid = std::process::id();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains(&format!(
        " *{pid}.3]\tWARNING\tworker (ERRNO 1007): shown\n"
    )));
    assert!(text.contains("]\tERROR\tshown 2\n"));
    let before = now();
    keep_time_zone();
    assert_eq!(before.offset(), now().offset());
    KEPT_OFFSET_S.store(NOT_KEPT, Relaxed);
    configure(Config::default())?;
    set_identity(Flag::User, 0);
    assert!(file_handle().is_none());
    Ok(())
}

proptest::proptest! {
    #[test]
    fn no_date_format_panics(format in "[%a-zA-Z0-9:#+.\\- \u{e9}]{0,24}") {
        if check_date_format(&format).is_ok() {
            proptest::prop_assert!(format_date(&now(), &format).is_some());
        }
    }
}
