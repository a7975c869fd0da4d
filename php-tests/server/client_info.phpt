--TEST--
Swoole\Server::getClientInfo(), its old name and $connections[fd]
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $info = $server->getClientInfo($fd);
            same($info, $server->connection_info($fd), 'connection_info()');
            same($info, $server->connections[$fd], '$connections[fd]');
            $side->event('info', $info + ['reactor of the event' => $reactor_id, 'now' => microtime(true)]);
        });
        $server->on('close', function (Swoole\Server $server, int $fd) use ($side): void {
            $side->event('close', $server->getClientInfo($fd, -1, true)['remote_port'] ?? null);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect()->send('x');
        $info = $server->expectEvent('info');
        same(['127.0.0.1', $client->localPort(), $server->port, SWOOLE_SOCK_TCP],
            [$info['remote_ip'], $info['remote_port'], $info['server_port'], $info['socket_type']]);
        same($info['reactor of the event'], $info['reactor_id']);
        foreach (['connect_time', 'last_time', 'last_recv_time', 'last_dispatch_time'] as $name) {
            check(abs($info['now'] - $info[$name]) < 3600, "{$name} is a time, got {$info[$name]}");
        }
        check(is_int($info['connect_time']) && is_int($info['last_time']), 'seconds');
        same(0, $info['close_errno']);
        same(0, $info['send_queued_bytes']);
        check($info['server_fd'] > 0 && $info['socket_fd'] > 0, 'descriptors');
        $client->close();
        same($client_port = $info['remote_port'], $server->expectEvent('close'));
    },
);
?>
--EXPECT--
process: ok
base: ok
