--TEST--
Swoole\Process\Pool: the order of callbacks, what the object shows, the ends of workers, a second start
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$head = '$pool = new Swoole\Process\Pool(%s);
    $n = new Swoole\Atomic();
    function show($what, $pool) {
        $is = fn ($pid) => $pid === getmypid() ? "me" : ($pid === posix_getppid() ? "parent" : $pid);
        printf("%%s %%s %%s %%d %%s %%s;", $what, $is($pool->master_pid), $is($pool->workerPid), $pool->workerId, var_export($pool->running, true), var_export($pool->workerRunning, true));
    }
    foreach (["start", "shutdown"] as $event) {
        $pool->on($event, fn ($pool) => show($event, $pool));
    }
    ';
foreach (['1', '1, 0, 0, true'] as $arguments) {
    $output = Script::run(sprintf($head, $arguments) . <<<'CODE'
        $pool->on('workerStop', fn ($pool, $id) => show("workerStop($id)", $pool));
        $pool->on('workerStart', function ($pool, $id) {
            show("workerStart($id)", $pool);
            pcntl_sigprocmask(SIG_BLOCK, [SIGTERM]);
            $pool->shutdown();
            pcntl_sigtimedwait([SIGTERM], $info, 60);
        });
        var_dump($pool->start());
        show('after', $pool);
        CODE);
    same('start me -1 -1 true true;workerStart(0) parent me 0 true true;shutdown me -1 -1 false false;'
        . 'workerStop(0) parent me 0 false false;NULL' . "\n" . 'after me -1 -1 false false;', $output, $arguments);
}

// How workers end, and that each is replaced.
$output = Script::run(sprintf($head, '1') . <<<'CODE'
    class Loud { function __destruct() { echo 'destructed in ', getmypid() === MASTER ? 'master' : 'worker', ';'; } }
    define('MASTER', getmypid());
    $loud = new Loud();
    register_shutdown_function(fn () => print((getmypid() === MASTER ? 'master' : 'worker') . ' shutdown function;'));
    ob_start();
    echo 'buffered by the master;';
    $pool->on('workerStart', function ($pool) use ($n) {
        echo "\n", $k = $n->add(), ':';
        register_shutdown_function(fn () => print("own;"));
        ob_start();
        echo 'buffered;';
        match ($k) {
            1 => null,
            2 => exit(3),
            3 => throw new LogicException('thrown'),
            4 => trigger_error('fatal', E_USER_ERROR),
            5 => posix_kill(getmypid(), SIGKILL),
            6 => $pool->stop(),
            default => $pool->shutdown() && sleep(60),
        };
    });
    $pool->on('workerStop', fn () => print('stop;'));
    $pool->start();
    CODE);
$lines = [];
foreach (preg_split('/\n(?=\d:)/', $output) as $line) {
    $lines[(int) $line] = $line;
}
same('1:buffered;stop;own;', $lines[1]);
check(str_starts_with($lines[2], '2:buffered;stop;own;'), $lines[2]);
check((bool) preg_match('/abnormal exit, status=3, signal=0$/m', $lines[2]), $lines[2]);
check((bool) preg_match('/^3:buffered;.*Uncaught LogicException: thrown.*stop;own;.*abnormal exit, status=255, signal=0$/ms', $lines[3]), $lines[3]);
check((bool) preg_match('/^4:buffered;.*fatal.*worker shutdown function;own;.*abnormal exit, status=255, signal=0$/ms', $lines[4]), $lines[4]);
check((bool) preg_match('/abnormal exit, status=0, signal=9$/m', $output), $output);
same('6:buffered;stop;own;buffered by the master;start me -1 -1 true true;shutdown me -1 -1 false false;master shutdown function;destructed in master;', $lines[6]);
same(1, substr_count($output, 'destructed'), $output);

// Twice, and another pool after that; signals have their former handlers again.
$output = Script::run(<<<'CODE'
    Swoole\Process::signal(SIGTERM, fn () => print('own handler;'));
    $pool = new Swoole\Process\Pool(2);
    $pool->on('workerStart', fn ($pool, $id) => $pool->shutdown() && sleep(60));
    for ($i = 0; $i < 2; $i++) {
        $pool->start();
        echo "done;";
    }
    $other = new Swoole\Process\Pool(3);
    $other->on('start', fn ($pool) => posix_kill(getmypid(), SIGTERM));
    $other->on('workerStart', fn () => sleep(60));
    $other->start();
    echo "done;";
    unset($pool, $other);
    new Swoole\Process\Pool(1);
    CODE);
same('done;done;done;', $output);

// The master's own event loop; exit() and faults in its callbacks end everything.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(2);
    $pool->on('start', function ($pool) {
        Swoole\Timer::tick(5, function (int $id) use ($pool) {
            static $n = 0;
            echo 'tick;';
            if (++$n === 3) {
                Swoole\Timer::clear($id); // the loop goes on until the workers have ended
                $pool->shutdown();
            }
        });
    });
    $pool->on('workerStart', fn () => sleep(60));
    $pool->start();
    echo 'done';
    CODE);
same('tick;tick;tick;done', $output);
foreach (['exit(7);' => 7, 'throw new Exception("x");' => 255, 'nofunc();' => 255, 'Swoole\Timer::after(20, fn () => exit(6));' => 6] as $body => $status) {
    $output = Script::run("\$pool = new Swoole\\Process\\Pool(2);
        \$pool->on('start', function () { {$body} });
        \$pool->on('workerStart', fn () => sleep(60));
        register_shutdown_function(fn () => print('end'));
        \$pool->start();
        echo 'not reached';", status: $status);
    check(str_ends_with($output, 'end') && !str_contains($output, 'not reached'), $output);
}
echo "ok\n";
?>
--EXPECT--
ok
