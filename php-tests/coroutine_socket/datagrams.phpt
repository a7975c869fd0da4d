--TEST--
Swoole\Coroutine\Socket: datagrams of UDP, IPv6 and unix sockets
--FILE--
<?php
use Swoole\Coroutine\Socket;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, result, same, sockets, temporary};

require __DIR__ . '/pair.inc';

$bound = function (int $family): array {
    $socket = new Socket($family, SOCK_DGRAM, 0);
    $host = match ($family) {
        AF_INET => '127.0.0.1',
        AF_INET6 => '::1',
        AF_UNIX => temporary('sock'),
    };
    check($socket->bind($host), "binds: {$socket->errMsg}");
    return [$socket, $host, $socket->getsockname()['port']];
};

$talk = function (int $family) use ($bound) {
    [$one, $host, $port] = $bound($family);
    [$two, $two_host, $two_port] = $bound($family);
    $got = later(function () use ($one) {
        $data = $one->recvfrom($from);
        return [$data, $from];
    });
    same(5, $two->sendto($host, $port, 'hello'));
    same(['hello', ['address' => $two_host, 'port' => $two_port]], result($got));
    same(0, $two->sendto($host, $port, ''));
    $from = 'as it was';
    same(['', 0], [$one->recvfrom($from), $one->errCode]);
    same('as it was', $from);
    $large = random_bytes(60000);
    same(60000, $two->sendto($host, $port, $large));
    same($large, $one->recvfrom($from));
    // One at a time, and what does not fit is lost.
    $two->sendto($host, $port, 'first');
    $two->sendto($host, $port, 'second');
    same('fir', $one->recv(3));
    same('seco', $one->peek(4));
    same('second', $one->recv());
    // To a fixed peer.
    check($two->connect($host, $port), 'connects');
    same(4, $two->send('sent'));
    same('sent', $one->recvfrom($from));
    same($two_port, $from['port']);
    same(true, $two->close());
};

coroutine_parts([
    'UDP' => fn () => $talk(AF_INET),
    'IPv6' => fn () => $talk(AF_INET6),
    'unix' => fn () => $talk(AF_UNIX),
    'names' => function () use ($bound) {
        [$one, , $port] = $bound(AF_INET);
        same(5, $one->sendto('localhost', $port, 'hello'));
        same('hello', $one->recvfrom($from));
        failed_with(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $one, $one->sendto('no.such.host.invalid', $port, 'x'));
        failed_with(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $one, $one->sendto('::1', $port, 'x'));
        failed_with(SWOOLE_ERROR_BAD_PORT, $one, $one->sendto('127.0.0.1', 65536, 'x'));
        failed_with(SWOOLE_ERROR_BAD_PORT, $one, $one->sendto('127.0.0.1', -1, 'x'));
    },
    'errors' => function () use ($bound) {
        [$one] = $bound(AF_INET);
        failed_with(SOCKET_EMSGSIZE, $one, $one->sendto('127.0.0.1', 9, str_repeat('x', 70000)));
        [, , $port] = $gone = $bound(AF_INET);
        $gone[0]->close();
        check($one->connect('127.0.0.1', $port), 'connects');
        same(1, $one->send('x'));
        failed_with(SOCKET_ECONNREFUSED, $one, $one->recv(10, 5));
        [$stream, $peer] = sockets();
        failed_with(SOCKET_EPROTONOSUPPORT, $stream, $stream->sendto('127.0.0.1', 9, 'x'));
        $unix = new Socket(AF_UNIX, SOCK_DGRAM, 0);
        failed_with(SOCKET_ENOENT, $unix, $unix->sendto('/no/such/socket', 0, 'x'));
        failed_with(SWOOLE_ERROR_NAME_TOO_LONG, $unix, $unix->sendto(str_repeat('x', 108), 0, 'x'));
    },
    'more than the kernel holds' => function () use ($bound) {
        [$one, $host] = $bound(AF_UNIX);
        [$two] = $bound(AF_UNIX);
        $count = 2000;
        $sent = later(function () use ($two, $host, $count) {
            for ($i = 0; $i < $count; $i++) {
                same(1000, $two->sendto($host, 0, str_pad((string) $i, 1000)));
            }
            return true;
        });
        for ($i = 0; $i < $count; $i++) {
            same((string) $i, rtrim($one->recvfrom($from, 10)));
        }
        check(result($sent), 'all was sent');
    },
    'the file of a unix socket goes with it' => function () use ($bound) {
        [$one, $path] = $bound(AF_UNIX);
        check(file_exists($path), 'there');
        unset($one);
        check(!file_exists($path), 'gone');
    },
]);
?>
--EXPECT--
UDP: ok
IPv6: ok
unix: ok
names: ok
errors: ok
more than the kernel holds: ok
the file of a unix socket goes with it: ok
