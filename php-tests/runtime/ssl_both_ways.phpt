--TEST--
Hooks: a coroutine that reads an encrypted stream, and has to wait until it may write, leaves that to the one that writes
--EXTENSIONS--
openssl
--SKIPIF--
<?php
if (trim((string) shell_exec('command -v cc')) === '') {
    die('skip no C compiler');
}
?>
--FILE--
<?php
use SwooleRs\Tests\{Certificate, Script};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// OpenSSL says so for a moment, while keys change: it cannot be made to say it when the test wants it.
$folder = sys_get_temp_dir() . '/swoole-test-' . bin2hex(random_bytes(8));
mkdir($folder);
file_put_contents("{$folder}/want.c", <<<'C'
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stdlib.h>

    int SSL_want(const void *session)
    {
        int (*real)(const void *) = (int (*)(const void *)) dlsym(RTLD_NEXT, "SSL_want");
        return getenv("TEST_SSL_WANT") ? atoi(getenv("TEST_SSL_WANT")) : real ? real(session) : 1;
    }
    C);
passthru("cc -shared -fPIC -o {$folder}/want.so {$folder}/want.c -ldl", $status);
same(0, $status);
$certificate = new Certificate('localhost');

/** Two ends of an encrypted stream, and from then on each call that cannot go on is said to want `want`. */
function both_ways(int $want, string $code): string
{
    global $folder, $certificate;
    putenv("LD_PRELOAD={$folder}/want.so");
    try {
        return Script::run(<<<CODE
            Swoole\\Runtime::enableCoroutine();
            Co\\run(function () {
                \$context = stream_context_create(['ssl' => ['local_cert' => '{$certificate->both_file}',
                    'verify_peer' => false, 'verify_peer_name' => false]]);
                \$server = stream_socket_server('tls://127.0.0.1:0', \$errno, \$error, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, \$context);
                \$ends = new Swoole\\Coroutine\\Channel(1);
                go(fn () => \$ends->push(stream_socket_accept(\$server, 10)));
                \$client = stream_socket_client('tls://' . stream_socket_get_name(\$server, false), \$errno, \$error, 10,
                    STREAM_CLIENT_CONNECT, \$context);
                \$peer = \$ends->pop();
                putenv('TEST_SSL_WANT={$want}');
                {$code}
            });
            CODE);
    } finally {
        putenv('LD_PRELOAD');
    }
}

[$reading, $writing] = [3, 2];
$start_writer = 'go(function () use ($client) { $n = fwrite($client, str_repeat("x", 16 << 20)); echo "wrote {$n};"; });';
$start_reader = 'go(function () use ($client) { echo "read ", trim(fgets($client)), ";"; });';
foreach ([$start_writer . $start_reader, $start_reader . $start_writer] as $start) {
    foreach ([$reading, $writing] as $want) {
        $said = both_ways($want, $start . 'Co::sleep(0.03); fwrite($peer, "hello\n"); Co::sleep(0.03);
            $got = strlen(stream_get_contents($peer, 16 << 20)); echo "got {$got};";');
        $said = explode(';', $said);
        sort($said);
        same(['', 'got 16777216', 'read hello', 'wrote 16777216'], $said);
    }
}
// A time limit, and closing, end such a wait.
same('timed out;', both_ways($writing, 'stream_set_timeout($client, 0, 25_000); fgets($client);
    echo stream_get_meta_data($client)["timed_out"] ? "timed out;" : "WRONG";'));
same('closed;false', both_ways($writing, 'go(function () use ($client) { $line = @fgets($client); echo json_encode($line); });
    Co::sleep(0.001); echo "closed;"; fclose($client);'));
same('canceled false', both_ways($writing, '$cid = go(function () use ($client) { $line = fgets($client); echo "canceled ", json_encode($line); });
    Co::sleep(0.001); Co::cancel($cid);'));
array_map(unlink(...), glob("{$folder}/*"));
rmdir($folder);
echo "ok\n";
?>
--EXPECT--
ok
