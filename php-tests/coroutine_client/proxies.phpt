--TEST--
Swoole\Coroutine\Client: tunnels through SOCKS5 and HTTP proxies, and proxies that refuse
--FILE--
<?php
use Swoole\Coroutine\{Client, Socket};
use function SwooleRs\Tests\{check, coroutine_parts, later, listening, result, same, warning_of};

require __DIR__ . '/../coroutine_socket/pair.inc';

/** A client through a proxy whose side of the talk $proxy plays. */
function through(callable $proxy, callable $settings, callable $use, int $family = AF_INET): void
{
    [$listener, , $port] = listening($family);
    $played = later(fn () => $proxy($listener->accept(5)));
    $client = new Client(SWOOLE_SOCK_TCP);
    $client->set($settings($port));
    $use($client);
    result($played);
}

$socks = fn (int $port) => ['socks5_host' => '127.0.0.1', 'socks5_port' => $port];
$http = fn (int $port) => ['http_proxy_host' => '127.0.0.1', 'http_proxy_port' => $port];
$talks = function (Client $client) {
    same(true, $client->connect('example.org', 8080, 5));
    same(5, $client->send('hello'));
    same('HELLO', $client->socket->recvAll(5));
};
$fails = fn (int $code) => function (Client $client) use ($code) {
    same(false, $client->connect('example.org', 8080, 5));
    same([$code, swoole_strerror($code), false], [$client->errCode, $client->errMsg, $client->isConnected()]);
};
$upper = fn (Socket $peer) => $peer->send(strtoupper($peer->recvAll(5)));
$socks_talk = function (Socket $peer) use ($upper) {
    same("\5\1\0", $peer->recvAll(3));
    $peer->send("\5\0");
    same("\5\1\0\3\x0bexample.org\x1f\x90", $peer->recvAll(18));
    $peer->send("\5\0\0\1\x7f\0\0\1\0\x50");
    $upper($peer);
};

coroutine_parts([
    'SOCKS5' => fn () => through($socks_talk, $socks, $talks),
    'SOCKS5 over IPv6' => fn () => through($socks_talk, fn (int $port) => ['socks5_host' => '::1', 'socks5_port' => $port], $talks, AF_INET6),
    'SOCKS5 with a login' => fn () => through(function (Socket $peer) use ($upper) {
        same("\5\1\2", $peer->recvAll(3));
        $peer->send("\5\2");
        same("\1\2me\6secret", $peer->recvAll(11));
        $peer->send("\1\0");
        $peer->recvAll(18);
        $peer->send("\5\0\0\1\x7f\0\0\1\0\x50");
        $upper($peer);
    }, fn (int $port) => $socks($port) + ['socks5_username' => 'me', 'socks5_password' => 'secret'], $talks),
    'SOCKS5 that refuses' => fn () => through(function (Socket $peer) {
        $peer->recvAll(3);
        $peer->send("\5\xff");
        $peer->recv();
    }, $socks, $fails(SWOOLE_ERROR_SOCKS5_HANDSHAKE_FAILED)),
    'HTTP' => fn () => through(function (Socket $peer) use ($upper) {
        $request = $peer->recvPacket();
        check(str_starts_with($request, "CONNECT example.org:8080 HTTP/1.1\r\n"), $request);
        // What comes behind the answer is the server's.
        $peer->send("HTTP/1.1 200 Connection established\r\n\r\nHE");
        same('hello', $peer->recvAll(5));
        $peer->send('LLO');
    }, $http, $talks),
    'HTTP that refuses' => fn () => through(function (Socket $peer) {
        $peer->recv();
        $peer->send("HTTP/1.1 403 Forbidden\r\n\r\n");
        $peer->recv();
    }, $http, $fails(SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_FAILED)),
    'a proxy that hangs up' => fn () => through(fn (Socket $peer) => $peer->close(), $http, $fails(SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_FAILED)),
    'settings' => function () {
        $set = function (array $settings) {
            [$listener, , $port] = listening();
            $client = new Client(SWOOLE_SOCK_TCP);
            $client->connect('127.0.0.1', $port);
            return warning_of(fn () => same(false, $client->set($settings)));
        };
        same('Swoole\Coroutine\Client::set(): socks5_port should not be null', $set(['socks5_host' => 'x']));
        same('Swoole\Coroutine\Client::set(): http_proxy_port should not be null', $set(['http_proxy_host' => 'x']));
        same('Swoole\Coroutine\Client::set(): socks5_port should be a port from 1 to 65535', $set(['socks5_host' => 'x', 'socks5_port' => 0]));
        same('Swoole\Coroutine\Client::set(): socks5_password should not be null', $set(['socks5_host' => 'x', 'socks5_port' => 1, 'socks5_username' => 'me']));
        $unix = new Client(SWOOLE_SOCK_UNIX_STREAM);
        $unix->set(['socks5_host' => 'x', 'socks5_port' => 1]);
        try {
            $unix->connect('/no/such/socket');
            check(false, 'thrown');
        } catch (Swoole\Exception $error) {
            same('Only tcp socket supports socks5 proxy settings', $error->getMessage());
        }
    },
]);
?>
--EXPECT--
SOCKS5: ok
SOCKS5 over IPv6: ok
SOCKS5 with a login: ok
SOCKS5 that refuses: ok
HTTP: ok
HTTP that refuses: ok
a proxy that hangs up: ok
settings: ok
