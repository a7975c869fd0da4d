//! Looks at a process and all its descendants through /proc: who they are, their CPU time, their
//! memory and their descriptors.

use std::collections::HashMap;

use anyhow::{Context, Result};
use procfs::process::{Process, Stat, all_processes};
use procfs::{CurrentSI, KernelStats};

/// A process, told from a later one with the same pid by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    pub pid: i32,
    start_ticks: u64,
}

impl Member {
    fn of(stat: &Stat) -> Member {
        Member {
            pid: stat.pid,
            start_ticks: stat.starttime,
        }
    }

    fn stat(self) -> Option<Stat> {
        let stat = Process::new(self.pid).ok()?.stat().ok()?;
        (stat.starttime == self.start_ticks).then_some(stat)
    }

    /// False once the process has ended; one that only waits to be reaped has.
    pub fn is_running(self) -> bool {
        self.stat()
            .is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
    }
}

/// `root` and its descendants; processes that only wait to be reaped are left out.
pub fn tree(root: i32) -> Result<Vec<Member>> {
    // A process may end between the listing and the look at it.
    let stats: Vec<Stat> = all_processes()
        .context("listing processes")?
        .filter_map(|process| process.ok()?.stat().ok())
        .filter(|stat| !matches!(stat.state, 'Z' | 'X'))
        .collect();
    let parents: Vec<(i32, i32)> = stats.iter().map(|stat| (stat.pid, stat.ppid)).collect();
    let pids = descend(root, &parents);
    let inside = stats.iter().filter(|stat| pids.contains(&stat.pid));
    Ok(inside.map(Member::of).collect())
}

/// `root` and what descends from it, given (pid, parent) of all processes.
fn descend(root: i32, parents: &[(i32, i32)]) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for &(pid, parent) in parents {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(children.remove(&pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// CPU time in seconds that the members and the children they waited for have used, in user and
/// kernel mode. Steps of one clock tick (10 ms) per process.
pub fn cpu_s(members: &[Member]) -> f64 {
    let stats = members.iter().filter_map(|member| member.stat());
    let ticks: u64 = stats
        .map(|stat| stat.utime + stat.stime + (stat.cutime + stat.cstime).max(0) as u64)
        .sum();
    ticks as f64 / procfs::ticks_per_second() as f64
}

/// CPU time in seconds of this program, of all its threads.
pub fn own_cpu_s() -> Result<f64> {
    let stat = Process::myself()?.stat()?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// CPU time in seconds that the whole machine has been busy.
pub fn machine_busy_s() -> Result<f64> {
    let total = KernelStats::current().context("reading /proc/stat")?.total;
    let ticks = total.user
        + total.nice
        + total.system
        + total.irq.unwrap_or(0)
        + total.softirq.unwrap_or(0);
    Ok(ticks as f64 / procfs::ticks_per_second() as f64)
}

/// The members' proportional set size in bytes: shared pages count once in all, not once each.
pub fn pss_bytes(members: &[Member]) -> Result<u64> {
    let mut sum = 0;
    for member in members {
        let rollup = Process::new(member.pid)?
            .smaps_rollup()
            .with_context(|| format!("reading the memory of process {}", member.pid))?;
        let maps = rollup.memory_map_rollup.0;
        sum += maps
            .first()
            .and_then(|map| map.extension.map.get("Pss"))
            .with_context(|| format!("no Pss in smaps_rollup of process {}", member.pid))?;
    }
    Ok(sum)
}

/// Descriptors that the members hold open.
pub fn fd_count(members: &[Member]) -> Result<usize> {
    let mut sum = 0;
    for member in members {
        sum += Process::new(member.pid)?
            .fd_count()
            .with_context(|| format!("counting descriptors of process {}", member.pid))?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_only() {
        let parents = [
            (1, 0),
            (2, 1),
            (10, 2),
            (11, 10),
            (12, 10),
            (13, 12),
            (3, 1),
        ];
        let mut found = descend(10, &parents);
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12, 13]);
        assert_eq!(descend(13, &parents), [13]);
    }

    #[test]
    fn this_process_is_seen() {
        let me = std::process::id() as i32;
        let members = tree(me).unwrap();
        assert!(members.iter().any(|m| m.pid == me && m.is_running()));
        let myself: Vec<Member> = members.into_iter().filter(|m| m.pid == me).collect();
        assert!(pss_bytes(&myself).unwrap() > 100_000);
        assert!(fd_count(&myself).unwrap() >= 3);
        assert!(machine_busy_s().unwrap() > 0.0);
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let me = std::process::id() as i32;
        let other = Member {
            pid: me,
            start_ticks: 1,
        };
        assert!(!other.is_running());
        assert_eq!(cpu_s(&[other]), 0.0);
    }
}
