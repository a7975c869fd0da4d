<?php

declare(strict_types=1);

namespace Swoole;

/**
 * A TCP server: processes, reactor threads, connections; your code runs in callbacks.
 *
 * Set up in this order: constructor, set(), on(), start(). A process has one server at a time. Further
 * properties may be added to the object; it can be neither cloned nor serialized.
 */
class Server
{
    /** Callback of "start", set by on(). */
    private $onStart;

    /** Callback of "beforeShutdown", set by on(). */
    private $onBeforeShutdown;

    /** Callback of "shutdown", set by on(). */
    private $onShutdown;

    /** Callback of "workerStart", set by on(). */
    private $onWorkerStart;

    /** Callback of "workerStop", set by on(). */
    private $onWorkerStop;

    /** Callback of "beforeReload", set by on(). */
    private $onBeforeReload;

    /** Callback of "afterReload", set by on(). */
    private $onAfterReload;

    /** Callback of "workerExit", set by on(). */
    private $onWorkerExit;

    /** Callback of "workerError", set by on(). */
    private $onWorkerError;

    /** Callback of "task", set by on(). */
    private $onTask;

    /** Callback of "finish", set by on(). */
    private $onFinish;

    /** Callback of "managerStart", set by on(). */
    private $onManagerStart;

    /** Callback of "managerStop", set by on(). */
    private $onManagerStop;

    /** Callback of "pipeMessage", set by on(). */
    private $onPipeMessage;

    /**
     * What was given to set(); from start() on with the resolved worker_num, task_worker_num,
     * output_buffer_size (bytes) and max_connection.
     *
     * @var array<string, mixed>|null
     */
    public $setting;

    /**
     * The open connections of all ports: iterates over session ids, counts, and can be indexed.
     *
     * @var \Swoole\Connection\Iterator
     */
    public $connections;

    /**
     * Where the first port listens, as given.
     *
     * @var string
     */
    public $host = '';

    /**
     * The first port's number; the real one where 0 was given.
     *
     * @var int
     */
    public $port = 0;

    /**
     * The first port's SWOOLE_SOCK_* type.
     *
     * @var int
     */
    public $type = 0;

    /**
     * Whether the first port speaks TLS.
     *
     * @var bool
     */
    public $ssl = false;

    /**
     * SWOOLE_BASE or SWOOLE_PROCESS.
     *
     * @var int
     */
    public $mode = 0;

    /**
     * All ports, the first one at 0.
     *
     * @var list<\Swoole\Server\Port>|null
     */
    public $ports;

    /**
     * Process id of the master; 0 before start().
     *
     * @var int
     */
    public $master_pid = 0;

    /**
     * Process id of the manager; 0 before start() and where there is none.
     *
     * @var int
     */
    public $manager_pid = 0;

    /**
     * Number of this worker, from 0; -1 in the other processes.
     *
     * @var int
     */
    public $worker_id = -1;

    /**
     * Whether this process is a task worker.
     *
     * @var bool
     */
    public $taskworker = false;

    /**
     * Process id of this worker; 0 in the other processes.
     *
     * @var int
     */
    public $worker_pid = 0;

    /** Reserved for a later version. */
    public $stats_timer;

    /** Reserved for a later version. */
    public $admin_server;

    /**
     * Binds the address; clients are let in by start().
     *
     * @param string $host an address, a name, or a path for SWOOLE_SOCK_UNIX_STREAM
     * @param int $port 0 to 65535; 0 takes a free one, see $port
     * @param int $mode SWOOLE_BASE: workers own their connections; SWOOLE_PROCESS: reactor threads do
     * @param int $sock_type SWOOLE_SOCK_TCP, SWOOLE_SOCK_TCP6 or SWOOLE_SOCK_UNIX_STREAM
     * @throws \Swoole\Exception if the address cannot be had (the code is the errno), if there is a server in this
     *     process already (-3), or outside of the command line (-1)
     * @throws \Error for an unknown mode, or if called twice
     */
    public function __construct(string $host = '0.0.0.0', int $port = 0, int $mode = \SWOOLE_BASE, int $sock_type = \SWOOLE_SOCK_TCP) {}

    /** Does nothing; subclasses may call it. */
    public function __destruct() {}

    /**
     * Adds a port. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs servers with several ports
     */
    public function listen(string $host, int $port, int $sock_type): \Swoole\Server\Port|false {}

    /**
     * The same as listen(). Not built yet.
     *
     * @throws \Swoole\Exception always: it needs servers with several ports
     */
    public function addlistener(string $host, int $port, int $sock_type): \Swoole\Server\Port|false {}

    /**
     * Sets the callback of an event, before start().
     *
     * Of the server: start, beforeShutdown, shutdown, managerStart, managerStop, workerStart, workerStop,
     * workerExit, workerError, beforeReload, afterReload. Of the first port: connect, receive, close,
     * bufferFull, bufferEmpty. Upper and lower case are the same, and "on" may stand in front.
     *
     * @return bool false, with a warning, for an unknown event, for what is not callable, and after start()
     */
    public function on(string $event_name, callable $callback): bool {}

    /**
     * The callback that was given to on(), of the server or of its first port.
     *
     * @return \Closure|array|string|null null: none is set, or no such event
     */
    public function getCallback(string $event_name): \Closure|array|string|null {}

    /**
     * Sets options, before start(). Later calls add to earlier ones; all of the array is taken, or, if one
     * value is wrong, nothing. An unknown name gives a warning with the nearest known one.
     *
     * @param array<string, mixed> $settings
     * @return bool false, with a warning, after start()
     * @throws \TypeError for a value of a wrong type
     * @throws \ValueError for a value out of range
     */
    public function set(array $settings): bool {}

    /**
     * Runs the server. Returns when it is down, in the process that called; all other processes end in it.
     *
     * A callback that calls exit() ends its process with that status; an uncaught exception or a fatal error
     * ends it with 255. Shutdown functions and destructors run then. The manager replaces workers.
     *
     * @return bool true after an orderly end; false, with a warning, if called again
     */
    public function start(): bool {}

    /**
     * Sends data to a client. Everything that is sent before close() reaches the client.
     *
     * @param string|int $fd session id
     * @param string $send_data 1 byte to output_buffer_size bytes
     * @param int $serverSocket for datagram sockets; without meaning for connections
     * @return bool false: nothing was sent, see getLastError(): SWOOLE_ERROR_SESSION_NOT_EXIST, SWOOLE_ERROR_SESSION_CLOSED,
     *     SWOOLE_ERROR_OUTPUT_BUFFER_OVERFLOW, SWOOLE_ERROR_DATA_LENGTH_TOO_LARGE, SWOOLE_ERROR_SERVER_SEND_IN_MASTER ...
     */
    public function send(string|int $fd, string $send_data, int $serverSocket = -1): bool {}

    /**
     * Sends a datagram. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs UDP
     */
    public function sendto(string $ip, int $port, string $send_data, int $server_socket = -1): bool {}

    /**
     * Sends and waits until the data is with the kernel. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs blocking sends in BASE mode
     */
    public function sendwait(int $conn_fd, string $send_data): bool {}

    /**
     * Whether a connection is open.
     *
     * @param int $fd session id
     */
    public function exists(int $fd): bool {}

    /** The same as exists(). */
    public function exist(int $fd): bool {}

    /**
     * Protects a connection from being closed by the heartbeat, or ends that.
     *
     * @param int $fd session id
     * @return bool false: there is no such connection
     */
    public function protect(int $fd, bool $is_protected = true): bool {}

    /**
     * Sends a file. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs sendfile(2)
     */
    public function sendfile(int $conn_fd, string $filename, int $offset = 0, int $length = 0): bool {}

    /**
     * Closes a connection: onClose runs, then what was sent before still goes out.
     *
     * @param int $fd session id
     * @param bool $reset drop what waits to be sent, and reset the connection
     * @return bool false: there is no such connection, or it is closing already; see getLastError()
     */
    public function close(int $fd, bool $reset = false): bool {}

    /**
     * The same as resume(). Not built yet.
     *
     * @throws \Swoole\Exception always: it needs enable_delay_receive
     */
    public function confirm(int $fd): bool {}

    /**
     * Stops reading from a connection. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs pausing of connections
     */
    public function pause(int $fd): bool {}

    /**
     * Reads from a connection again. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs pausing of connections
     */
    public function resume(int $fd): bool {}

    /**
     * Hands data to a task worker, which runs onTask with it. Does not wait: the result, if there is one,
     * comes to $finishCallback or else to onFinish of the worker that has called. In the master, the manager
     * and processes of addProcess() no result comes back; in a task worker tasks cannot be made.
     *
     * @param mixed $data what serialize() takes, of any size
     * @param int $taskWorkerIndex the task worker, from 0 to task_worker_num - 1; -1 is whichever is free first
     * @param callable|null $finishCallback called as onFinish is, for this task alone
     * @return int|false the number of the task, counted by each process from 0 on; false: it was not sent,
     *     because far too many wait already (the log says so)
     */
    public function task(mixed $data, int $taskWorkerIndex = -1, ?callable $finishCallback = null): int|false {}

    /**
     * Hands data to a task worker and waits for the result; in a coroutine others run meanwhile.
     *
     * @param float $timeout seconds; 0 and less is without limit
     * @param int $taskWorkerIndex as in task()
     * @return mixed the result; false if there was none in time, and at once if the task worker has died
     */
    public function taskwait(mixed $data, float $timeout = 0.5, int $taskWorkerIndex = -1): mixed {}

    /**
     * Hands several tasks out and waits for all results.
     *
     * @param array $tasks up to 1023 of them
     * @param float $timeout seconds for all together; 0 and less is without limit
     * @return array|false the results under the numbers of their tasks, without those whose time was over;
     *     false if no task could be sent
     */
    public function taskWaitMulti(array $tasks, float $timeout = 0.5): array|false {}

    /**
     * Hands several tasks out and waits in a coroutine for all results.
     *
     * @param array $tasks up to 1023 of them
     * @param float $timeout seconds for all together; 0 and less is without limit
     * @return array|false the results in the order of the tasks, with false for those that have none; false
     *     if no task could be sent
     */
    public function taskCo(array $tasks, float $timeout = 0.5): array|false {}

    /**
     * Gives the result of the task that came last to the worker that asked for it, in onTask or later. What
     * onTask returns is given the same way. With task_enable_coroutine use Task::finish().
     *
     * @return bool false: nobody waits for it, or it was not taken within socket_send_timeout
     */
    public function finish(mixed $data): bool {}

    /**
     * Replaces all workers by new ones, without a loss of requests.
     *
     * @param bool $only_reload_taskworker only task workers
     * @return bool false: a reload is not possible here, see getLastError()
     */
    public function reload(bool $only_reload_taskworker = false): bool {}

    /**
     * Stops the server in order: no new clients, what is in flight is finished within max_wait_time.
     *
     * @return bool false before start()
     */
    public function shutdown(): bool {}

    /**
     * Stops one worker, which the manager then replaces.
     *
     * @param int $workerId -1: this worker
     */
    public function stop(int $workerId = -1): bool {}

    /** Why the last call failed: an errno below 500, else a SWOOLE_ERROR_* value; 0: none failed. */
    public function getLastError(): int {}

    /**
     * Lists connections that were silent for too long. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs heartbeats
     */
    public function heartbeat(bool $ifCloseConnection = true): array|false {}

    /**
     * What is known of a connection: server_port, server_fd, socket_fd, socket_type, remote_port, remote_ip,
     * reactor_id, connect_time (seconds since the epoch), last_time, last_recv_time, last_send_time,
     * last_dispatch_time (seconds, with fraction), close_errno, recv_queued_bytes, send_queued_bytes; uid after
     * bind(), worker_id where the connection belongs to a worker.
     *
     * @param int $fd session id
     * @param int $reactor_id without meaning, kept for old scripts
     * @param bool $ignoreError also for a connection that is closed already
     * @return array<string, int|float|string>|false false: there is no such connection
     */
    public function getClientInfo(int $fd, int $reactor_id = -1, bool $ignoreError = false): array|false {}

    /**
     * Session ids of open connections, in ascending order.
     *
     * @param int $start_fd only those above this one
     * @param int $find_count at most so many, 1 to 100
     * @return list<int>|false false: there are none
     */
    public function getClientList(int $start_fd = 0, int $find_count = 10): array|false {}

    /**
     * Number of this worker.
     *
     * @return int|false false in the master and the manager
     */
    public function getWorkerId(): int|false {}

    /**
     * Process id of a worker.
     *
     * @param int $worker_id -1: this worker
     * @return int|false false: there is no such worker
     */
    public function getWorkerPid(int $worker_id = -1): int|false {}

    /**
     * SWOOLE_WORKER_BUSY, SWOOLE_WORKER_IDLE or SWOOLE_WORKER_EXIT.
     *
     * @param int $worker_id -1: this worker
     * @return int|false false: there is no such worker
     */
    public function getWorkerStatus(int $worker_id = -1): int|false {}

    /** Process id of the manager; 0 before start() and where there is none. */
    public function getManagerPid(): int {}

    /** Process id of the master; 0 before start(). */
    public function getMasterPid(): int {}

    /** The same as getClientInfo(). */
    public function connection_info(int $fd, int $reactor_id = -1, bool $ignoreError = false): array|false {}

    /** The same as getClientList(). */
    public function connection_list(int $start_fd = 0, int $find_count = 10): array|false {}

    /**
     * Sends a message to a worker or task worker, whose onPipeMessage runs with it.
     *
     * @param mixed $message what serialize() takes, of any size
     * @param int $dst_worker_id from 0 to worker_num + task_worker_num - 1, but not the process itself
     */
    public function sendMessage(mixed $message, int $dst_worker_id): bool {}

    /**
     * Runs a command in another process. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs commands
     */
    public function command(string $name, int $process_id, int $process_type, mixed $data, bool $json_decode = true): array|string|false {}

    /**
     * Adds a command. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs commands
     */
    public function addCommand(string $name, int $accepted_process_types, callable $callback): bool {}

    /**
     * Has the server run a process of its own, before start(). It starts behind the workers, starts again
     * whenever it ends, and ends with the server. Workers reach it through the process's pipe (write(),
     * exportSocket()), and it reaches them by sendMessage(), task() and send().
     *
     * @return int|false the number of the process object
     */
    public function addProcess(\Swoole\Process $process): int|false {}

    /**
     * Counters of the server: start_time (seconds since the epoch), connection_num, accept_count, close_count,
     * abort_count, worker_num, idle_worker_num, request_count, response_count, total_recv_bytes,
     * total_send_bytes, send_queued_bytes ...; false, with a warning, before start().
     *
     * @return array<string, int|float>
     */
    public function stats(): array {}

    /**
     * The listening socket. Not built yet.
     *
     * @throws \Swoole\Exception always: it needs the sockets extension
     */
    public function getSocket(int $port = 0): \Socket|false {}

    /**
     * Gives a connection a number of your own, for dispatch_mode 5; once.
     *
     * @param int $fd session id
     * @return bool false: there is no such connection, or it has a number already
     */
    public function bind(int $fd, int $uid): bool {}
}
