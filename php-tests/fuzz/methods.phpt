--TEST--
every function and public method, with wrong and extreme arguments, answers without a crash
--FILE--
<?php
use SwooleRs\Tests\Fuzz;

require __DIR__ . '/../include/bootstrap.php';
require __DIR__ . '/Fuzz.inc';

echo Fuzz::limited([getenv('FUZZ_SEED') ?: 20260101, getenv('FUZZ_SECONDS') ?: 5]);
?>
--EXPECT--
no crash
