--TEST--
Swoole\Coroutine\Socket: TLS
--EXTENSIONS--
sockets
openssl
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Socket;
use Swoole\Timer;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\{check, coroutine_parts, failed_with, later, listening, same, sockets};

require __DIR__ . '/pair.inc';

Coroutine::set(['log_level' => SWOOLE_LOG_ERROR]);
$authority = new Certificate('swoole-rs authority');
$certificate = new Certificate('localhost', $authority, 'secret');
$own = [
    'open_ssl' => true, 'ssl_cert_file' => $certificate->file, 'ssl_key_file' => $certificate->key_file,
    'ssl_passphrase' => 'secret',
];
/** Two sockets with TLS; the first one has connected to the second. */
$encrypted = function (array $client_settings = [], array $server_settings = []) use ($own): array {
    [$listener, $host, $port] = listening();
    check($listener->setProtocol($server_settings + $own), 'settings');
    $client = new Socket(AF_INET, SOCK_STREAM, 0);
    check($client->setProtocol(['open_ssl' => true] + $client_settings), 'settings');
    $connected = later(fn () => $client->connect($host, $port, 5));
    $peer = $listener->accept(5);
    $shaken = $peer->sslHandshake();
    return [$client, $peer, $connected->pop(5), $shaken];
};

coroutine_parts([
    'all that sends and receives' => function () use ($encrypted) {
        [$client, $peer, $connected, $shaken] = $encrypted();
        same([true, true], [$connected, $shaken]);
        same(5, $client->send('hello'));
        $reader = later(fn () => $peer->recv(2));
        same('he', $reader->pop(5));
        same('llo', $peer->recv());
        failed_with(SOCKET_ETIMEDOUT, $peer, $peer->recv(10, 0.01));
        failed_with(SOCKET_EAGAIN, $peer, $peer->peek(10));
        $client->send('ahead');
        same('ahead', $peer->recvAll(5));
        $client->send("one\ntwo\nrest");
        same("one\n", $peer->recvLine());
        same("two\n", $peer->recvLine());
        same('rest', $peer->recvWithBuffer(4));
        same(10, $client->writeVector(['hello', 'world']));
        same(['hel', 'lowo', 'rld'], $peer->readVectorAll([3, 4, 3]));
        same(true, $peer->checkLiveness());
        $file = tempnam(sys_get_temp_dir(), 'swoole-rs');
        file_put_contents($file, $content = random_bytes(300_000));
        $sent = later(fn () => [$client->sendFile($file), $client->sendFile($file, 10, 20)]);
        same(true, $content === $peer->recvAll(300_000));
        same(substr($content, 10, 20), $peer->recvAll(20));
        same([true, true], $sent->pop(5));
        unlink($file);
        $client->setProtocol(['open_length_check' => true, 'package_length_type' => 'n', 'package_body_offset' => 2]);
        $peer->send(pack('n', 5) . 'hello' . pack('n', 50_000));
        same(pack('n', 5) . 'hello', $client->recvPacket());
        $rest = later(fn () => $client->recvPacket());
        $peer->sendAll($long = str_repeat('x', 50_000));
        same(pack('n', 50_000) . $long, $rest->pop(5));
        same(true, $peer->close());
        same('', $client->recv());
        same('', $client->recv());
    },
    'much, both ways, while others run' => function () use ($encrypted) {
        $ticks = 0;
        $timer = Timer::tick(1, function () use (&$ticks) {
            $ticks++;
        });
        $ends = $encrypted();
        $done = [];
        foreach ([0, 1] as $i) {
            $data = random_bytes(3 << 20);
            $done[] = later(fn () => $ends[$i]->sendAll($data));
            $done[] = later(function () use ($ends, $i, $data) {
                $received = '';
                for ($n = 0; strlen($received) < strlen($data); $n++) {
                    $received .= $ends[1 - $i]->recv(8192);
                    $n % 64 === 0 && Coroutine::sleep(0.002);
                }
                return $received === $data;
            });
        }
        same([3 << 20, true, 3 << 20, true], array_map(fn ($result) => $result->pop(30), $done));
        check($ticks > 5, "timers go on: {$ticks}");
        Timer::clear($timer);
    },
    'vectors that are long' => function () use ($encrypted) {
        [$client, $peer] = $encrypted();
        $parts = array_map(fn () => random_bytes(128 * 1024), range(1, 10));
        $sent = later(fn () => $client->writeVectorAll($parts));
        Coroutine::sleep(0.01);
        same(true, $parts === $peer->readVectorAll(array_fill(0, 10, 128 * 1024)));
        same(10 * 128 * 1024, $sent->pop(5));
    },
    'the time limit, cancel and close' => function () use ($encrypted) {
        [$client, $peer] = $encrypted();
        $waits = later(fn () => [$client->recv(10), $client->errCode]);
        same(true, $client->cancel());
        same([false, SOCKET_ECANCELED], $waits->pop(5));
        // Nobody reads: what has begun goes on with the same bytes, and with no others.
        $much = random_bytes(20 << 20);
        $sent = $client->sendAll($much, 0.05);
        check($sent > 0 && $sent < strlen($much), "some was sent: {$sent}");
        same(SOCKET_ETIMEDOUT, $client->errCode);
        failed_with(SWOOLE_ERROR_WRONG_OPERATION, $client, $client->send('other'));
        $received = later(fn () => $peer->recvAll(strlen($much)));
        same(strlen($much) - $sent, $client->sendAll(substr($much, $sent)));
        same(true, $received->pop(10) === $much);
        $waits = later(fn () => [$client->recv(10), $client->errCode]);
        $client->close();
        same([false, SOCKET_ECANCELED], $waits->pop(5));
        same('', $peer->recv());
    },
    'whom to trust' => function () use ($encrypted, $authority) {
        $trust = ['ssl_verify_peer' => true, 'ssl_cafile' => $authority->file];
        same(true, $encrypted($trust)[2]);
        same(true, $encrypted($trust + ['ssl_host_name' => 'localhost'])[2]);
        foreach ([['ssl_verify_peer' => true], $trust + ['ssl_host_name' => 'elsewhere']] as $settings) {
            [$client, $peer, $connected] = $encrypted($settings);
            same([false, SWOOLE_ERROR_SSL_VERIFY_FAILED], [$connected, $client->errCode]);
            // Who goes on all the same, sends nothing.
            failed_with(SWOOLE_ERROR_SSL_VERIFY_FAILED, $client, $client->send('secret'));
            failed_with(SWOOLE_ERROR_SSL_VERIFY_FAILED, $client, $client->recv());
            $client->close();
            check(!$peer->recv(10, 5), 'nothing came');
        }
        same(true, $encrypted(['ssl_protocols' => SWOOLE_SSL_TLSv1_2], ['ssl_protocols' => SWOOLE_SSL_TLSv1_2])[2]);
        [$client, , $connected, $shaken] = $encrypted(['ssl_protocols' => SWOOLE_SSL_TLSv1_2], ['ssl_protocols' => SWOOLE_SSL_TLSv1_3]);
        same([false, false, SWOOLE_ERROR_SSL_HANDSHAKE_FAILED], [$connected, $shaken, $client->errCode]);
    },
    'clients that are to show a certificate' => function () use ($encrypted, $authority) {
        $asking = ['ssl_verify_peer' => true, 'ssl_cafile' => $authority->file];
        $shown = fn (Certificate $own) => ['ssl_cert_file' => $own->file, 'ssl_key_file' => $own->key_file];
        [$known, $unknown] = [new Certificate('client', $authority), new Certificate('client')];
        [$client, $peer, , $shaken] = $encrypted($shown($known), $asking);
        same([true, 5, 'hello'], [$shaken, $client->send('hello'), $peer->recv()]);
        foreach ([[], $shown($unknown)] as $settings) {
            [$client, $peer, , $shaken] = $encrypted($settings, $asking);
            same([false, SWOOLE_ERROR_SSL_VERIFY_FAILED], [$shaken, $peer->errCode]);
            $client->send('hello');
            failed_with(SWOOLE_ERROR_SSL_VERIFY_FAILED, $peer, $peer->recv());
        }
    },
    'encryption that begins later' => function () use ($own) {
        [$client, $peer] = sockets();
        $client->send('STARTTLS');
        same('STARTTLS', $peer->recv());
        same([false, SWOOLE_ERROR_WRONG_OPERATION], [$client->sslHandshake(), $client->errCode]);
        check(str_contains($client->errMsg, 'set open_ssl'), $client->errMsg);
        same(true, $client->setProtocol(['open_ssl' => true]));
        failed_with(SWOOLE_ERROR_SSL_NOT_READY, $client, $client->send('too early'));
        $silent = later(fn () => $client->sslHandshake());
        same(false, $silent->pop(0.02));
        $client->cancel();
        same(false, $silent->pop(5));
        same(SOCKET_ECANCELED, $client->errCode);
        failed_with(SWOOLE_ERROR_WRONG_OPERATION, $client, $client->sslHandshake());
    },
    'no TLS' => function () use ($own) {
        [$listener, $host, $port] = listening();
        $listener->setProtocol($own);
        foreach (["GET / HTTP/1.1\r\n\r\n", ''] as $text) {
            $client = new Socket(AF_INET, SOCK_STREAM, 0);
            $client->connect($host, $port, 5);
            $peer = $listener->accept(5);
            failed_with(SWOOLE_ERROR_SSL_NOT_READY, $peer, $peer->recv(1));
            $text === '' ? $client->close() : $client->send($text);
            failed_with(SWOOLE_ERROR_SSL_BAD_CLIENT, $peer, $peer->sslHandshake());
        }
        [$listener, $host, $port] = listening();
        $client = new Socket(AF_INET, SOCK_STREAM, 0);
        $client->setProtocol(['open_ssl' => true]);
        $connected = later(fn () => $client->connect($host, $port, 5));
        $listener->accept(5)->close();
        same(false, $connected->pop(5));
    },
    'misuse' => function () use ($own, $certificate) {
        $socket = new Socket(AF_INET, SOCK_STREAM, 0);
        same(false, @$socket->setProtocol(['ssl_cert_file' => '/nowhere'] + $own));
        same('Swoole\Coroutine\Socket::setProtocol(): ssl cert file[/nowhere] not found', error_get_last()['message']);
        $socket = new Socket(AF_INET, SOCK_STREAM, 0);
        same(true, @$socket->setProtocol(['open_ssl' => true, 'ssl_cert_file' => $certificate->file]));
        same('Swoole\Coroutine\Socket::setProtocol(): ssl require key file', error_get_last()['message']);
        [$listener] = listening();
        $listener->setProtocol(['ssl_passphrase' => 'wrong'] + $own);
        same([false, SWOOLE_ERROR_SSL_CREATE_CONTEXT_FAILED], [$listener->accept(1), $listener->errCode]);
        check(str_starts_with($listener->errMsg, "private key {$certificate->key_file} cannot be used: "), $listener->errMsg);
        $datagrams = new Socket(AF_INET, SOCK_DGRAM, 0);
        try {
            $datagrams->setProtocol(['open_ssl' => true]);
            check(false, 'DTLS');
        } catch (Swoole\Exception $e) {
            check(str_starts_with($e->getMessage(), 'TLS of datagrams (DTLS) is not built yet'), $e->getMessage());
        }
    },
]);
?>
--EXPECT--
all that sends and receives: ok
much, both ways, while others run: ok
vectors that are long: ok
the time limit, cancel and close: ok
whom to trust: ok
clients that are to show a certificate: ok
encryption that begins later: ok
no TLS: ok
misuse: ok
