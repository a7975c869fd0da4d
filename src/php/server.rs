//! `Swoole\Server`: the table. The methods are in `server_setup` and `server_methods`.

use super::class::*;
use super::ffi::ZEND_ACC_NOT_SERIALIZABLE;
use super::object;
use super::server_methods as run;
use super::server_process as setup_process;
use super::server_setup as setup;
use super::task::methods as task;

/// The registered class, the scope of the private properties.
pub static SERVER: Entry = Entry::unset();

const FD: ArgDef = arg(c"fd", INT);
const LISTEN: &[ArgDef] = &[
    arg(c"host", STRING),
    arg(c"port", INT),
    arg(c"sock_type", INT),
];
const PORT_OR_FALSE: Ty = Ty::Class(c"Swoole\\Server\\Port", FALSE);
const SOCKET_OR_FALSE: Ty = Ty::Class(c"Socket", FALSE);
const CLIENT_INFO: &[ArgDef] = &[
    FD,
    opt(c"reactor_id", INT, c"-1"),
    opt(c"ignoreError", BOOL, c"false"),
];
const CLIENT_LIST: &[ArgDef] = &[opt(c"start_fd", INT, c"0"), opt(c"find_count", INT, c"10")];
const WORKER_ID: &[ArgDef] = &[opt(c"worker_id", INT, c"-1")];

static METHODS: &[MethodDef] = &[
    method(
        c"__construct",
        setup::construct,
        &[
            opt(c"host", STRING, c"'0.0.0.0'"),
            opt(c"port", INT, c"0"),
            opt(c"mode", INT, c"SWOOLE_BASE"),
            opt(c"sock_type", INT, c"SWOOLE_SOCK_TCP"),
        ],
        Ty::None,
    ),
    method(c"__destruct", setup::destruct, &[], Ty::None),
    method(c"listen", run::later, LISTEN, PORT_OR_FALSE),
    method(c"addlistener", run::later, LISTEN, PORT_OR_FALSE),
    method(
        c"on",
        setup::on,
        &[arg(c"event_name", STRING), arg(c"callback", CALLABLE)],
        BOOL,
    ),
    method(
        c"getCallback",
        setup::get_callback,
        &[arg(c"event_name", STRING)],
        Ty::Class(c"Closure", ARRAY_STRING_NULL),
    ),
    method(c"set", setup::set, &[arg(c"settings", ARRAY)], BOOL),
    method(c"start", setup::start, &[], BOOL),
    method(
        c"send",
        run::send,
        &[
            arg(c"fd", INT_OR_STRING),
            arg(c"send_data", STRING),
            opt(c"serverSocket", INT, c"-1"),
        ],
        BOOL,
    ),
    method(
        c"sendto",
        run::later,
        &[
            arg(c"ip", STRING),
            arg(c"port", INT),
            arg(c"send_data", STRING),
            opt(c"server_socket", INT, c"-1"),
        ],
        BOOL,
    ),
    method(
        c"sendwait",
        run::later,
        &[arg(c"conn_fd", INT), arg(c"send_data", STRING)],
        BOOL,
    ),
    method(c"exists", run::exists, &[FD], BOOL),
    method(c"exist", run::exists, &[FD], BOOL),
    method(
        c"protect",
        run::protect,
        &[FD, opt(c"is_protected", BOOL, c"true")],
        BOOL,
    ),
    method(
        c"sendfile",
        run::later,
        &[
            arg(c"conn_fd", INT),
            arg(c"filename", STRING),
            opt(c"offset", INT, c"0"),
            opt(c"length", INT, c"0"),
        ],
        BOOL,
    ),
    method(
        c"close",
        run::close,
        &[FD, opt(c"reset", BOOL, c"false")],
        BOOL,
    ),
    method(c"confirm", run::later, &[FD], BOOL),
    method(c"pause", run::later, &[FD], BOOL),
    method(c"resume", run::later, &[FD], BOOL),
    method(
        c"task",
        task::task,
        &[
            arg(c"data", MIXED),
            opt(c"taskWorkerIndex", INT, c"-1"),
            opt(c"finishCallback", NULLABLE_CALLABLE, c"null"),
        ],
        INT_OR_FALSE,
    ),
    method(
        c"taskwait",
        task::taskwait,
        &[
            arg(c"data", MIXED),
            opt(c"timeout", FLOAT, c"0.5"),
            opt(c"taskWorkerIndex", INT, c"-1"),
        ],
        MIXED,
    ),
    method(
        c"taskWaitMulti",
        task::task_wait_multi,
        &[arg(c"tasks", ARRAY), opt(c"timeout", FLOAT, c"0.5")],
        ARRAY_OR_FALSE,
    ),
    method(
        c"taskCo",
        task::task_co,
        &[arg(c"tasks", ARRAY), opt(c"timeout", FLOAT, c"0.5")],
        ARRAY_OR_FALSE,
    ),
    method(c"finish", task::finish, &[arg(c"data", MIXED)], BOOL),
    method(
        c"reload",
        run::reload,
        &[opt(c"only_reload_taskworker", BOOL, c"false")],
        BOOL,
    ),
    method(c"shutdown", run::shutdown, &[], BOOL),
    method(c"stop", run::stop, &[opt(c"workerId", INT, c"-1")], BOOL),
    method(
        c"getLastError",
        super::functions::swoole_last_error,
        &[],
        INT,
    ),
    method(
        c"heartbeat",
        run::later,
        &[opt(c"ifCloseConnection", BOOL, c"true")],
        ARRAY_OR_FALSE,
    ),
    method(
        c"getClientInfo",
        run::get_client_info,
        CLIENT_INFO,
        ARRAY_OR_FALSE,
    ),
    method(
        c"getClientList",
        run::get_client_list,
        CLIENT_LIST,
        ARRAY_OR_FALSE,
    ),
    method(c"getWorkerId", run::get_worker_id, &[], INT_OR_FALSE),
    method(
        c"getWorkerPid",
        run::get_worker_pid,
        WORKER_ID,
        INT_OR_FALSE,
    ),
    method(
        c"getWorkerStatus",
        run::get_worker_status,
        WORKER_ID,
        INT_OR_FALSE,
    ),
    method(c"getManagerPid", run::get_manager_pid, &[], INT),
    method(c"getMasterPid", run::get_master_pid, &[], INT),
    method(
        c"connection_info",
        run::get_client_info,
        CLIENT_INFO,
        ARRAY_OR_FALSE,
    ),
    method(
        c"connection_list",
        run::get_client_list,
        CLIENT_LIST,
        ARRAY_OR_FALSE,
    ),
    method(
        c"sendMessage",
        task::send_message,
        &[arg(c"message", MIXED), arg(c"dst_worker_id", INT)],
        BOOL,
    ),
    method(
        c"command",
        run::later,
        &[
            arg(c"name", STRING),
            arg(c"process_id", INT),
            arg(c"process_type", INT),
            arg(c"data", MIXED),
            opt(c"json_decode", BOOL, c"true"),
        ],
        ARRAY_STRING_FALSE,
    ),
    method(
        c"addCommand",
        run::later,
        &[
            arg(c"name", STRING),
            arg(c"accepted_process_types", INT),
            arg(c"callback", CALLABLE),
        ],
        BOOL,
    ),
    method(
        c"addProcess",
        setup_process::add_process,
        &[arg(c"process", Ty::Class(c"Swoole\\Process", 0))],
        INT_OR_FALSE,
    ),
    method(c"stats", run::stats, &[], ARRAY),
    method(
        c"getSocket",
        run::later,
        &[opt(c"port", INT, c"0")],
        SOCKET_OR_FALSE,
    ),
    method(c"bind", run::bind, &[FD, arg(c"uid", INT)], BOOL),
];

/// `Swoole\Server`.
pub static CLASS: ClassDef = ClassDef {
    name: c"Swoole\\Server",
    parent: None,
    interfaces: &[],
    methods: METHODS,
    properties: &[
        private(c"onStart"),
        private(c"onBeforeShutdown"),
        private(c"onShutdown"),
        private(c"onWorkerStart"),
        private(c"onWorkerStop"),
        private(c"onBeforeReload"),
        private(c"onAfterReload"),
        private(c"onWorkerExit"),
        private(c"onWorkerError"),
        private(c"onTask"),
        private(c"onFinish"),
        private(c"onManagerStart"),
        private(c"onManagerStop"),
        private(c"onPipeMessage"),
        public(c"setting", Default::Null),
        public(c"connections", Default::Null),
        public(c"host", Default::EmptyString),
        public(c"port", Default::Long(0)),
        public(c"type", Default::Long(0)),
        public(c"ssl", Default::Bool(false)),
        public(c"mode", Default::Long(0)),
        public(c"ports", Default::Null),
        public(c"master_pid", Default::Long(0)),
        public(c"manager_pid", Default::Long(0)),
        public(c"worker_id", Default::Long(-1)),
        public(c"taskworker", Default::Bool(false)),
        public(c"worker_pid", Default::Long(0)),
        public(c"stats_timer", Default::Null),
        public(c"admin_server", Default::Null),
    ],
    flags: ZEND_ACC_NOT_SERIALIZABLE | ALLOW_DYNAMIC_PROPERTIES,
    create: Some(object::create_server),
    aliases: &[c"swoole_server"],
    entry: &SERVER,
};
