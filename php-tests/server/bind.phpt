--TEST--
Swoole\Server::bind(): once per connection; dispatch_mode 5 goes by it
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'dispatch_mode' => 5]);
        $server->on('connect', fn (Swoole\Server $server, int $fd) => $side->event('connect', $server->bind($fd, $fd + 10)));
        $server->on('receive', function (Swoole\Server $server, int $fd): void {
            set_error_handler(fn (): bool => true);
            $again = $server->bind($fd, 3);
            restore_error_handler();
            $server->send($fd, json_encode([$server->worker_id, $again, $server->getClientInfo($fd)['uid']]));
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        foreach ([1, 2, 3, 4] as $fd) {
            $client = $server->connect();
            same(true, $server->expectEvent('connect'));
            for ($i = 0; $i < 3; $i++) {
                [$worker_id, $again, $uid] = json_decode($client->send('x')->readSome());
                same([false, $fd + 10], [$again, $uid]);
                $server->mode === SWOOLE_PROCESS && same(($fd + 10) % 2, $worker_id);
            }
        }
        $server->allowLog('/bind|bound/');
    },
);
?>
--EXPECT--
process: ok
base: ok
