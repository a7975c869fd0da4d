<?php

declare(strict_types=1);

namespace Swoole;

/** A mistake in the use of a class. */
class Error extends \Error
{
}
