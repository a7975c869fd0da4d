<?php

declare(strict_types=1);

namespace Swoole\Server;

/** What callbacks of connect, receive and close get as second and last argument with the option event_object. */
class Event
{
    /**
     * The reactor thread that owns the connection; -1 in close if the server closed it.
     *
     * @var int
     */
    public $reactor_id = 0;

    /**
     * Session id.
     *
     * @var int
     */
    public $fd = 0;

    /**
     * When the event was passed on, in seconds since the epoch.
     *
     * @var float
     */
    public $dispatch_time = 0.0;

    /**
     * What was received; null in connect and close.
     *
     * @var string|null
     */
    public $data;
}
