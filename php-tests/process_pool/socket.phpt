--TEST--
Swoole\Process\Pool: clients of a TCP and of a unix socket; slow ones, garbage, long answers
--FILE--
<?php
use SwooleRs\Tests\{Ports, Script};
use function SwooleRs\Tests\{check, same, until};

require __DIR__ . '/../include/bootstrap.php';

function frame(string $body): string
{
    return pack('N', strlen($body)) . $body;
}

/** @return resource */
function connect(string $at)
{
    $client = until(fn () => @stream_socket_client($at, $errno, $error, 5), "a connection to {$at}");
    stream_set_timeout($client, 20);
    return $client;
}

function all($client): string
{
    $bytes = stream_get_contents($client);
    check(!stream_get_meta_data($client)['timed_out'], 'the connection is closed in time');
    return $bytes;
}

function ask(string $at, string $body): string
{
    $client = connect($at);
    fwrite($client, frame($body));
    return all($client);
}

$code = <<<'CODE'
    $pool = new Swoole\Process\Pool(2, SWOOLE_IPC_SOCKET);
    $pool->set(['max_package_size' => 100_000]);
    $pool->listen(...unserialize($argv[1])) || exit(1);
    $pool->on('message', function ($pool, $data) {
        match (true) {
            $data === 'nothing' => null,
            $data === 'empty' => var_dump($pool->write('')),
            $data === 'twice' => $pool->write('once') && $pool->write(' and again'),
            $data === 'long' => $pool->write(str_repeat('long', 5 << 20)),
            $data === 'die' => posix_kill(getmypid(), SIGKILL),
            $data === 'run' => Swoole\Coroutine\run(function () use ($pool) {
                Co::sleep(0.01);
                $pool->write('after a sleep');
            }),
            $data === 'end' => $pool->shutdown(),
            default => $pool->write(strrev($data)),
        };
    });
    $pool->on('workerStart', fn ($pool) => var_dump($pool->write('nobody')));
    $pool->start();
    CODE;
$port = Ports::take();
$file = sys_get_temp_dir() . '/swoole-pool-' . getmypid() . '.sock';
foreach ([["tcp://127.0.0.1:{$port}", ['127.0.0.1', $port]], ["unix://{$file}", ["unix:{$file}"]]] as [$at, $arguments]) {
    $script = new Script($code, [serialize($arguments)]);
    same(frame('olleh'), ask($at, 'hello'));
    same('', ask($at, 'nothing'));
    same('', ask($at, 'empty'));
    same(frame('once and again'), ask($at, 'twice'));
    same(frame(str_repeat('x', 100_000)), ask($at, str_repeat('x', 100_000)));
    same(sha1(frame(str_repeat('long', 5 << 20))), sha1(ask($at, 'long')));
    for ($i = 0; $i < 3; $i++) {
        same(frame('after a sleep'), ask($at, 'run'));
    }

    // Byte by byte, more than one, and less than one.
    $client = connect($at);
    foreach (str_split(frame('bytes')) as $byte) {
        fwrite($client, $byte);
        usleep(1000);
    }
    same(frame('setyb'), all($client));
    $client = connect($at);
    fwrite($client, frame('first') . frame('second'));
    same(frame('tsrif'), all($client));

    // Those who send nothing, or a part, keep nobody waiting; there are more of them than workers.
    $slow = [];
    for ($i = 0; $i < 20; $i++) {
        $slow[$i] = connect($at);
        fwrite($slow[$i], substr(frame('part'), 0, $i % 8));
    }
    same(frame('olleh'), ask($at, 'hello'));
    fclose($slow[4]);
    fwrite($slow[5], substr(frame('part'), 5));
    same(frame('trap'), all($slow[5]));

    // Garbage lengths.
    foreach (["\0\0\0\0", "\0\x01\x86\xa1", "\xff\xff\xff\xff", "GET / HTTP/1.1\r\n\r\n"] as $garbage) {
        $client = connect($at);
        fwrite($client, $garbage);
        same('', all($client));
    }
    // A client that goes before its answer, and one that does not read at first.
    $client = connect($at);
    fwrite($client, frame('long'));
    fclose($client);
    $client = connect($at);
    fwrite($client, frame('long'));
    usleep(20_000);
    same(frame('olleh'), ask($at, 'hello'));
    same((20 << 20) + 4, strlen(all($client)));

    // A worker dies: its clients are let go, the others are served.
    same('', ask($at, 'die'));
    same(frame('olleh'), ask($at, 'hello'));
    $clients = array_map(fn () => connect($at), range(1, 100));
    foreach ($clients as $i => $client) {
        fwrite($client, frame("client {$i}"));
    }
    foreach ($clients as $i => $client) {
        same(frame(strrev("client {$i}")), all($client));
    }
    ask($at, 'end');
    $script->expectExit();
    check((bool) preg_match('/^bool\(false\)\nbool\(false\)\nbool\(false\)/', $script->output()), $script->output());
    check(str_contains($script->output(), 'a client was cut off that announced a message of 100001 bytes'), $script->output());
    check(!file_exists($file), 'the socket file is gone');
    $script->discard();
}
Ports::giveBack($port);
echo "ok\n";
?>
--EXPECT--
ok
