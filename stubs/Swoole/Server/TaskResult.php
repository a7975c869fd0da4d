<?php

declare(strict_types=1);

namespace Swoole\Server;

/** What onFinish gets as second and last argument with the option event_object. */
class TaskResult
{
    /**
     * What task() returned.
     *
     * @var int
     */
    public $task_id = 0;

    /**
     * The task worker that has done it.
     *
     * @var int
     */
    public $task_worker_id = 0;

    /**
     * When the result was sent, in seconds since the epoch.
     *
     * @var float
     */
    public $dispatch_time = 0.0;

    /**
     * The result.
     *
     * @var mixed
     */
    public $data;
}
