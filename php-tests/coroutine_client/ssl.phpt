--TEST--
Swoole\Coroutine\Client: TLS
--EXTENSIONS--
sockets
openssl
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Client;
use Swoole\Coroutine\Socket;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, same};

require __DIR__ . '/../coroutine_socket/pair.inc';

Coroutine::set(['log_level' => SWOOLE_LOG_ERROR]);
$authority = new Certificate('swoole-rs authority');
$certificate = new Certificate('localhost', $authority);
$self_signed = new Certificate('localhost');

/** A listening socket whose connections $serve gets after their handshake; its port. */
$serving = function (callable $serve, ?Certificate $with = null) use ($certificate): int {
    [$listener, , $port] = listening();
    $with ??= $certificate;
    $listener->setProtocol(['open_ssl' => true, 'ssl_cert_file' => $with->file, 'ssl_key_file' => $with->key_file]);
    go(function () use ($listener, $serve): void {
        while ($peer = $listener->accept(5)) {
            go(fn () => $peer->sslHandshake() && $serve($peer));
        }
    });
    Coroutine::defer(fn () => $listener->close());
    return $port;
};
$echo = function (Socket $peer): void {
    while ($data = $peer->recv()) {
        $peer->sendAll($data);
    }
};

coroutine_parts([
    'from the start' => function () use ($serving, $echo, $certificate, $authority) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['ssl_verify_peer' => true, 'ssl_cafile' => $authority->file, 'ssl_host_name' => 'localhost']);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5));
        same(5, $client->send('hello'));
        same('hello', $client->recv());
        same($certificate->pem(), $client->getPeerCert());
        same([true, true], [$client->verifyPeerCert(), $client->verifyPeerCert(true)]);
        failed_with(SOCKET_EISCONN, $client, $client->enableSSL());
        failed_with(SOCKET_ETIMEDOUT, $client, $client->recv(0.01));
        $file = tempnam(sys_get_temp_dir(), 'swoole-rs');
        file_put_contents($file, $content = random_bytes(100_000));
        same(true, $client->sendfile($file));
        unlink($file);
        same(true, $client->exportSocket()->recvAll(100_000) === $content);
        same(true, $client->close());
        failed_with(SWOOLE_ERROR_CLIENT_NO_CONNECTION, $client, $client->getPeerCert());
        // Anew, by name.
        same(true, $client->connect('localhost', $serving($echo), 5));
        same(3, $client->send('end'));
        same('end', $client->recv());
    },
    'packages' => function () use ($serving, $echo) {
        $client = new Client(SWOOLE_TCP | SWOOLE_SSL);
        $client->set(['open_eof_check' => true, 'package_eof' => "\n"]);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5));
        $client->send("one\ntwo\n" . str_repeat('x', 100_000) . "\n");
        same(["one\n", "two\n", 100_001], [$client->recv(), $client->recv(), strlen($client->recv())]);
    },
    'later' => function () use ($certificate, $authority) {
        [$listener, $host, $port] = listening();
        $client = new Client(SWOOLE_SOCK_TCP);
        same(true, $client->connect($host, $port, 5));
        $peer = $listener->accept(5);
        failed_with(SOCKET_EISCONN, $client, $client->getPeerCert());
        failed_with(SOCKET_ENOTCONN, $client, $client->verifyPeerCert());
        $client->send('STARTTLS');
        same('STARTTLS', $peer->recv());
        $client->set(['ssl_verify_peer' => true, 'ssl_cafile' => $authority->file]);
        $peer->setProtocol([
            'open_ssl' => true, 'ssl_cert_file' => $certificate->file, 'ssl_key_file' => $certificate->key_file,
        ]);
        $enabled = later(fn () => $client->enableSSL());
        same(true, $peer->sslHandshake());
        same(true, $enabled->pop(5));
        $client->send('hidden');
        same('hidden', $peer->recv());
        same($certificate->pem(), $client->getPeerCert());
        failed_with(SOCKET_EISCONN, $client, $client->enableSSL());
        $datagrams = new Client(SWOOLE_SOCK_UDP);
        $datagrams->connect('127.0.0.1', $port);
        failed_with(SOCKET_ESOCKTNOSUPPORT, $datagrams, $datagrams->enableSSL());
    },
    'whom to trust' => function () use ($serving, $echo, $self_signed) {
        $port = $serving($echo, $self_signed);
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['ssl_verify_peer' => true]);
        failed_with(SWOOLE_ERROR_SSL_VERIFY_FAILED, $client, $client->connect('127.0.0.1', $port, 5));
        same(false, $client->isConnected());
        $client->set(['ssl_allow_self_signed' => true]);
        same(true, $client->connect('127.0.0.1', $port, 5));
        $client->close();
        $client->set(['ssl_verify_peer' => false]);
        same(true, $client->connect('127.0.0.1', $port, 5));
        failed_with(SWOOLE_ERROR_SSL_VERIFY_FAILED, $client, $client->verifyPeerCert());
        same(true, $client->verifyPeerCert(true));
    },
    'a peer that is silent, or gone' => function () {
        [$listener, $host, $port] = listening();
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['timeout' => 0.05]);
        failed_with(SOCKET_ETIMEDOUT, $client, $client->connect($host, $port, 0.05));
        $connected = later(fn () => [$client->connect($host, $port, 5), $client->errCode]);
        $listener->accept(5);
        $listener->accept(5)->close();
        check($connected->pop(5)[0] === false, 'no connection');
    },
]);
?>
--EXPECT--
from the start: ok
packages: ok
later: ok
whom to trust: ok
a peer that is silent, or gone: ok
