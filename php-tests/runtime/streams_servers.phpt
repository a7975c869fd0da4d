--TEST--
Hooks: servers and clients of many coroutines in one process, over TCP, unix sockets and datagrams
--FILE--
<?php
use Swoole\Coroutine\Channel;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

const CLIENTS = 200;
const ROUNDS = 5;

function serve(mixed $server, int $clients): void
{
    for ($i = 0; $i < $clients; $i++) {
        $connection = stream_socket_accept($server, 10);
        go(function () use ($connection): void {
            while (($line = fgets($connection)) !== false) {
                fwrite($connection, strrev(rtrim($line)) . "\n");
            }
            check(feof($connection), 'the client has closed');
            fclose($connection);
        });
    }
}

/** All clients at once: each sends when all are connected. */
function ask(string $address): void
{
    $connected = 0;
    $done = new Channel(CLIENTS);
    for ($i = 0; $i < CLIENTS; $i++) {
        go(function () use ($i, $address, $done, &$connected): void {
            $client = stream_socket_client($address, $errno, $error, 10);
            $connected++;
            for ($round = 0; $round < ROUNDS; $round++) {
                fwrite($client, "client {$i} round {$round}\n");
                same(strrev("client {$i} round {$round}") . "\n", fgets($client));
            }
            fclose($client);
            $done->push(true);
        });
    }
    for ($i = 0; $i < CLIENTS; $i++) {
        $done->pop();
    }
    same(CLIENTS, $connected);
}

$path = sys_get_temp_dir() . '/swoole_rs_' . getmypid() . '.sock';
foreach (['tcp://127.0.0.1:0', "unix://{$path}"] as $address) {
    Co\run(function () use ($address): void {
        $context = stream_context_create(['socket' => ['backlog' => CLIENTS]]);
        $server = stream_socket_server($address, $errno, $error, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
        $name = stream_socket_get_name($server, false);
        go(fn () => serve($server, CLIENTS));
        ask(strtok($address, ':') . "://{$name}");
        fclose($server);
    });
}
unlink($path);

// Datagrams.
Co\run(function (): void {
    $server = stream_socket_server('udp://127.0.0.1:0', $errno, $error, STREAM_SERVER_BIND);
    go(function () use ($server): void {
        for ($i = 0; $i < 20; $i++) {
            $data = stream_socket_recvfrom($server, 100, 0, $peer);
            stream_socket_sendto($server, strrev($data), 0, $peer);
        }
    });
    for ($i = 0; $i < 20; $i++) {
        $client = stream_socket_client('udp://' . stream_socket_get_name($server, false));
        fwrite($client, "datagram {$i}");
        same(strrev("datagram {$i}"), fread($client, 100));
        fclose($client);
    }
});

// More than buffers hold, both ways at once on one connection; the reader is slower than the writer.
Co\run(function (): void {
    [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $data = str_repeat(pack('N*', ...range(1, 1000)), 1000);
    $echo = function (mixed $stream) use ($data): void {
        go(function () use ($stream, $data): void {
            same(strlen($data), fwrite($stream, $data));
            same(true, stream_socket_shutdown($stream, STREAM_SHUT_WR));
        });
        $got = '';
        while (!feof($stream)) {
            $got .= fread($stream, 100_000);
            if (strlen($got) % 3 === 0) {
                Co::sleep(0.001);
            }
        }
        check($got === $data, 'all of it came');
    };
    go($echo, $ours);
    $echo($theirs);
});

// PHP's own client of HTTP.
Co\run(function (): void {
    $server = stream_socket_server('tcp://127.0.0.1:0');
    $url = 'http://' . stream_socket_get_name($server, false);
    go(function () use ($server): void {
        for ($i = 0; $i < 12; $i++) {
            $connection = stream_socket_accept($server, 10);
            go(function () use ($connection, $i): void {
                while (($line = fgets($connection)) !== "\r\n") {
                    $request ??= $line;
                }
                Co::sleep(0.01);
                if (str_contains($request, '/moved')) {
                    fwrite($connection, "HTTP/1.1 302 Found\r\nLocation: /there\r\nConnection: close\r\n\r\n");
                } else {
                    fwrite($connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n");
                    Co::sleep(0.01);
                    fwrite($connection, "6\r\n world\r\n0\r\n\r\n");
                }
                fclose($connection);
            });
        }
    });
    $answers = new Channel(10);
    for ($i = 0; $i < 10; $i++) {
        go(fn () => $answers->push(file_get_contents("{$url}/{$i}")));
    }
    same(0, $answers->length());
    for ($i = 0; $i < 10; $i++) {
        same('hello world', $answers->pop());
    }
    same('hello world', file_get_contents("{$url}/moved"));
});
echo "done\n";
?>
--EXPECT--
done
