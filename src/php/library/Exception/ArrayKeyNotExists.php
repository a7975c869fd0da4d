<?php

declare(strict_types=1);

namespace Swoole\Exception;

/** An array object was asked for a key that it does not have; the message is the key. */
class ArrayKeyNotExists extends \RuntimeException {}
