//! The server under test: a handler that does what the messages say.
//!
//! Arguments: `mode=process|base`, `app=command|echo|silent`, `set.OPTION=VALUE`, `trace=1` (connection
//! events are printed, too), `no=EVENT,...` (not listened to), `start_dies=WORKER:COUNT` (the first
//! COUNT incarnations fail in `on_worker_start`), `close_dies=exit|kill`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use swoole_core::net::address::SockType;
use swoole_core::options::{Env, Options, Raw};
use swoole_core::server::{
    ConnectionEvent, Context, Event, EventHandler, FaultPlace, FinishEvent, Finished, MessageEvent,
    Mode, Outcome, Payload, Role, Server, TaskEvent, WorkerFault, current,
};
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::{commands, tasks};

/// One line on stdout, which all processes share; a line is one write.
pub fn emit(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum App {
    Command,
    Echo,
    Silent,
    /// Answers length and checksum of each package; one that says `!COMMAND` is a command.
    Measure,
}

/// What a worker remembers of a connection.
#[derive(Debug, Default)]
pub struct Memory {
    pub events: Vec<String>,
    partial: Vec<u8>,
}

#[derive(Debug)]
pub struct Script {
    app: App,
    trace: bool,
    deaf: Vec<String>,
    start_dies: Option<(u32, u32)>,
    close_dies: Option<String>,
    user_processes: u32,
    pub memory: RefCell<HashMap<u64, Memory>>,
    pub fault: RefCell<Option<FaultPlace>>,
    /// How `on_close` is to die, once.
    pub die_in_close: Cell<Option<&'static str>>,
}

/// Length and checksum (FNV-1a).
pub fn measured(data: &[u8]) -> String {
    let sum = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{} {sum:x}", data.len())
}

pub fn context() -> Rc<Context> {
    current().expect("callbacks run inside a server")
}

pub fn worker_id() -> i64 {
    context().worker_id().map_or(-1, i64::from)
}

impl Script {
    fn note(&self, event: &ConnectionEvent, name: &str) {
        let (id, reactor) = (event.session_id, event.reactor_id);
        let worker = worker_id();
        if self.trace {
            emit(&format!(
                "event {id} {name} worker={worker} reactor={reactor}"
            ));
        }
        let mut memory = self.memory.borrow_mut();
        let events = &mut memory.entry(id).or_default().events;
        events.push(format!("{name}:{worker}:{reactor}"));
    }

    fn echo(&self, event: &ConnectionEvent, data: &[u8]) {
        if let Err(error) = context().send(event.session_id, data) {
            emit(&format!("echo_error {} {}", event.session_id, error.code()));
        }
    }

    fn measure(&self, event: &ConnectionEvent, data: &[u8]) -> Outcome {
        let command = [0, 4]
            .into_iter()
            .find_map(|at| data.get(at..)?.strip_prefix(b"!"));
        if let Some(command) = command {
            let line = String::from_utf8_lossy(command).trim_end().to_owned();
            return commands::run(self, event, &line);
        }
        let answer = format!("{}\n", measured(data));
        if let Err(error) = context().send(event.session_id, answer.as_bytes()) {
            emit(&format!(
                "measure_error {} {}",
                event.session_id,
                error.code()
            ));
        }
        Outcome::Done
    }

    fn command(&self, event: &ConnectionEvent, data: &[u8]) -> Outcome {
        let mut lines = Vec::new();
        {
            let mut memory = self.memory.borrow_mut();
            let partial = &mut memory.entry(event.session_id).or_default().partial;
            partial.extend_from_slice(data);
            while let Some(end) = partial.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = partial.drain(..=end).collect();
                lines.push(String::from_utf8_lossy(&line[..end]).into_owned());
            }
        }
        for line in lines {
            let outcome = commands::run(self, event, &line);
            if outcome != Outcome::Done {
                return outcome;
            }
        }
        Outcome::Done
    }
}

impl EventHandler for Script {
    fn listens(&self, event: Event) -> bool {
        !self.deaf.contains(&format!("{event:?}"))
    }
    fn process_started(&self, role: Role) {
        let role = match role {
            Role::Master => "master".to_owned(),
            Role::Manager => "manager".to_owned(),
            Role::Worker { worker_id } => format!("worker {worker_id}"),
            Role::TaskWorker { worker_id } => format!("task_worker {worker_id}"),
            Role::UserProcess { worker_id } => format!("user_process {worker_id}"),
        };
        emit(&format!("process {role} {}", process::getpid()));
    }
    fn on_start(&self) -> Outcome {
        emit("start");
        let refused = context().send(u64::MAX, b"x");
        let code = refused.err().map_or(0, |error| error.code());
        emit(&format!("send_at_start {code}"));
        Outcome::Done
    }
    fn on_before_shutdown(&self) -> Outcome {
        emit("before_shutdown");
        Outcome::Done
    }
    fn on_shutdown(&self) -> Outcome {
        emit("shutdown");
        Outcome::Done
    }
    fn on_manager_start(&self) -> Outcome {
        emit(&format!("manager_start {}", process::getpid()));
        Outcome::Done
    }
    fn on_manager_stop(&self) -> Outcome {
        emit("manager_stop");
        Outcome::Done
    }
    fn on_worker_start(&self, worker_id: u32) -> Outcome {
        emit(&format!("worker_start {worker_id} {}", process::getpid()));
        if let Some((worker, count)) = self.start_dies
            && worker == worker_id
        {
            // Each incarnation leaves a file, so that the count outlives it.
            let before = std::fs::read_dir("deaths").map_or(0, Iterator::count);
            if before < count as usize {
                let _ = std::fs::create_dir_all("deaths");
                let _ = std::fs::write(format!("deaths/{}", process::getpid()), "");
                return Outcome::EndProcess { status: 3 };
            }
        }
        Outcome::Done
    }
    fn on_worker_stop(&self, worker_id: u32) -> Outcome {
        emit(&format!("worker_stop {worker_id} {}", process::getpid()));
        Outcome::Done
    }
    fn on_worker_exit(&self, worker_id: u32) -> Outcome {
        emit(&format!("worker_exit {worker_id} {}", process::getpid()));
        Outcome::Done
    }
    fn on_worker_error(&self, fault: &WorkerFault) -> Outcome {
        emit(&format!(
            "worker_error {} {} code={} signal={}",
            fault.worker_id, fault.pid, fault.exit_code, fault.signal
        ));
        Outcome::Done
    }
    fn on_before_reload(&self) -> Outcome {
        emit("before_reload");
        Outcome::Done
    }
    fn on_after_reload(&self) -> Outcome {
        emit("after_reload");
        Outcome::Done
    }
    fn on_connect(&self, event: &ConnectionEvent) -> Outcome {
        self.note(event, "connect");
        Outcome::Done
    }
    fn on_receive(&self, event: &ConnectionEvent, payload: Payload<'_>) -> Outcome {
        let data = payload.bytes().to_vec();
        payload.release();
        if self.app != App::Echo || self.trace {
            self.note(event, "receive");
        }
        match self.app {
            App::Echo if data == b"stats\n" => return self.command(event, &data),
            App::Echo => self.echo(event, &data),
            App::Silent => {}
            App::Measure => return self.measure(event, &data),
            App::Command => return self.command(event, &data),
        }
        Outcome::Done
    }
    fn on_close(&self, event: &ConnectionEvent) -> Outcome {
        self.note(event, "close");
        self.memory.borrow_mut().remove(&event.session_id);
        match self.die_in_close.take().or(self.close_dies.as_deref()) {
            Some("kill") => {
                let _ = process::kill(process::getpid(), Signal::KILL);
                Outcome::Done
            }
            Some(_) => Outcome::EndProcess { status: 9 },
            None => Outcome::Done,
        }
    }
    fn on_buffer_full(&self, event: &ConnectionEvent) -> Outcome {
        emit(&format!("buffer_full {}", event.session_id));
        Outcome::Done
    }
    fn on_buffer_empty(&self, event: &ConnectionEvent) -> Outcome {
        emit(&format!("buffer_empty {}", event.session_id));
        Outcome::Done
    }
    fn on_task(&self, event: &TaskEvent, data: &[u8]) -> Outcome {
        tasks::on_task(self, event, data)
    }
    fn on_finish(&self, event: &FinishEvent, data: Option<&[u8]>) -> Outcome {
        tasks::on_finish(event, data);
        Outcome::Done
    }
    fn on_pipe_message(&self, event: &MessageEvent, data: &[u8]) -> Outcome {
        tasks::on_pipe_message(event, data);
        Outcome::Done
    }
    fn user_processes(&self) -> u32 {
        self.user_processes
    }
    fn run_user_process(&self, worker_id: u32, index: u32) -> Outcome {
        tasks::run_user_process(self, worker_id, index)
    }
    fn fault_place(&self) -> Option<FaultPlace> {
        self.fault.borrow().clone()
    }
}

fn raw(value: &str) -> Raw {
    match value {
        "true" => Raw::Bool(true),
        "false" => Raw::Bool(false),
        _ => value
            .parse()
            .map_or_else(|_| Raw::Str(value.as_bytes().to_vec()), Raw::Int),
    }
}

/// Becomes a server, and ends with its status.
pub fn main(arguments: &[String]) -> ! {
    process::exit(match serve(arguments) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            255
        }
    })
}

fn serve(arguments: &[String]) -> Result<i32, Box<dyn std::error::Error>> {
    let mut options = Options::default();
    let mut mode = Mode::Process;
    let mut port = 0;
    let mut script = Script {
        app: App::Command,
        trace: false,
        deaf: Vec::new(),
        start_dies: None,
        close_dies: None,
        user_processes: 0,
        memory: RefCell::default(),
        fault: RefCell::default(),
        die_in_close: Cell::new(None),
    };
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or("KEY=VALUE")?;
        match name {
            "mode" if value == "base" => mode = Mode::Base,
            "mode" => {}
            "port" => port = value.parse()?,
            "app" if value == "echo" => script.app = App::Echo,
            "app" if value == "silent" => script.app = App::Silent,
            "app" if value == "measure" => script.app = App::Measure,
            "users" => script.user_processes = value.parse()?,
            "trace" => script.trace = true,
            "no" => script.deaf = value.split(',').map(str::to_owned).collect(),
            "close_dies" => script.close_dies = Some(value.to_owned()),
            "start_dies" => {
                let (worker, count) = value.split_once(':').ok_or("WORKER:COUNT")?;
                script.start_dies = Some((worker.parse()?, count.parse()?));
            }
            _ => {
                let option = name
                    .strip_prefix("set.")
                    .ok_or(format!("what is {name}?"))?;
                if let Some(warning) = options.apply(option, &raw(value))? {
                    emit(&format!("option_warning {warning:?}"));
                }
            }
        }
    }
    let env = Env {
        cpu_num: process::cpu_count().max(4) as u32,
        nofile_limit: process::nofile_limit(),
        memory_bytes: process::memory_bytes(),
    };
    let server = Server::new(mode, "127.0.0.1", port, SockType::Tcp, false)?;
    emit(&format!("listen {}", server.ports()[0].port));
    Ok(
        match server.start(options.resolve(&env)?, Rc::new(script))? {
            Finished::Master { status } | Finished::Child { status, .. } => status,
        },
    )
}
