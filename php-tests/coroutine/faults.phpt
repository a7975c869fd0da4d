--TEST--
Swoole\Coroutine: fatal errors, memory limit, exceptions and exit inside nested coroutines end the process in order
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// What ends the process, as it stands in a coroutine; what is printed; the exit status.
$ends = [
    'fatal' => ['undefined_function();', 'Uncaught Error: Call to undefined function undefined_function()', 255],
    'compile' => ['eval("function f(): void {} function f(): void {}");', 'Cannot redeclare', 255],
    'user error' => ['@trigger_error("my own", E_USER_ERROR);', 'Fatal error: my own', 255],
    'memory' => ['$s = "x"; while (true) { $s .= $s; }', 'Allowed memory size of', 255],
    'recursion' => ['$f = fn ($f) => [1, ...array_map($f, [$f])]; ini_set("memory_limit", "16M"); $a = []; while (true) { $a[] = str_repeat("x", 99); }', 'Allowed memory size of', 255],
    'exception' => ['throw new RuntimeException("nobody catches");', 'Uncaught RuntimeException: nobody catches', 255],
    'in destructor' => ['new class { function __destruct() { throw new Exception("from a destructor"); } };', 'Uncaught Exception: from a destructor', 255],
    'exit' => ['exit(7);', 'Uncaught Swoole\ExitException: swoole exit', 255],
];
if (getenv('USE_ZEND_ALLOC') === '0') {
    // There is no limit of memory then.
    unset($ends['memory'], $ends['recursion']);
}

// Where it stands.
$places = [
    'first' => 'run(function () { KEEP END });',
    'nested' => 'run(function () { KEEP go(function () { KEEP go(function () { KEEP END }); echo "NOT REACHED"; }); echo "NOT REACHED"; });',
    'after a switch' => 'run(function () { KEEP go(function () { KEEP Co::sleep(0.001); END echo "NOT REACHED"; }); Co::sleep(10); echo "NOT REACHED"; });',
    'resumed by another' => 'run(function () { KEEP $cid = go(function () { KEEP Co::yield(); END echo "NOT REACHED"; }); go(function () use ($cid) { KEEP Co::resume($cid); echo "NOT REACHED"; }); echo "NOT REACHED"; });',
    'in defer' => 'run(function () { KEEP go(function () { KEEP defer(function () { END }); Co::sleep(0.001); }); Co::sleep(10); echo "NOT REACHED"; });',
    'in a fiber' => 'run(function () { KEEP $f = new Fiber(function () { KEEP Co::sleep(0.001); END echo "NOT REACHED"; }); $f->start(); echo "NOT REACHED"; });',
    'in a fiber of the main context' => '$f = new Fiber(function () { KEEP go(function () { KEEP END }); echo "NOT REACHED"; }); $f->start(); echo "NOT REACHED";',
    'in a callback of PHP' => 'run(function () { KEEP array_map(function () { KEEP go(function () { KEEP usort($GLOBALS["list"], function () { END }); }); }, [1]); echo "NOT REACHED"; });',
    'at the end of the script' => 'go(function () { KEEP Co::sleep(0.001); END echo "NOT REACHED"; }); go(function () { KEEP Co::sleep(10); echo "NOT REACHED"; });',
    'in a shutdown function' => 'register_shutdown_function(function () { go(function () { KEEP END }); echo "NOT REACHED"; });',
];

$head = <<<'PHP'
    use Swoole\Coroutine as Co;
    use function Swoole\Coroutine\{go, run, defer};
    $list = [2, 1, 3];
    ini_set('memory_limit', '16M');
    class Kept { function __destruct() { $GLOBALS['kept']--; } }
    $kept = 0;
    function keep() { $GLOBALS['kept']++; return new Kept(); }
    register_shutdown_function(function () { echo "\nshutdown ran\n"; });

    PHP;

foreach ($ends as $what => [$end, $message, $status]) {
    foreach ($places as $where => $place) {
        // Each keeps something with a destructor, and has others around that wait for ever.
        $others = $where === 'in a shutdown function' ? '' : 'go(fn () => Co::yield());';
        $code = $head . $others . str_replace(['END', 'KEEP'], [$end, '$k = keep();'], $place);
        $out = Script::run($code, status: $status);
        check(str_contains($out, $message), "{$what} {$where} tells: {$out}");
        same(1, substr_count($out, 'Fatal error'), "{$what} {$where}, messages: {$out}");
        check(str_contains($out, "\nshutdown ran\n"), "{$what} {$where} runs shutdown functions: {$out}");
        check(!str_contains($out, 'NOT REACHED'), "{$what} {$where} goes on: {$out}");
        check(!str_contains($out, 'deadlock'), "{$what} {$where} is no deadlock: {$out}");
    }
}
echo "ok\n";
?>
--EXPECT--
ok
