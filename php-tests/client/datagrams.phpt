--TEST--
Swoole\Client: UDP, UDP over IPv6 and unix datagrams; sendto(), a fixed peer
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, pair, parts, same, temporary, warning_of};

require __DIR__ . '/peer.inc';

function udp(int $family = AF_INET): array
{
    $socket = socket_create($family, SOCK_DGRAM, 0);
    socket_bind($socket, $family === AF_INET ? '127.0.0.1' : '::1', 0);
    socket_getsockname($socket, $host, $port);
    return [$socket, $port];
}

parts([
    'UDP' => function () {
        foreach ([[SWOOLE_SOCK_UDP, AF_INET, '127.0.0.1', '0.0.0.0'], [SWOOLE_SOCK_UDP6, AF_INET6, '::1', '::']] as [$type, $family, $host, $any]) {
            [$server, $port] = udp($family);
            $client = new Client($type);
            same(true, $client->connect($host, $port));
            same(true, $client->isConnected());
            same(['port' => 0, 'host' => $any], $client->getpeername());
            same(5, $client->send('hello'));
            socket_recvfrom($server, $data, 100, 0, $from, $from_port);
            same('hello', $data);
            same($from_port, $client->getsockname()['port']);
            socket_sendto($server, 'answer', 6, 0, $from, $from_port);
            same('answer', $client->recv());
            same(['port' => $port, 'host' => $host], $client->getpeername());
            // Somebody else may answer.
            [$other, $other_port] = udp($family);
            socket_sendto($other, 'stranger', 8, 0, $from, $from_port);
            same('stranger', $client->recv());
            same($other_port, $client->getpeername()['port']);
        }
    },
    'a fixed peer' => function () {
        [$server, $port] = udp();
        $client = new Client(SWOOLE_SOCK_UDP);
        same(true, $client->connect('127.0.0.1', $port, 0.1, 1));
        same('127.0.0.1', $client->getsockname()['host']);
        $local = $client->getsockname()['port'];
        [$other] = udp();
        @socket_sendto($other, 'stranger', 8, 0, '127.0.0.1', $local);
        same(false, @$client->recv());
        same(11, $client->errCode);
        $client->send('x');
        socket_sendto($server, 'friend', 6, 0, '127.0.0.1', $local);
        same('friend', $client->recv());
    },
    'nobody listens' => function () {
        [$server, $port] = udp();
        socket_close($server);
        $client = new Client(SWOOLE_SOCK_UDP);
        same(true, $client->connect('127.0.0.1', $port, 5, 1));
        same(1, $client->send('x'));
        same(false, @$client->recv());
        same(111, $client->errCode);
    },
    'sendto' => function () {
        [$server, $port] = udp();
        $client = new Client(SWOOLE_SOCK_UDP);
        same(true, $client->sendto('127.0.0.1', $port, 'one'));
        same(true, $client->isConnected());
        check($client->sock > 2, 'a descriptor');
        same(true, $client->sendto('localhost', $port, 'two'));
        socket_recvfrom($server, $data, 100, 0, $from, $from_port);
        same('one', $data);
        socket_recvfrom($server, $data, 100, 0, $from, $from_port);
        same('two', $data);
        socket_sendto($server, 'three', 5, 0, $from, $from_port);
        same('three', $client->recv());
        same(true, $client->close());
    },
    'sendto that fails' => function () {
        $client = new Client(SWOOLE_SOCK_UDP);
        same('Swoole\Client::sendto(): data to send is empty', warning_of(fn () => same(false, $client->sendto('127.0.0.1', 9, ''))));
        same(false, $client->sendto('no-such-host.invalid', 9, 'x'));
        same(SWOOLE_ERROR_DNSLOOKUP_RESOLVE_FAILED, $client->errCode);
        same(false, $client->sendto('127.0.0.1', 70000, 'x'));
        same(SWOOLE_ERROR_BAD_PORT, $client->errCode);
        same(false, $client->sendto('127.0.0.1', 9, str_repeat('x', 70000)));
        same(90, $client->errCode);
        [$stream] = pair();
        same(false, $stream->sendto('127.0.0.1', 9, 'x'));
        same(SWOOLE_ERROR_OPERATION_NOT_SUPPORT, $stream->errCode);
    },
    'large datagrams' => function () {
        [$server, $port] = udp();
        $client = new Client(SWOOLE_SOCK_UDP);
        $client->connect('127.0.0.1', $port);
        $data = random_bytes(65000);
        same(65000, $client->send($data));
        socket_recvfrom($server, $got, 70000, 0, $from, $from_port);
        same($data, $got);
        socket_sendto($server, $data, 65000, 0, $from, $from_port);
        same($data, $client->recv());
        socket_sendto($server, $data, 65000, 0, $from, $from_port);
        same(substr($data, 0, 10), $client->recv(10));
        same(false, @$client->send(str_repeat('x', 70000)));
        same(90, $client->errCode);
        same('Swoole\Client::sendfile(): dgram socket cannot use sendfile', warning_of(fn () => $client->sendfile(__FILE__)));
    },
    'unix datagrams' => function () {
        $path = temporary('sock');
        $server = socket_create(AF_UNIX, SOCK_DGRAM, 0);
        socket_bind($server, $path);
        $client = new Client(SWOOLE_SOCK_UNIX_DGRAM);
        same(true, $client->connect($path));
        same(5, $client->send('hello'));
        socket_recvfrom($server, $data, 100, 0, $from);
        same('hello', $data);
        same('/tmp/swoole-client.' . getmypid() . ".{$client->sock}.sock", $from);
        socket_sendto($server, 'answer', 6, 0, $from);
        same('answer', $client->recv());
        // A child's end does not take the file away.
        SwooleRs\Tests\reap(SwooleRs\Tests\child(fn () => $client->close()));
        check(file_exists($from), 'the file');
        $client->close();
        check(!file_exists($from), 'no file');
        same(false, @(new Client(SWOOLE_SOCK_UNIX_DGRAM))->connect(temporary('none'), 0, 1, 1));
    },
]);
?>
--EXPECTF--
UDP: ok
a fixed peer: ok
nobody listens: ok
sendto: ok
[%s]	WARNING	only supports SWOOLE_SOCK_(UDP/UDP6/UNIX_DGRAM)
sendto that fails: ok
large datagrams: ok
unix datagrams: ok
