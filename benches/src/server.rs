//! Starts a PHP server on a loopback port, waits until it answers, and ends it with all its
//! processes, whatever happens in between.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getppid};

use crate::interrupt::Interrupt;
use crate::proctree::{Member, tree};
use crate::scenario::Shape;

const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const KILL_LIMIT: Duration = Duration::from_secs(5);
const PROBE_LIMIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
/// Connections that each get one answer before a server counts as started, so that each of its
/// workers has run its callback once.
const PROBES: usize = 8;
/// Ports for servers: below the range that the kernel takes for outgoing connections, as those
/// could otherwise occupy the port or even connect to themselves.
const PORTS: std::ops::Range<u32> = 10_000..32_768;

/// Everything that decides which program is measured.
#[derive(Clone, Debug)]
pub struct Program {
    pub php: PathBuf,
    pub extension: PathBuf,
    pub script: PathBuf,
    /// The script's last argument: "plain" or "default".
    pub variant: String,
}

impl Program {
    /// php without any php.ini, and with the extension.
    pub fn php_arguments(&self) -> Result<Vec<String>> {
        let path = self.extension.to_str().filter(|path| !path.contains('"'));
        let path = path
            .with_context(|| format!("{} cannot be given to php -d", self.extension.display()))?;
        Ok(vec![
            "-n".into(),
            "-d".into(),
            format!("extension=\"{path}\""),
        ])
    }

    /// Loads the extension once and returns what it says of itself, like "swoole 6.2.2, PHP 8.2.1".
    pub fn describe(&self) -> Result<String> {
        const SCRIPT: &str = "if (!extension_loaded('swoole')) { exit(3); } \
            echo 'swoole ', SWOOLE_VERSION, SWOOLE_EXTRA_VERSION ?? '', ', PHP ', PHP_VERSION;";
        let output = Command::new(&self.php)
            .args(self.php_arguments()?)
            .args(["-r", SCRIPT])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {}", self.php.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{} does not load {}: {text}{}",
                self.php.display(),
                self.extension.display(),
                errors.trim()
            );
        }
        Ok(text)
    }
}

#[derive(Debug)]
pub struct Server {
    child: Child,
    output: File,
    pub addr: SocketAddrV4,
}

impl Server {
    /// Starts the script and returns once all probes were answered.
    pub fn start(program: &Program, shape: Shape, interrupt: &Interrupt) -> Result<Server> {
        // Orphans of a server that was killed become our children, so that none is lost sight of.
        prctl::set_child_subreaper(true).context("becoming the reaper of orphans")?;
        let port = free_port()?;
        let output = tempfile::tempfile().context("making a file for the server's output")?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("guarded-exec")
            .arg(std::process::id().to_string())
            .arg(&program.php)
            .args(program.php_arguments()?)
            .arg(&program.script)
            .args([
                shape.mode.to_string(),
                shape.workers.to_string(),
                shape.reactors.to_string(),
                port.to_string(),
                program.variant.clone(),
            ])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            // A Ctrl-C at the terminal goes to this program alone, which then stops the server.
            .process_group(0);
        let child = command.spawn().context("starting the server")?;
        let mut server = Server {
            child,
            output,
            addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        };
        server.wait_until_it_answers(interrupt)?;
        Ok(server)
    }

    pub fn members(&self) -> Result<Vec<Member>> {
        tree(self.child.id() as i32)
    }

    /// SIGTERM, then SIGKILL to what is left after a limit. `Ok(false)` if it came to that.
    pub fn stop(mut self) -> Result<bool> {
        self.end()
    }

    fn wait_until_it_answers(&mut self, interrupt: &Interrupt) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            interrupt.check()?;
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at start ({status}): {}", self.said());
            }
            match probe(self.addr) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    let said = self.said();
                    return Err(error.context(format!(
                        "no answer within {} s of the start: {said}",
                        START_LIMIT.as_secs()
                    )));
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// The beginning of what the server wrote to its standard streams.
    pub fn said(&mut self) -> String {
        let mut text = Vec::new();
        let read = self
            .output
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.output).take(2000).read_to_end(&mut text));
        match read {
            Ok(0) => "(nothing written)".into(),
            Ok(_) => String::from_utf8_lossy(&text).trim().to_owned(),
            Err(error) => format!("its output cannot be read: {error}"),
        }
    }

    fn end(&mut self) -> Result<bool> {
        let master = self.child.id() as i32;
        let mut members = Vec::new();
        // Once it is reaped its pid may be somebody else's.
        if self.child.try_wait()?.is_none() {
            members = tree(master)?;
            send(master, Signal::SIGTERM)?;
        }
        let mut left = self.wait_for_end(&members, STOP_LIMIT)?;
        let graceful = left.is_empty();
        if !graceful {
            for member in &left {
                send(member.pid, Signal::SIGKILL)?;
            }
            left = self.wait_for_end(&left, KILL_LIMIT)?;
        }
        // Whoever was forked after the list was made is an orphan by now, and so ours.
        let strays = strays()?;
        for member in &strays {
            send(member.pid, Signal::SIGKILL)?;
        }
        left.extend(self.wait_for_end(&strays, KILL_LIMIT)?);
        if !left.is_empty() {
            bail!("these processes outlived SIGKILL: {left:?}");
        }
        Ok(graceful && strays.is_empty())
    }

    /// Those of `members` that still run when the limit is over.
    fn wait_for_end(&mut self, members: &[Member], limit: Duration) -> Result<Vec<Member>> {
        let deadline = Instant::now() + limit;
        loop {
            self.child.try_wait()?;
            for member in members {
                if member.pid != self.child.id() as i32 {
                    // Reaps it if it is an orphan; ECHILD says that it has a parent of its own.
                    let _ = waitpid(Pid::from_raw(member.pid), Some(WaitPidFlag::WNOHANG));
                }
            }
            let running = members.iter().copied().filter(|m| m.is_running());
            let left: Vec<Member> = running.collect();
            if left.is_empty() || Instant::now() > deadline {
                return Ok(left);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Server {
    /// Also after an error, an interrupt or a panic no process stays behind.
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            // A broken standard error is no reason to panic while cleaning up.
            let _ = writeln!(std::io::stderr(), "stopping the server: {error:#}");
        }
    }
}

/// Replaces this process by `command`, which the kernel ends (SIGTERM) should `parent` die without
/// cleaning up. Returns only on failure.
pub fn guarded_exec(parent: i32, command: &[std::ffi::OsString]) -> anyhow::Error {
    let Some((program, arguments)) = command.split_first() else {
        return anyhow!("guarded-exec needs a command");
    };
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGTERM) {
        return anyhow!("asking for a signal at the parent's death: {error}");
    }
    if getppid().as_raw() != parent {
        return anyhow!("the parent is gone already");
    }
    let error = Command::new(program).args(arguments).exec();
    anyhow!("starting {}: {error}", Path::new(program).display())
}

/// Descendants of this program that no server accounts for.
fn strays() -> Result<Vec<Member>> {
    let me = std::process::id() as i32;
    let mut members = tree(me)?;
    members.retain(|member| member.pid != me);
    Ok(members)
}

fn send(pid: i32, signal: Signal) -> Result<()> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => bail!("sending {signal} to process {pid}: {error}"),
    }
}

/// All probes are open at once, then each gets one answer.
fn probe(addr: SocketAddrV4) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..PROBES {
        let stream = TcpStream::connect_timeout(&addr.into(), PROBE_LIMIT)?;
        stream.set_read_timeout(Some(PROBE_LIMIT))?;
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.write_all(b"probe")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        if &answer != b"probe" {
            bail!("the answer to a probe is wrong: {answer:?}");
        }
    }
    Ok(())
}

/// A port that nobody listens on. Each call begins behind the last one's, so that sockets of the
/// server before, which linger in TIME_WAIT, are not met again.
fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = PORTS.end - PORTS.start;
    // Runs beside each other begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(PORTS.start + begin.wrapping_add(step) % span)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", PORTS.start, PORTS.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_never_the_same_twice() {
        let (first, second) = (free_port().unwrap(), free_port().unwrap());
        assert_ne!(first, second);
        assert!(PORTS.contains(&u32::from(first)) && PORTS.contains(&u32::from(second)));
    }

    #[test]
    fn a_path_that_php_would_misread_is_refused() {
        let program = Program {
            php: "php".into(),
            extension: "/tmp/a\"b.so".into(),
            script: "echo.php".into(),
            variant: "plain".into(),
        };
        assert!(program.php_arguments().is_err());
    }
}
