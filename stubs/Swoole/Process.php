<?php

declare(strict_types=1);

namespace Swoole;

/**
 * A child process: made with a callback, started by start(), with a pipe between the two and, if wanted,
 * a message queue.
 *
 * A child begins with an event loop of its own, without the signal handlers and shutdown functions of its
 * parent and without what its parent had in output buffers. When the callback returns, what it has put
 * into the event loop goes on until nothing is left, then the process ends as a script does.
 */
class Process
{
    /** For useQueue(): push() and pop() do not wait. */
    public const IPC_NOWAIT = 256;
    /** For close(): the parent's end. */
    public const PIPE_MASTER = 1;
    /** For close(): the child's end. */
    public const PIPE_WORKER = 2;
    /** For close(): reading ends, writing goes on. */
    public const PIPE_READ = 3;
    /** For close(): writing ends, reading goes on. */
    public const PIPE_WRITE = 4;
    /** No pipe. */
    public const PIPE_TYPE_NONE = 0;
    /** Bytes, without bounds between what was written. */
    public const PIPE_TYPE_STREAM = 1;
    /** Messages: one read() for each write(). */
    public const PIPE_TYPE_DGRAM = 2;

    /** The descriptor of this side's end of the pipe, e.g. for Event::add(). */
    public $pipe = null;
    /** The kernel's number of the message queue. */
    public $msgQueueId = null;
    /** The key of the message queue. */
    public $msgQueueKey = null;
    /** The child's process id, once it was started. */
    public $pid = null;
    /** Counts the objects: 1, 2, 3... */
    public $id = null;
    /** What the child runs. */
    private $callback = null;

    /**
     * @param callable $callback gets this object, in the child
     * @param bool $redirect_stdin_and_stdout whether the child's standard input, output and error are the pipe, which is a stream then
     * @param int $pipe_type PIPE_TYPE_*
     * @param bool $enable_coroutine whether the callback runs in a coroutine
     */
    public function __construct(callable $callback, bool $redirect_stdin_and_stdout = false, int $pipe_type = 2, bool $enable_coroutine = false) {}

    /** Closes the pipe in this process. The child goes on. */
    public function __destruct() {}

    /**
     * Reaps a child that ended: without that it stays as a zombie until this process ends.
     *
     * @param bool $blocking whether to wait for one; a signal ends the waiting
     * @return array|false pid, code (exit status), signal (that killed it, or 0); false: none has ended, or there is none
     */
    public static function wait(bool $blocking = true): array|false {}

    /**
     * Has a callback called by the event loop when a signal comes.
     *
     * @param callable|null $callback gets the number; null: the signal means again what it did before. SIG_IGN: it is ignored
     */
    public static function signal(int $signal_no, ?callable $callback = null): bool {}

    /**
     * Sends a signal to this process again and again.
     *
     * @param int $usec microseconds between two; 0 and less: not any more
     * @param int $type 0: SIGALRM, real time; 1: SIGVTALRM, time this process computes; 2: SIGPROF, that and the kernel's for it
     */
    public static function alarm(int $usec, int $type = 0): bool {}

    /** Sends a signal (SIGTERM if none is named); 0 only asks whether there is such a process. */
    public static function kill(int $pid, int $signal_no = 15): bool {}

    /**
     * Goes to the background: the calling process ends, a child without terminal goes on behind this call.
     *
     * @param bool $nochdir whether the working directory stays; else it is /
     * @param bool $noclose whether standard input, output and error stay; else they are /dev/null
     * @param array $pipes streams or descriptors to take their places, in this order; null leaves one
     */
    public static function daemon(bool $nochdir = true, bool $noclose = true, array $pipes = []): bool {}

    /** Binds this process to CPUs, numbered from 0. */
    public static function setAffinity(array $cpu_settings): bool {}

    /** The CPUs this process may run on. */
    public static function getAffinity(): array {}

    /**
     * @param int $which PRIO_PROCESS, PRIO_PGRP or PRIO_USER
     * @param int $priority -20 (first) to 19 (last)
     * @param int|null $who the process, group or user; null: this process
     */
    public function setPriority(int $which, int $priority, ?int $who = NULL): bool {}

    /** As setPriority(). */
    public function getPriority(int $which, ?int $who = NULL): int|false {}

    /** Takes the option enable_coroutine, as the constructor. */
    public function set(array $settings): void {}

    /** How long read() and write() may wait, in seconds; 0 and less: without limit, as at first. */
    public function setTimeout(float $seconds): bool {}

    /** Whether read() and write() wait, as they do at first. */
    public function setBlocking(bool $blocking): bool {}

    /**
     * Opens or makes a System V message queue, which stays in the kernel until freeQueue().
     *
     * @param int $key 0 and less: a key derived from the running script's file
     * @param int $mode SWOOLE_MSGQUEUE_BALANCE: whoever asks first gets a message; SWOOLE_MSGQUEUE_ORIENT: each object gets its own; with |IPC_NOWAIT nobody waits
     * @param int $capacity bytes that the queue may hold; -1: the kernel's default
     */
    public function useQueue(int $key = 0, int $mode = 2, int $capacity = -1): bool {}

    /** @return array|false queue_num: messages waiting; queue_bytes: their size */
    public function statQueue(): array|false {}

    /** Removes the queue and what is in it. */
    public function freeQueue(): bool {}

    /**
     * Forks.
     *
     * @return int|bool the child's process id; false: it runs already, the callback cannot be called, or there is no room for a process
     */
    public function start(): int|bool {}

    /**
     * Writes to the other side: all of it.
     *
     * @return int|false the length; false: nobody reads (any more), a message is too large, or the time is over
     */
    public function write(string $data): int|false {}

    /** Closes both ends in this process, or what a PIPE_* constant says. */
    public function close(int $which = 0): bool {}

    /**
     * Reads what the other side wrote: one message, or up to $size bytes of a stream.
     *
     * @return string|false empty: the other side's end is closed everywhere; false: the time is over, or nothing is there and it does not wait
     */
    public function read(int $size = 8192): string|false {}

    /** Appends a message of less than 64 KiB (and of at most what the kernel allows: 8192 bytes by default). */
    public function push(string $data): bool {}

    /**
     * Takes a message.
     *
     * @param int $size false if the next one is larger
     */
    public function pop(int $size = 65536): string|false {}

    /** Ends the child, in which it must be called, at once: no shutdown functions, no destructors. */
    public function exit(int $exit_code = 0): void {}

    /**
     * Becomes another program; returns only if that fails.
     *
     * @param string $exec_file its path: the environment's PATH is not searched
     * @param array $args its arguments, without its name
     */
    public function exec(string $exec_file, array $args): bool {}

    /** This side's end of the pipe as a coroutine socket. */
    public function exportSocket(): \Swoole\Coroutine\Socket|false {}

    /** Changes the name of this process, as swoole_set_process_name(). */
    public function name(string $process_name): bool {}
}
