--TEST--
Swoole\Client: TLS
--EXTENSIONS--
openssl
pcntl
--FILE--
<?php
use Swoole\Client;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\{check, parts, same};

require __DIR__ . '/../include/bootstrap.php';
require __DIR__ . '/peer.inc';

swoole_async_set(['log_level' => SWOOLE_LOG_ERROR]);
$authority = new Certificate('swoole-rs authority');
$certificate = new Certificate('localhost', $authority);
$self_signed = new Certificate('localhost');

/** Serves in a process of its own, which ends with the first connection that $serve has served; its port. */
$serving = function (callable $serve, ?Certificate $with = null, string $scheme = 'tls') use ($certificate): int {
    $context = stream_context_create(['ssl' => ['local_cert' => ($with ?? $certificate)->both_file]]);
    $flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
    $server = stream_socket_server("{$scheme}://127.0.0.1:0", $errno, $error, $flags, $context);
    if (pcntl_fork() === 0) {
        if ($connection = @stream_socket_accept($server, 10)) {
            $serve($connection);
            fclose($connection);
        }
        posix_kill(getmypid(), SIGKILL);
    }
    return (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
};
$echo = function ($connection): void {
    while (!in_array($data = fread($connection, 100_000), ['', false], true)) {
        fwrite($connection, $data);
    }
};

parts([
    'from the start' => function () use ($serving, $echo, $authority, $certificate) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['ssl_verify_peer' => true, 'ssl_cafile' => $authority->file, 'ssl_host_name' => 'localhost']);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5));
        same(5, $client->send('hello'));
        same('hello', $client->recv(5, Client::MSG_PEEK));
        same('hello', $client->recv(5, Client::MSG_WAITALL));
        same($certificate->pem(), $client->getPeerCert());
        same([true, true], [$client->verifyPeerCert(), $client->verifyPeerCert(true)]);
        same(false, @$client->recv(1, Client::MSG_DONTWAIT));
        same(SOCKET_EAGAIN, $client->errCode);
        same(false, @$client->enableSSL());
        same('Swoole\Client::enableSSL(): SSL has been enabled', error_get_last()['message']);
        $file = tempnam(sys_get_temp_dir(), 'swoole-rs');
        file_put_contents($file, $content = random_bytes(60_000));
        same(true, $client->sendfile($file));
        unlink($file);
        same(true, $client->recv(60_000, Client::MSG_WAITALL) === $content);
        $client->shutdown(Client::SHUT_WR);
        same('', $client->recv());
    },
    'packages' => function () use ($serving, $echo) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['open_length_check' => true, 'package_length_type' => 'n', 'package_body_offset' => 2]);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5));
        $packages = [pack('n', 3) . 'one', pack('n', 60_000) . str_repeat('x', 60_000), pack('n', 0)];
        $client->send(implode($packages));
        same($packages, [$client->recv(), $client->recv(), $client->recv()]);
    },
    'later' => function () use ($serving, $certificate) {
        $port = $serving(function ($connection): void {
            same("STARTTLS\n", fgets($connection));
            fwrite($connection, "go on\n");
            stream_socket_enable_crypto($connection, true, STREAM_CRYPTO_METHOD_TLS_SERVER);
            fwrite($connection, 'hidden');
            fread($connection, 10);
        }, scheme: 'tcp');
        $client = new Client(SWOOLE_SOCK_TCP);
        same(true, $client->connect('127.0.0.1', $port, 5));
        $client->send("STARTTLS\n");
        same("go on\n", $client->recv());
        same(true, $client->enableSSL());
        same('hidden', $client->recv());
        same($certificate->pem(), $client->getPeerCert());
    },
    'without waiting for the connection' => function () use ($serving, $echo) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5, 1));
        same(5, $client->send('hello'));
        same('hello', $client->recv());
    },
    'kept for the next one' => function () use ($serving, $echo) {
        $port = $serving($echo);
        foreach ([false, true] as $reused) {
            $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL | SWOOLE_KEEP);
            same([true, $reused], [$client->connect('127.0.0.1', $port, 5), $client->reuse]);
            $client->send('hello');
            same('hello', $client->recv());
            $client->close($reused);
        }
    },
    'a copy of the process' => function () use ($serving, $echo) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        same(true, $client->connect('127.0.0.1', $serving($echo), 5));
        $copy = pcntl_fork();
        if ($copy === 0) {
            exit(0);
        }
        pcntl_waitpid($copy, $status);
        $client->send('hello');
        same('hello', $client->recv());
    },
    'whom to trust' => function () use ($serving, $echo, $self_signed) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['ssl_verify_peer' => true]);
        same(false, @$client->connect('127.0.0.1', $serving($echo, $self_signed), 5));
        same(SWOOLE_ERROR_SSL_VERIFY_FAILED, $client->errCode);
        $client->set(['ssl_verify_peer' => true, 'ssl_allow_self_signed' => true]);
        same(true, $client->connect('127.0.0.1', $serving($echo, $self_signed), 5));
        same([false, true], [$client->verifyPeerCert(), $client->verifyPeerCert(true)]);
    },
    'nothing goes to a server that is not trusted' => function () use ($serving, $self_signed) {
        foreach ([true, false] as $is_late) {
            [$here, $there] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
            // What comes, with or without TLS.
            $told = fn ($connection) => fwrite($there, 'got:' . @fread($connection, 100) . "\n");
            $client = new Client($is_late ? SWOOLE_SOCK_TCP | SWOOLE_SSL : SWOOLE_SOCK_TCP);
            $client->set(['ssl_verify_peer' => true]);
            if ($is_late) {
                same(true, $client->connect('127.0.0.1', $serving($told, $self_signed), 5, 1));
            } else {
                $begins = function ($connection) use ($told) {
                    stream_socket_enable_crypto($connection, true, STREAM_CRYPTO_METHOD_TLS_SERVER);
                    $told($connection);
                };
                same(true, $client->connect('127.0.0.1', $serving($begins, $self_signed, 'tcp'), 5));
                same([false, SWOOLE_ERROR_SSL_VERIFY_FAILED], [$client->enableSSL(), $client->errCode]);
            }
            for ($i = 0; $i < 3; $i++) {
                same([false, SWOOLE_ERROR_SSL_VERIFY_FAILED], [@$client->send('secret'), $client->errCode]);
                same([false, SWOOLE_ERROR_SSL_VERIFY_FAILED], [@$client->recv(), $client->errCode]);
            }
            $client->close();
            same("got:\n", fgets($here));
        }
    },
    'a peer that is silent, or speaks something else' => function () use ($serving) {
        $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $port = $serving(fn ($connection) => fread($connection, 0xffff) . sleep(5), scheme: 'tcp');
        same(false, @$client->connect('127.0.0.1', $port, 0.1));
        same(SOCKET_ETIMEDOUT, $client->errCode);
        $port = $serving(fn ($connection) => fwrite($connection, "220 hello\r\n") . fread($connection, 0xffff), scheme: 'tcp');
        same(false, @$client->connect('127.0.0.1', $port, 5));
        same(SWOOLE_ERROR_SSL_HANDSHAKE_FAILED, $client->errCode);
    },
]);
while (pcntl_wait($status) > 0) {
}
?>
--EXPECT--
from the start: ok
packages: ok
later: ok
without waiting for the connection: ok
kept for the next one: ok
a copy of the process: ok
whom to trust: ok
nothing goes to a server that is not trusted: ok
a peer that is silent, or speaks something else: ok
