--TEST--
Swoole\Server: callbacks in private properties, as adapters read them by reflection
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $read = function (object $object, string $name): mixed {
            $property = new ReflectionProperty($object instanceof Swoole\Server ? Swoole\Server::class : Swoole\Server\Port::class, $name);
            same(true, $property->isPrivate(), $name);
            $property->setAccessible(true);
            return $property->getValue($object);
        };
        foreach (['Start', 'BeforeShutdown', 'Shutdown', 'WorkerStart', 'WorkerStop', 'BeforeReload', 'AfterReload', 'WorkerExit',
            'WorkerError', 'ManagerStart', 'ManagerStop', 'Task', 'Finish', 'PipeMessage'] as $name) {
            same(null, $read($server, "on{$name}"), "on{$name}");
            $callback = fn () => 0;
            $server->on($name, $callback);
            same($callback, $read($server, "on{$name}"), "on{$name}");
            same($callback, $server->getCallback($name), $name);
        }
        $port = $server->ports[0];
        foreach (['Connect', 'Receive', 'Close', 'Packet', 'BufferFull', 'BufferEmpty', 'Request', 'Handshake', 'Open', 'Message',
            'Disconnect', 'BeforeHandshakeResponse'] as $name) {
            same(null, $read($port, "on{$name}"), "on{$name}");
            $callback = fn () => 0;
            $server->on($name, $callback);
            same($callback, $read($port, "on{$name}"), "on{$name}");
            same($callback, $port->getCallback($name), $name);
            same($callback, $server->getCallback($name), $name);
        }
        // Straight at the port, the second time.
        $port->on('receive', $callback = fn (Swoole\Server $server, int $fd) => $server->send($fd, 'from the port'));
        same($callback, $server->getCallback('onReceive'));
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('from the port', $server->connect()->send('x')->read(13));
    },
);
?>
--EXPECT--
process: ok
base: ok
