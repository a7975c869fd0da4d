<?php

declare(strict_types=1);

namespace Swoole\Database;

/** A connection or a call of mysqli failed; code and message are mysqli's. */
class MysqliException extends \Exception {}
