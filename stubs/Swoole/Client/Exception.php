<?php

declare(strict_types=1);

namespace Swoole\Client;

/** For what goes wrong in clients. */
class Exception extends \Swoole\Exception {}
