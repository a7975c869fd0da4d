--TEST--
Swoole\Server: connections that stay are iterated and listed however many others came and went
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        // With max_conn 300 ids go round after 512.
        $server = $side->server(['worker_num' => 2, 'max_conn' => 300]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            if ($data === 'hello') {
                $server->send($fd, pack('N', $fd));
                return;
            }
            $pages = [];
            $from = 0;
            while (($page = $server->getClientList($from, 100)) !== false) {
                $pages = [...$pages, ...$page];
                $from = end($page);
            }
            $iterated = [];
            foreach ($server->connections as $key => $other) {
                $iterated[$key] = $other;
            }
            $server->send($fd, json_encode([count($server->connections), $iterated, $pages]) . "\n");
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $id = fn ($client): int => unpack('N', $client->send('hello')->read(4))[1];
        $stay = [];
        for ($i = 0; $i < 230; $i++) {
            $client = $server->connect();
            $stay[$id($client)] = $client;
        }
        $ask = function ($client): array {
            $answer = $client->send('list')->readSome();
            while (!str_ends_with($answer, "\n")) {
                $answer .= $client->readSome();
            }
            return json_decode($answer, true);
        };
        $last = 0;
        while ($last < 1500) {
            for ($i = 0; $i < 30; $i++) {
                $client = $server->connect();
                $last = $id($client);
                $client->close();
            }
            until(fn (): bool => $ask($stay[1])[0] === 230, 'the others are gone');
        }
        for ($i = 0; $i < 20; $i++) {
            $client = $server->connect();
            $stay[$id($client)] = $client;
        }
        foreach ([1, array_key_last($stay)] as $asked) {
            [$count, $iterated, $pages] = $ask($stay[$asked]);
            same(250, $count);
            same(array_keys($stay), $pages);
            same(array_keys($stay), array_values($iterated));
            same(range(1, 250), array_keys($iterated));
        }
    },
);
?>
--EXPECT--
process: ok
base: ok
