--TEST--
Swoole\Coroutine\Server: TLS
--EXTENSIONS--
openssl
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Client;
use Swoole\Coroutine\Server;
use Swoole\Coroutine\Server\Connection;
use SwooleRs\Tests\Certificate;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

Coroutine::set(['log_level' => SWOOLE_LOG_ERROR]);
$certificate = new Certificate();
Coroutine\run(function () use ($certificate): void {
    $server = new Server('127.0.0.1', 0, true);
    $server->set([
        'ssl_cert_file' => $certificate->file, 'ssl_key_file' => $certificate->key_file,
        'open_eof_check' => true, 'package_eof' => "\n",
    ]);
    $server->handle(function (Connection $connection): void {
        while ($line = $connection->recv()) {
            $connection->send(strtoupper($line));
        }
        $connection->close();
    });
    go(fn () => $server->start());
    // One that says nothing, and one that does not speak TLS, hold up nobody.
    $silent = new Client(SWOOLE_SOCK_TCP);
    same(true, $silent->connect('127.0.0.1', $server->port, 5));
    $wrong = new Client(SWOOLE_SOCK_TCP);
    same(true, $wrong->connect('127.0.0.1', $server->port, 5));
    $wrong->send("hello\n");
    $clients = [];
    for ($i = 0; $i < 20; $i++) {
        $clients[] = $client = new Client(SWOOLE_SOCK_TCP | SWOOLE_SSL);
        $client->set(['open_eof_check' => true, 'package_eof' => "\n"]);
        same(true, $client->connect('127.0.0.1', $server->port, 5), $client->errMsg);
    }
    foreach ($clients as $i => $client) {
        $client->send("one {$i}\ntwo {$i}\n");
    }
    foreach ($clients as $i => $client) {
        same(["ONE {$i}\n", "TWO {$i}\n"], [$client->recv(), $client->recv()]);
        $client->close();
    }
    $silent->close();
    $server->shutdown();
});
echo "done\n";
?>
--EXPECT--
done
