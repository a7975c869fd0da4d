--TEST--
Swoole\Server: workers killed again and again under load: every client gets its own answer or an end
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 3, 'reactor_num' => 2]);
        $server->on('receive', fn (Swoole\Server $server, int $fd, int $reactor_id, string $data) => $server->send($fd, $data));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $server->allowLog('/abnormal exit, status=0, signal=9|has ended \d+ times|manager/');
        $rounds = getenv('SWOOLE_SOAK') ? 300 : 10;
        $clients = [];
        for ($round = 0; $round < $rounds; $round++) {
            for ($i = 0; $i < 12; $i++) {
                $clients[$i] ??= $server->connect();
                try {
                    $clients[$i]->send("round {$round} client {$i}\n");
                } catch (SwooleRs\Tests\Failure) {
                    $clients[$i] = null;
                }
            }
            $victim = $server->workers[$round % 3];
            @posix_kill($victim, SIGKILL);
            foreach ($clients as $i => $client) {
                try {
                    $answer = $client?->readSome() ?? '';
                } catch (SwooleRs\Tests\Failure $failure) {
                    check(str_contains($failure->getMessage(), 'reset'), $failure->getMessage());
                    $answer = '';
                }
                if ($answer === '') {
                    $clients[$i] = null;
                    continue;
                }
                same("round {$round} client {$i}\n", $answer);
            }
            do {
                $started = $server->expectEvent('workerStart');
            } while ($started['worker_id'] !== $round % 3);
        }
        same("the end\n", $server->connect()->send("the end\n")->readSome());
    },
);
?>
--EXPECT--
process: ok
base: ok
