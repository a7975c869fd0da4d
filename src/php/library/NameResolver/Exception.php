<?php

declare(strict_types=1);

namespace Swoole\NameResolver;

/** A service registry could not be asked, or refused. */
class Exception extends \RuntimeException {}
