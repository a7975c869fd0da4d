--TEST--
Swoole\Server::close(): onClose runs with reactor id -1, then the client gets FIN or RST
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            $server->send($fd, "bye\n");
            $closed = $server->close($fd, $data === 'reset');
            $again = $server->close($fd);
            $error = $server->getLastError();
            $side->event('closed', [$closed, $again, $error, $server->exists($fd), $server->exist($fd),
                $server->send($fd, 'too late'), $server->getLastError()]);
        });
        $server->on('close', function (Swoole\Server $server, int $fd, int $reactor_id) use ($side): void {
            $side->event('onClose', [$fd, $reactor_id]);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach (['end', 'reset'] as $index => $how) {
            $client = $server->connect()->send($how);
            if ($how === 'end') {
                same("bye\n", $client->readAll());
            } else {
                $client->expectReset();
            }
            same([$index + 1, -1], $server->expectEvent('onClose'));
            [$closed, $again, $error, $exists, $exist, $sent, $send_error] = $server->expectEvent('closed');
            same([true, false, false, false, false], [$closed, $again, $exists, $exist, $sent]);
            // Which of the two depends on how far the connection's end has got.
            foreach ([$error, $send_error] as $code) {
                check(in_array($code, [SWOOLE_ERROR_SESSION_CLOSED, SWOOLE_ERROR_SESSION_NOT_EXIST], true), "an error code of close, got {$code}");
            }
        }
        same([], $server->events('onClose'));
    },
);
?>
--EXPECT--
process: ok
base: ok
