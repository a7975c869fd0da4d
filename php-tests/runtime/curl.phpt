--TEST--
Hooks: transfers of the curl extension let other coroutines run
--EXTENSIONS--
curl
--FILE--
<?php
use Swoole\Coroutine\Channel;
use SwooleRs\Tests\{Script, TestServer};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

// The server is a process of its own, so that PHP's own curl can be its client, too.
$code = <<<'PHP'
    <?php
    /** Answers two at once. */
    function pair(): string
    {
        static $held = null;
        if ($held === null) {
            $held = new Swoole\Coroutine\Channel(1);
            $held->pop(60);
            $held = null;
        } else {
            $held->push(true);
        }
        return 'pair';
    }

    /** A server of HTTP: connections are kept; /slow answers late, /N sends so many bytes, /echo what it got. */
    function serve(mixed $server): void
    {
        while ($connection = @stream_socket_accept($server, 60)) {
            go(function () use ($connection): void {
                while (($request = fgets($connection)) !== false) {
                    $length = 0;
                    while (($line = fgets($connection)) !== "\r\n") {
                        $length = sscanf(strtolower($line), 'content-length: %d')[0] ?? $length;
                    }
                    $body = $length > 0 ? stream_get_contents($connection, $length) : '';
                    [$method, $path] = explode(' ', $request);
                    $peer = stream_socket_get_name($connection, true);
                    if ($path === '/drip' || $path === '/cut') {
                        fwrite($connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
                        for ($i = 0; $i < 200 && fwrite($connection, '.') === 1 && $path === '/drip'; $i++) {
                            usleep(5000);
                        }
                        return;
                    }
                    if ($path === '/moved') {
                        fwrite($connection, "HTTP/1.1 302 Found\r\nLocation: /10\r\nContent-Length: 0\r\n\r\n");
                        continue;
                    }
                    $answer = match (true) {
                        $path === '/slow' => Co::sleep(0.02) ? 'slow' : '',
                        $path === '/pair' => pair(),
                        $path === '/never' => Co::sleep(10) ? 'never' : '',
                        $path === '/echo' => "{$method} {$body}",
                        $path === '/peer' => $peer,
                        default => str_repeat('x', (int) substr($path, 1)),
                    };
                    $length = strlen($answer);
                    fwrite($connection, "HTTP/1.1 200 OK\r\nX-Path: {$path}\r\nContent-Length: {$length}\r\n\r\n"
                        . ($method === 'HEAD' ? '' : $answer));
                }
            });
            $connection = null;
        }
    }
    Co\run(function (): void {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        echo stream_socket_get_name($server, false), "\n";
        serve($server);
    });
    PHP;
$script = tempnam(sys_get_temp_dir(), 'swoole-rs');
file_put_contents($script, $code);
$server = proc_open([...TestServer::interpreter(), $script], [['pipe', 'r'], ['pipe', 'w']], $pipes);
$url = 'http://' . trim(fgets($pipes[1]));

/** What curl says and does, step by step. */
function story(string $url): array
{
    $said = [];
    $get = function (string $path, array $options = []) use ($url, &$said): mixed {
        $curl = curl_init($url . $path);
        curl_setopt_array($curl, $options + [CURLOPT_RETURNTRANSFER => true]);
        $result = curl_exec($curl);
        $said[] = [is_string($result) && strlen($result) > 100 ? md5($result) : $result, curl_errno($curl),
            curl_error($curl) === '', ...(curl_errno($curl) === CURLE_OPERATION_TIMEDOUT ? []
                : [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), curl_getinfo($curl, CURLINFO_SIZE_DOWNLOAD_T)])];
        return $result;
    };
    $get('/10');
    $get('/1000000');
    $get('/0');
    $get('/10', [CURLOPT_NOBODY => true]);
    $get('/10', [CURLOPT_HEADER => true]);
    $get('/echo', [CURLOPT_POSTFIELDS => str_repeat('y', 10_000)]);
    $get('/never', [CURLOPT_TIMEOUT_MS => 30]);
    $get('/drip', [CURLOPT_TIMEOUT_MS => 60]);
    $get('/cut');
    $get('/moved');
    $get('/moved', [CURLOPT_FOLLOWLOCATION => true]);
    $get('/10', [CURLOPT_FAILONERROR => true, CURLOPT_NOPROGRESS => false, CURLOPT_PROGRESSFUNCTION => fn () => 1]);
    $body = fopen('php://memory', 'w+');
    fwrite($body, 'what is sent');
    rewind($body);
    $get('/echo', [CURLOPT_PUT => true, CURLOPT_INFILE => $body, CURLOPT_INFILESIZE => 12, CURLOPT_HTTPHEADER => ['Expect:']]);
    $multi = curl_multi_init();
    $curl = curl_init("{$url}/10");
    curl_multi_add_handle($multi, $curl);
    $said[] = [curl_exec($curl), curl_errno($curl), curl_error($curl)];
    $get('/10', [CURLOPT_URL => 'http://127.0.0.1:1/']);
    $get('/10', [CURLOPT_URL => 'no such scheme://x']);
    $get('/10', [CURLOPT_URL => str_replace('127.0.0.1', 'localhost', $url) . '/3']);
    ob_start();
    $get('/5', [CURLOPT_RETURNTRANSFER => false]);
    $said[] = ob_get_clean();
    $file = tmpfile();
    $get('/7', [CURLOPT_RETURNTRANSFER => false, CURLOPT_FILE => $file]);
    $said[] = [rewind($file), stream_get_contents($file)];
    $chunks = 0;
    $get('/100000', [CURLOPT_WRITEFUNCTION => function ($curl, string $data) use (&$chunks): int {
        $chunks += strlen($data);
        usleep(1);
        return strlen($data);
    }]);
    $said[] = $chunks;
    $get('/100000', [CURLOPT_WRITEFUNCTION => fn () => 0]);
    $headers = [];
    $get('/10', [CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$headers): int {
        $headers[] = $line;
        return strlen($line);
    }]);
    $said[] = $headers;
    try {
        $get('/10', [CURLOPT_WRITEFUNCTION => fn () => throw new LogicException('from a callback')]);
    } catch (LogicException $e) {
        $said[] = $e->getMessage();
    }
    // The same handle again keeps its connection.
    $curl = curl_init("{$url}/peer");
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    $said[] = curl_exec($curl) === curl_exec($curl);
    $said[] = curl_getinfo($curl, CURLINFO_NUM_CONNECTS);
    // A multi handle.
    $multi = curl_multi_init();
    $handles = [];
    foreach (['/slow', '/10', '/20'] as $path) {
        curl_multi_add_handle($multi, $handles[] = $curl = curl_init($url . $path));
        curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    }
    do {
        curl_multi_exec($multi, $running);
        $selected = $running > 0 ? curl_multi_select($multi, 5) : 0;
    } while ($running > 0 && $selected >= 0);
    $said[] = array_map(curl_multi_getcontent(...), $handles);
    return $said;
}

$native = story($url);
Co\run(function () use ($native, $url): void {
    foreach (story($url) as $step => $said) {
        same($native[$step], $said, "step {$step}");
    }
    // Many at once.
    $done = new Channel(20);
    for ($i = 0; $i < 20; $i++) {
        go(function () use ($url, $done): void {
            $curl = curl_init("{$url}/slow");
            curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
            $done->push(curl_exec($curl));
        });
    }
    same(true, $done->isEmpty());
    for ($i = 0; $i < 20; $i++) {
        same('slow', $done->pop());
    }
    // What is let go of meanwhile, and what others do during a selection.
    $curl = curl_init("{$url}/slow");
    curl_setopt($curl, CURLOPT_WRITEFUNCTION, function ($curl, string $data) use ($done): int {
        $done->push($data);
        return strlen($data);
    });
    go(function () use (&$curl): void {
        curl_exec($curl);
    });
    $curl = null;
    same('slow', $done->pop());
    go(function () use ($url, $done): void {
        Co::sleep(0.001);
        curl_setopt($curl = curl_init("{$url}/pair"), CURLOPT_RETURNTRANSFER, true);
        $done->push(curl_exec($curl));
    });
    curl_multi_add_handle($multi = curl_multi_init(), $curl = curl_init("{$url}/pair"));
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    $calls = 0;
    do {
        curl_multi_exec($multi, $running);
        $calls++;
    } while ($running > 0 && curl_multi_select($multi, 10) >= 0);
    same('pair', curl_multi_getcontent($curl));
    check($calls < 20, "{$calls} calls");
    same('pair', $done->pop());
    // A selection ends when another coroutine is at work with the multi handle; handles are added meanwhile.
    curl_multi_add_handle($multi = curl_multi_init(), $curl = curl_init("{$url}/never"));
    for ($i = 0; $i < 3; $i++) {
        curl_multi_exec($multi, $running);
        same(1, $running);
        Co::sleep(0.005);
    }
    go(fn () => $done->push(curl_multi_select($multi, 10)));
    same([0, 0, 0], [curl_multi_add_handle($multi, curl_init()), $done->length(), curl_multi_remove_handle($multi, $curl)]);
    same([1, 0], [$done->length(), $done->pop()]);
    // One that is canceled.
    $curl = curl_init("{$url}/never");
    $cid = go(fn () => $done->push([curl_exec($curl), swoole_last_error()]));
    Co::cancel($cid);
    same([false, SWOOLE_ERROR_CO_CANCELED], $done->pop());
    same([CURLE_ABORTED_BY_CALLBACK, 'Operation was aborted by an application callback'], [curl_errno($curl), curl_error($curl)]);
    $cid = go(function () use ($curl, $done): void {
        try {
            curl_exec($curl);
        } catch (Swoole\Coroutine\CanceledException $e) {
            $done->push($e::class);
        }
    });
    Co::cancel($cid, true);
    same(Swoole\Coroutine\CanceledException::class, $done->pop());
    curl_setopt_array($curl, [CURLOPT_URL => "{$url}/4", CURLOPT_RETURNTRANSFER => true]);
    same('xxxx', curl_exec($curl));
    // Callbacks that wait.
    $order = [];
    go(function () use (&$order): void {
        $order[] = 'another';
    });
    curl_setopt($curl, CURLOPT_WRITEFUNCTION, function ($curl, string $data) use (&$order): int {
        Co::sleep(0.002);
        $order[] = $data;
        return strlen($data);
    });
    same(true, curl_exec($curl));
    same(['another', 'xxxx'], $order);
});

// Handles that two coroutines want at once end the script.
foreach ([
    'curl_exec($curl);', 'curl_reset($curl);', 'curl_close($curl);', 'curl_copy_handle($curl);', 'curl_pause($curl, 0);',
    'curl_setopt($curl, CURLOPT_POSTFIELDS, "x");', 'curl_setopt_array($curl, [CURLOPT_TIMEOUT => 1, CURLOPT_URL => "x"]);',
    'curl_escape($curl, "x");', 'curl_multi_add_handle(curl_multi_init(), $curl);',
] as $call) {
    $code = <<<'PHP'
        Co\run(function () use ($argv): void {
            $curl = curl_init($argv[1] . '/never');
            go(fn () => curl_exec($curl));
            curl_setopt($curl, CURLOPT_TIMEOUT, 1) && curl_errno($curl) === 0 && print "these go\n";
            %s
            echo "not reached\n";
        });
        PHP;
    $output = Script::run(str_replace('%s', $call, $code), [$url], status: 255);
    check(str_contains($output, 'these go') && !str_contains($output, 'not reached'), $output);
    check(preg_match('/Uncaught Swoole\\\\Error: This cURL handle is currently executing in coroutine#2, cannot be operated'
        . '.*\[Coroutine-2\] Stack trace:.*curl_exec/s', $output) === 1, "{$call}: {$output}");
}
proc_terminate($server, SIGKILL);
proc_close($server);
unlink($script);
echo "done\n";
?>
--EXPECT--
done
