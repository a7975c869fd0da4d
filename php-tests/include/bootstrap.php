<?php
/**
 * What phpt tests of servers are written on; README.md beside this folder shows how.
 */
declare(strict_types=1);

namespace SwooleRs\Tests;

require_once __DIR__ . '/Failure.php';
require_once __DIR__ . '/Ports.php';
require_once __DIR__ . '/Processes.php';
require_once __DIR__ . '/Client.php';
require_once __DIR__ . '/ServerSide.php';
require_once __DIR__ . '/TestServer.php';
require_once __DIR__ . '/Script.php';
require_once __DIR__ . '/Certificate.php';

if (getenv('SWOOLE_TEST_ORDER') !== false) {
    ob_start(); // what the test itself prints on the way to its server is the client's side's alone
}

/**
 * Writes down why a test fails, where scripts/phpt asks for it: run-tests.php repeats tests that look as if they
 * depended on time, and tells nothing of the first failure when the second try passes.
 */
function note_failure(string $what): void
{
    $folder = getenv('SWOOLE_TEST_FAILURES');
    if ($folder !== false) {
        $name = strtr(preg_replace('/\.php$/', '', $_SERVER['SCRIPT_FILENAME']), '/', '_');
        @file_put_contents("{$folder}/{$name}", date('[H:i:s] ') . "{$what}\n", FILE_APPEND);
    }
}

if (getenv('SWOOLE_TEST_ORDER') === false) {
    register_shutdown_function(function (int $pid): void {
        $error = error_get_last();
        // Children of the test are its own business.
        if (getmypid() === $pid && ($error['type'] ?? 0) & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_PARSE | E_RECOVERABLE_ERROR)) {
            note_failure("{$error['message']} in {$error['file']}:{$error['line']}");
        }
    }, getmypid());
}

/** Seconds that any wait of a test may take; SWOOLE_TEST_PATIENCE=5 multiplies it on a slow machine. */
function patience_s(float $seconds = 10.0): float
{
    return $seconds * max(1.0, (float) (getenv('SWOOLE_TEST_PATIENCE') ?: 1));
}

/** Fails the test unless $condition holds. */
function check(bool $condition, string $what): void
{
    if (!$condition) {
        throw new Failure("not so: {$what}");
    }
}

/** Fails the test unless both values are identical. */
function same(mixed $expected, mixed $actual, string $what = 'value'): void
{
    if ($expected !== $actual) {
        throw new Failure("{$what}: expected " . shown($expected) . ', got ' . shown($actual));
    }
}

/** Waits until $condition() is true (not null, not false) and returns its value; fails when patience ends. */
function until(callable $condition, string $what, float $timeout_s = 10.0): mixed
{
    $deadline = microtime(true) + patience_s($timeout_s);
    for (;;) {
        $value = $condition();
        if ($value !== null && $value !== false) {
            return $value;
        }
        if (microtime(true) > $deadline) {
            throw new Failure("waited in vain for: {$what}");
        }
        usleep(2000);
    }
}

function shown(mixed $value): string
{
    $text = is_string($value) ? '"' . addcslashes($value, "\0..\37\"\\\177..\377") . '"' : json_encode($value);
    return strlen((string) $text) > 200 ? substr($text, 0, 200) . '... (' . strlen($text) . ' bytes)' : (string) $text;
}

/**
 * Runs one server test: $server in a process of its own, $client here, once per mode, each against a
 * fresh server. Prints "process: ok" and "base: ok", or what went wrong with the server's log.
 *
 * Afterwards the server is stopped with SIGTERM (unless $client ended it), and must have exited with
 * status 0, left no process and no listening port, and said nothing unexpected in its log or output.
 *
 * @param callable(ServerSide): void $server builds the server and calls $side->start($server)
 * @param callable(TestServer): void $client talks to it
 * @param list<int>|null $modes default: SWOOLE_PROCESS and SWOOLE_BASE
 */
function test_server(callable $server, callable $client, ?array $modes = null): void
{
    static $calls = 0;
    $call = $calls++;

    $order = getenv('SWOOLE_TEST_ORDER');
    if ($order !== false) {
        $order = json_decode($order, true, flags: JSON_THROW_ON_ERROR);
        if ($order['call'] === $call) {
            ob_end_clean();
            exit((new ServerSide($order))->run($server));
        }
        return; // this process is the server of another test_server() in the same file
    }

    foreach ($modes ?? [SWOOLE_PROCESS, SWOOLE_BASE] as $mode) {
        $name = $mode === SWOOLE_BASE ? 'base' : 'process';
        $process = new TestServer($call, $mode);
        try {
            $process->launch();
            $client($process);
            $process->finish();
            echo "{$name}: ok\n";
        } catch (\Throwable $error) {
            echo "{$name}: FAILED: {$error->getMessage()}\n";
            foreach ($error->getTrace() as $frame) {
                if (isset($frame['file']) && dirname($frame['file']) !== __DIR__) {
                    echo "  at {$frame['file']}:{$frame['line']}\n";
                }
            }
            if (!$error instanceof Failure) {
                echo '  ', $error::class, " in {$error->getFile()}:{$error->getLine()}\n";
            }
            echo $story = $process->story();
            note_failure("{$name}: {$error->getMessage()} at {$error->getTraceAsString()}\n{$story}");
        } finally {
            $process->discard();
        }
    }
}
