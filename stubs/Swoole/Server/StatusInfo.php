<?php

declare(strict_types=1);

namespace Swoole\Server;

/**
 * How a worker ended: what the callback of workerError gets as second and last argument with the option
 * event_object.
 */
class StatusInfo
{
    /**
     * Number of the worker.
     *
     * @var int
     */
    public $worker_id = 0;

    /**
     * Its process id.
     *
     * @var int
     */
    public $worker_pid = 0;

    /**
     * Raw status of wait(2).
     *
     * @var int
     */
    public $status = 0;

    /**
     * Exit status; 0 after a signal.
     *
     * @var int
     */
    public $exit_code = 0;

    /**
     * The signal that ended it, or 0.
     *
     * @var int
     */
    public $signal = 0;
}
