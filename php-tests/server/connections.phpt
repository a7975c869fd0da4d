--TEST--
Swoole\Server: $connections counts, iterates and is indexed; getClientList() pages
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2]);
        $server->on('connect', fn (Swoole\Server $server, int $fd) => $side->event('connect', $fd));
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $all = [];
            foreach ($server->connections as $key => $other) {
                $all[$key] = $other;
            }
            $answer = ['count' => count($server->connections), 'all' => $all, 'keys' => array_keys($all), 'isset' => [], 'exists' => []];
            foreach ([1, 5, 99, 0] as $other) {
                $answer['isset'][$other] = isset($server->connections[$other]);
                $answer['exists'][$other] = $server->exists($other);
            }
            $pages = [];
            $from = 0;
            while (($page = $server->getClientList($from, 7)) !== false) {
                $pages = [...$pages, ...$page];
                $from = end($page);
            }
            $answer['pages'] = $pages;
            $answer['default'] = count($server->connection_list());
            $answer['through the port'] = count(iterator_to_array($server->ports[0]->connections));
            $server->send($fd, json_encode($answer));
        });
        $server->on('close', fn (Swoole\Server $server, int $fd) => $side->event('close', $fd));
        return $side->start($server);
    },
    function (TestServer $server): void {
        $clients = [];
        for ($i = 0; $i < 25; $i++) {
            $clients[] = $server->connect();
            $server->expectEvent('connect');
        }
        $clients[4]->close(); // fd 5
        $server->expectEvent('close');
        $expected = array_values(array_diff(range(1, 25), [5]));
        $answer = until(function () use ($clients): ?array {
            $answer = json_decode($clients[0]->send('x')->readSome(), true);
            return $answer['count'] === 24 ? $answer : null; // the close is being confirmed
        }, 'a count of 24');
        same($expected, array_values($answer['all']));
        same($expected, $answer['pages']);
        same([24, 10, 24], [count($answer['keys']), $answer['default'], $answer['through the port']]);
        same([1 => true, 5 => false, 99 => false, 0 => false], $answer['isset']);
        same([1 => true, 5 => false, 99 => false, 0 => false], $answer['exists']);
    },
);
?>
--EXPECT--
process: ok
base: ok
