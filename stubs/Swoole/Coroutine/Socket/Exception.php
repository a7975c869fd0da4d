<?php

declare(strict_types=1);

namespace Swoole\Coroutine\Socket;

/** For a socket that cannot be made, and for arguments that cannot be used. */
class Exception extends \Swoole\Exception {}
