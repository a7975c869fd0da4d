<?php

declare(strict_types=1);

namespace Swoole\Server;

/** What onTask gets as second and last argument with the options task_object, event_object or task_enable_coroutine. */
final class Task
{
    /**
     * What was given to task().
     *
     * @var mixed
     */
    public $data;

    /**
     * When the task was sent, in seconds since the epoch.
     *
     * @var float
     */
    public $dispatch_time = 0.0;

    /**
     * The number of the task, counted by the process that has sent it.
     *
     * @var int
     */
    public $id = -1;

    /**
     * The worker that has sent it; 0 for the master and the manager.
     *
     * @var int
     */
    public $worker_id = -1;

    /**
     * SWOOLE_TASK_* bits.
     *
     * @var int
     */
    public $flags = 0;

    /**
     * Gives the result to the worker that asked for it, in onTask or later.
     *
     * @return bool false: nobody waits for it, or it was not taken in time
     */
    public function finish(mixed $data): bool {}

    /**
     * Makes the bytes of a task that other programs may put into the message queue of a server with
     * task_ipc_mode 2 or 3. Nobody gets a result of it.
     */
    public static function pack(mixed $data): string|false {}

    /**
     * The data in what pack() has made.
     *
     * @return mixed false: pack() has not made it
     */
    public static function unpack(string $data): mixed {}
}
