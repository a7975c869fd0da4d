--TEST--
Swoole\Server: sendMessage() reaches each worker and task worker, from each of them and from the manager
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'task_worker_num' => 2]);
        $server->on('managerStart', function (Swoole\Server $server) use ($side): void {
            $side->event('from manager', $server->sendMessage('of the manager', 3));
        });
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor, string $data): void {
            foreach (array_diff([0, 1, 2, 3], [$server->worker_id]) as $id) {
                same(true, $server->sendMessage(['pass on', str_repeat('x', 1_000_000)], $id));
            }
        });
        $server->on('pipeMessage', function (Swoole\Server $server, int $from, mixed $data) use ($side): void {
            $side->event('message', [$from, $server->worker_id, is_array($data) ? [$data[0], strlen($data[1])] : $data]);
            if (is_array($data)) {
                $server->sendMessage('back', $from);
            }
        });
        $server->on('task', fn () => 0);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/No idle task worker/');
        same(true, $server->expectEvent('from manager'));
        same([0, 3, 'of the manager'], $server->expectEvent('message'));
        $server->connect()->send('go');
        $there = $back = [];
        for ($i = 0; $i < 6; $i++) {
            [$from, $at, $data] = $server->expectEvent('message');
            if ($data === 'back') {
                $back[] = $from;
            } else {
                same(['pass on', 1_000_000], $data);
                $there[] = $at;
            }
        }
        sort($there);
        sort($back);
        same($there, $back);
        same(3, count($there));
    },
);
?>
--EXPECT--
process: ok
base: ok
