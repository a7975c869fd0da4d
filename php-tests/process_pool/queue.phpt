--TEST--
Swoole\Process\Pool: a System V message queue for all workers
--FILE--
<?php
use SwooleRs\Tests\Script;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';
require __DIR__ . '/caught.inc';

$key = random_int(1 << 20, 1 << 30);
$queues = array_map(fn () => new Swoole\Process('strlen'), range(1, 3)); // of different message types
foreach ($queues as $queue) {
    same(true, $queue->useQueue($key));
}
try {
    // All messages are served once; timers run while a worker waits; nothing is lost by a reload.
    $script = new Script(<<<CODE
        \$pool = new Swoole\\Process\\Pool(3, SWOOLE_IPC_MSGQUEUE, {$key});
        \$pool->on('workerStart', function (\$pool, \$id) {
            \$id === 0 && Swoole\\Timer::tick(1, fn () => file_put_contents('ticks', 'x', FILE_APPEND));
            file_put_contents("ready\$id", getmypid());
        });
        \$pool->on('message', function (\$pool, \$data) {
            \$data === 'end' ? \$pool->shutdown() : file_put_contents('got', \$data . "\\n", FILE_APPEND | LOCK_EX);
        });
        \$pool->start();
        CODE);
    for ($id = 0; $id < 3; $id++) {
        SwooleRs\Tests\until(fn () => is_file($script->path("ready{$id}")), "worker {$id}");
    }
    $sent = [];
    $send = function (int $count) use (&$sent, $queues): void {
        for ($i = 0; $i < $count; $i++) {
            $sent[] = $text = count($sent) . str_repeat('.', random_int(0, 2000));
            check($queues[$i % 3]->push($text), 'sent');
        }
    };
    $got = fn () => array_filter(explode("\n", (string) @file_get_contents($script->path('got'))), 'strlen');
    $send(200);
    SwooleRs\Tests\until(fn () => count($got()) === count($sent), 'all messages');
    $ticks = strlen((string) @file_get_contents($script->path('ticks')));
    SwooleRs\Tests\until(function () use ($script, $ticks): bool {
        clearstatcache();
        return filesize($script->path('ticks')) > $ticks + 3;
    }, 'timers while the worker waits');
    for ($i = 0; $i < 5; $i++) {
        $script->signal(SIGUSR1);
        $send(100);
    }
    SwooleRs\Tests\until(fn () => count($got()) >= count($sent), 'all messages');
    $all = $got();
    sort($all);
    sort($sent);
    same($sent, array_values($all));
    $queue->push('end');
    $script->expectExit();
    same('', $script->output());
    $script->discard();

    // SIGTERM while all wait.
    $script = new Script("\$pool = new Swoole\\Process\\Pool(2, SWOOLE_IPC_MSGQUEUE, {$key}); \$pool->on('message', 'strlen'); \$pool->on('workerStart', fn (\$pool, \$id) => print(getmypid() . ' up;')); \$pool->on('workerStop', fn () => print('down;')); \$pool->start();");
    until_caught(array_slice($script->expectOutput('/(\d+) up;(\d+) up;/'), 1));
    $script->signal(SIGTERM);
    $script->expectExit();
    same(' up; up;down;down;', preg_replace('/\d+/', '', $script->output()));
    $script->discard();

    // Without a callback workers take messages themselves.
    $output = Script::run(<<<CODE
        \$pool = new Swoole\\Process\\Pool(1, SWOOLE_IPC_MSGQUEUE, {$key});
        \$pool->on('workerStart', function (\$pool) {
            \$me = \$pool->getProcess();
            var_dump(\$me->push('hello'), \$me->statQueue(), \$me->pop());
            \$pool->shutdown();
            sleep(60);
        });
        \$pool->start();
        CODE);
    same("bool(true)\narray(2) {\n  [\"queue_num\"]=>\n  int(1)\n  [\"queue_bytes\"]=>\n  int(5)\n}\nstring(5) \"hello\"\n", $output);
} finally {
    $queue->freeQueue();
}

// A queue that someone removes: the log says so.
$script = new Script("\$pool = new Swoole\\Process\\Pool(1, SWOOLE_IPC_MSGQUEUE, {$key}); \$pool->on('message', 'strlen'); \$pool->on('workerStart', fn () => print('up;')); \$pool->start();");
$script->expectOutput('/up;/');
$queue = new Swoole\Process('strlen');
$queue->useQueue($key);
$queue->freeQueue();
$script->expectOutput('/ERROR.*take from a message queue failed for queue \d+: it was removed/');
$script->expectOutput('/2 times in a row right after its start, the next start is in 100 ms/');
$script->signal(SIGTERM);
$script->expectExit();
$script->discard();

// One without a key goes with the pool. Other tests may have such queues meanwhile: theirs end, too.
$private = function (): array {
    preg_match_all('/^\s*0\s+(\d+)\s/m', file_get_contents('/proc/sysvipc/msg'), $found);
    return $found[1];
};
$before = $private();
$known = Script::run('$pool = new Swoole\Process\Pool(2, SWOOLE_IPC_MSGQUEUE); $pool->on("message", "strlen"); $pool->on("workerStart", function ($pool, $id) { if ($id === 0) { readfile("/proc/sysvipc/msg"); $pool->shutdown(); } }); $pool->start();');
check(preg_match('/^\s*0\s/m', $known), 'the pool had a queue');
SwooleRs\Tests\until(fn () => array_diff($private(), $before) === [], 'no queue is left');
echo "ok\n";
?>
--EXPECT--
ok
