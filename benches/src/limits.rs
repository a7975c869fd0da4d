//! Raises the limit of open files: 10,000 connections need as many descriptors here and, as the
//! limit is inherited, in the servers that are started.

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors beside the connections: epoll, pipes, /proc files, the standard streams.
const SPARE_FDS: u64 = 256;

/// Makes room for `connections` sockets. The soft limit goes to the hard one; the hard one is
/// raised only where it is too low, which takes privileges.
pub fn allow_connections(connections: usize) -> Result<()> {
    let needed = connections as u64 + SPARE_FDS;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("reading RLIMIT_NOFILE")?;
    if soft >= needed && soft == hard {
        return Ok(());
    }
    if hard >= needed {
        return setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("raising RLIMIT_NOFILE");
    }
    if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, needed, needed) {
        bail!(
            "{connections} connections need {needed} open files, the limit is {hard} and cannot \
             be raised ({error}): use fewer connections, or raise it with `ulimit -Hn {needed}`"
        );
    }
    Ok(())
}
