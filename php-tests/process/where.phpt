--TEST--
Swoole\Process: started from wherever, the child never returns into what its parent was doing
--FILE--
<?php
use Swoole\Process;

/** Starts a child that says what it is and ends; everything after the start belongs to the parent. */
function begin(string $name, bool $fail = false): void
{
    $process = new Process(function () use ($name, $fail): void {
        echo "child in {$name}\n";
        if ($fail) {
            throw new Exception($name);
        }
    });
    try {
        $process->start();
        Process::wait();
        echo "parent in {$name}\n";
    } finally {
        echo "finally of {$name}\n";
    }
}

final class Loud
{
    public function __destruct()
    {
        begin('destructor');
    }
}

array_map('begin', ['array_map']);
$two = [1, 2];
usort($two, function ($a, $b) {
    begin('usort');
    return $a <=> $b;
});
$fiber = new Fiber(function (): void {
    begin('fiber');
    Fiber::suspend();
    echo "fiber goes on\n";
});
$fiber->start();
$fiber->resume();
(function (): iterable {
    begin('generator');
    yield 1;
})()->current();
ob_start(function (string $text): string {
    return strtoupper($text);
});
begin('output buffer');
ob_end_flush();
$loud = new Loud();
unset($loud);
eval('begin("eval");');
set_error_handler(function (): bool {
    begin('error handler');
    return true;
});
echo $undefined;
restore_error_handler();
register_shutdown_function('begin', 'shutdown function');
?>
--EXPECT--
child in array_map
parent in array_map
finally of array_map
child in usort
parent in usort
finally of usort
child in fiber
parent in fiber
finally of fiber
fiber goes on
child in generator
parent in generator
finally of generator
CHILD IN OUTPUT BUFFER
PARENT IN OUTPUT BUFFER
FINALLY OF OUTPUT BUFFER
child in destructor
parent in destructor
finally of destructor
child in eval
parent in eval
finally of eval
child in error handler
parent in error handler
finally of error handler
child in shutdown function
parent in shutdown function
finally of shutdown function
