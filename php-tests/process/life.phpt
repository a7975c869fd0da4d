--TEST--
Swoole\Process: a child runs its callback and ends as a script does, without its parent's shutdown work
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

/** Runs a callback in a child and returns the end of the child and what everybody wrote. */
function child(string $body, int $status = 0): string
{
    return trim(Script::run(<<<CODE
        class Loud
        {
            public function __construct(private string \$name) {}
            public function __destruct() { echo \$this->name, " destroyed;"; }
        }
        register_shutdown_function(function () { echo 'shutdown of the parent in ', getmypid() === PARENT ? 'parent' : 'child', ';'; });
        define('PARENT', getmypid());
        ob_start();
        echo 'buffered;';
        \$process = new Swoole\\Process(function (Swoole\\Process \$process) { {$body} });
        \$pid = \$process->start();
        \$end = Swoole\\Process::wait();
        echo \$end['pid'] === \$pid && \$process->pid === \$pid ? '' : 'WRONG PID', "code {\$end['code']} signal {\$end['signal']};";
        CODE, status: $status));
}

$parent = 'buffered;code %d signal %d;shutdown of the parent in parent;';
$ends = [
    'return' => ['return 7;', '', 0, 0],
    'exit' => ['echo "x;"; exit(3);', 'x;', 3, 0],
    'own shutdown' => ['register_shutdown_function(fn () => print("own;")); ob_start(); echo "kept;";', 'kept;own;', 0, 0],
    'exit in shutdown' => ['register_shutdown_function(fn () => exit(4));', '', 4, 0],
    'destructors' => ['$GLOBALS["a"] = new Loud("global"); $b = new Loud("local");', 'local destroyed;global destroyed;', 0, 0],
    'no finally of the caller' => ['try { exit(5); } finally { echo "never;"; }', '', 5, 0],
    'signal' => ['posix_kill(getmypid(), SIGKILL);', '', 0, SIGKILL],
    'process exit' => ['register_shutdown_function(fn () => print("never;")); echo "x;"; $process->exit(9);', 'x;', 9, 0],
];
foreach ($ends as $name => [$body, $output, $code, $signal]) {
    same($output . sprintf($parent, $code, $signal), child($body), $name);
}

// After a fault the functions of the parent run too: error handlers are such functions.
$fault = child('register_shutdown_function(fn () => print("own;")); throw new LogicException("oops");');
same(1, preg_match('/Uncaught LogicException: oops in .*thrown in .*shutdown of the parent in child;own;buffered;code 255 signal 0;shutdown of the parent in parent;$/s', $fault), $fault);
$fault = child('@trigger_error("bad", E_USER_ERROR);');
same(1, preg_match('/Fatal error: bad in .*shutdown of the parent in child;buffered;code 255 signal 0;/s', $fault), $fault);
$fault = child('ini_set("memory_limit", "4M"); $x = str_repeat("x", 1 << 24);');
same(1, preg_match('/Allowed memory size .*code 255 signal 0;/s', $fault), $fault);

// Nested: a child of a child.
same('grandchild;code 2 then 1;' . sprintf($parent, 1, 0), child(<<<'CODE'
    register_shutdown_function(function () { echo 'then 1;'; exit(1); });
    $inner = new Swoole\Process(function () { echo 'grandchild;'; exit(2); });
    $inner->start();
    echo 'code ', $process::wait()['code'], ' ';
    CODE));
echo "ok\n";
?>
--EXPECT--
ok
