--TEST--
every function and public method, with wrong and extreme arguments and new seeds
--FILE--
<?php
use SwooleRs\Tests\Fuzz;

require __DIR__ . '/../include/bootstrap.php';
require __DIR__ . '/../fuzz/Fuzz.inc';

$seconds = (float) (getenv('FUZZ_SECONDS') ?: (getenv('SWOOLE_SOAK') ? 600 : 60));
for ($end = microtime(true) + $seconds, $said = "no crash\n"; $said === "no crash\n" && microtime(true) < $end;) {
    $seed = random_int(0, 1 << 31);
    $said = Fuzz::limited([$seed, 30]);
}
echo $said === "no crash\n" ? "no crash\n" : "seed {$seed}: {$said}";
?>
--EXPECT--
no crash
