--TEST--
Swoole\Server: onReceive gets whole packages with open_eof_split and open_eof_check
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

test_server(
    function (ServerSide $side): bool {
        // Marks go before lengths.
        $server = $side->server(['open_eof_split' => true, 'package_eof' => "\r\n", 'open_length_check' => true]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, json_encode($data) . "\n");
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $packages = ["a\r\n", "\r\n", "b\rb\n\r\r\n", str_repeat('x', 300000) . "\r\n", "c\r\n"];
        $answers = implode('', array_map(fn (string $package): string => json_encode($package) . "\n", $packages));
        $client = $server->connect();
        $client->send(implode('', $packages));
        same($answers, $client->read(strlen($answers)));
        foreach (str_split("one\r\ntwo\r\n") as $byte) {
            $client->send($byte);
        }
        $answers = "\"one\\r\\n\"\n\"two\\r\\n\"\n";
        same($answers, $client->read(strlen($answers)));
    },
);

test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['open_eof_check' => true]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $server->send($fd, json_encode($data) . "\n");
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        $client->send("a\r\n\r\nb");
        $client->send("\r\n\r\n");
        $answer = "\"a\\r\\n\\r\\nb\\r\\n\\r\\n\"\n";
        same($answer, $client->read(strlen($answer)));
    },
);
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
