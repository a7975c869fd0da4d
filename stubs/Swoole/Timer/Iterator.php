<?php

declare(strict_types=1);

namespace Swoole\Timer;

/** What Timer::list() gives. */
class Iterator extends \ArrayIterator
{
}
