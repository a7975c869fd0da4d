--TEST--
Swoole\Client: connecting over TCP, IPv6 and unix sockets, names, refusals, reconnecting, properties
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, closed_port, listen, pair, parts, same, temporary, warning_of};

require __DIR__ . '/peer.inc';

parts([
    'each type' => function () {
        foreach ([SWOOLE_SOCK_TCP, SWOOLE_SOCK_TCP6, SWOOLE_SOCK_UNIX_STREAM, SWOOLE_SOCK_TCP | SWOOLE_SYNC] as $type) {
            [$client, $peer] = pair(type: $type);
            same(true, $client->isConnected());
            same($type, $client->type);
            check($client->sock > 2, 'a descriptor');
            same(4, $client->send('ping'));
            same('ping', socket_read($peer, 10));
            socket_write($peer, 'pong');
            same('pong', $client->recv());
            same(true, $client->close());
            same(false, $client->isConnected());
            same('', socket_read($peer, 10));
        }
    },
    'a name' => function () {
        [$listener, $port] = listen();
        $client = new Client(SWOOLE_SOCK_TCP);
        same(true, $client->connect('localhost', $port));
        same(['port' => $port, 'host' => '127.0.0.1'], $client->getpeername());
        same('127.0.0.1', $client->getsockname()['host']);
    },
    'no such name' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        $warning = warning_of(fn () => same(false, $client->connect('no-such-host.invalid', 80)));
        check(str_contains($warning, 'connect to server[no-such-host.invalid:80] failed. Error: '), $warning);
        same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $client->errCode);
    },
    'refused' => function () {
        $port = closed_port();
        $client = new Client(SWOOLE_SOCK_TCP);
        $warning = warning_of(fn () => same(false, $client->connect('127.0.0.1', $port)));
        same("Swoole\\Client::connect(): connect to server[127.0.0.1:{$port}] failed. Error: Connection refused[111]", $warning);
        same(111, $client->errCode);
        same(111, swoole_last_error());
        same(false, $client->isConnected());
        // A socket that failed leaves the object as it was.
        [$listener, $port] = listen();
        same(true, $client->connect('127.0.0.1', $port));
    },
    'unix sockets that are not there' => function () {
        $client = new Client(SWOOLE_SOCK_UNIX_STREAM);
        same(false, @$client->connect(temporary('none')));
        same(2, $client->errCode);
        same(false, @$client->connect(str_repeat('a', 200)));
        same(SWOOLE_ERROR_NAME_TOO_LONG, $client->errCode);
    },
    'nobody answers in time' => function () {
        // A queue that is full drops what more asks for a connection.
        $listener = socket_create(AF_INET, SOCK_STREAM, 0);
        socket_bind($listener, '127.0.0.1', 0);
        socket_listen($listener, 0);
        socket_getsockname($listener, $host, $port);
        $held = [];
        for ($i = 0; $i < 20; $i++) {
            $client = new Client(SWOOLE_SOCK_TCP);
            if (!@$client->connect('127.0.0.1', $port, 0.2)) {
                break;
            }
            $held[] = $client;
        }
        same(110, $client->errCode);
    },
    'twice' => function () {
        [$client] = pair();
        $warning = warning_of(fn () => same(false, $client->connect('127.0.0.1', 1)));
        same('Swoole\Client::connect(): connection to the server has already been established', $warning);
        same(true, $client->isConnected());
    },
    'again after close' => function () {
        [$client, $peer] = pair();
        $client->close();
        [$listener, $port] = listen();
        same(true, $client->connect('127.0.0.1', $port));
        same(1, $client->send('x'));
    },
    'without waiting' => function () {
        [$listener, $port] = listen();
        $client = new Client(SWOOLE_SOCK_TCP);
        same(true, $client->connect('127.0.0.1', $port, 5, 1));
        $read = $except = [];
        $write = ['me' => $client];
        same(1, swoole_client_select($read, $write, $except, 5));
        same(['me' => $client], $write);
        same(3, $client->send('abc'));
        same('abc', socket_read(socket_accept($listener), 10));
        same(true, $client->isConnected());
        // The first call waits by itself, too.
        $client = new Client(SWOOLE_SOCK_TCP);
        same(true, $client->connect('127.0.0.1', $port, 5, 1));
        same(3, $client->send('def'));
    },
    'without waiting, refused' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        if (@$client->connect('127.0.0.1', closed_port(), 5, 1)) {
            $read = $except = [$client];
            $write = null;
            same(1, swoole_client_select($read, $write, $except, 5));
            same(1, count($except));
            same(false, @$client->send('x'));
            same(SWOOLE_ERROR_CLIENT_NO_CONNECTION, $client->errCode);
        }
        same(false, $client->isConnected());
    },
    'a local address' => function () {
        [$listener, $port] = listen();
        $client = new Client(SWOOLE_SOCK_TCP);
        $client->set(['bind_address' => '127.0.0.1', 'bind_port' => $local = closed_port()]);
        same(true, $client->connect('127.0.0.1', $port));
        same(['port' => $local, 'host' => '127.0.0.1'], $client->getsockname());
        $other = new Client(SWOOLE_SOCK_TCP);
        $other->set(['bind_address' => '192.0.2.1', 'bind_port' => 0]);
        same(false, @$other->connect('127.0.0.1', $port));
        same(99, $other->errCode);
    },
    'options of the socket' => function () {
        [$client] = pair(['socket_buffer_size' => '64K']);
        $socket = $client->getSocket();
        same(131072, socket_get_option($socket, SOL_SOCKET, SO_SNDBUF));
        same(131072, socket_get_option($socket, SOL_SOCKET, SO_RCVBUF));
        same(1, socket_get_option($socket, SOL_TCP, TCP_NODELAY));
        same($socket, $client->getSocket());
        [$client] = pair(['open_tcp_nodelay' => false]);
        same(0, socket_get_option($client->getSocket(), SOL_TCP, TCP_NODELAY));
    },
    'settings add up' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        same(null, $client->setting);
        same(true, $client->set(['a' => 1, 'b' => 2]));
        same(true, $client->set(['b' => 3]));
        same(['a' => 1, 'b' => 3], $client->setting);
    },
]);
?>
--EXPECT--
each type: ok
a name: ok
no such name: ok
refused: ok
unix sockets that are not there: ok
nobody answers in time: ok
twice: ok
again after close: ok
without waiting: ok
without waiting, refused: ok
a local address: ok
options of the socket: ok
settings add up: ok
