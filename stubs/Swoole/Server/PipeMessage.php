<?php

declare(strict_types=1);

namespace Swoole\Server;

/** What onPipeMessage gets as second and last argument with the option event_object. */
class PipeMessage
{
    /**
     * The worker that has sent it; 0 for the master and the manager.
     *
     * @var int
     */
    public $source_worker_id = 0;

    /**
     * The same.
     *
     * @var int
     */
    public $worker_id = 0;

    /**
     * When it was sent, in seconds since the epoch.
     *
     * @var float
     */
    public $dispatch_time = 0.0;

    /**
     * What was given to sendMessage().
     *
     * @var mixed
     */
    public $data;
}
