--TEST--
Swoole\Server: a task worker that dies loses one task, whose waiter is told at once
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['task_worker_num' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data): void {
            $start = microtime(true);
            $result = $server->taskwait($data, 60);
            $soon = microtime(true) - $start < 30;
            // In the main context, too: it blocks there.
            $server->send($fd, json_encode([$result, $soon, $server->taskCo([$data, 'echo'], 60)]) . "\n");
        });
        $server->on('workerError', function (Swoole\Server $server, int $id, int $pid, int $code, int $signal) use ($side): void {
            $side->event('error', [$id, $code, $signal]);
        });
        $server->on('task', function (Swoole\Server $server, int $id, int $worker_id, string $data) {
            return match ($data) {
                'exit' => exit(3),
                'fatal' => ini_set('memory_limit', '2M') . str_repeat('x', 100 << 20),
                'exception' => throw new RuntimeException('of a task'),
                'kill' => posix_kill(getmypid(), SIGKILL),
                default => $data,
            };
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowOutput('/./');
        $client = $server->connect();
        foreach (['exit', 'fatal', 'exception', 'kill'] as $death) {
            $client->send($death);
            for ($line = ''; !str_ends_with($line, "\n");) {
                $line .= $client->read(1);
            }
            same([false, true, [false, 'echo']], json_decode($line, true), $death);
            $server->expectEvent('error');
            [$id, $code, $signal] = $server->expectEvent('error');
            check($id === 1 || $id === 2, 'a task worker');
            same(['exit' => [3, 0], 'fatal' => [255, 0], 'exception' => [255, 0], 'kill' => [0, 9]][$death], [$code, $signal]);
            $server->expectLog('/id=[12]\) abnormal exit, .*it was serving task \d+, which is lost/');
        }
        $server->allowLog('/abnormal exit|in a row|No idle task worker/');
    },
);
?>
--EXPECT--
process: ok
base: ok
