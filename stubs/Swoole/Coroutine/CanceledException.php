<?php

declare(strict_types=1);

namespace Swoole\Coroutine;

/** What Coroutine::cancel() throws in the coroutine that it cancels, if asked to. */
final class CanceledException extends \Exception {}
