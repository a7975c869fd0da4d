--TEST--
Swoole\Client: peers that reset, vanish, half-close; shutdown, close and calls without a connection
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, pair, parts, read, reset_peer, same, warning_of, write};

require __DIR__ . '/peer.inc';

parts([
    'reset' => function () {
        [$client, $peer] = pair();
        reset_peer($peer);
        same(false, @$client->recv());
        same(104, $client->errCode);
        // EPIPE, and no signal.
        same(false, @$client->send('x'));
        same(32, $client->errCode);
        same(true, $client->close());
    },
    'vanished' => function () {
        [$client, $peer] = pair();
        socket_close($peer);
        same('', $client->recv());
        same('', $client->recv());
        same(true, $client->isConnected());
        same(true, $client->close());
    },
    'half closed by the peer' => function () {
        [$client, $peer] = pair();
        write($peer, 'last words');
        socket_shutdown($peer, 1);
        same('last words', $client->recv());
        same('', $client->recv());
        same(6, $client->send('answer'));
        same('answer', read($peer, 6));
    },
    'half closed by the client' => function () {
        [$client, $peer] = pair();
        $client->send('request');
        same(true, $client->shutdown(Client::SHUT_WR));
        same(false, $client->shutdown(Client::SHUT_WR));
        same('request', read($peer));
        write($peer, 'answer');
        same('answer', $client->recv());
        same(false, @$client->send('x'));
        same(32, $client->errCode);
        same(true, $client->shutdown(Client::SHUT_RD));
        same(true, $client->shutdown(Client::SHUT_RDWR));
        same(false, $client->shutdown(Client::SHUT_RDWR));
        same(false, $client->shutdown(7));
        same(22, swoole_last_error());
        same('', $client->recv());
    },
    'both sides at once' => function () {
        [$client, $peer] = pair();
        same(true, $client->shutdown(Client::SHUT_RDWR));
        same(false, $client->shutdown(Client::SHUT_RD));
        same('', read($peer));
    },
    'garbage collection closes' => function () {
        [$client, $peer] = pair();
        $client = null;
        same('', read($peer));
    },
    'the destructor is not for users' => function () {
        [$client, $peer] = pair();
        $client->__destruct();
        same(true, $client->isConnected());
    },
    'without a connection' => function () {
        $client = new Client(SWOOLE_SOCK_TCP);
        $calls = [
            'send' => fn () => $client->send('x'),
            'recv' => fn () => $client->recv(),
            'sendfile' => fn () => $client->sendfile(__FILE__),
            'getsockname' => fn () => $client->getsockname(),
            'getpeername' => fn () => $client->getpeername(),
            'getSocket' => fn () => $client->getSocket(),
            'shutdown' => fn () => $client->shutdown(2),
        ];
        foreach ($calls as $name => $call) {
            $client->errCode = 0;
            same("Swoole\\Client::{$name}(): client is not connected to server", warning_of(fn () => same(false, $call())));
            same(SWOOLE_ERROR_CLIENT_NO_CONNECTION, $client->errCode);
        }
        same('Swoole\Client::close(): client is not connected to the server', warning_of(fn () => same(false, $client->close())));
        same(false, $client->isConnected());
    },
    'closed in a warning handler' => function () {
        [$client, $peer] = pair(timeout: 0.05);
        set_error_handler(function () use (&$client) {
            $client->close();
            return true;
        });
        same(false, $client->recv());
        restore_error_handler();
        same(false, $client->isConnected());
    },
]);
?>
--EXPECT--
reset: ok
vanished: ok
half closed by the peer: ok
half closed by the client: ok
both sides at once: ok
garbage collection closes: ok
the destructor is not for users: ok
without a connection: ok
closed in a warning handler: ok
