<?php

declare(strict_types=1);

namespace Swoole;

/**
 * What the server throws where a call cannot succeed, for example because a port is taken.
 * The code is an errno or a SWOOLE_ERROR_* value.
 */
class Exception extends \Exception
{
}
