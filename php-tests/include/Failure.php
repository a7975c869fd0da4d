<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** A test's expectation that does not hold. */
final class Failure extends \RuntimeException
{
}
