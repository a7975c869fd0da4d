//! Commands about tasks and messages between workers, and what task workers do.
//!
//! The data of a task is a command, too: `echo TEXT`, `pid`, `measure BYTES...`, `sleep MS`, `gate NAME`,
//! `exit STATUS`, `kill9`, `twice`, `silent`, `big BYTES`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use swoole_core::reactor::event_loop;
use swoole_core::server::serving::Serving;
use swoole_core::server::{
    ConnectionEvent, FaultPlace, FinishEvent, MessageEvent, Outcome, TaskEvent,
};
use swoole_core::sys::process;
use swoole_core::sys::signal::Signal;

use super::commands::{gate, reply, verdict};
use super::pattern::Pattern;
use super::serve::{Script, context, emit, measured, worker_id};

const NONBLOCK: u16 = 4;
const COROUTINE: u16 = 32;
const NOREPLY: u16 = 128;
const DEADLINE: Duration = Duration::from_secs(20);

thread_local! {
    /// By the number of the task: the connection that waits for its result, and its message.
    static SUSPENDED: RefCell<HashMap<u64, (u64, Serving)>> = RefCell::default();
}

/// A task whose result a connection waits for as a coroutine does: the callback returns meanwhile.
pub fn suspend(event: &ConnectionEvent, data: &str) -> Outcome {
    let waits = (event.session_id, event.serving);
    match context().task(data.as_bytes(), NONBLOCK | COROUTINE, None) {
        Ok(id) => SUSPENDED.with_borrow_mut(|all| all.insert(id, waits)),
        Err(error) => {
            reply(event.session_id, &format!("error {}", error.code()));
            return Outcome::Done;
        }
    };
    Outcome::Suspended
}

/// A task that waits for its result, as one that `taskwait()` makes outside of coroutines.
fn ask(data: &[u8], worker: Option<u32>, timeout: Duration) -> String {
    let context = context();
    let id = match context.task(data, 0, worker) {
        Ok(id) => id,
        Err(error) => return format!("error {}: {error}", error.code()),
    };
    let mut answer = "timeout".to_owned();
    context.wait_results(&[id], Some(timeout), |_, result| {
        answer = result.map_or("lost".to_owned(), |(data, _)| {
            if data.len() > 1000 {
                measured(&data)
            } else {
                String::from_utf8_lossy(&data).into_owned()
            }
        });
    });
    answer
}

/// Runs a command of a connection; false: it is none of these.
pub fn run(me: u64, line: &str) -> bool {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let number: usize = first.parse().unwrap_or(0);
    match command {
        "task" => match context().task(rest.as_bytes(), NONBLOCK, None) {
            Ok(id) => reply(me, &format!("task {id}")),
            Err(error) => reply(me, &format!("error {}: {error}", error.code())),
        },
        // Many tasks of the same content.
        "tasks" => {
            let sent = (0..number)
                .filter(|_| context().task(after.as_bytes(), NONBLOCK, None).is_ok())
                .count();
            reply(me, &format!("tasks {sent}"));
        }
        "ask" => reply(me, &ask(rest.as_bytes(), None, DEADLINE)),
        "askof" => reply(me, &ask(after.as_bytes(), Some(number as u32), DEADLINE)),
        "askfor" => {
            let timeout = Duration::from_millis(number as u64);
            reply(me, &ask(after.as_bytes(), None, timeout));
        }
        // As many tasks at a time as there are words; the answers in order.
        "askall" => {
            let context = context();
            let ids: Vec<u64> = rest
                .split(' ')
                .filter_map(|word| {
                    context
                        .task(format!("echo {word}").as_bytes(), 16, None)
                        .ok()
                })
                .collect();
            let mut answers = vec![String::new(); ids.len()];
            context.wait_results(&ids, Some(DEADLINE), |place, result| {
                let data = result.map_or(b"lost".to_vec(), |(data, _)| data);
                answers[place] = String::from_utf8_lossy(&data).into_owned();
            });
            reply(me, &answers.join(" "));
        }
        // Whole commands, between bars.
        "askeach" => {
            let context = context();
            let ids: Vec<u64> = rest
                .split('|')
                .filter_map(|task| context.task(task.as_bytes(), 16, None).ok())
                .collect();
            let mut answers = Vec::new();
            context.wait_results(&ids, Some(DEADLINE), |place, result| {
                let data = result.map_or(b"lost".to_vec(), |(data, _)| data);
                answers.push(format!("{place}={}", String::from_utf8_lossy(&data)));
            });
            reply(me, &answers.join(" "));
        }
        // Sends a task of so many bytes and does not wait.
        "taskbig" => {
            let task = [b"measure ".as_slice(), &vec![b'x'; number]].concat();
            let sent = context().task(&task, NONBLOCK, None).is_ok();
            reply(me, &format!("{sent}"));
        }
        // A task of so many bytes, which the task worker measures.
        "askbig" => {
            let data = Pattern::new(7).bytes(0, number);
            let task = [b"measure ".as_slice(), &data].concat();
            let wanted = measured(&data);
            let right = ask(&task, None, DEADLINE) == wanted;
            reply(me, &format!("{right}"));
        }
        // A message of as many bytes as the last word says.
        "message" => {
            let data = after.parse().map_or(after.as_bytes().to_vec(), |len| {
                Pattern::new(3).bytes(0, len)
            });
            reply(
                me,
                &verdict(context().send_message(&data, 0, number as u32)),
            );
        }
        _ => return false,
    }
    true
}

pub fn on_task(script: &Script, event: &TaskEvent, data: &[u8]) -> Outcome {
    let (command, rest) = match data.iter().position(|byte| *byte == b' ') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    let text = || String::from_utf8_lossy(rest).into_owned();
    let number = || text().parse::<u64>().unwrap_or(0);
    let finish = |data: &[u8]| {
        if let Err(error) = context().finish_task(&event.task, data, 0) {
            emit(&format!("finish_error {}: {error}", event.task.id));
        }
    };
    match command {
        b"echo" => finish(rest),
        b"pid" => finish(format!("{} {}", worker_id(), process::getpid()).as_bytes()),
        b"measure" => finish(measured(rest).as_bytes()),
        b"big" => finish(&Pattern::new(5).bytes(0, number() as usize)),
        b"print" => emit(&format!(
            "task {} {} {}",
            event.task.id,
            worker_id(),
            text()
        )),
        b"sleep" => {
            std::thread::sleep(Duration::from_millis(number()));
            finish(b"slept");
        }
        b"gate" => {
            emit(&format!("task_at_gate {} {}", event.task.id, worker_id()));
            gate(&text());
            finish(format!("{} passed", worker_id()).as_bytes());
        }
        b"gatebig" => {
            emit(&format!("task_at_gate {} {}", event.task.id, worker_id()));
            gate(&text());
            finish(&Pattern::new(5).bytes(0, 5_000_000));
        }
        // As a coroutine that waits.
        b"suspend" => {
            let (serving, task) = (event.serving, event.task);
            let end = move || {
                let _ = context().finish_task(&task, b"resumed", 0);
                context().finish(serving, Outcome::Done);
            };
            if let Ok(event_loop) = event_loop::current() {
                event_loop.after(number(), Box::new(end));
            }
            emit(&format!("task_suspended {}", event.task.id));
            return Outcome::Suspended;
        }
        b"twice" => {
            finish(b"one");
            finish(b"two");
            emit("task_twice");
        }
        b"finishdie" => {
            finish(rest);
            let _ = process::kill(process::getpid(), Signal::KILL);
        }
        b"send" => {
            let sent = context().send(number(), b"from task\n");
            emit(&format!("task_sent {}", verdict(sent)));
        }
        // To a connection, from a gate on.
        b"sendbig" => {
            let text = text();
            let (session, name) = text.split_once(' ').unwrap_or_default();
            emit(&format!("task_at_gate {} {}", event.task.id, worker_id()));
            gate(name);
            emit(&format!("task_sending {}", process::getpid()));
            let _ = context().send(
                session.parse().unwrap_or(0),
                &Pattern::new(9).bytes(0, 1 << 20),
            );
        }
        b"task" => emit(&format!(
            "inner {}",
            context().task(b"x", NOREPLY, None).is_ok()
        )),
        b"exit" => {
            script.fault.replace(Some(FaultPlace {
                message: "exit() in a task".to_owned(),
                file: "/app/task.php".to_owned(),
                line: 7,
            }));
            return Outcome::EndProcess {
                status: number() as i32,
            };
        }
        b"kill9" => {
            let _ = process::kill(process::getpid(), Signal::KILL);
        }
        _ => {}
    }
    Outcome::Done
}

pub fn on_finish(event: &FinishEvent, data: Option<&[u8]>) {
    let text = match data {
        Some(data) if data.len() > 1000 => measured(data),
        Some(data) => String::from_utf8_lossy(data).into_owned(),
        None => "lost".to_owned(),
    };
    if event.flags & COROUTINE != 0 {
        let waits = SUSPENDED.with_borrow_mut(|all| all.remove(&event.task_id));
        if let Some((session_id, serving)) = waits {
            reply(session_id, &text);
            context().finish(serving, Outcome::Done);
        }
        return;
    }
    let (id, worker) = (event.task_id, worker_id());
    emit(&format!(
        "finish {id} from={} at={worker} {text}",
        event.worker_id
    ));
}

pub fn on_pipe_message(event: &MessageEvent, data: &[u8]) {
    let text = if data.len() > 1000 {
        measured(data)
    } else {
        String::from_utf8_lossy(data).into_owned()
    };
    emit(&format!(
        "message from={} at={} {text}",
        event.worker_id,
        worker_id()
    ));
}

/// Sends a task and a message, then stays.
pub fn run_user_process(script: &Script, worker_id: u32, index: u32) -> Outcome {
    emit(&format!(
        "user_start {index} {worker_id} {}",
        process::getpid()
    ));
    let task = context().task(
        format!("print user{index}").as_bytes(),
        NONBLOCK | NOREPLY,
        None,
    );
    let sent = context().send_message(format!("user{index}").as_bytes(), 0, 0);
    emit(&format!("user_sent {} {}", task.is_ok(), sent.is_ok()));
    // Then does what files ask for, each once.
    let is_asked = |name: &str| std::fs::remove_file(format!("user{index}_{name}")).is_ok();
    loop {
        if is_asked("logs") {
            swoole_core::log::info(format_args!("user process {index} is here"));
        }
        if is_asked("fails") {
            script.fault.replace(Some(FaultPlace {
                message: "a fault of user code".to_owned(),
                file: "/app/user.php".to_owned(),
                line: 5,
            }));
            return Outcome::EndProcess { status: 255 };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
