--TEST--
Hooks: encrypted streams, whose handshakes wait for one another
--EXTENSIONS--
openssl
--FILE--
<?php
use Swoole\Coroutine\Channel;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$key = openssl_pkey_new(['private_key_bits' => 2048]);
$request = openssl_csr_new(['commonName' => 'localhost'], $key);
openssl_x509_export(openssl_csr_sign($request, null, $key, 1), $certificate);
openssl_pkey_export($key, $secret);
$pem = tempnam(sys_get_temp_dir(), 'swoole-rs');
file_put_contents($pem, $certificate . $secret);

Co\run(function () use ($pem): void {
    $context = stream_context_create(['ssl' => ['local_cert' => $pem]]);
    $flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
    $server = stream_socket_server('ssl://127.0.0.1:0', $errno, $error, $flags, $context);
    $name = stream_socket_get_name($server, false);
    go(function () use ($server): void {
        for ($i = 0; $i < 7; $i++) {
            if ($connection = @stream_socket_accept($server, 10)) {
                go(function () use ($connection): void {
                    while (($line = fgets($connection)) !== false) {
                        fwrite($connection, $line === "much\n" ? str_repeat('x', 3_000_000) . "\n" : strtoupper($line));
                    }
                    fclose($connection);
                });
            }
        }
        fclose($server);
    });
    $trust = fn () => stream_context_create(['ssl' => [
        'verify_peer' => false, 'verify_peer_name' => false, 'capture_peer_cert' => true,
    ]]);
    $connect = fn (string $scheme, mixed $context = null) => stream_socket_client(
        "{$scheme}://{$name}", $errno, $error, 10, STREAM_CLIENT_CONNECT, $context ?? $trust()
    );

    $done = new Channel(3);
    foreach (['ssl', 'tls', 'tlsv1.2'] as $scheme) {
        go(function () use ($scheme, $connect, $trust, $done): void {
            $client = $connect($scheme, $context = $trust());
            fwrite($client, "{$scheme}\n");
            same(strtoupper($scheme) . "\n", fgets($client));
            fwrite($client, "much\n");
            same(3_000_001, strlen(fgets($client)));
            stream_set_timeout($client, 0, 1000);
            same([false, true], [fread($client, 10), stream_get_meta_data($client)['timed_out']]);
            same(false, feof($client));
            stream_set_blocking($client, false);
            same('', fread($client, 10));
            $peer = stream_context_get_options($context)['ssl']['peer_certificate'];
            same('localhost', openssl_x509_parse($peer)['subject']['CN']);
            fclose($client);
            $done->push(true);
        });
    }
    for ($i = 0; $i < 3; $i++) {
        $done->pop();
    }

    // A certificate that nobody vouches for.
    same(false, @$connect('ssl', stream_context_create()));

    // Encryption that begins later.
    $client = $connect('tcp');
    same(true, stream_socket_enable_crypto($client, true, STREAM_CRYPTO_METHOD_TLS_CLIENT));
    fwrite($client, "later\n");
    same("LATER\n", fgets($client));

    // One that never begins holds up nobody but whoever accepts it.
    $silent = $connect('tcp');
    fwrite($client, "still\n");
    same("STILL\n", fgets($client));
    fclose($silent);
    fclose($client);
    fclose($connect('ssl'));
});
unlink($pem);
echo "done\n";
?>
--EXPECT--
done
