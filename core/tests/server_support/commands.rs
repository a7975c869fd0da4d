//! The commands of the scripted handler, one a line. Answers are lines, too.

use std::time::Duration;

use swoole_core::error::Error;
use swoole_core::server::{ConnectionEvent, FaultPlace, Outcome, StatValue};
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::pattern::Pattern;
use super::serve::{Script, context, emit, worker_id};

/// Bytes of one `send()` of a large answer.
const SEND_BYTES: usize = 1 << 20;

pub fn verdict(result: Result<(), Error>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("error {}", error.code()),
    }
}

pub fn reply(id: u64, line: &str) {
    if let Err(error) = context().send(id, format!("{line}\n").as_bytes()) {
        emit(&format!("reply_error {id} {}", error.code()));
    }
}

/// Sends bytes of the pattern `id`.
fn send_pattern(to: u64, len: usize) {
    let pattern = Pattern::new(to);
    let mut sent = 0;
    while sent < len {
        let part = pattern.bytes(sent, SEND_BYTES.min(len - sent));
        if let Err(error) = context().send(to, &part) {
            return emit(&format!(
                "send_error {to} {} after {sent}: {error}",
                error.code()
            ));
        }
        sent += part.len();
    }
}

/// Waits until the test lets go on by making a file.
pub fn gate(name: &str) {
    while !std::path::Path::new(name).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sends until it fails; prints what came of it.
fn flood(id: u64, bytes: usize, most: usize) {
    let data = vec![b'f'; bytes];
    let mut accepted = 0;
    for _ in 0..most {
        match context().send(id, &data) {
            Ok(()) => accepted += bytes,
            Err(error) => {
                let text = format!("{error}");
                let code = error.code();
                return emit(&format!(
                    "flooded {id} accepted={accepted} code={code} {text}"
                ));
            }
        }
    }
    emit(&format!("flooded {id} accepted={accepted} code=0"));
}

fn stats() -> String {
    let values: Vec<String> = context()
        .stats()
        .iter()
        .map(|(name, value)| match value {
            StatValue::Int(value) => format!("{name}={value}"),
            StatValue::Float(value) => format!("{name}={value}"),
        })
        .collect();
    values.join(" ")
}

pub fn run(script: &Script, event: &ConnectionEvent, line: &str) -> Outcome {
    let mut words = line.split(' ');
    let command = words.next().unwrap_or_default();
    let first = words.next().unwrap_or_default();
    let number: u64 = first.parse().unwrap_or(0);
    let second: usize = words.next().and_then(|w| w.parse().ok()).unwrap_or(0);
    let me = event.session_id;
    let context = context();
    match command {
        "echo" => reply(me, &line["echo ".len()..]),
        "id" => reply(
            me,
            &format!(
                "{me} {} {} {}",
                worker_id(),
                process::getpid(),
                event.reactor_id
            ),
        ),
        "events" => {
            let events = script.memory.borrow()[&me].events.join(" ");
            reply(me, &events);
        }
        "send" => send_pattern(me, number as usize),
        "sendclose" => {
            send_pattern(me, number as usize);
            emit(&format!(
                "closed {me} {}",
                verdict(context.close(me, false))
            ));
        }
        "close" => {
            emit(&format!(
                "closed {me} {}",
                verdict(context.close(me, false))
            ));
            emit(&format!(
                "send_after_close {me} {}",
                verdict(context.send(me, b"x"))
            ));
        }
        "closetwice" => {
            let first = verdict(context.close(me, false));
            let second = verdict(context.close(me, false));
            emit(&format!("closed_twice {first}, {second}"));
        }
        "sendreset" => {
            send_pattern(me, number as usize);
            emit(&format!("closed {me} {}", verdict(context.close(me, true))));
        }
        "closeother" => reply(me, &verdict(context.close(number, false))),
        "resetother" => reply(me, &verdict(context.close(number, true))),
        "sendother" => {
            send_pattern(number, second);
            reply(me, "sent");
        }
        "sendnothing" => reply(me, &verdict(context.send(me, b""))),
        "sendbig" => reply(me, &verdict(context.send(me, &vec![0; number as usize]))),
        "flood" => flood(me, number as usize, second),
        "floodother" => {
            flood(number, 65_536, second);
            reply(me, "flooded");
        }
        "exists" => reply(me, &context.exists(number).to_string()),
        "info" => reply(
            me,
            &match context.client_info(number, false) {
                Ok(info) => format!("{info:?}"),
                Err(error) => format!("error {}", error.code()),
            },
        ),
        "list" => reply(me, &format!("{:?}", context.client_list(number, 100))),
        "stats" => reply(me, &stats()),
        "print" => emit(&line["print ".len()..]),
        "gate" => {
            emit(&format!("at_gate {first}"));
            gate(first);
            reply(me, "passed");
        }
        "gatesend" => {
            emit(&format!("at_gate {first}"));
            gate(first);
            emit(&format!("sending {}", process::getpid()));
            let _ = context.send(me, &Pattern::new(9).bytes(0, 1 << 20));
        }
        "hang" => {
            emit(&format!("hanging {}", process::getpid()));
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        "exit" => {
            script.fault.replace(Some(FaultPlace {
                message: "exit() was called".to_owned(),
                file: "/app/server.php".to_owned(),
                line: 42,
            }));
            return Outcome::EndProcess {
                status: number as i32,
            };
        }
        "segv" => {
            // The standard library's handler lets the first one that is not its own pass.
            for _ in 0..2 {
                let _ = process::kill(process::getpid(), Signal::SEGV);
            }
        }
        "abort" => std::process::abort(),
        "kill9" => {
            let _ = process::kill(process::getpid(), Signal::KILL);
        }
        // Dies inside the on_close of another connection.
        "dieclosing" => {
            script.die_in_close.set(Some("kill"));
            let _ = context.close(number, false);
        }
        "reload" => reply(me, &verdict(context.reload(false))),
        "reloadtasks" => reply(me, &verdict(context.reload(true))),
        "shutdown" => reply(me, &verdict(context.shutdown())),
        "stop" if first.is_empty() => reply(me, &verdict(context.stop_worker(None))),
        "stop" => reply(me, &verdict(context.stop_worker(Some(number as u32)))),
        "pids" => reply(
            me,
            &format!("{} {}", context.master_pid(), context.manager_pid()),
        ),
        "co" => return super::tasks::suspend(event, &line["co ".len()..]),
        _ if super::tasks::run(me, line) => {}
        other => reply(me, &format!("what is {other:?}?")),
    }
    Outcome::Done
}
