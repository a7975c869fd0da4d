--TEST--
Swoole\Coroutine\Socket: time limits, cancellation, closing while others wait, and what keeps the loop alive
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, result, same, sockets};

require __DIR__ . '/pair.inc';

coroutine_parts([
    'time limits of each call' => function () {
        [$client, $peer] = sockets();
        [$listener] = listening();
        foreach ([
            fn () => $client->recv(10, 0.01),
            fn () => $client->recvAll(10, 0.01),
            fn () => $client->recvLine(10, 0.01),
            fn () => $client->recvWithBuffer(10, 0.01),
            fn () => $client->recvPacket(0.01),
            fn () => $client->readVector([10], 0.01),
        ] as $call) {
            $started = microtime(true);
            failed_with(SOCKET_ETIMEDOUT, $client, $call());
            check(microtime(true) - $started >= 0.01, 'not before the time');
        }
        failed_with(SOCKET_ETIMEDOUT, $listener, $listener->accept(0.01));
        same([[], SOCKET_ETIMEDOUT], [$client->readVectorAll([10], 0.01), $client->errCode]);
        $udp = new Socket(AF_INET, SOCK_DGRAM, 0);
        $udp->bind('127.0.0.1');
        failed_with(SOCKET_ETIMEDOUT, $udp, $udp->recvfrom($from, 0.01));
        same(null, $from);
        // It is as good as before.
        $peer->send('x');
        same('x', $client->recv());
    },
    'what came before the time was over' => function () {
        [$client, $peer] = sockets();
        $peer->send('abc');
        same(['abc', SOCKET_ETIMEDOUT], [$client->recvAll(10, 0.01), $client->errCode]);
        $peer->send('abc');
        same([['ab', 'c'], SOCKET_ETIMEDOUT], [$client->readVectorAll([2, 2, 2], 0.01), $client->errCode]);
        $full = str_repeat('x', 64 << 20);
        $sent = $client->sendAll($full, 0.01);
        check($sent > 0 && $sent < strlen($full), 'a part was sent');
        same(SOCKET_ETIMEDOUT, $client->errCode);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->sendAll('x', 0.01));
        failed_with(SOCKET_ETIMEDOUT, $client, $client->send('x', 0.01));
        same([0, SOCKET_ETIMEDOUT], [$client->writeVectorAll(['x'], 0.01), $client->errCode]);
        $rest = later(fn () => strlen($peer->recvAll($sent)));
        same($sent, result($rest));
        same(1, $client->send('x'));
    },
    'limits of the socket and of the process' => function () {
        [$client, $peer] = sockets();
        same(['sec' => 60, 'usec' => 0], $client->getOption(SOL_SOCKET, SO_RCVTIMEO));
        check($client->setOption(SOL_SOCKET, SO_RCVTIMEO, ['sec' => 0, 'usec' => 20000]), 'sets');
        same(['sec' => 0, 'usec' => 20000], $client->getOption(SOL_SOCKET, SO_RCVTIMEO));
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv());
        Coroutine::set(['socket_read_timeout' => 0.02]);
        [$client, $peer] = sockets();
        Coroutine::set(['socket_read_timeout' => 60]);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv());
        // Less than 0: none.
        $got = later(fn () => $client->recv(10, -1));
        Coroutine::sleep(0.05);
        check($client->cancel(), 'still waits');
        same(false, result($got));
    },
    'cancel' => function () {
        [$client, $peer] = sockets();
        same(false, $client->cancel());
        same(false, $client->cancel(SWOOLE_EVENT_WRITE));
        $reader = later(fn () => [$client->recv(), $client->errCode]);
        $writer = later(fn () => [$client->sendAll(str_repeat('x', 64 << 20)) < 64 << 20, $client->errCode]);
        check($client->getBoundCid(SWOOLE_EVENT_READ) > 0, 'a reader');
        check($client->getBoundCid(SWOOLE_EVENT_WRITE) > $client->getBoundCid(SWOOLE_EVENT_READ), 'a writer');
        same($client->getBoundCid(SWOOLE_EVENT_READ), $client->getBoundCid(SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE));
        same(0, $client->getBoundCid(0));
        same(true, $client->cancel(SWOOLE_EVENT_WRITE));
        same([true, SOCKET_ECANCELED], result($writer));
        same(true, $client->cancel());
        same([false, SOCKET_ECANCELED], result($reader));
        same([0, 0], [$client->getBoundCid(SWOOLE_EVENT_READ), $client->getBoundCid(SWOOLE_EVENT_WRITE)]);
    },
    'Coroutine::cancel()' => function () {
        [$client, $peer] = sockets();
        $cid = 0;
        $reader = later(function () use ($client, &$cid) {
            $cid = Coroutine::getCid();
            return [$client->recv(), $client->errCode];
        });
        check(Coroutine::cancel($cid), 'cancels');
        same([false, SOCKET_ECANCELED], result($reader));
        $reader = later(function () use ($client, &$cid) {
            $cid = Coroutine::getCid();
            try {
                $client->recv();
            } catch (Coroutine\CanceledException) {
                return 'thrown';
            }
        });
        check(Coroutine::cancel($cid, true), 'cancels');
        same('thrown', result($reader));
        same(0, $client->getBoundCid(SWOOLE_EVENT_READ));
    },
    'closed by another coroutine' => function () {
        [$client, $peer] = sockets();
        $reader = later(fn () => [$client->recv(), $client->errCode, $client->isClosed()]);
        $writer = later(fn () => [$client->sendAll(str_repeat('x', 64 << 20)) > 0, $client->errCode]);
        same(true, $client->close());
        same([false, SOCKET_ECANCELED, false], result($reader));
        same([true, SOCKET_ECANCELED], result($writer));
        failed_with(SWOOLE_ERROR_CO_SOCKET_CLOSE_WAIT, $client, $client->recv());
        same(true, $client->close());
        same(true, $client->isClosed());
        failed_with(SOCKET_EBADF, $client, $client->close());
        failed_with(SOCKET_EBADF, $client, $client->recv());
        // The peer learnt of it at once.
        while (($part = $peer->recv()) !== '') {
            check(is_string($part), 'the end');
        }
    },
    'a listener closed by another coroutine' => function () {
        [$listener, , $port] = listening();
        $accepted = later(fn () => [$listener->accept(), $listener->errCode]);
        same(true, $listener->close());
        same([false, SOCKET_ECANCELED], result($accepted));
        $again = new Socket(AF_INET, SOCK_STREAM, 0);
        check($again->bind('127.0.0.1', $port), 'the port is free at once');
    },
    'closed in the wait of the one that it wakes' => function () {
        [$client, $peer] = sockets();
        $reader = later(function () use ($client) {
            $client->recv();
            return $client->close();
        });
        $writer = later(fn () => $client->sendAll(str_repeat('x', 64 << 20)) > 0);
        $client->close();
        same([true, true], [result($reader), result($writer)]);
    },
    'an idle socket keeps nothing alive' => function () {
        global $kept;
        $kept = sockets();
        failed_with(SOCKET_ETIMEDOUT, $kept[0], $kept[0]->recv(1, 0.01));
    },
    'in a loop of its own' => function () {
        global $kept;
        same(2, $kept[0]->send('hi'));
        same('hi', $kept[1]->recv());
        $got = later(fn () => $kept[0]->recv());
        same(2, $kept[1]->send('ho'));
        same('ho', result($got));
    },
]);
// Outside of coroutines, too, as long as nothing must wait.
same(2, $kept[0]->send('hi'));
same('hi', $kept[1]->recv());
echo "done\n";
?>
--EXPECT--
time limits of each call: ok
what came before the time was over: ok
limits of the socket and of the process: ok
cancel: ok
Coroutine::cancel(): ok
closed by another coroutine: ok
a listener closed by another coroutine: ok
closed in the wait of the one that it wakes: ok
an idle socket keeps nothing alive: ok
in a loop of its own: ok
done
