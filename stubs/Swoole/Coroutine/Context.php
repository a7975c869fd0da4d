<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** What a coroutine keeps for itself, until it ends: see Coroutine::getContext(). */
class Context extends \ArrayObject {}
