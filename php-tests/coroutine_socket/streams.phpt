--TEST--
Swoole\Coroutine\Socket: streams of TCP, IPv6 and unix sockets, small and large, in both directions at a time
--INI--
memory_limit=512M
--FILE--
<?php
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, result, same, sockets};

require __DIR__ . '/pair.inc';

$talk = function (int $family) {
    [$client, $peer] = sockets($family);
    same([$family, SOCK_STREAM, 0], [$client->domain, $client->type, $client->protocol]);
    same($client->getsockname(), $peer->getpeername());
    same($client->getpeername(), $peer->getsockname());
    $answer = later(function () use ($peer) {
        $got = '';
        while (($part = $peer->recv(3)) !== '') {
            $got .= $part;
        }
        same(0, $peer->errCode);
        return $got;
    });
    $all = implode('', array_map('chr', range(0, 255)));
    same(256, $client->send($all));
    same(0, $client->send(''));
    check($client->shutdown(STREAM_SHUT_WR), 'shuts');
    same($all, result($answer));
    failed_with(SOCKET_EPIPE, $client, $client->send('x'));
};

coroutine_parts([
    'TCP' => fn () => $talk(AF_INET),
    'IPv6' => fn () => $talk(AF_INET6),
    'unix' => fn () => $talk(AF_UNIX),
    'what there is' => function () {
        [$client, $peer] = sockets();
        $peer->send('hello world');
        same('hell', $client->recv(4));
        same('o wo', $client->peek(4));
        same('o world', $client->recv());
        failed_with(SOCKET_EAGAIN, $client, $client->peek());
        // 0 and less: the default.
        $peer->send(str_repeat('x', 100));
        same(100, strlen($client->recv(0)));
        $peer->send('y');
        same('y', $client->recv(-1));
    },
    'large both ways' => function () {
        [$client, $peer] = sockets();
        $bytes = 16 << 20;
        $data = str_repeat(random_bytes(1 << 12), 1 << 12);
        $sent = later(fn () => $client->sendAll($data));
        $peer_sent = later(fn () => $peer->sendAll($data));
        $peer_got = later(fn () => md5($peer->recvAll($bytes)));
        same(md5($data), md5($client->recvAll($bytes)));
        same(md5($data), result($peer_got));
        same([$bytes, $bytes], [result($sent), result($peer_sent)]);
    },
    'large piece by piece' => function () {
        [$client, $peer] = sockets();
        $data = str_repeat(random_bytes(1 << 10), 4 << 10);
        $got = later(function () use ($peer) {
            $got = '';
            for ($i = 1; ($part = $peer->recv([10, 65536, 1 << 20, 65537][$i++ % 4])) !== ''; $got .= $part);
            return md5($got);
        });
        for ($rest = $data; $rest !== ''; $rest = substr($rest, $sent)) {
            $sent = $client->send($rest);
            check($sent > 0, 'sends');
        }
        $client->close();
        same(md5($data), result($got));
    },
    'all that comes' => function () {
        [$client, $peer] = sockets();
        $client->sendAll('abc');
        same('ab', $peer->recvAll(2));
        $rest = later(fn () => [$peer->recvAll(10), $peer->errCode]);
        $client->send('d');
        $client->close();
        same(['cd', 0], result($rest));
        same('', $peer->recvAll(10));
        same('', $peer->recv());
    },
    'lines and buffers' => function () {
        [$client, $peer] = sockets();
        $peer->send("one\ntwo\r\nthree");
        same("one\n", $client->recvLine());
        same("two\r", $client->recvLine());
        same("\n", $client->recvLine());
        same('th', $client->recvLine(2));
        same('r', $client->recvWithBuffer(1));
        // Calls that know no lines give what is in the buffer, too.
        same('e', $client->peek(1));
        same('ee', $client->recv());
        $peer->send('12345');
        same('123', $client->recvAll(3));
        same('4', $client->recvWithBuffer(1));
        $line = later(fn () => $client->recvLine());
        $peer->send("6\n7");
        $peer->close();
        same("56\n", result($line));
        same('7', $client->recvLine());
        same('', $client->recvLine());
        same('', $client->recvWithBuffer());
    },
    'a reset' => function () {
        [$client, $peer] = sockets();
        check($peer->setOption(SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]), 'lingers');
        $got = later(fn () => [$client->recv(), $client->errCode]);
        $peer->close();
        check(in_array(result($got), [['', 0], [false, SOCKET_ECONNRESET]], true), 'the reader learns of it');
        same(false, $client->checkLiveness());
    },
    'liveness' => function () {
        [$client, $peer] = sockets();
        same([true, 0, ''], [$client->checkLiveness(), $client->errCode, $client->errMsg]);
        $peer->send('x');
        same(true, $client->checkLiveness());
        $peer->close();
        same('x', $client->recv());
        same(false, $client->checkLiveness());
        same(SOCKET_ECONNRESET, $client->errCode);
    },
    'both directions shut' => function () {
        [$client, $peer] = sockets();
        check($client->shutdown(STREAM_SHUT_WR), 'one');
        failed_with(SOCKET_ENOTCONN, $client, $client->shutdown(STREAM_SHUT_WR));
        same('', $peer->recv());
        $peer->send('still');
        same('still', $client->recv());
        check($client->shutdown(STREAM_SHUT_RD), 'other');
        failed_with(SOCKET_ENOTCONN, $client, $client->shutdown());
        failed_with(SOCKET_EINVAL, $peer, $peer->shutdown(99));
    },
    'files' => function () {
        [$client, $peer] = sockets();
        $name = __FILE__;
        $size = filesize($name);
        foreach ([[0, 0, $size], [10, 0, $size - 10], [10, 5, 5], [$size, 0, 0]] as [$offset, $length, $expected]) {
            $got = later(fn () => $expected ? $peer->recvAll($expected) : '');
            same(true, $client->sendFile($name, $offset, $length));
            same(substr(file_get_contents($name), $offset, $expected), result($got));
        }
        same(false, $client->sendFile('/no/such/file'));
        same([SOCKET_ENOENT, 'open(/no/such/file) failed, No such file or directory'], [$client->errCode, $client->errMsg]);
        failed_with(SOCKET_EINVAL, $client, $client->sendFile($name, -1));
        same(false, $client->sendFile($name, $size - 1, 100));
        same(SWOOLE_ERROR_SYSTEM_CALL_FAIL, $client->errCode);
        same(1, strlen($peer->recv()));
        $big = SwooleRs\Tests\temporary('file');
        file_put_contents($big, str_repeat('0123456789', 1 << 20));
        $got = later(fn () => md5($peer->recvAll(10 << 20)));
        same(true, $client->sendFile($big));
        same(md5_file($big), result($got));
    },
]);
?>
--EXPECT--
TCP: ok
IPv6: ok
unix: ok
what there is: ok
large both ways: ok
large piece by piece: ok
all that comes: ok
lines and buffers: ok
a reset: ok
liveness: ok
both directions shut: ok
files: ok
