--TEST--
Swoole\Server: locals, arguments and files of a callback are freed when it returns
--FILE--
<?php
use SwooleRs\Tests\{ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server, until};

require __DIR__ . '/../include/bootstrap.php';

class Local
{
    public static array $alive = [];

    public function __construct(private string $name)
    {
        self::$alive[$name] = true;
    }

    public function __destruct()
    {
        unset(self::$alive[$this->name]);
    }
}

test_server(
    function (ServerSide $side): bool {
        $server = $side->server();
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            global $kept;
            // What the calls before left behind.
            $files = count(array_filter(get_resources('stream'), fn ($stream) => stream_get_meta_data($stream)['uri'] === __FILE__));
            $server->send($fd, json_encode([array_keys(Local::$alive), $files]) . "\n");
            $local = new Local("local {$data}");
            $open = fopen(__FILE__, 'r');
            if ($data === 'keep') {
                $kept = new Local('global');
            }
        });
        return $side->start($server);
    },
    function (TestServer $server): void {
        $client = $server->connect();
        same("[[],0]\n", $client->send('one')->readSome());
        same("[[],0]\n", $client->send('keep')->readSome());
        same("[[\"global\"],0]\n", $client->send('two')->readSome());
    },
);
?>
--EXPECT--
process: ok
base: ok
