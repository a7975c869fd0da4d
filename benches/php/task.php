<?php
// Tasks and messages between the processes of a server: what one costs, 100,000 of each (or as many as the
// argument says), 200 under way. One worker, two task workers, no coroutines.

$count = (int) ($argv[1] ?? 100_000);
$socket = sys_get_temp_dir() . '/swoole-bench-' . getmypid() . '.sock';
$server = new Swoole\Server($socket, 0, SWOOLE_PROCESS, SWOOLE_SOCK_UNIX_STREAM);
$server->set(['worker_num' => 1, 'task_worker_num' => 2, 'enable_coroutine' => false, 'log_level' => SWOOLE_LOG_ERROR]);
$server->on('receive', function (): void {});
$server->on('task', fn (Swoole\Server $server, int $id, int $worker, mixed $data): mixed => $data);

$show = fn (string $name, int $begin, int $count) => printf("%s %.1f ns\n", $name, (hrtime(true) - $begin) / $count);
$payloads = ['task of 8 B' => 'eight by', 'task of 1 KiB' => str_repeat('k', 1024), 'task of an array' => ['id' => 7, 'tags' => ['a', 'b']]];
$name = '';
$data = null;
$sent = $done = $begin = 0;
$wait = function (Swoole\Server $server) use ($count, $show): void {
    $times = max(1, intdiv($count, 10));
    $begin = hrtime(true);
    for ($i = 0; $i < $times; $i++) {
        $server->taskwait('eight by') === 'eight by' or exit("a wrong result\n");
    }
    $show('taskwait', $begin, $times);
    $server->shutdown();
};
$next = function (Swoole\Server $server) use (&$payloads, &$name, &$data, &$sent, &$done, &$begin, $count, $wait): void {
    if ($payloads === []) {
        $wait($server);
        return;
    }
    $name = array_key_first($payloads);
    $data = array_shift($payloads);
    $done = 0;
    $begin = hrtime(true);
    for ($sent = 0; $sent < min(200, $count); $sent++) {
        $server->task($data);
    }
};
$server->on('workerStart', function (Swoole\Server $server, int $id) use ($next): void {
    // The task workers are up by then; if not, the first tasks wait for them.
    $id === 0 && Swoole\Timer::after(100, fn () => $next($server));
});
$server->on('finish', function (Swoole\Server $server, int $id, mixed $result) use (&$sent, &$done, &$data, &$begin, &$name, $count, $show, $next): void {
    $result === $data or exit("a wrong result\n");
    if ($sent < $count) {
        $server->task($data);
        $sent++;
    }
    if (++$done === $count) {
        $show($name, $begin, $count);
        $next($server);
    }
});
$server->start();
@unlink($socket);
