--TEST--
Swoole\Client: SWOOLE_KEEP keeps connections for the next client of the same name, while they live
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, listen, parts, read, reap, reset_peer, same, warning_of, write};

require __DIR__ . '/peer.inc';

function kept(int $port, ?string $id = null): Client
{
    $client = $id === null ? new Client(SWOOLE_SOCK_TCP | SWOOLE_KEEP) : new Client(SWOOLE_SOCK_TCP | SWOOLE_KEEP, false, $id);
    check($client->connect('127.0.0.1', $port, 5), 'it connects');
    return $client;
}

parts([
    'used again' => function () {
        [$listener, $port] = listen();
        $client = kept($port);
        $peer = socket_accept($listener);
        same([false, 0], [$client->reuse, $client->reuseCount]);
        $fd = $client->sock;
        same(true, $client->close());
        same(false, $client->isConnected());
        for ($i = 1; $i < 4; $i++) {
            $next = kept($port);
            same([$fd, true, $i], [$next->sock, $next->reuse, $next->reuseCount]);
            $next->send('x');
            same('x', read($peer, 1));
            // The end of the object keeps it, too.
            unset($next);
        }
    },
    'each has its own' => function () {
        [$listener, $port] = listen();
        [$one, $two] = [kept($port), kept($port)];
        check($one->sock !== $two->sock, 'two sockets');
        $one->close();
        same(false, kept($port)->sock === $two->sock);
    },
    'by id' => function () {
        [$listener, $port] = listen();
        $one = kept($port, 'mine');
        same('mine', $one->id);
        $fd = $one->sock;
        $one->close();
        same(false, kept($port)->reuse);
        $other = new Client(SWOOLE_SOCK_TCP | SWOOLE_KEEP);
        $other->id = 'mine';
        same(true, $other->connect('127.0.0.1', $port));
        same([true, $fd], [$other->reuse, $other->sock]);
        $datagrams = new Client(SWOOLE_SOCK_UDP | SWOOLE_KEEP, false, 'mine');
        $other->close();
        same(true, $datagrams->connect('127.0.0.1', $port));
        same(false, $datagrams->reuse);
    },
    'closed for good' => function () {
        [$listener, $port] = listen();
        $client = kept($port);
        $peer = socket_accept($listener);
        same(true, $client->close(true));
        same('', read($peer));
        same(false, kept($port)->reuse);
    },
    'dead connections' => function () {
        [$listener, $port] = listen();
        $clients = [kept($port), kept($port), kept($port)];
        $peers = [socket_accept($listener), socket_accept($listener), socket_accept($listener)];
        $fds = array_map(fn ($client) => $client->sock, $clients);
        foreach ($clients as $client) {
            $client->close();
        }
        socket_close($peers[0]);
        reset_peer($peers[1]);
        $next = kept($port);
        same([true, $fds[2]], [$next->reuse, $next->sock]);
    },
    'one that failed is not kept' => function () {
        [$listener, $port] = listen();
        $client = kept($port);
        $peer = socket_accept($listener);
        socket_close($peer);
        same('', $client->recv());
        same(true, $client->close());
        same(false, kept($port)->reuse);
    },
    'leftover bytes stay' => function () {
        [$listener, $port] = listen();
        $settings = ['open_eof_check' => true, 'package_eof' => "\n"];
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_KEEP);
        $client->set($settings);
        $client->connect('127.0.0.1', $port);
        $peer = socket_accept($listener);
        write($peer, "one\ntwo\n");
        same("one\n", $client->recv());
        $client->close();
        $client->connect('127.0.0.1', $port);
        same(true, $client->reuse);
        same("two\n", $client->recv());
    },
    'another process has its own' => function () {
        [$listener, $port] = listen();
        $client = kept($port);
        $peer = socket_accept($listener);
        $client->close();
        [$a, $b] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $pid = child(function () use ($port, $b) {
            fwrite($b, json_encode(kept($port)->reuse) . "\n");
        });
        same("false\n", fgets($a));
        reap($pid);
        same(true, kept($port)->reuse);
    },
    'a limit' => function () {
        [$listener, $port] = listen();
        $clients = $peers = [];
        for ($i = 0; $i < 70; $i++) {
            $clients[] = kept($port);
            $peers[] = socket_accept($listener);
        }
        foreach ($clients as $client) {
            $client->close();
        }
        $closed = 0;
        foreach ($peers as $peer) {
            socket_set_nonblock($peer);
            $closed += @socket_read($peer, 1) === '' ? 1 : 0;
        }
        same(6, $closed);
    },
    'no socket object of it' => function () {
        [$listener, $port] = listen();
        $client = kept($port);
        same("Swoole\\Client::getSocket(): the 'getSocket' method can't be used on persistent connection",
            warning_of(fn () => same(false, $client->getSocket())));
    },
]);
?>
--EXPECT--
used again: ok
each has its own: ok
by id: ok
closed for good: ok
dead connections: ok
one that failed is not kept: ok
leftover bytes stay: ok
another process has its own: ok
a limit: ok
no socket object of it: ok
