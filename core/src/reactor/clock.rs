//! Time. The monotonic clock counts from the boot of the machine, so it compares across processes.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The time of a loop turn: read once, good for the whole turn.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    monotonic: Duration,
    wall: Duration,
}

impl Clock {
    #[must_use]
    pub fn new() -> Clock {
        Clock {
            monotonic: read(ClockId::CLOCK_MONOTONIC),
            wall: read(ClockId::CLOCK_REALTIME),
        }
    }

    /// To be called once per turn, after waiting.
    pub fn refresh(&mut self) {
        *self = Clock::new();
    }

    /// Milliseconds of the monotonic clock: for deadlines and intervals.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.monotonic.as_millis() as u64
    }

    /// Microseconds of the monotonic clock.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.monotonic.as_micros() as u64
    }

    /// Seconds since 1970, with fractions: what user code sees.
    #[must_use]
    pub fn wall_s(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn wall_us(&self) -> u64 {
        self.wall.as_micros() as u64
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

/// The monotonic clock right now, in milliseconds.
#[must_use]
pub fn monotonic_ms() -> u64 {
    read(ClockId::CLOCK_MONOTONIC).as_millis() as u64
}

/// The monotonic clock at the kernel's last tick, 1 to 10 ms ago, in milliseconds: read in a few
/// nanoseconds, where [`monotonic_ms`] takes tens.
#[must_use]
#[inline]
pub fn tick_ms() -> u64 {
    read(ClockId::CLOCK_MONOTONIC_COARSE).as_millis() as u64
}

/// The wall clock right now, in microseconds since 1970.
#[must_use]
pub fn wall_us() -> u64 {
    read(ClockId::CLOCK_REALTIME).as_micros() as u64
}

fn read(clock: ClockId) -> Duration {
    // Fails only for a clock that does not exist; before 1970 counts as 1970.
    clock_gettime(clock).map_or(Duration::ZERO, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        Duration::new(seconds, time.tv_nsec() as u32)
    })
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_refreshed() {
        let mut clock = Clock::new();
        let start = clock.now_us();
        while monotonic_ms() <= clock.now_ms() {
            std::hint::spin_loop();
        }
        assert_eq!(clock.now_us(), start);
        clock.refresh();
        assert!(clock.now_us() > start);
        assert!(clock.wall_us() <= wall_us());
        assert!((clock.wall_s() * 1e6 - clock.wall_us() as f64).abs() < 10.0);
    }
}
