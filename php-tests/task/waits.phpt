--TEST--
Swoole\Server: taskwait(), taskCo() and taskWaitMulti() wait for results, in coroutines and without, within their time
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

foreach ([true, false] as $coroutines) {
    test_server(
        function (ServerSide $side) use ($coroutines): bool {
            $server = $side->server(['task_worker_num' => 2, 'enable_coroutine' => $coroutines]);
            $gate = $side->path('gate');
            $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data) use ($side, $coroutines, $gate): void {
                $results = ['coroutine' => Co::getCid() > 0];
                $results['one'] = $server->taskwait(['echo', 'x'], 5);
                $results['at'] = $server->taskwait(['who', null], 5, 1);
                $results['multi'] = $server->taskWaitMulti([['echo', 1], ['echo', [2]], ['echo', false]], 5);
                $results['keys'] = $server->taskWaitMulti(['a' => ['echo', 1], 'b' => ['echo', 2]], 5);
                // One that takes too long is left out, the others are there, if the machine does them in time.
                $late = function (string $gate, callable $wait, string $other): array {
                    for ($limit = 0.25;; $limit *= 2) {
                        $results = $wait([['gate', "{$gate}{$limit}"], ['echo', $other]], $limit);
                        touch("{$gate}{$limit}");
                        if (in_array($other, $results, true) || $limit > 5) {
                            return $results;
                        }
                    }
                };
                $results['late'] = $late("{$gate}1-", $server->taskWaitMulti(...), 'in time');
                $results['late one'] = $server->taskwait(['gate', $gate], 0.05, 0);
                touch($gate);
                if ($coroutines) {
                    $results['co'] = $server->taskCo([['echo', 1], ['echo', 2]], 5);
                    $results['co late'] = $late("{$gate}2-", $server->taskCo(...), 'in time');
                }
                // Late results disturb nobody.
                $results['after'] = $server->taskwait(['echo', 'after'], 5);
                $results['big'] = strlen($server->taskwait(['big', 3_000_000], 5));
                $side->event('results', $results);
            });
            $server->on('task', function (Swoole\Server $server, int $id, int $worker_id, array $data) {
                [$command, $value] = $data;
                switch ($command) {
                    case 'echo':
                        return $value;
                    case 'who':
                        return $server->worker_id;
                    case 'big':
                        return str_repeat('b', $value);
                    case 'gate':
                        while (!file_exists($value)) {
                            usleep(1000);
                            clearstatcache();
                        }
                        return 'passed';
                }
            });
            $server->on('finish', fn () => throw new Exception('nobody asked for it'));
            return $side->start($server);
        },
        function (TestServer $server) use ($coroutines): void {
            $server->allowLog('/No idle task worker|task\[\d+\] has expired/');
            $server->connect()->send('go');
            $results = $server->expectEvent('results', 60);
            same($coroutines, $results['coroutine']);
            same(['x', 2, [1, [2], false], [1, 2]], [$results['one'], $results['at'], $results['multi'], $results['keys']]);
            same([1 => 'in time'], array_combine(array_map(intval(...), array_keys($results['late'])), $results['late']));
            same([false, 'after', 3_000_000], [$results['late one'], $results['after'], $results['big']]);
            if ($coroutines) {
                same([[1, 2], [false, 'in time']], [$results['co'], $results['co late']]);
            }
        },
    );
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
