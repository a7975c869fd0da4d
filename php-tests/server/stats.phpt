--TEST--
Swoole\Server::stats()
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'dispatch_mode' => 2]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, json_encode($server->stats()));
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close', $fd));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $first = $server->connect();
        $second = $server->connect();
        json_decode($first->send('abcde')->readSome(), true);
        $second->send('abc')->readSome();
        $second->close();
        $server->expectEvent('close');
        $stats = until(function () use ($first): ?array {
            $stats = json_decode($first->send('ab')->readSome(), true);
            return $stats['close_count'] === 1 ? $stats : null;
        }, 'the close is counted');
        same([1, 2, 2, 0], [$stats['connection_num'], $stats['accept_count'], $stats['worker_num'], $stats['task_worker_num']]);
        check($stats['total_recv_bytes'] >= 10 && $stats['total_send_bytes'] > 100, 'bytes');
        check($stats['request_count'] >= 2 && $stats['response_count'] >= 2 && $stats['dispatch_count'] >= 3, 'requests');
        check($stats['worker_request_count'] >= 1, 'requests of this worker');
        same(0, $stats['send_queued_bytes']);
        check(abs($stats['start_time'] - time()) < 3600, 'start time');
    },
);
?>
--EXPECT--
process: ok
base: ok
