<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** The numbers of coroutines: see Coroutine::list(). */
class Iterator extends \ArrayIterator {}
