--TEST--
Swoole\Event: a script that runs its loop again and again does not grow
--FILE--
<?php
use Swoole\{Event, Process};
use function Swoole\Coroutine\run;
use function SwooleRs\Tests\{check, same};

require __DIR__ . '/../include/bootstrap.php';

$ran = 0;
$ways = [
    'run()' => function () use (&$ran): void {
        run(function () use (&$ran): void {
            $ran++;
        });
    },
    'wait()' => function () use (&$ran): void {
        Event::defer(function () use (&$ran): void {
            $ran++;
        });
        Event::wait();
    },
];
foreach ($ways as $name => $way) {
    for ($i = 0; $i < 100; $i++) {
        $way();
    }
    $before = memory_get_usage();
    for ($i = 0; $i < 10_000; $i++) {
        $way();
    }
    $grown = memory_get_usage() - $before;
    check($grown < 50_000, "{$name}: {$grown} bytes more");
}
same(2 * 10_100, $ran);

// What is left at the end runs at the first one's place among the shutdown functions, in a child, too; and
// again if others that come later begin something.
function at_the_end(string $who): void
{
    register_shutdown_function(function () use ($who): void {
        echo "{$who}: function\n";
        Event::defer(fn () => print("{$who}: late\n"));
    });
    Event::defer(fn () => print("{$who}: left\n"));
}
error_reporting(E_ALL & ~E_DEPRECATED); // the loop at the end
$process = new Process(fn () => at_the_end('child'));
$process->start();
Process::wait();
at_the_end('parent');
?>
--EXPECT--
child: function
child: left
child: late
parent: left
parent: function
parent: late
