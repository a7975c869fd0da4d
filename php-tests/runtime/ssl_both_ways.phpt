--TEST--
Hooks: a coroutine that reads an encrypted stream, and has to wait until it may write, leaves that to the one that writes
--EXTENSIONS--
openssl
--SKIPIF--
<?php
if (php_uname('m') !== 'x86_64' || trim((string) shell_exec('command -v cc')) === '') {
    die('skip no C compiler for this machine');
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
    #include <signal.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <unistd.h>

    /* SSL_want() always answers the same from now on. */
    static void patch(int number)
    {
        unsigned char code[] = {0xb8, atoi(getenv("TEST_SSL_WANT")), 0, 0, 0, 0xc3}; /* mov eax, ...; ret */
        char *function = dlsym(RTLD_DEFAULT, "SSL_want");
        char *page = function - (unsigned long) function % sysconf(_SC_PAGESIZE);
        mprotect(page, 2 * sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE | PROT_EXEC);
        memcpy(function, code, sizeof code);
    }

    __attribute__((constructor)) static void start(void)
    {
        signal(SIGUSR2, patch);
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
    putenv("TEST_SSL_WANT={$want}");
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
                posix_kill(getmypid(), SIGUSR2);
                {$code}
            });
            CODE);
    } finally {
        putenv('LD_PRELOAD');
        putenv('TEST_SSL_WANT');
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
