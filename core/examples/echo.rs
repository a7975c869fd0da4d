//! An echo server without PHP: what the rooms below the PHP door can do at most.
//!
//! `cargo run --release -p swoole-core --example echo -- process|base WORKERS REACTORS PORT`

use std::rc::Rc;

use swoole_core::net::address::SockType;
use swoole_core::options::{Env, Options, Raw};
use swoole_core::server::{
    ConnectionEvent, Event, EventHandler, FaultPlace, Finished, Mode, Outcome, Payload, Role,
    Server, WorkerFault, current,
};
use swoole_core::sys::process;

struct Echo;

impl EventHandler for Echo {
    fn listens(&self, event: Event) -> bool {
        event == Event::Receive
    }
    fn process_started(&self, _role: Role) {}
    fn on_start(&self) -> Outcome {
        Outcome::Done
    }
    fn on_before_shutdown(&self) -> Outcome {
        Outcome::Done
    }
    fn on_shutdown(&self) -> Outcome {
        Outcome::Done
    }
    fn on_manager_start(&self) -> Outcome {
        Outcome::Done
    }
    fn on_manager_stop(&self) -> Outcome {
        Outcome::Done
    }
    fn on_worker_start(&self, _worker_id: u32) -> Outcome {
        Outcome::Done
    }
    fn on_worker_stop(&self, _worker_id: u32) -> Outcome {
        Outcome::Done
    }
    fn on_worker_exit(&self, _worker_id: u32) -> Outcome {
        Outcome::Done
    }
    fn on_worker_error(&self, _fault: &WorkerFault) -> Outcome {
        Outcome::Done
    }
    fn on_before_reload(&self) -> Outcome {
        Outcome::Done
    }
    fn on_after_reload(&self) -> Outcome {
        Outcome::Done
    }
    fn on_connect(&self, _event: &ConnectionEvent) -> Outcome {
        Outcome::Done
    }
    fn on_receive(&self, event: &ConnectionEvent, payload: Payload<'_>) -> Outcome {
        let data = payload.bytes().to_vec();
        payload.release();
        if let Some(context) = current()
            && let Err(error) = context.send(event.session_id, &data)
        {
            eprintln!("{error}");
        }
        Outcome::Done
    }
    fn on_close(&self, _event: &ConnectionEvent) -> Outcome {
        Outcome::Done
    }
    fn on_buffer_full(&self, _event: &ConnectionEvent) -> Outcome {
        Outcome::Done
    }
    fn on_buffer_empty(&self, _event: &ConnectionEvent) -> Outcome {
        Outcome::Done
    }
    fn fault_place(&self) -> Option<FaultPlace> {
        None
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, mode, workers, reactors, port] = args.as_slice() else {
        return Err("usage: echo process|base WORKERS REACTORS PORT".into());
    };
    let mode = if mode == "base" {
        Mode::Base
    } else {
        Mode::Process
    };
    let mut options = Options::default();
    options.apply("worker_num", &Raw::Int(workers.parse()?))?;
    options.apply("reactor_num", &Raw::Int(reactors.parse()?))?;
    let env = Env {
        cpu_num: process::cpu_count() as u32,
        nofile_limit: process::raise_nofile_limit(100_000),
        memory_bytes: process::memory_bytes(),
    };
    let server = Server::new(mode, "127.0.0.1", port.parse()?, SockType::Tcp, false)?;
    match server.start(options.resolve(&env)?, Rc::new(Echo))? {
        Finished::Master { status } | Finished::Child { status, .. } => process::exit(status),
    }
}
