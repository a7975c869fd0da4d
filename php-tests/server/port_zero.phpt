--TEST--
Swoole\Server: port 0 takes a free port and says which
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = new Swoole\Server('127.0.0.1', 0, $side->mode);
        $server->set(['worker_num' => 1, 'log_file' => $side->log_file]);
        check($server->port > 0, 'a port');
        same($server->port, $server->ports[0]->port);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, (string) $server->port));
        $side->event('port', $server->port);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $port = $server->expectEvent('port');
        same((string) $port, $server->connect($port)->send('which?')->readSome());
    },
);
?>
--EXPECT--
process: ok
base: ok
