--TEST--
Swoole\Coroutine\Socket: packages by end mark, length field, length function, MQTT and FastCGI
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, result, same, sockets, warning_of};

require __DIR__ . '/pair.inc';

$framed = function (array $settings): array {
    [$client, $peer] = sockets();
    check($client->setProtocol($settings), 'settings');
    return [$client, $peer];
};
$length = ['open_length_check' => true, 'package_length_type' => 'N', 'package_length_offset' => 0, 'package_body_offset' => 4];
$packed = fn (string $body): string => pack('N', strlen($body)) . $body;

coroutine_parts([
    'bytes' => function () {
        [$client, $peer] = sockets();
        $peer->send('hello');
        same('hello', $client->recvPacket());
        $peer->close();
        same(['', 0], [$client->recvPacket(), $client->errCode]);
    },
    'end marks' => function () use ($framed) {
        [$client, $peer] = $framed(['open_eof_check' => true, 'package_eof' => "\r\n"]);
        $peer->send("one\r\ntwo\r\nthr");
        same("one\r\n", $client->recvPacket());
        same("two\r\n", $client->recvPacket());
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recvPacket(0.01));
        $peer->send("ee\r");
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recvPacket(0.01));
        $peer->send("\n");
        same("three\r\n", $client->recvPacket());
        // Other calls go on where it ended.
        $peer->send("four\r\nfive");
        same("four\r\n", $client->recvPacket());
        same('five', $client->recv());
        // The end of the stream within a package.
        $peer->send('half');
        $peer->close();
        same(['', 0], [$client->recvPacket(), $client->errCode]);
    },
    'length fields' => function () use ($framed, $length, $packed) {
        [$client, $peer] = $framed($length);
        $peer->send($packed('one') . $packed('') . $packed(str_repeat('x', 1000)));
        same($packed('one'), $client->recvPacket());
        same($packed(''), $client->recvPacket());
        same($packed(str_repeat('x', 1000)), $client->recvPacket());
        $large = $packed(random_bytes(1000000));
        $sent = later(fn () => $peer->sendAll($large . $large));
        same(md5($large), md5($client->recvPacket()));
        same(md5($large), md5($client->recvPacket()));
        same(2 * strlen($large), result($sent));
        // What had come when the time was over is not lost.
        foreach (str_split($packed('slow'), 3) as $part) {
            failed_with(SOCKET_ETIMEDOUT, $client, $client->recvPacket(0.01));
            $peer->send($part);
        }
        same($packed('slow'), $client->recvPacket());
        foreach (str_split($large, 400000) as $part) {
            failed_with(SOCKET_ETIMEDOUT, $client, $client->recvPacket(0.01));
            $peer->sendAll($part);
        }
        same(md5($large), md5($client->recvPacket()));
        $peer->send(substr($packed('the end'), 0, 6));
        $peer->close();
        same(['', 0], [$client->recvPacket(), $client->errCode]);
    },
    'length types' => function () use ($framed) {
        foreach (['C', 'n', 'v', 'N', 'V', 'J', 'P'] as $type) {
            $head = strlen(pack($type, 0));
            [$client, $peer] = $framed(['open_length_check' => true, 'package_length_type' => $type, 'package_length_offset' => 2, 'package_body_offset' => 2 + $head]);
            $package = '##' . pack($type, 5) . 'hello';
            $peer->send($package . $package);
            same([$package, $package], [$client->recvPacket(), $client->recvPacket()]);
        }
        [$client, $peer] = sockets();
        same('Swoole\Coroutine\Socket::setProtocol(): Unknown package_length_type name \'x\', see pack(). Link: https://php.net/pack',
            warning_of(fn () => same(false, $client->setProtocol(['package_length_type' => 'x']))));
        same(false, $client->setProtocol([]));
    },
    'malformed' => function () use ($framed, $length) {
        [$client, $peer] = $framed(['package_max_length' => 1000] + $length);
        $peer->send(pack('N', 997));
        same(false, $client->recvPacket());
        same(SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, $client->errCode);
        [$client, $peer] = $framed(['open_length_check' => true, 'package_length_type' => 'l', 'package_body_offset' => 4]);
        $peer->send(pack('l', -5));
        same(['', SWOOLE_ERROR_PACKAGE_LENGTH_NOT_FOUND, 'get package length failed'], [$client->recvPacket(), $client->errCode, $client->errMsg]);
        [$client, $peer] = $framed(['open_eof_check' => true, 'package_eof' => '!', 'package_max_length' => 1000]);
        $peer->send(str_repeat('x', 1000));
        same(false, $client->recvPacket());
        same([SWOOLE_ERROR_PACKAGE_LENGTH_TOO_LARGE, 'no package eof, package_max_length exceeded'], [$client->errCode, $client->errMsg]);
    },
    'a function' => function () use ($framed) {
        [$client, $peer] = $framed(['open_length_check' => true, 'package_length_func' => function (string $data): int {
            // It may wait, and others use the socket meanwhile.
            Coroutine::sleep(0.001);
            $end = strpos($data, ':');
            return $end === false ? 0 : $end + 1 + (int) $data;
        }]);
        $peer->send('5:hello3:abc1');
        same('5:hello', $client->recvPacket());
        same('3:abc', $client->recvPacket());
        $later = later(fn () => $client->recvPacket());
        $peer->send('0:0123456789');
        same('10:0123456789', result($later));
        [$client, $peer] = $framed(['open_length_check' => true, 'package_length_func' => fn () => throw new Exception('no idea')]);
        $peer->send('x');
        try {
            $client->recvPacket();
            check(false, 'thrown');
        } catch (Exception $error) {
            same('no idea', $error->getMessage());
        }
        [$client, $peer] = sockets();
        same("Swoole\\Coroutine\\Socket::setProtocol(): function 'no_such_function' is not callable",
            warning_of(fn () => same(false, $client->setProtocol(['package_length_func' => 'no_such_function']))));
    },
    'MQTT and FastCGI' => function () use ($framed) {
        [$client, $peer] = $framed(['open_mqtt_protocol' => true]);
        $packages = ["\x10\x02ab", "\x30\xc8\x01" . str_repeat('x', 200), "\xc0\0"];
        $peer->send(implode($packages));
        same($packages, [$client->recvPacket(), $client->recvPacket(), $client->recvPacket()]);
        [$client, $peer] = $framed(['open_fastcgi_protocol' => true]);
        $records = ["\1\6\0\1\0\5\3\0hello\0\0\0", "\1\3\0\1\0\x08\0\0\0\0\0\0\0\0\0\0", "\1\6\0\1\0\0\0\0"];
        $peer->send(implode($records));
        same($records, [$client->recvPacket(), $client->recvPacket(), $client->recvPacket()]);
    },
    'inherited by what is accepted' => function () use ($length, $packed) {
        [$listener, $host, $port] = listening();
        $listener->setProtocol($length);
        $listener->setOption(SOL_SOCKET, SO_RCVTIMEO, ['sec' => 7, 'usec' => 0]);
        $client = new Socket(AF_INET, SOCK_STREAM, 0);
        $client->connect($host, $port);
        $peer = $listener->accept();
        $client->send($packed('a') . $packed('b'));
        same($packed('a'), $peer->recvPacket());
        same(['sec' => 7, 'usec' => 0], $peer->getOption(SOL_SOCKET, SO_RCVTIMEO));
        same(1, $peer->getOption(SOL_TCP, TCP_NODELAY));
    },
]);
?>
--EXPECTF--
bytes: ok
end marks: ok
length fields: ok
length types: ok
[%s]	WARNING	a packet from 127.0.0.1:%d was refused: the received packet length 1001 is too large, at most 1000 are allowed (package_max_length)
[%s]	WARNING	a packet from 127.0.0.1:%d was refused: no package eof, package_max_length exceeded
malformed: ok
a function: ok
MQTT and FastCGI: ok
inherited by what is accepted: ok
