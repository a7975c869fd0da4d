--TEST--
Swoole\Client: tunnels through SOCKS5 and HTTP proxies, and proxies that refuse or misbehave
--FILE--
<?php
use Swoole\Client;
use function SwooleRs\Tests\{check, child, listen, parts, read, reap, same, warning_of, write};

require __DIR__ . '/peer.inc';

/** A client through a proxy whose side of the talk $proxy plays. */
function through(callable $proxy, callable $settings, callable $use): void
{
    [$listener, $port] = listen();
    $pid = child(function () use ($listener, $proxy) {
        $proxy(socket_accept($listener));
    });
    $client = new Client(SWOOLE_SOCK_TCP);
    $client->set($settings($port));
    try {
        $use($client);
    } finally {
        $client->isConnected() && $client->close();
        socket_close($listener);
        posix_kill($pid, SIGKILL);
        reap($pid);
    }
}

$socks = fn (int $port) => ['socks5_host' => '127.0.0.1', 'socks5_port' => $port];
$socks_login = fn (int $port) => $socks($port) + ['socks5_username' => 'me', 'socks5_password' => 'secret'];
$http = fn (int $port) => ['http_proxy_host' => '127.0.0.1', 'http_proxy_port' => $port];
$http_login = fn (int $port) => $http($port) + ['http_proxy_user' => 'me', 'http_proxy_password' => 'secret'];

$talks = function (Client $client) {
    same(true, $client->connect('example.org', 8080, 5));
    same(5, $client->send('hello'));
    same('HELLO', $client->recv(5, Client::MSG_WAITALL));
};
$fails = fn (int $code) => function (Client $client) use ($code) {
    same(false, @$client->connect('example.org', 8080, 5));
    same($code, $client->errCode);
    same(false, $client->isConnected());
};
$upper = fn (Socket $peer) => write($peer, strtoupper(read($peer, 5)));

parts([
    'SOCKS5' => fn () => through(function (Socket $peer) use ($upper) {
        same("\5\1\0", read($peer, 3));
        write($peer, "\5");
        write($peer, "\0");
        same("\5\1\0\3\x0bexample.org\x1f\x90", read($peer, 18));
        write($peer, "\5\0\0\1\x7f\0\0\1\0\x50");
        $upper($peer);
    }, $socks, $talks),
    'SOCKS5 with a login' => fn () => through(function (Socket $peer) use ($upper) {
        same("\5\1\2", read($peer, 3));
        write($peer, "\5\2");
        same("\1\2me\6secret", read($peer, 11));
        write($peer, "\1\0");
        read($peer, 18);
        write($peer, "\5\0\0\3\1x\0\x50");
        $upper($peer);
    }, $socks_login, $talks),
    'HTTP' => fn () => through(function (Socket $peer) use ($upper) {
        $request = "CONNECT example.org:8080 HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent: Swoole/" . SWOOLE_VERSION . "\r\nProxy-Connection: Keep-Alive\r\n\r\n";
        same($request, read($peer, strlen($request)));
        write($peer, "HTTP/1.1 200 Connection established\r\nX-Y: z\r\n\r\n");
        $upper($peer);
    }, $http, $talks),
    'HTTP with a login, and bytes behind the answer' => fn () => through(function (Socket $peer) {
        while (!str_contains($head = ($head ?? '') . read($peer, 1), "\r\n\r\n"));
        check(str_contains($head, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), 'the login');
        write($peer, "HTTP/1.1 200 OK\r\n\r\nfirst");
        read($peer, 5);
        write($peer, 'HELLO');
    }, $http_login, function (Client $client) {
        same(true, $client->connect('example.org', 8080, 5));
        same('first', $client->recv());
        $client->send('hello');
        same('HELLO', $client->recv());
    }),
    'refusals' => function () use ($socks, $socks_login, $http, $fails) {
        through(fn ($peer) => write($peer, "\4\0") . read($peer), $socks, $fails(SWOOLE_ERROR_SOCKS5_UNSUPPORT_VERSION));
        through(fn ($peer) => write($peer, "\5\xff") . read($peer), $socks, $fails(SWOOLE_ERROR_SOCKS5_UNSUPPORT_METHOD));
        through(fn ($peer) => write($peer, "\5\2\1\1") . read($peer), $socks_login, $fails(SWOOLE_ERROR_SOCKS5_AUTH_FAILED));
        through(fn ($peer) => write($peer, "\5\0\5\5\0\1\0\0\0\0\0\0") . read($peer), $socks, $fails(SWOOLE_ERROR_SOCKS5_SERVER_ERROR));
        through(fn ($peer) => write($peer, "HTTP/1.1 407 No\r\n\r\n") . read($peer), $http, $fails(SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_FAILED));
        through(fn ($peer) => write($peer, "garbage\r\n\r\n") . read($peer), $http, $fails(SWOOLE_ERROR_HTTP_PROXY_BAD_RESPONSE));
    },
    'one that closes' => fn () => through(function (Socket $peer) {
        while (!str_contains($head = ($head ?? '') . read($peer, 1), "\r\n\r\n"));
    }, $http, $fails(SWOOLE_ERROR_HTTP_PROXY_HANDSHAKE_ERROR)),
    'one that says nothing' => fn () => through(fn ($peer) => sleep(60), $socks, function (Client $client) {
        same(false, @$client->connect('example.org', 8080, 0.1));
        same(110, $client->errCode);
    }),
    'settings that make no sense' => function () {
        $refused = [
            'socks5_port should not be null' => ['socks5_host' => 'x'],
            'http_proxy_port should not be null' => ['http_proxy_host' => 'x'],
            'http_proxy_port should be a port from 1 to 65535' => ['http_proxy_host' => 'x', 'http_proxy_port' => 70000],
        ];
        foreach ($refused as $message => $settings) {
            $client = new Client(SWOOLE_SOCK_TCP);
            $client->set($settings);
            same("Swoole\\Client::connect(): {$message}", warning_of(fn () => same(false, $client->connect('127.0.0.1', 1))));
        }
        $client = new Client(SWOOLE_SOCK_TCP);
        $client->set(['socks5_host' => '127.0.0.1', 'socks5_port' => 1, 'socks5_username' => str_repeat('x', 300), 'socks5_password' => 'y']);
        same(false, @$client->connect('127.0.0.1', 1));
        same(SWOOLE_ERROR_SOCKS5_AUTH_FAILED, $client->errCode);
    },
]);
?>
--EXPECT--
SOCKS5: ok
SOCKS5 with a login: ok
HTTP: ok
HTTP with a login, and bytes behind the answer: ok
refusals: ok
one that closes: ok
one that says nothing: ok
settings that make no sense: ok
