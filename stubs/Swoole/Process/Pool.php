<?php

declare(strict_types=1);

namespace Swoole\Process;

/**
 * A pool of processes: start() makes this process the master, which keeps a number of workers running, and
 * returns when the pool is shut down.
 *
 * A worker that ends is replaced at once; one that fails again and again right after its start is replaced
 * after a growing pause. When the master is killed, the kernel ends its workers.
 *
 * Signals to the master: SIGTERM and SIGINT shut the pool down, SIGUSR1 and SIGUSR2 replace the workers one
 * after the other, SIGRTMIN and SIGWINCH open the log file anew. SIGTERM to a worker that takes messages or
 * runs coroutines ends it when it is done with what it has in hand; others it ends at once.
 *
 * With SWOOLE_IPC_SOCKET a client sends a length of four bytes, the most significant first, and so many
 * bytes; the answer, if there is one, has the same form, then the connection is closed.
 */
class Pool
{
    /** The process id of the master. */
    public $master_pid = -1;
    /** In a worker: its process id. */
    public $workerPid = -1;
    /** In a worker: its number, from 0. */
    public $workerId = -1;
    /** What getProcess() has returned so far, by the number of the worker. */
    public $workers = null;
    /** In a worker: whether it goes on. */
    public $workerRunning = true;
    /** Whether the pool, in a worker the worker, goes on. */
    public $running = true;

    /**
     * @param int $worker_num how many workers, at least 1
     * @param int $ipc_type how messages reach them: SWOOLE_IPC_NONE, SWOOLE_IPC_UNIXSOCK (a pipe for each), SWOOLE_IPC_MSGQUEUE (a System V queue for all) or SWOOLE_IPC_SOCKET (see listen())
     * @param int $msgqueue_key the key of the message queue; 0: one that only the pool knows, and that goes with it
     * @param bool $enable_coroutine whether workers run an event loop, and the callbacks workerStart and message in coroutines
     * @throws \Swoole\Exception if there is no memory or there are no descriptors for it
     */
    public function __construct(int $worker_num, int $ipc_type = 0, int $msgqueue_key = 0, bool $enable_coroutine = false) {}

    /** Workers are not touched: see shutdown(). */
    public function __destruct() {}

    /**
     * @param array $settings enable_coroutine; enable_message_bus: messages of any length through pipes; max_package_size: the largest message, in bytes, 2M by default; max_wait_time: seconds that a worker may take to end before it is killed, 3 by default, 0 for no limit; and what Swoole\Coroutine::set() takes
     */
    public function set(array $settings): void {}

    /**
     * Sets a callback. Each gets the pool first.
     *
     * @param string $name start and shutdown (in the master); workerStart, workerStop and, with coroutines, workerExit (in a worker, with its number; workerExit in each turn of the event loop of a worker that was told to end, until nothing is left to wait for); message (with the message)
     * @return bool false: there is no such event, or the pool has started
     */
    public function on(string $name, callable $callback): bool {}

    /**
     * A worker as a process to write to, or in a worker itself to read from.
     *
     * @param int $work_id its number; below 0: this worker
     */
    public function getProcess(int $work_id = -1): \Swoole\Process|false {}

    /**
     * Listens for clients; for SWOOLE_IPC_SOCKET, before start().
     *
     * @param string $host an address, or "unix:" and the path of a socket file
     * @param int $backlog how many clients may wait to be let in
     * @return bool false: the log says why
     */
    public function listen(string $host, int $port = 0, int $backlog = 2048): bool {}

    /**
     * Adds to the answer to the client whose message the callback has.
     *
     * @return bool false: there is no such client
     */
    public function write(string $data): bool {}

    /**
     * Sends a message to a worker; for SWOOLE_IPC_UNIXSOCK. In a worker with coroutines it does not wait for
     * room in the pipe.
     *
     * @param string $data up to about 200 KiB, with enable_message_bus up to 64 MiB
     * @return bool false: it was not sent, and the log says why
     */
    public function sendMessage(string $data, int $dst_worker_id): bool {}

    /**
     * In a worker: it leaves the pool, which replaces it at once. It takes no more messages and ends when the
     * callback returns; neither a reload nor a shutdown of the pool ends it.
     *
     * @return bool false: this is no worker, or it is about to end
     */
    public function detach(): bool {}

    /**
     * Runs the pool until it is shut down.
     *
     * @return null|false false: it was not started, and the log says why
     */
    public function start(): ?false {}

    /** In a worker: it ends when it is done with what it has in hand, and is replaced. In the master: shutdown(). */
    public function stop(): void {}

    /**
     * Ends the workers, then the pool; in its master or in a worker.
     *
     * @throws \Swoole\Exception if the pool does not run
     */
    public function shutdown(): bool {}
}
