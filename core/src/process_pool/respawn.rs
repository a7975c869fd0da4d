//! When a worker that ended is started again.

use std::time::Duration;

use crate::sys::process::ExitStatus;
use crate::sys::signal::Signal;

/// A worker that fails sooner than this after its start died at its start.
const QUICK_FAULT: Duration = Duration::from_secs(1);
const FAULT_PAUSE: Duration = Duration::from_millis(100);
const FAULT_PAUSE_MAX: Duration = Duration::from_secs(5);
/// One that ends well in less than this has done nothing: its start callback returns at once.
const IDLE: Duration = Duration::from_millis(10);
/// So often in a row it is started again without a pause.
const IDLE_FREE: u32 = 10;
const IDLE_HINT: u32 = 20;
const IDLE_PAUSE: Duration = Duration::from_millis(10);
const IDLE_PAUSE_MAX: Duration = Duration::from_millis(100);

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to, or somebody sent a signal that asks for it.
    Asked,
    /// Of its own will.
    Well,
    Fault,
}

impl End {
    /// `told`: the pool had told it to end.
    #[must_use]
    pub fn of(status: &ExitStatus, told: bool) -> End {
        const ASKING: [Signal; 6] = [
            Signal::TERM,
            Signal::INT,
            Signal::HUP,
            Signal::QUIT,
            Signal::USR1,
            Signal::USR2,
        ];
        let asked = ASKING.iter().any(|s| s.number() == status.signal);
        match (status.raw, told || asked) {
            (0, false) => End::Well,
            (0, true) => End::Asked,
            (_, true) if status.signal != 0 => End::Asked,
            _ => End::Fault,
        }
    }
}

/// The workers of one slot, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Respawn {
    faults: u32,
    idle: u32,
}

/// How long the next start waits, and how often in a row it has come to this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub pause: Duration,
    pub times: u32,
    /// What the log is to say to it, if anything.
    pub hint: Option<&'static str>,
}

impl Respawn {
    /// A worker ended that had lived so long.
    pub fn ended(&mut self, end: End, lived: Duration) -> Pause {
        self.faults = match end {
            End::Fault if lived < QUICK_FAULT => self.faults.saturating_add(1),
            _ => 0,
        };
        self.idle = match end {
            End::Well if lived < IDLE => self.idle.saturating_add(1),
            _ => 0,
        };
        if self.faults > 1 {
            let pause = doubled(FAULT_PAUSE, self.faults - 2).min(FAULT_PAUSE_MAX);
            return Pause {
                pause,
                times: self.faults,
                hint: Some("look at the errors above, most often the workerStart callback fails"),
            };
        }
        let pause = match self.idle.checked_sub(IDLE_FREE) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => doubled(IDLE_PAUSE, beyond - 1).min(IDLE_PAUSE_MAX),
        };
        // Said once.
        let hint = (self.idle == IDLE_HINT).then_some(
            "its workerStart callback returns at once; it is to do the work, unless messages are to be taken",
        );
        Pause {
            pause,
            times: self.idle,
            hint,
        }
    }
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(1 << times.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(1);
    const LATER: Duration = Duration::from_secs(2);

    fn pauses_ms(respawn: &mut Respawn, end: End, lived: Duration, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| respawn.ended(end, lived).pause.as_millis())
            .collect()
    }

    #[test]
    fn faults_at_the_start_are_slowed_down() {
        let mut respawn = Respawn::default();
        let pauses = pauses_ms(&mut respawn, End::Fault, NOW, 9);
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(respawn.ended(End::Fault, LATER).pause, Duration::ZERO);
        assert_eq!(pauses_ms(&mut respawn, End::Fault, NOW, 2), [0, 100]);
        assert_eq!(respawn.ended(End::Asked, NOW).pause, Duration::ZERO);
    }

    #[test]
    fn workers_without_work_do_not_spin() {
        let mut respawn = Respawn::default();
        let pauses = pauses_ms(&mut respawn, End::Well, NOW, 16);
        assert_eq!(pauses[..10], [0; 10]);
        assert_eq!(pauses[10..], [10, 20, 40, 80, 100, 100]);
        // Those that work, if only for a moment, are not slowed down.
        let some = Duration::from_millis(20);
        assert_eq!(pauses_ms(&mut respawn, End::Well, some, 3), [0, 0, 0]);
    }

    #[test]
    fn ends_are_told_apart() {
        let status = |code, signal| ExitStatus {
            code,
            signal,
            raw: (code << 8) | signal,
        };
        assert_eq!(End::of(&status(0, 0), false), End::Well);
        assert_eq!(End::of(&status(0, 0), true), End::Asked);
        assert_eq!(End::of(&status(0, 15), false), End::Asked);
        assert_eq!(End::of(&status(0, 9), true), End::Asked);
        assert_eq!(End::of(&status(0, 9), false), End::Fault);
        assert_eq!(End::of(&status(0, 11), false), End::Fault);
        assert_eq!(End::of(&status(3, 0), true), End::Fault);
    }
}
