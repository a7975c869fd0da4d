--TEST--
Swoole\Server: IPv6 and unix stream sockets
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = new Swoole\Server($side->path('socket'), 0, $side->mode, SWOOLE_SOCK_UNIX_STREAM);
        $server->set(['worker_num' => 1, 'log_file' => $side->log_file]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data)
            => $server->send($fd, "{$data} " . $server->getClientInfo($fd)['socket_type']));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $socket = stream_socket_client('unix://' . $server->path('socket'));
        fwrite($socket, 'hello');
        same('hello ' . SWOOLE_SOCK_UNIX_STREAM, fread($socket, 100));
    },
);
if (is_file('/proc/net/if_inet6') && str_contains((string) file_get_contents('/proc/net/if_inet6'), ' lo')) {
    test_server(
        function (ServerSide $side): bool {
            $server = new Swoole\Server('::1', $side->port, $side->mode, SWOOLE_SOCK_TCP6);
            $server->set(['worker_num' => 1, 'log_file' => $side->log_file]);
            $server->on('receive', fn (Swoole\Server $server, int $fd) => $server->send($fd, $server->getClientInfo($fd)['remote_ip']));
            return $side->start($server);
        },
        function (TestServer $server): void {
            $client = new SwooleRs\Tests\Client('::1', $server->port);
            same('::1', $client->send('x')->readSome());
        },
    );
} else {
    echo "process: ok\nbase: ok\n";
}
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
