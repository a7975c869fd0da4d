//! A server started for one test, and what must be true when it is gone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use swoole_core::sys::Pid;
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::client::{Client, DEADLINE};

const MARK: &str = "SWOOLE_RS_TEST_MARK";
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The kinds of server that each test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Master, manager, reactor threads, workers.
    Process,
    /// A manager and workers with connections of their own.
    Base,
    /// Base mode with one worker: no manager, no fork.
    Single,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Process => "process",
            Kind::Base => "base",
            Kind::Single => "single",
        }
    }
}

/// What a server is started with.
#[derive(Debug)]
pub struct Plan {
    pub kind: Kind,
    workers: u32,
    arguments: Vec<String>,
    allowed: Vec<String>,
    nofile: Option<u32>,
}

impl Plan {
    /// Two workers, and two reactor threads in process mode; the scripted handler.
    pub fn new(kind: Kind) -> Plan {
        Plan {
            kind,
            workers: if kind == Kind::Single { 1 } else { 2 },
            arguments: Vec::new(),
            allowed: Vec::new(),
            nofile: None,
        }
    }

    /// As many workers, where the kind has more than one.
    pub fn workers(mut self, workers: u32) -> Plan {
        if self.kind != Kind::Single {
            self.workers = workers;
        }
        self
    }

    /// An option of `set()`.
    pub fn set(self, name: &str, value: impl ToString) -> Plan {
        self.with(&format!("set.{name}"), value)
    }

    /// An argument of `serve`.
    pub fn with(mut self, name: &str, value: impl ToString) -> Plan {
        self.arguments.push(format!("{name}={}", value.to_string()));
        self
    }

    /// Alerts in the log that this test causes.
    pub fn allow(mut self, part: &str) -> Plan {
        self.allowed.push(part.to_owned());
        self
    }

    pub fn nofile(mut self, limit: u32) -> Plan {
        self.nofile = Some(limit);
        self
    }

    pub fn start(self) -> Daemon {
        Daemon::start(self)
    }
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

type Output = Arc<(Mutex<Lines>, Condvar)>;

#[derive(Debug)]
pub struct Daemon {
    pub port: u16,
    pub workers: u32,
    folder: tempfile::TempDir,
    mark: String,
    child: Child,
    output: Output,
    reader: Option<JoinHandle<()>>,
    allowed: Vec<String>,
    done: bool,
}

impl Daemon {
    fn start(plan: Plan) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let mode = if plan.kind == Kind::Process {
            "process"
        } else {
            "base"
        };
        let this = std::env::current_exe().unwrap();
        let mut command = match plan.nofile {
            None => Command::new(this),
            Some(limit) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
                shell.arg("-c").arg(script).arg(this);
                shell
            }
        };
        command
            .arg("serve")
            .arg(format!("mode={mode}"))
            .arg(format!("set.worker_num={}", plan.workers))
            .arg(format!("set.reactor_num={}", plan.workers.min(2)))
            .arg(format!("set.log_file={}", log_path(&folder).display()))
            .args(&plan.arguments)
            .env(MARK, &mark)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Output::default();
        let pipe = child.stdout.take().unwrap();
        let shared = Arc::clone(&output);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                shared.0.lock().unwrap().lines.push(line);
                shared.1.notify_all();
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        let mut daemon = Daemon {
            port: 0,
            workers: plan.workers,
            folder,
            mark,
            child,
            output,
            reader: Some(reader),
            allowed: plan.allowed,
            done: false,
        };
        let line = daemon.wait_for("listen ");
        daemon.port = line["listen ".len()..].parse().unwrap();
        daemon.wait_for("start");
        daemon
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.port)
    }

    /// Waits for workers to say that they started.
    pub fn wait_workers(&self) {
        self.wait_count("worker_start ", self.workers as usize);
    }

    // ---- what its processes print ----

    /// The first line with this beginning.
    pub fn wait_for(&self, beginning: &str) -> String {
        self.wait_count(beginning, 1).remove(0)
    }

    /// All lines with this beginning, once there are that many.
    pub fn wait_count(&self, beginning: &str, count: usize) -> Vec<String> {
        self.wait_lines(beginning, |lines| lines.len() >= count)
    }

    pub fn lines(&self, beginning: &str) -> Vec<String> {
        let lines = self.output.0.lock().unwrap();
        matching(&lines.lines, beginning)
    }

    fn wait_lines(&self, beginning: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + DEADLINE;
        let mut lines = self.output.0.lock().unwrap();
        loop {
            let found = matching(&lines.lines, beginning);
            if enough(&found) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !lines.ended,
                "no (more) line {beginning:?} from the server; it said {:#?} and logged\n{}",
                lines.lines,
                self.log()
            );
            lines = self.output.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    // ---- processes ----

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn signal(&self, pid: i32, signal: Signal) {
        process::kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// The manager of process mode.
    pub fn manager_pid(&self) -> i32 {
        let line = self.wait_for("manager_start ");
        line["manager_start ".len()..].parse().unwrap()
    }

    /// The pid of the last incarnation of a worker that started.
    pub fn worker_pid(&self, worker: u32) -> i32 {
        let beginning = format!("worker_start {worker} ");
        let line = self
            .wait_lines(&beginning, |l| !l.is_empty())
            .pop()
            .unwrap();
        line[beginning.len()..].parse().unwrap()
    }

    /// Every process of this server.
    pub fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.mark);
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| {
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environment.split(|b| *b == 0).any(|v| v == mark.as_bytes())
            })
            .collect()
    }

    /// Whether a process waits for something.
    pub fn is_asleep(&self, pid: i32) -> bool {
        is_in_state(&format!("/proc/{pid}/stat"), 'S')
    }

    /// Stops a process, to go on with SIGCONT. One thread gets the signal and has the others stopped.
    pub fn freeze(&self, pid: i32) {
        self.signal(pid, Signal::STOP);
        self.eventually("all threads are stopped", || {
            let mut threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            threads.all(|thread| {
                let path = thread.unwrap().path();
                is_in_state(&format!("{}/stat", path.display()), 'T')
            })
        });
    }

    /// Open descriptors of a process, as `/proc` names them.
    pub fn descriptors(&self, pid: i32) -> Vec<String> {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .map(|target| target.display().to_string())
            .collect();
        names.sort();
        names
    }

    /// Open sockets of a process.
    pub fn sockets(&self, pid: i32) -> usize {
        let names = self.descriptors(pid);
        names.iter().filter(|n| n.starts_with("socket:")).count()
    }

    /// Waits until a condition of the running server holds.
    pub fn eventually(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + DEADLINE;
        while !condition() {
            assert!(Instant::now() < end, "never: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(log_path(&self.folder)).unwrap_or_default()
    }

    pub fn wait_log(&self, part: &str) {
        self.eventually(&format!("{part:?} in the log"), || {
            self.log().contains(part)
        });
    }

    // ---- the end ----

    /// Waits for the first process of the server.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < end,
                "the server does not end; processes {:?}, log\n{}",
                self.processes(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends the server in order and checks what it leaves behind.
    pub fn finish(mut self) {
        self.signal(self.pid(), Signal::TERM);
        self.expect_exit(0);
    }

    /// The server ends with this status, and nothing of it is left.
    pub fn expect_exit(&mut self, code: i32) {
        let status = self.wait_exit();
        assert_eq!(status.code(), Some(code), "{status}\n{}", self.log());
        self.expect_gone();
    }

    /// No process, no port, no alert in the log.
    pub fn expect_gone(&mut self) {
        // The pipe ends when the last process that holds it is gone.
        let end = Instant::now() + DEADLINE;
        let mut lines = self.output.0.lock().unwrap();
        while !lines.ended {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "still there: {:?}\n{}",
                self.processes(),
                self.log()
            );
            lines = self.output.1.wait_timeout(lines, left).unwrap().0;
        }
        drop(lines);
        self.eventually("no process is left", || self.processes().is_empty());
        TcpListener::bind(("127.0.0.1", self.port)).expect("the port is free");
        self.done = true;
        self.check_log();
    }

    fn check_log(&self) {
        let log = self.log();
        let alerts: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("\tWARNING\t") || line.contains("\tERROR\t"))
            .filter(|line| !self.allowed.iter().any(|part| line.contains(part)))
            .collect();
        assert!(alerts.is_empty(), "alerts in the log: {alerts:#?}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.done {
            for pid in self.processes() {
                let _ = process::kill(Pid::from_raw(pid), Signal::KILL);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn is_in_state(stat: &str, state: char) -> bool {
    let stat = fs::read_to_string(stat).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.starts_with(state)
}

fn log_path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("server.log")
}

fn matching(lines: &[String], beginning: &str) -> Vec<String> {
    lines
        .iter()
        .filter(|line| line.starts_with(beginning))
        .cloned()
        .collect()
}
