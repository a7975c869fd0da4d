--TEST--
Swoole\Process\Pool: coroutines in workers: callbacks, the end of the loop, workerExit
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// A worker without messages ends when its loop is empty, and is replaced.
$output = Script::run(<<<'CODE'
    $n = new Swoole\Atomic();
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_NONE, 0, true);
    $pool->on('workerStart', function ($pool, $id) use ($n) {
        echo 'start ', Co::getCid() > 0 ? 'in a coroutine' : 'NOT IN A COROUTINE', ';';
        $me = Co::getCid();
        Swoole\Timer::after(1, function () use ($me) {
            echo 'timer;';
            Co::resume($me);
        });
        Co::yield();
        echo 'resumed;';
        $n->add() === 2 && $pool->shutdown();
    });
    $pool->on('workerStop', fn () => print('stop ' . Co::getCid() . "\n"));
    $pool->start();
    echo 'enable_coroutine as before: ';
    Swoole\Timer::after(1, fn () => print(Co::getCid() > 0 ? 'yes' : 'no'));
    Swoole\Event::wait();
    CODE);
same("start in a coroutine;timer;resumed;stop -1\nstart in a coroutine;timer;resumed;stop -1\nenable_coroutine as before: yes", $output);

// Each message in a coroutine of its own; those under way come to their end after SIGTERM.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK, 0, true);
    $pool->on('workerStart', function ($pool) {
        for ($i = 0; $i < 50; $i++) {
            $pool->sendMessage("{$i}", 0);
        }
    });
    $pool->on('message', function ($pool, $data) {
        static $begun = 0, $ended = 0;
        if (++$begun === 50) {
            $pool->shutdown();
        }
        Co::sleep(0.05);
        if (++$ended === 50) {
            echo "all {$begun} ended;";
        }
    });
    $pool->on('workerStop', fn () => print('stop'));
    $pool->start();
    CODE);
same('all 50 ended;stop', $output);

// workerExit in each turn, until nothing is left; a timer that repeats does not keep the worker.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK, 0, true);
    $pool->set(['max_wait_time' => 60]);
    $running = true;
    $pool->on('workerStart', function ($pool) use (&$running) {
        Swoole\Timer::tick(5, fn () => null);
        Co::sleep(0.001); // from here on SIGTERM does not end the worker at once
        $pool->shutdown();
        while ($running) {
            Co::sleep(0.001);
        }
        echo 'ended;';
    });
    $exits = 0;
    $pool->on('workerExit', function ($pool, $id) use (&$running, &$exits) {
        $exits++;
        $pool->workerRunning || $running = $exits < 3;
    });
    $pool->on('message', 'strlen');
    $pool->on('workerStop', function () use (&$exits) { echo $exits >= 3 ? 'stop' : "TOO SOON {$exits}"; });
    $pool->start();
    CODE);
same('ended;stop', $output);

// Event::exit() ends the loop; an exception in a coroutine ends the worker.
$output = Script::run(<<<'CODE'
    $n = new Swoole\Atomic();
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK, 0, true);
    $pool->on('workerStart', function ($pool) use ($n) {
        switch ($n->add()) {
            case 1:
                Co::sleep(0.001);
                Swoole\Event::exit();
                return;
            case 2:
                go(function () {
                    Co::sleep(0.001);
                    throw new LogicException('in a coroutine');
                });
                return;
            case 3:
                Co::sleep(0.001);
                nofunc();
                return;
            default:
                Co::sleep(0.001);
                $pool->shutdown();
        }
    });
    $pool->on('message', 'strlen');
    $pool->on('workerStop', fn () => print("stop\n"));
    $pool->start();
    CODE);
same(4, substr_count($output, "stop\n"), $output);
check((bool) preg_match('/Uncaught LogicException: in a coroutine.*abnormal exit, status=255.*Call to undefined function nofunc.*abnormal exit, status=255/s', $output), $output);

// Without coroutines callbacks run plainly, but user code may have some of its own.
$output = Script::run(<<<'CODE'
    $pool = new Swoole\Process\Pool(1, SWOOLE_IPC_UNIXSOCK);
    $pool->on('workerStart', function ($pool) {
        echo Co::getCid(), ';';
        Swoole\Timer::after(1, function () { echo 'timer ', Co::getCid(), ';'; });
        $pool->sendMessage('run', 0);
    });
    $pool->on('message', function ($pool, $data) {
        echo "{$data} ", Co::getCid(), ';';
        $data === 'end' && $pool->shutdown();
        $data === 'run' && Swoole\Coroutine\run(function () use ($pool) {
            $pool->sendMessage('nested', 0);
            Co::sleep(0.001);
            echo 'slept;';
        });
        if ($data === 'nested') {
            Swoole\Timer::after(1, fn () => $pool->sendMessage('end', 0));
        }
    });
    $pool->start();
    CODE);
check((bool) preg_match('/^-1;run -1;(timer -?\d+;)?slept;nested -1;(timer -1;)?end -1;$/', $output), $output);

$output = Script::run('Swoole\Coroutine\run(function () {
    $pool = new Swoole\Process\Pool(1);
    $pool->on("workerStart", "strlen");
    $pool->start();
    echo "not reached";
});', status: 255);
check(str_contains($output, 'must be forked outside the coroutine') && !str_contains($output, 'not reached'), $output);
echo "ok\n";
?>
--EXPECT--
ok
