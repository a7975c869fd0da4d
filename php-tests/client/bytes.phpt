--TEST--
Swoole\Client: sending and receiving bytes of any size, and the flags of recv()
--INI--
memory_limit=512M
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, listen, pair, parts, read, reap, same, write};

require __DIR__ . '/peer.inc';

parts([
    'sizes' => function () {
        [$client, $peer] = pair();
        write($peer, 'hello world');
        same('hell', $client->recv(4));
        same('o', $client->recv(1));
        same(' world', $client->recv(100));
        same('', $client->recv(0));
        write($peer, str_repeat('x', 200000));
        // Without MSG_WAITALL a call gives 64 KiB at most.
        check(strlen($client->recv(1 << 20)) <= 65535, 'no more than 65535');
    },
    'all 256 bytes' => function () {
        $all = implode('', array_map('chr', range(0, 255)));
        [$client, $peer] = pair();
        same(256, $client->send($all));
        same($all, read($peer, 256));
        write($peer, $all);
        same($all, $client->recv(256, Client::MSG_WAITALL));
    },
    'peek' => function () {
        [$client, $peer] = pair();
        write($peer, 'hello');
        same('hel', $client->recv(3, Client::MSG_PEEK));
        same('hello', $client->recv(5, Client::MSG_PEEK));
        same('hello', $client->recv());
    },
    'not waiting' => function () {
        [$client, $peer] = pair();
        same(false, @$client->recv(100, Client::MSG_DONTWAIT));
        same(11, $client->errCode);
        write($peer, 'x');
        same('x', $client->recv(1, Client::MSG_PEEK));
        same('x', $client->recv(100, Client::MSG_DONTWAIT));
    },
    'waiting for all' => function () {
        [$client, $peer] = pair();
        $pid = child(function () use ($peer) {
            foreach (str_split(str_repeat('0123456789', 5000), 777) as $part) {
                write($peer, $part);
            }
        });
        same(str_repeat('0123456789', 5000), $client->recv(50000, Client::MSG_WAITALL));
        reap($pid);
        write($peer, 'abc');
        // What true stood for once.
        same('abc', $client->recv(3, 1));
        write($peer, 'end');
        socket_shutdown($peer, 1);
        same('end', $client->recv(100, Client::MSG_WAITALL));
        same('', $client->recv(100, Client::MSG_WAITALL));
    },
    '64 MiB there and back' => function () {
        [$client, $peer] = pair(timeout: 60);
        $bytes = 64 << 20;
        $pid = child(function () use ($peer, $bytes) {
            write($peer, read($peer, $bytes));
        });
        socket_close($peer);
        $data = str_repeat(random_bytes(1 << 16), 1 << 10);
        same($bytes, $client->send($data));
        same(md5($data), md5($client->recv($bytes, Client::MSG_WAITALL)));
        same('', $client->recv());
        reap($pid);
    },
    'more than memory allows' => function () {
        $script = <<<'PHP'
            ini_set('memory_limit', '64M');
            $server = stream_socket_server('tcp://127.0.0.1:0');
            $client = new Swoole\Client(SWOOLE_SOCK_TCP);
            $client->connect('127.0.0.1', (int) explode(':', stream_socket_get_name($server, false))[1]);
            register_shutdown_function(function () use ($client) { var_dump($client->isConnected()); });
            $client->recv((int) $argv[1], Swoole\Client::MSG_WAITALL);
            PHP;
        $output = SwooleRs\Tests\Script::run($script, ['100000000'], 255);
        check(str_contains($output, 'Fatal error') && str_contains($output, 'bool(true)'), $output);
    },
]);
?>
--EXPECT--
sizes: ok
all 256 bytes: ok
peek: ok
not waiting: ok
waiting for all: ok
64 MiB there and back: ok
more than memory allows: ok
