--TEST--
Swoole\Timer: exceptions, exit() and fatal errors in timers of each process of a server
--FILE--
<?php
use Swoole\Timer;
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

function how_it_ends(string $how): void
{
    match ($how) {
        'exception' => throw new Exception('in a timer'),
        'exit' => exit(5),
        'fatal' => @trigger_error('in a timer', E_USER_ERROR),
    };
}
// exit() in a coroutine throws an ExitException, which nobody catches here.
foreach ([['exception', 255, false], ['exit', 5, false], ['fatal', 255, false], ['exception', 255, true], ['exit', 255, true]] as [$how, $status, $coroutines]) {
    // A worker is replaced.
    test_server(
        function (ServerSide $side) use ($how, $coroutines): bool {
            $server = $side->server(['worker_num' => 2, 'enable_coroutine' => $coroutines]);
            $server->on('receive', fn () => Timer::after(1, fn () => how_it_ends($how)));
            $server->on('workerError', fn ($server, int $id, int $pid, int $status) => $side->event('workerError', $status));
            return $side->start($server);
        },
        function (TestServer $server) use ($status): void {
            $server->allowOutput('/in a timer|Stack trace|^#|thrown in|Uncaught Swoole.ExitException/');
            $server->allowLog('/abnormal exit|status=/');
            $server->connect()->send('x');
            same($status, $server->expectEvent('workerError'));
            $server->expectEvent('workerStart');
        },
    );
    // The master ends the server.
    test_server(
        function (ServerSide $side) use ($how, $coroutines): bool {
            $server = $side->server(['enable_coroutine' => $coroutines]);
            $server->on('start', fn () => Timer::after(1, fn () => how_it_ends($how)));
            $server->on('receive', fn () => null);
            return $side->start($server);
        },
        function (TestServer $server) use ($status): void {
            $server->allowOutput('/in a timer|Stack trace|^#|thrown in|Uncaught Swoole.ExitException/');
            $server->allowLog('/status=/');
            $server->expectExit($status);
        },
    );
}
// The manager, too.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('managerStart', fn () => Timer::after(1, fn () => how_it_ends('exit')));
        $server->on('receive', fn () => null);
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/the manager|status=/');
        // In process mode it is the manager's own end; the helper's script makes 1 of a start() that returned false.
        $server->expectExit($server->mode === SWOOLE_BASE ? 5 : 1);
    },
);
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
process: ok
base: ok
