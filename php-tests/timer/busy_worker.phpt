--TEST--
Swoole\Timer: timers and descriptors of a worker that never waits run all the same
--FILE--
<?php
use Swoole\{Event, Timer};
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('workerStart', function () use (&$ticks, &$events, &$pair): void {
            $ticks = $events = 0;
            Timer::tick(1, function () use (&$ticks): void { $ticks++; });
            $pair = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            Event::add($pair[0], function ($stream) use (&$events): void {
                fread($stream, 1000);
                $events++;
            });
        });
        $server->on('workerExit', fn () => Event::exit());
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use (&$ticks, &$events, &$pair): void {
            fwrite($pair[1], 'x');
            $server->send($fd, sprintf("%d %d\n", $ticks, $events));
            usleep(500);
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        // Several clients, each with a request under way at any time, until timers and events were seen.
        $clients = array_map(fn () => $server->connect()->send('x'), range(1, 8));
        until(function () use ($clients): bool {
            $seen = false;
            foreach ($clients as $client) {
                $answer = '';
                while (!str_ends_with($answer, "\n")) {
                    $answer .= $client->readSome();
                }
                [$ticks, $events] = sscanf($answer, '%d %d');
                $seen = $seen || ($ticks > 20 && $events > 5);
                $client->send('x');
            }
            return $seen;
        }, 'timers and events under load');
        foreach ($clients as $client) {
            $client->readSome();
            $client->close();
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
