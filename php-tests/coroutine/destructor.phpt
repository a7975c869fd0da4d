--TEST--
Swoole\Coroutine: destructors that switch, in and out of cycles, during exceptions and at the end
--FILE--
<?php
use Swoole\Coroutine;
use Swoole\Coroutine\Channel;
use function Swoole\Coroutine\{go, run};
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

final class Switches
{
    public mixed $self = null;

    public function __construct(private string $name, private array &$log)
    {
    }

    public function __destruct()
    {
        $this->log[] = "{$this->name} 1";
        Coroutine::sleep(0.001);
        $this->log[] = "{$this->name} 2";
        go(function (): void {
            Coroutine::sleep(0.001);
            $this->log[] = "{$this->name} 3"; // comes to life again for that time
        });
    }
}

run(function (): void {
    $log = [];
    $thing = new Switches('plain', $log);
    unset($thing);
    same(['plain 1', 'plain 2'], $log);
    Coroutine::sleep(0.005);
    same('plain 3', end($log));

    // In another coroutine, whose end it delays.
    $log = [];
    $cid = go(function () use (&$log): void {
        $thing = new Switches('local', $log);
    });
    same(['local 1'], $log);
    same(true, Coroutine::exists($cid));
    Coroutine::join([$cid]);
    same(['local 1', 'local 2'], $log);
    while (count($log) < 3) {
        Coroutine::sleep(0.001);
    }

    // With an exception under way, which goes on.
    $log = [];
    $throws = function () use (&$log): void {
        $thing = new Switches('thrown', $log);
        throw new LogicException('goes on');
    };
    $other = go(function (): void {
        for ($i = 0; $i < 20; $i++) {
            Coroutine::sleep(0.001);
            try {
                throw new RuntimeException('of another');
            } catch (RuntimeException) {
            }
        }
    });
    try {
        $throws();
        check(false, 'not thrown');
    } catch (LogicException $exception) {
        same('goes on', $exception->getMessage());
    }
    same(['thrown 1', 'thrown 2'], $log);
    Coroutine::join([$other]);

    // Those that the engine finds in cycles.
    $log = [];
    for ($i = 0; $i < 5; $i++) {
        $thing = new Switches("cycle {$i}", $log);
        $thing->self = $thing;
    }
    unset($thing);
    same(true, gc_collect_cycles() >= 0);
    while (count($log) < 15) {
        Coroutine::sleep(0.001);
    }
    sort($log);
    same(['cycle 0 1', 'cycle 0 2', 'cycle 0 3', 'cycle 1 1'], array_slice($log, 0, 4));

    // Of what stands in a channel.
    $log = [];
    $channel = new Channel(2);
    $channel->push(new Switches('in a channel', $log));
    unset($channel);
    same(['in a channel 1', 'in a channel 2'], $log);
    Coroutine::sleep(0.005);
});

echo "ok\n";

// At the end of the script: some run as the last coroutines, some outside of any.
$log = [];
final class Last
{
    public function __destruct()
    {
        echo 'last in ', Coroutine::getCid(), "\n";
        Coroutine::getCid() > 0 && var_dump(Coroutine::sleep(0.001));
    }
}
$global = new Last();
go(function (): void {
    $local = new Last();
    Coroutine::sleep(0.001);
});
Coroutine::set(['enable_deadlock_check' => false]);
go(function (): void {
    $local = new Last();
    Coroutine::yield(); // for ever: its destructor cannot wait any more
});
?>
--EXPECT--
ok

Deprecated: swoole_event_rshutdown(): Event::wait() in shutdown function is deprecated in Unknown on line 0
last in 13
bool(true)
last in -1
last in 14
