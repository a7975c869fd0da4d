--TEST--
Hooks: PDO and mysqli, whose connections are PHP's streams, let other coroutines run
--EXTENSIONS--
pdo
mysqlnd
mysqli
pdo_mysql
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\TestServer;
use function SwooleRs\Tests\same;

require __DIR__ . '/../include/bootstrap.php';

// A server of MySQL's protocol that takes any password, and answers a SELECT when AT_ONCE of them wait.
const AT_ONCE = 6;
$code = <<<'PHP'
    <?php
    const OK = "\0\0\0\x02\0\0\0";
    const END = "\xfe\0\0\x02\0";
    const CAPABILITIES = 1 | 8 | 0x200 | 0x2000 | 0x8000 | 0x80000;

    function packet(int $number, string $payload): string
    {
        return substr(pack('V', strlen($payload)), 0, 3) . chr($number) . $payload;
    }

    function text(string $text): string
    {
        return chr(strlen($text)) . $text;
    }

    function receive(mixed $connection): ?string
    {
        $head = stream_get_contents($connection, 4);
        return strlen($head) < 4 ? null : stream_get_contents($connection, unpack('V', substr($head, 0, 3) . "\0")[1]);
    }

    function rows(string $query): string
    {
        $column = text('def') . text('') . text('') . text('') . text('x') . text('')
            . "\x0c" . pack('v', 45) . pack('V', 100) . "\xfd" . pack('v', 0) . "\0\0\0";
        return packet(1, "\x01") . packet(2, $column) . packet(3, END) . packet(4, text($query)) . packet(5, END);
    }

    Co\run(function () use ($argv): void {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        echo stream_socket_get_name($server, false), "\n";
        $waiting = [];
        while ($connection = @stream_socket_accept($server, 60)) {
            go(function () use ($connection, &$waiting, $argv): void {
                stream_set_timeout($connection, 60);
                fwrite($connection, packet(0, "\x0a8.0.0\0" . pack('V', 7) . "abcdefgh\0" . pack('v', CAPABILITIES & 0xffff)
                    . "\x2d" . pack('v', 2) . pack('v', CAPABILITIES >> 16) . chr(21) . str_repeat("\0", 10)
                    . "ijklmnopqrst\0mysql_native_password\0"));
                receive($connection);
                fwrite($connection, packet(2, OK));
                while (($command = receive($connection)) !== null && $command !== "\x01") {
                    if (!str_contains($command, 'SELECT')) {
                        fwrite($connection, packet(1, OK));
                        continue;
                    }
                    $waiting[] = [$connection, rows(substr($command, 1))];
                    if (count($waiting) === (int) $argv[1]) {
                        foreach (array_splice($waiting, 0) as [$other, $answer]) {
                            fwrite($other, $answer);
                        }
                    }
                }
            });
        }
    });
    PHP;
$script = tempnam(sys_get_temp_dir(), 'swoole-rs');
file_put_contents($script, $code);
$server = proc_open([...TestServer::interpreter(), $script, (string) AT_ONCE], [['pipe', 'r'], ['pipe', 'w']], $pipes);
[$host, $port] = explode(':', trim(fgets($pipes[1])));

Co\run(function () use ($host, $port): void {
    $done = new Channel(2 * AT_ONCE);
    for ($i = 0; $i < AT_ONCE; $i += 2) {
        go(function () use ($host, $port, $i, $done): void {
            $pdo = new PDO("mysql:host={$host};port={$port};dbname=x", 'user', 'password');
            for ($round = 0; $round < 3; $round++) {
                $rows = $pdo->query("SELECT {$i} OF {$round}")->fetchAll(PDO::FETCH_COLUMN);
                $done->push($rows === ["SELECT {$i} OF {$round}"]);
            }
        });
        go(function () use ($host, $port, $i, $done): void {
            $mysqli = new mysqli($host, 'user', 'password', 'x', (int) $port);
            for ($round = 0; $round < 3; $round++) {
                $done->push($mysqli->query("SELECT {$i} IN {$round}")->fetch_all() === [["SELECT {$i} IN {$round}"]]);
            }
        });
    }
    for ($i = 0; $i < 3 * AT_ONCE; $i++) {
        same(true, $done->pop(10));
    }
});
proc_terminate($server, SIGKILL);
proc_close($server);
unlink($script);
echo "done\n";
?>
--EXPECT--
done
