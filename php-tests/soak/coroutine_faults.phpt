--TEST--
Swoole\Coroutine: exceptions, exit(), cancel, time limits and fatal errors in nested coroutines of a server under load: memory and descriptors stay flat
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\{Channel, System};
use SwooleRs\Tests\{Processes, ServerSide, TestServer};
use function SwooleRs\Tests\{check, same, test_server};

require __DIR__ . '/../include/bootstrap.php';

/** What a frame that is left in the middle must let go of. */
final class Held
{
    public static int $alive = 0;
    public string $bytes;

    public function __construct()
    {
        self::$alive++;
        $this->bytes = random_bytes(8192);
    }

    public function __destruct()
    {
        self::$alive--;
    }
}

/** Waits so deep in coroutines, each of which holds something and has waiters around it. */
function nest(int $depth, callable $end): void
{
    $held = [new Held(), 'name' => str_repeat('x', 1000)];
    $held['cycle'] = &$held;
    ob_start(fn (): string => '');
    echo 'never seen';
    Coroutine::defer(fn () => $held['name'] .= '!');
    if ($depth === 0) {
        $end();
        return;
    }
    $result = new Channel(1);
    Coroutine::create(function () use ($depth, $end, $result): void {
        try {
            nest($depth - 1, $end);
            $result->push('returned');
        } catch (Throwable $error) {
            $result->push($error::class);
        } finally {
            $held = new Held();
        }
    });
    $outcome = $result->pop(10);
    ob_end_clean();
    if ($outcome !== 'returned') {
        throw new RuntimeException((string) $outcome);
    }
}

/** One request: what it ends by in the innermost coroutine. */
function request(string $how): string
{
    $cid = 0;
    $end = match ($how) {
        'return' => fn () => System::sleep(0.001),
        'throw' => fn () => [System::sleep(0.001), throw new LogicException('deep')],
        'exit' => fn () => [System::sleep(0.001), exit(3)],
        'cancel' => function (): void {
            $cid = Coroutine::getCid();
            Coroutine::create(function () use ($cid): void {
                System::sleep(0.001);
                Coroutine::cancel($cid);
            });
            System::sleep(10) || throw new LogicException('canceled');
        },
        'interrupt' => function (): void {
            $cid = Coroutine::getCid();
            Coroutine::create(function () use ($cid): void {
                System::sleep(0.001);
                Coroutine::cancel($cid, true);
            });
            (new Channel())->pop();
        },
        'fiber' => function (): void {
            $fiber = new Fiber(function (): void {
                $held = new Held();
                Fiber::suspend();
                System::sleep(0.001);
                throw new LogicException('in a fiber');
            });
            $fiber->start();
            $fiber->resume();
        },
        'fatal' => fn () => [System::sleep(0.001), trigger_error('deep', E_USER_ERROR)],
        'memory' => fn () => [System::sleep(0.001), ini_set('memory_limit', '32M'), str_repeat('x', 1 << 30)],
        'stack' => function (): void {
            $again = function () use (&$again): void {
                array_map($again, [1]);
            };
            $again();
        },
    };
    try {
        nest(3, $end);
        return 'returned';
    } catch (Throwable $error) {
        return $error->getMessage();
    }
}

$rounds = getenv('SWOOLE_SOAK') ? 20_000 : 300;
// The worker lives on.
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['stack_size' => 256 * 1024]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data) use ($side): void {
            if ($data === '?') {
                gc_collect_cycles();
                $server->send($fd, pack('NNN', Held::$alive, Coroutine::stats()['coroutine_num'], memory_get_usage()));
                return;
            }
            $server->send($fd, str_pad(request($data), 60));
            // Else the cycles of a thousand requests wait for it, and memory looks as if it grew.
            gc_collect_cycles();
        });
        return $side->start($server);
    },
    function (TestServer $server) use ($rounds): void {
        $ways = ['return' => 'returned', 'throw' => 'RuntimeException', 'exit' => 'RuntimeException', 'cancel' => 'RuntimeException',
            'interrupt' => 'RuntimeException', 'fiber' => 'RuntimeException'];
        $worker = $server->workers[0];
        $clients = [];
        foreach ($ways as $way => $answer) {
            $clients[$way] = $server->connect();
        }
        $asker = $server->connect();
        $state = function () use ($asker, $worker): array {
            $told = unpack('Nalive/Ncoroutines/Nmemory', $asker->send('?')->read(12));
            return $told + ['kib' => Processes::residentKib($worker), 'open' => count(Processes::descriptors($worker))];
        };
        $run = function (int $rounds) use ($clients, $ways): void {
            for ($i = 0; $i < $rounds; $i++) {
                foreach ($clients as $way => $client) {
                    $client->send($way);
                }
                foreach ($clients as $way => $client) {
                    same($ways[$way], rtrim($client->read(60)), $way);
                }
            }
        };
        $run(100);
        $before = $state();
        $run($rounds);
        $after = $state();
        same([0, 0], [$before['alive'], $after['alive']], 'objects that nobody let go of');
        same([1, 1], [$before['coroutines'], $after['coroutines']], 'coroutines');
        same($before['open'], $after['open'], 'descriptors');
        check($after['memory'] <= $before['memory'] + 65_536, "PHP's memory: {$before['memory']} to {$after['memory']} bytes");
        check($after['kib'] <= $before['kib'] + 2048, "memory of the worker: {$before['kib']} to {$after['kib']} KiB");
    },
);

// The worker dies of it, and the server does not grow.
$deaths = getenv('SWOOLE_SOAK') ? 500 : 6;
test_server(
    function (ServerSide $side): bool {
        $server = $side->server(['worker_num' => 2, 'stack_size' => 256 * 1024]);
        $server->on('receive', function (Swoole\Server $server, int $fd, int $reactor_id, string $data): void {
            $data === '?' ? $server->send($fd, '!') : request($data);
        });
        return $side->start($server);
    },
    function (TestServer $server) use ($deaths): void {
        $server->allowLog('/abnormal|has ended \d+ times|is closed/');
        $server->allowOutput('/./');
        $pids = array_filter([$server->master_pid, $server->manager_pid]);
        $die = function (int $times) use ($server): void {
            for ($i = 0; $i < $times; $i++) {
                foreach (['fatal', 'memory', 'stack'] as $way) {
                    $client = $server->connect();
                    $client->send($way);
                    same('', $client->readAll(), $way);
                    $server->expectEvent('workerStart', 30.0);
                }
            }
        };
        $sizes = fn (): array => array_map(fn (int $pid) => [Processes::residentKib($pid), count(Processes::descriptors($pid))], $pids);
        $die(3);
        $before = $sizes();
        $die($deaths);
        foreach ($sizes() as $i => [$kib, $open]) {
            same($before[$i][1], $open, 'descriptors');
            check($kib <= $before[$i][0] + 1024, "memory of process {$i}: {$before[$i][0]} to {$kib} KiB");
        }
        same('!', $server->connect()->send('?')->read(1));
    },
);
?>
--EXPECT--
process: ok
base: ok
process: ok
base: ok
