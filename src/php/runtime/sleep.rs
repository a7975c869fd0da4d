//! `sleep()` and its family: other coroutines run meanwhile.

use super::flags::{Hook, applies};
use super::take_over::taken;
use crate::php::convert::{set_bool, set_long, set_null};
use crate::php::coroutine::{self, Woken};
use crate::php::ffi::*;
use crate::php::method::{Frame, Stop, parse};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

taken! {
    SLEEP = c"sleep", sleep, applies(Hook::Sleep) => do_sleep;
    USLEEP = c"usleep", usleep, applies(Hook::Sleep) => do_usleep;
    NANOSLEEP = c"time_nanosleep", nanosleep, applies(Hook::Sleep) => do_nanosleep;
    UNTIL = c"time_sleep_until", until, applies(Hook::Sleep) => do_until;
}

pub fn take_over() {
    for function in [&SLEEP, &USLEEP, &NANOSLEEP, &UNTIL] {
        function.take();
    }
}

/// The longest time a timer takes.
const MAX_MS: u64 = 1 << 40;
const NS_PER_S: u32 = 1_000_000_000;
/// What a count of nanoseconds holds, in seconds.
const TOP_TARGET_S: f64 = (u64::MAX / 1_000_000_000) as f64;

/// Sleeps at least that long; false: woken before the time.
fn rest(time: Duration) -> Result<bool, Stop> {
    let ms = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(MAX_MS);
    match coroutine::suspend(Some(ms.min(MAX_MS))) {
        Woken::TimedOut => Ok(true),
        Woken::Resumed | Woken::Canceled => Ok(false),
        Woken::Ended => Err(Stop::Exit),
    }
}

// What PHP refuses, PHP itself is to refuse: its words differ from version to version.

fn do_sleep(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut seconds = 0_i64;
    parse!(frame, c"l", seconds)?;
    let Ok(time) = u64::try_from(seconds).map(Duration::from_secs) else {
        return SLEEP.original(frame, place);
    };
    let began = Instant::now();
    let left = if rest(time)? {
        0
    } else {
        // As after a signal: the seconds that are left.
        let left = time.saturating_sub(began.elapsed());
        i64::try_from(left.as_nanos().div_ceil(1_000_000_000)).unwrap_or(seconds)
    };
    set_long(place, left);
    Ok(())
}

fn do_usleep(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut us = 0_i64;
    parse!(frame, c"l", us)?;
    let Ok(time) = u64::try_from(us).map(Duration::from_micros) else {
        return USLEEP.original(frame, place);
    };
    rest(time)?;
    set_null(place);
    Ok(())
}

fn do_nanosleep(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let (mut seconds, mut ns) = (0_i64, 0_i64);
    parse!(frame, c"ll", seconds, ns)?;
    let (Ok(seconds), Ok(ns)) = (u64::try_from(seconds), u32::try_from(ns)) else {
        return NANOSLEEP.original(frame, place);
    };
    if ns >= NS_PER_S {
        return NANOSLEEP.original(frame, place);
    }
    rest(Duration::new(seconds, ns))?;
    set_bool(place, true);
    Ok(())
}

fn do_until(frame: Frame, place: Place<'_>) -> Result<(), Stop> {
    let mut target_s = 0.0_f64;
    parse!(frame, c"d", target_s)?;
    if !(0.0..=TOP_TARGET_S).contains(&target_s) {
        return UNTIL.original(frame, place);
    }
    let target = UNIX_EPOCH + Duration::from_secs_f64(target_s);
    let time = target.duration_since(SystemTime::now());
    let Some(time) = time.ok().filter(|time| !time.is_zero()) else {
        return UNTIL.original(frame, place);
    };
    rest(time)?;
    set_bool(place, true);
    Ok(())
}
