<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** The server as the client's side of a test sees it: a process tree, its events, its log. */
final class TestServer
{
    public readonly int $mode;
    public readonly int $port;
    /** @var list<int> free ports for further listeners */
    public readonly array $extra_ports;
    /** The first process; a test of a server that daemonizes sets it to what the pid file says. */
    public int $master_pid = 0;
    /** The parent of the workers, in SWOOLE_BASE mode the master itself; 0 where the master is the only worker. */
    public int $manager_pid = 0;
    /** @var array<int, int> pids of the workers, as their last onWorkerStart told */
    public array $workers = [];

    /** Levels of the log that no test may cause unless it says so. */
    private const ALARMING = '/\t(WARNING|ERROR|ALERT|FATAL)\t/';

    private readonly string $folder;
    private readonly string $mark;
    /** @var resource|null the server's first process */
    private $process = null;
    /** @var resource|null */
    private $pipe = null;
    private ?int $pipe_inode = null;
    private string $unread = '';
    private bool $pipe_ended = false;
    /** @var list<array{string, mixed}> events not yet asked for */
    private array $events = [];
    /** @var array{exitcode: int, signaled: bool, termsig: int}|null how the first process ended */
    private ?array $end = null;
    private bool $end_expected = false;
    /** @var list<string> */
    private array $excused_log = [];
    /** @var list<string> */
    private array $excused_output = [];

    public function __construct(private readonly int $call, int $mode)
    {
        $this->mode = $mode;
        $this->port = Ports::take();
        $this->extra_ports = [Ports::take(), Ports::take(), Ports::take()];
        $this->mark = 'SWOOLE_TEST_MARK=' . bin2hex(random_bytes(12));
        $this->folder = sys_get_temp_dir() . '/swoole-test-' . substr($this->mark, -12);
        mkdir($this->folder, 0777);
        chmod($this->folder, 0777); // servers that change their user log here, too
    }

    // ---- events -------------------------------------------------------------------------------

    /** Waits for the next event of that name and returns its data. Others stay for later calls. */
    public function expectEvent(string $name, float $timeout_s = 10.0): mixed
    {
        $deadline = microtime(true) + patience_s($timeout_s);
        for (;;) {
            foreach ($this->events as $index => [$event, $data]) {
                if ($event === $name) {
                    array_splice($this->events, $index, 1);
                    return $data;
                }
            }
            if ($this->pipe_ended) {
                throw new Failure("the server ended without the event {$name}");
            }
            if (!$this->pump($deadline - microtime(true))) {
                throw new Failure("waited in vain for the event {$name}");
            }
        }
    }

    /**
     * The data of all events of that name that have come so far, without waiting; they are taken.
     * An event that was sent before something this side has seen (an answer, an exit) has come.
     */
    public function events(string $name): array
    {
        while ($this->pump(0.0)) {
        }
        $found = [];
        $rest = [];
        foreach ($this->events as $event) {
            if ($event[0] === $name) {
                $found[] = $event[1];
            } else {
                $rest[] = $event;
            }
        }
        $this->events = $rest;
        return $found;
    }

    // ---- connections --------------------------------------------------------------------------

    public function connect(?int $port = null, float $timeout_s = 10.0): Client
    {
        return new Client('127.0.0.1', $port ?? $this->port, $timeout_s);
    }

    // ---- processes ----------------------------------------------------------------------------

    /** Sends a signal to the master, or to another process of this server. */
    public function signal(int $signal, ?int $pid = null): void
    {
        $pid ??= $this->master_pid;
        // Never signal a pid that a process outside the test may have by now.
        check(isset($this->processes()[$pid]), "{$pid} is a process of this server");
        check(posix_kill($pid, $signal), "signal {$signal} to {$pid}: " . posix_strerror(posix_get_last_error()));
    }

    /** @return array<int, string> command lines of the server's living processes by pid */
    public function processes(): array
    {
        return Processes::ofMark($this->mark, $this->pipe_inode);
    }

    /** SIGTERM to the master, then expectExit(0). */
    public function stop(): void
    {
        $this->signal(SIGTERM);
        $this->expectExit();
    }

    /** The server must end, all of it, with this exit status, or killed by this signal. */
    public function expectExit(int $status = 0, ?int $signal = null, float $timeout_s = 10.0): void
    {
        $this->end_expected = true;
        $deadline = microtime(true) + patience_s($timeout_s);
        $end = until(fn () => $this->poll(), 'the end of the server', $timeout_s);
        same($signal, $end['signaled'] ? $end['termsig'] : null, "signal that ended the server");
        if ($signal === null) {
            same($status, $end['exitcode'], 'exit status of the server');
        }
        // Each process of the server holds the pipe: its end is the end of the last one.
        while (!$this->pipe_ended && $this->pump($deadline - microtime(true))) {
        }
        until(function (): bool {
            return $this->processes() === [];
        }, 'the end of all processes of the server', max(0.0, $deadline - microtime(true)));
    }

    // ---- log and output -----------------------------------------------------------------------

    /** The server's log so far. */
    public function log(): string
    {
        return (string) @file_get_contents("{$this->folder}/server.log");
    }

    /** What the server's processes wrote to standard output and error so far. */
    public function output(): string
    {
        return (string) @file_get_contents("{$this->folder}/output");
    }

    /**
     * Waits for a log line that matches, and returns the first one. Lines that match are no alarm then.
     */
    public function expectLog(string $pattern, float $timeout_s = 10.0): string
    {
        $this->excused_log[] = $pattern;
        return until(fn () => self::firstMatch($pattern, $this->log()), "a log line like {$pattern}", $timeout_s);
    }

    /** Log lines that match may appear, and are no alarm. */
    public function allowLog(string $pattern): void
    {
        $this->excused_log[] = $pattern;
    }

    /** Waits for an output line that matches, and returns the first one. Without it any output fails the test. */
    public function expectOutput(string $pattern, float $timeout_s = 10.0): string
    {
        $this->excused_output[] = $pattern;
        return until(fn () => self::firstMatch($pattern, $this->output()), "output like {$pattern}", $timeout_s);
    }

    /** Output lines that match may appear. */
    public function allowOutput(string $pattern): void
    {
        $this->excused_output[] = $pattern;
    }

    /** A file in the test's folder, the same as ServerSide::path() gives. */
    public function path(string $name): string
    {
        return "{$this->folder}/{$name}";
    }

    // ---- for test_server() --------------------------------------------------------------------

    /** @internal Starts the server and waits until all its workers are there. */
    public function launch(): void
    {
        $order = ['call' => $this->call, 'mode' => $this->mode, 'port' => $this->port,
            'extra_ports' => $this->extra_ports, 'folder' => $this->folder];
        $output = ['file', "{$this->folder}/output", 'a'];
        [$name, $value] = explode('=', $this->mark);
        $this->process = proc_open(
            [...self::interpreter(), $_SERVER['SCRIPT_FILENAME']],
            [['file', '/dev/null', 'r'], $output, $output, ['pipe', 'w']],
            $pipes,
            null,
            [$name => $value, 'SWOOLE_TEST_ORDER' => json_encode($order)] + getenv(),
        ) ?: throw new Failure('the server cannot be started');
        $this->master_pid = proc_get_status($this->process)['pid'];
        $this->pipe = $pipes[3];
        $this->pipe_inode = fstat($this->pipe)['ino'];
        stream_set_blocking($this->pipe, false);

        $worker_num = $this->expectEvent('starting')['worker_num'];
        for ($i = 0; $i < $worker_num; $i++) {
            $this->expectEvent('workerStart', 20.0);
        }
    }

    /** @internal The end of a test that went well so far. */
    public function finish(): void
    {
        if (!$this->end_expected) {
            check($this->poll() === null || isset($this->processes()[$this->master_pid]), 'the server still runs at the end of the test');
            $this->stop();
        }
        foreach ([$this->port, ...$this->extra_ports] as $port) {
            check(!Ports::isListening($port), "port {$port} is free again");
        }
        foreach (self::lines($this->log()) as $line) {
            if (preg_match(self::ALARMING, $line) && !self::isExcused($line, $this->excused_log)) {
                throw new Failure("unexpected log line: {$line}");
            }
        }
        foreach (self::lines($this->output()) as $line) {
            if (!self::isExcused($line, $this->excused_output)) {
                throw new Failure("unexpected output: {$line}");
            }
        }
    }

    /** @internal What a failed test's reader wants to see. */
    public function story(): string
    {
        while ($this->pump(0.0)) {
        }
        $text = '';
        foreach (['log' => $this->log(), 'output' => $this->output()] as $name => $content) {
            foreach (array_slice(self::lines($content), -25) as $line) {
                $text .= "  {$name}: {$line}\n";
            }
        }
        foreach (array_slice($this->events, -10) as [$event, $data]) {
            $text .= "  event: {$event} " . shown($data) . "\n";
        }
        foreach ($this->processes() as $pid => $command) {
            $text .= "  process: {$pid} (parent " . Processes::parentOf($pid) . ") {$command}\n";
        }
        return $text . '  first process: ' . ($this->poll() === null ? 'runs' : shown($this->end)) . "\n";
    }

    /** @internal Ends what is left and removes the test's files. */
    public function discard(): void
    {
        // Again and again, as one that is being killed may just fork.
        for ($i = 0; $i < 100 && ($left = $this->processes()) !== []; $i++) {
            foreach (array_keys($left) as $pid) {
                posix_kill($pid, SIGKILL);
            }
            usleep(10_000);
        }
        if ($this->pipe !== null) {
            fclose($this->pipe);
            $this->pipe = null;
        }
        if ($this->process !== null) {
            proc_close($this->process);
            $this->process = null;
        }
        foreach ([$this->port, ...$this->extra_ports] as $port) {
            Ports::giveBack($port);
        }
        self::remove($this->folder);
    }

    // -------------------------------------------------------------------------------------------

    /** Reads events for at most so long; false when none came. */
    private function pump(float $timeout_s): bool
    {
        if ($this->pipe_ended || $this->pipe === null) {
            return false;
        }
        $read = [$this->pipe];
        $none = null;
        $timeout_us = (int) max(0, $timeout_s * 1e6);
        if (!@stream_select($read, $none, $none, intdiv($timeout_us, 1_000_000), $timeout_us % 1_000_000)) {
            return false;
        }
        $part = fread($this->pipe, 65536);
        if ($part === '' || $part === false) {
            $this->pipe_ended = feof($this->pipe);
            return $this->pipe_ended;
        }
        $lines = explode("\n", $this->unread . $part);
        $this->unread = array_pop($lines);
        foreach ($lines as $line) {
            $event = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
            if ($event[0] === 'workerStart') {
                $this->workers[$event[1]['worker_id']] = $event[1]['pid'];
                $this->manager_pid = $event[1]['pid'] === $this->master_pid ? 0 : $event[1]['parent'];
            }
            $this->events[] = $event;
        }
        return true;
    }

    /** How the server's first process ended, or null while it runs. */
    private function poll(): ?array
    {
        if ($this->end === null && $this->process !== null) {
            $status = proc_get_status($this->process); // tells it once only
            if (!$status['running']) {
                $this->end = array_intersect_key($status, ['exitcode' => 0, 'signaled' => 0, 'termsig' => 0]);
            }
        }
        return $this->end;
    }

    /** The command line of this PHP up to the script: the same binary, ini options and extensions. */
    public static function interpreter(): array
    {
        $words = explode("\0", rtrim((string) file_get_contents('/proc/self/cmdline'), "\0"));
        $script = realpath($_SERVER['SCRIPT_FILENAME']);
        foreach ($words as $index => $word) {
            if ($index > 0 && realpath($word) === $script) {
                $options = array_slice($words, 1, $index - 1);
                if (in_array(end($options), ['-f', '--file'], true)) {
                    array_pop($options);
                }
                return [PHP_BINARY, ...$options];
            }
        }
        throw new Failure('cannot tell the options this PHP was started with');
    }

    private static function firstMatch(string $pattern, string $text): ?string
    {
        foreach (self::lines($text) as $line) {
            if (preg_match($pattern, $line)) {
                return $line;
            }
        }
        return null;
    }

    /** @param list<string> $patterns */
    private static function isExcused(string $line, array $patterns): bool
    {
        foreach ($patterns as $pattern) {
            if (preg_match($pattern, $line)) {
                return true;
            }
        }
        return false;
    }

    /** @return list<string> */
    private static function lines(string $text): array
    {
        return array_values(array_filter(explode("\n", $text), static fn (string $line): bool => trim($line) !== ''));
    }

    public static function remove(string $folder): void
    {
        foreach (array_diff(scandir($folder) ?: [], ['.', '..']) as $name) {
            $path = "{$folder}/{$name}";
            is_dir($path) && !is_link($path) ? self::remove($path) : @unlink($path);
        }
        @rmdir($folder);
    }
}
