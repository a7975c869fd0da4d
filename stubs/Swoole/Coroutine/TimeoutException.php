<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** What a coroutine throws where it waits when its time is over: see Coroutine::setTimeLimit(). */
final class TimeoutException extends \Exception {}
