<?php
/**
 * Swoole\Client against an echo server on loopback, one message at a time.
 *
 *     php -d extension=swoole.so benches/php/client.php [seconds per size]
 *
 * Prints a line for each size: "client round trip of BYTES bytes VALUE /s". The server is plain PHP in a
 * process of its own, the same for every extension.
 */
declare(strict_types=1);

const SIZES = [64, 65536];

$seconds = (float) ($argv[1] ?? 2);
$server = proc_open([PHP_BINARY, '-n', __DIR__ . '/echo_server.inc'], [1 => ['pipe', 'w']], $pipes);
$port = (int) fgets($pipes[1]);
foreach (SIZES as $bytes) {
    $client = new Swoole\Client(SWOOLE_SOCK_TCP);
    if (!$client->connect('127.0.0.1', $port, 10)) {
        exit("cannot connect: {$client->errCode}\n");
    }
    $message = str_repeat('x', $bytes);
    $round_trip = function () use ($client, $message, $bytes): void {
        $client->send($message);
        $answer = $client->recv($bytes, Swoole\Client::MSG_WAITALL);
        if (strlen((string) $answer) !== $bytes) {
            exit("short answer: {$client->errCode}\n");
        }
    };
    for ($i = 0; $i < 500; $i++) {
        $round_trip();
    }
    $count = 0;
    $start = hrtime(true);
    do {
        for ($i = 0; $i < 100; $i++) {
            $round_trip();
        }
        $count += 100;
        $took = (hrtime(true) - $start) / 1e9;
    } while ($took < $seconds);
    printf("client round trip of %d bytes %d /s\n", $bytes, $count / $took);
    $client->close();
}
proc_terminate($server);
