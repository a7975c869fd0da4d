--TEST--
Hooks: PHP's sockets extension serves many coroutines, over TCP, IPv6, unix sockets and datagrams
--EXTENSIONS--
sockets
--FILE--
<?php
use Swoole\Coroutine\{Channel, Socket};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

const CLIENTS = 100;
const ROUNDS = 5;

function serve(mixed $server): void
{
    for ($i = 0; $i < CLIENTS; $i++) {
        $connection = socket_accept($server);
        check($connection instanceof Socket, 'a coroutine socket');
        go(function () use ($connection): void {
            while (($line = socket_read($connection, 1024, PHP_NORMAL_READ)) !== false) {
                $answer = strrev(rtrim($line)) . "\n";
                same(strlen($answer), socket_write($connection, $answer));
            }
            same(SOCKET_ECONNRESET, socket_last_error($connection));
            socket_close($connection);
        });
    }
}

/** Each client waits until all are connected: with calls that block, none would go on. */
function ask(int $domain, string $address, int $port): void
{
    $connected = 0;
    $all = new Channel(CLIENTS);
    $done = new Channel(CLIENTS);
    for ($i = 0; $i < CLIENTS; $i++) {
        go(function () use ($domain, $address, $port, $i, $all, $done, &$connected): void {
            $client = socket_create($domain, SOCK_STREAM, 0);
            check(socket_connect($client, $address, $port), 'connected');
            if (++$connected === CLIENTS) {
                for ($n = 0; $n < CLIENTS; $n++) {
                    $all->push(true);
                }
            }
            $all->pop();
            for ($round = 0; $round < ROUNDS; $round++) {
                $line = "client {$i} round {$round}";
                socket_send($client, "{$line}\n", strlen($line) + 1, 0);
                same(strlen($line) + 1, socket_recv($client, $answer, strlen($line) + 1, MSG_WAITALL));
                same(strrev($line) . "\n", $answer);
            }
            socket_close($client);
            $done->push(true);
        });
    }
    for ($i = 0; $i < CLIENTS; $i++) {
        $done->pop();
    }
}

Swoole\Runtime::setHookFlags(SWOOLE_HOOK_SOCKETS);
$path = sys_get_temp_dir() . '/swoole_rs_' . getmypid() . '.sock';
foreach ([[AF_INET, '127.0.0.1'], [AF_INET6, '::1'], [AF_UNIX, $path]] as [$domain, $address]) {
    Co\run(function () use ($domain, $address): void {
        $server = socket_create($domain, SOCK_STREAM, 0);
        if (!socket_bind($server, $address) && $domain === AF_INET6) {
            return; // no IPv6 here
        }
        check(socket_listen($server, CLIENTS), 'it listens');
        check(socket_getsockname($server, $host, $port), 'it has a name');
        same($address, $host);
        go(fn () => serve($server));
        ask($domain, $address, $port ?? 0);
        socket_close($server);
    });
}
check(file_exists($path), 'the script removes the file of its unix socket');
unlink($path);
echo "streams: ok\n";

Co\run(function (): void {
    $server = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    socket_bind($server, '127.0.0.1');
    socket_getsockname($server, $host, $port);
    go(function () use ($server): void {
        for ($i = 0; $i < CLIENTS; $i++) {
            check(socket_recvfrom($server, $data, 100, 0, $host, $port) > 0, 'a datagram');
            socket_sendto($server, strrev($data), 100, 0, $host, $port);
        }
        socket_close($server);
    });
    for ($i = 0; $i < CLIENTS; $i++) {
        go(function () use ($host, $port, $i): void {
            $client = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
            same(8, socket_sendto($client, "client" . sprintf('%02d', $i % 100), 8, 0, $host, $port));
            same(8, socket_recvfrom($client, $data, 100, 0, $from, $from_port));
            same([strrev("client" . sprintf('%02d', $i % 100)), $host, $port], [$data, $from, $from_port]);
        });
    }
});
echo "datagrams: ok\n";

Co\run(function (): void {
    // A large message, whose sender has to wait for its reader.
    check(socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $pair), 'a pair');
    $text = random_bytes(8 << 20);
    go(function () use ($pair, $text): void {
        same(strlen($text), socket_write($pair[0], $text));
        check(socket_shutdown($pair[0], 1), 'shut down');
    });
    same(strlen($text), socket_recv($pair[1], $got, strlen($text), MSG_WAITALL));
    check($got === $text, 'as it was sent');
    same('', socket_read($pair[1], 10));
    same(0, socket_recv($pair[1], $got, 10, 0));
    same(null, $got);
});
echo "large: ok\n";
?>
--EXPECT--
streams: ok
datagrams: ok
large: ok
