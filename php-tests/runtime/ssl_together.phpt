--TEST--
Hooks: encrypted streams while others run: both ends in one process, slow readers, encryption that begins later, https://
--EXTENSIONS--
openssl
--FILE--
<?php
use Swoole\Coroutine\{Channel, WaitGroup};
use Swoole\Timer;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$authority = new Certificate('swoole-rs authority');
$certificate = new Certificate('localhost', $authority);
$serving = fn () => stream_context_create(['ssl' => [
    'local_cert' => $certificate->both_file, 'alpn_protocols' => 'any,some',
]]);
$trusting = fn (array $more = []) => stream_context_create(['ssl' => $more + [
    'cafile' => $authority->file, 'peer_name' => 'localhost', 'alpn_protocols' => 'some',
]]);
$flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;

// Much, both ways at a time, and neither side reads faster than in small parts with pauses; timers go on.
Co\run(function () use ($serving, $trusting, $flags): void {
    $ticks = 0;
    $timer = Timer::tick(1, function () use (&$ticks): void {
        $ticks++;
    });
    $server = stream_socket_server('tls://127.0.0.1:0', $errno, $error, $flags, $serving());
    $name = stream_socket_get_name($server, false);
    $ends = new Channel(1);
    go(fn () => $ends->push(stream_socket_accept($server, 10)));
    $client = stream_socket_client("tls://{$name}", $errno, $error, 10, STREAM_CLIENT_CONNECT, $trusting());
    $ends = [$client, $ends->pop(10)];
    check(is_resource($ends[0]) && is_resource($ends[1]), "connected: {$error}");
    same('127.0.0.1', strtok(stream_socket_get_name($ends[1], true), ':'));
    $meta = stream_get_meta_data($client);
    same(
        [true, false, false, 'tcp_socket/ssl'],
        [$meta['blocked'], $meta['eof'], $meta['timed_out'], $meta['stream_type']],
    );
    check(str_starts_with($meta['crypto']['protocol'], 'TLSv1.'), 'the version is told');
    same('some', $meta['crypto']['alpn_protocol']);
    $all = new WaitGroup();
    foreach ([0, 1] as $i) {
        $sent = random_bytes(1 << 20);
        $all->add(2);
        go(function () use ($ends, $i, $sent, $all): void {
            same(strlen($sent), fwrite($ends[$i], $sent));
            $all->done();
        });
        go(function () use ($ends, $i, $sent, $all): void {
            $received = '';
            for ($n = 0; strlen($received) < strlen($sent); $n++) {
                $part = fread($ends[1 - $i], 8192);
                check(is_string($part) && $part !== '', 'there is more');
                $received .= $part;
                $n % 32 === 0 && Co::sleep(0.002);
            }
            check($received === $sent, 'all has come');
            $all->done();
        });
    }
    $all->wait(30);
    check($ticks > 3, "timers go on: {$ticks}");
    Timer::clear($timer);

    // The end of the one is the end of what the other reads.
    fwrite($ends[1], 'last');
    fclose($ends[1]);
    same('last', stream_get_contents($client));
    same(true, feof($client));
    fclose($client);
    fclose($server);
});

// Encryption that begins later and ends before the connection does, both sides as streams.
Co\run(function () use ($serving, $trusting, $flags): void {
    $server = stream_socket_server('tcp://127.0.0.1:0', $errno, $error, $flags, $serving());
    $name = stream_socket_get_name($server, false);
    $done = new Channel(1);
    go(function () use ($server, $done): void {
        $end = stream_socket_accept($server, 10);
        same("STARTTLS\n", fgets($end));
        fwrite($end, "go on\n");
        same(true, stream_socket_enable_crypto($end, true, STREAM_CRYPTO_METHOD_TLS_SERVER));
        same("hidden\n", fgets($end));
        fwrite($end, "hidden, too\n");
        $done->push(fgets($end));
    });
    $client = stream_socket_client("tcp://{$name}", $errno, $error, 10, STREAM_CLIENT_CONNECT, $trusting());
    fwrite($client, "STARTTLS\n");
    same("go on\n", fgets($client));
    same(true, stream_socket_enable_crypto($client, true, STREAM_CRYPTO_METHOD_TLS_CLIENT));
    fwrite($client, "hidden\n");
    same("hidden, too\n", fgets($client));
    fclose($client);
    same(false, $done->pop(10));
});

// https://, and a certificate for a name by which the client asks.
Co\run(function () use ($certificate, $authority, $trusting, $flags): void {
    $other = new Certificate('other.example', $authority);
    $context = stream_context_create(['ssl' => [
        'local_cert' => $certificate->both_file,
        'SNI_server_certs' => ['other.example' => $other->both_file, 'localhost' => $certificate->both_file],
    ]]);
    $server = stream_socket_server('ssl://127.0.0.1:0', $errno, $error, $flags, $context);
    $port = (int) substr(strrchr(stream_socket_get_name($server, false), ':'), 1);
    go(function () use ($server): void {
        for ($i = 0; $i < 5; $i++) {
            $end = stream_socket_accept($server, 10);
            go(function () use ($end): void {
                $first = fgets($end);
                while (trim((string) fgets($end)) !== '') {
                }
                $body = str_repeat($first, 20_000);
                @fwrite($end, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{$body}");
                fclose($end);
            });
        }
        fclose($server);
    });
    $all = new WaitGroup();
    foreach (['one', 'two', 'three'] as $path) {
        $all->add();
        go(function () use ($port, $path, $trusting, $all): void {
            $body = file_get_contents("https://localhost:{$port}/{$path}", false, $trusting());
            same(str_repeat("GET /{$path} HTTP/1.1\r\n", 20_000), $body);
            $all->done();
        });
    }
    $all->wait(20);
    $file = fopen("https://localhost:{$port}/file", 'r', false, $trusting());
    same("GET /file HTTP/1.1\r\n", fgets($file));
    same('HTTP/1.0 200 OK', stream_get_meta_data($file)['wrapper_data'][0]);
    fclose($file);
    $context = $trusting(['peer_name' => 'other.example', 'capture_peer_cert' => true]);
    $client = stream_socket_client("ssl://127.0.0.1:{$port}", $errno, $error, 10, STREAM_CLIENT_CONNECT, $context);
    $peer = stream_context_get_options($context)['ssl']['peer_certificate'];
    same('other.example', openssl_x509_parse($peer)['subject']['CN']);
    fwrite($client, "x\n\n");
    fclose($client);
});
echo "done\n";
?>
--EXPECT--
done
