--TEST--
Swoole\Server::on(): names in any case, with or without "on"; getCallback(); unknown names
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        foreach (['ONCONNECT', 'Receive', 'oNcLoSe', 'onworkerstop', 'WORKERSTART'] as $name) {
            $callback = function (...$arguments) use ($side, $name): void {
                $side->event('call', $name);
            };
            same(true, $server->on($name, $callback), $name);
            $short = strtolower(preg_replace('/^on/i', '', $name));
            same($callback, $server->getCallback($short), $short);
            same($callback, $server->getCallback('on' . ucfirst($short)), $short);
        }
        same(null, $server->getCallback('managerStart'));
        same(null, $server->getCallback('nonsense'));
        // The last one counts.
        $server->on('connect', fn () => $side->event('call', 'the second onConnect'));

        $warnings = [];
        set_error_handler(function (int $level, string $text) use (&$warnings): bool {
            $warnings[] = [$level, $text];
            return true;
        });
        same(false, @$server->on('nonsense', fn () => 0));
        same(false, $server->on('recieve', fn () => 0));
        same(1, count(array_filter($warnings, fn ($warning) => str_contains($warning[1], 'recieve') && str_contains($warning[1], 'Receive'))),
            'a warning that names both');
        restore_error_handler();
        return $side->start($server);
    },
    function (TestServer $server): void {
        same('WORKERSTART', $server->expectEvent('call'));
        $client = $server->connect()->send('x');
        same('the second onConnect', $server->expectEvent('call'));
        same('Receive', $server->expectEvent('call'));
        $client->close();
        same('oNcLoSe', $server->expectEvent('call'));
        $server->stop();
        same(['onworkerstop'], $server->events('call'));
    },
);
?>
--EXPECT--
process: ok
base: ok
