<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** A PHP script in a process of its own, for what test_server() cannot show: starts that fail, examples. */
final class Script
{
    private readonly string $folder;
    private readonly string $mark;
    private readonly int $pid;
    /** @var resource */
    private $process;
    private ?array $end = null;

    /**
     * @param string $code PHP code without the opening tag, or with $is_file the path of a script
     * @param list<string> $arguments $argv[1] and so on
     */
    public function __construct(string $code, array $arguments = [], bool $is_file = false)
    {
        $this->mark = 'SWOOLE_TEST_MARK=' . bin2hex(random_bytes(12));
        $this->folder = sys_get_temp_dir() . '/swoole-test-' . substr($this->mark, -12);
        mkdir($this->folder, 0777);
        chmod($this->folder, 0777);
        $file = $is_file ? $code : $this->path('script.php');
        $is_file || file_put_contents($file, "<?php\n{$code}");
        $output = ['file', $this->path('output'), 'a'];
        [$name, $value] = explode('=', $this->mark);
        $this->process = proc_open([...TestServer::interpreter(), $file, ...$arguments],
            [['file', '/dev/null', 'r'], $output, $output], $pipes, $this->folder, [$name => $value] + getenv())
            ?: throw new Failure('the script cannot be started');
        $status = proc_get_status($this->process);
        $this->pid = $status['pid'];
        if (!$status['running']) {
            $this->end = $status; // told once
        }
    }

    /** Runs code to its end and returns what it wrote; the exit status must be as told, and no process left. */
    public static function run(string $code, array $arguments = [], int $status = 0): string
    {
        $script = new self($code, $arguments);
        try {
            $script->expectExit($status);
            return $script->output();
        } catch (Failure $failure) {
            throw new Failure("{$failure->getMessage()}; output: {$script->output()}");
        } finally {
            $script->discard();
        }
    }

    /** The pid of the first process. */
    public function pid(): int
    {
        return $this->pid;
    }

    public function signal(int $signal): void
    {
        check($this->poll() === null, 'the script still runs');
        posix_kill($this->pid, $signal);
    }

    /** What all of its processes wrote to standard output and error so far. */
    public function output(): string
    {
        return (string) @file_get_contents($this->path('output'));
    }

    /** Waits for output that matches and returns the match. */
    public function expectOutput(string $pattern): array
    {
        return until(function () use ($pattern): ?array {
            return preg_match($pattern, $this->output(), $found) ? $found : null;
        }, "output like {$pattern}, got: " . substr($this->output(), -500));
    }

    /** A client, as soon as the script (or what it left running) listens. */
    public function connect(int $port): Client
    {
        until(function () use ($port): bool {
            if (!Ports::isListening($port) && $this->poll() !== null && $this->processes() === []) {
                throw new Failure("the script ended: {$this->output()}");
            }
            return Ports::isListening($port);
        }, "the script listens on {$port}");
        return new Client('127.0.0.1', $port);
    }

    /** @return array<int, string> command lines of its living processes by pid */
    public function processes(): array
    {
        return Processes::ofMark($this->mark, null);
    }

    /** It must end, all of it, with this exit status. */
    public function expectExit(int $status = 0, float $timeout_s = 20.0): void
    {
        $end = until(fn () => $this->poll(), 'the end of the script', $timeout_s);
        check(!$end['signaled'], "the script ends by itself, not by signal {$end['termsig']}");
        same($status, $end['exitcode'], 'exit status of the script');
        until(fn (): bool => $this->processes() === [], 'the end of all processes of the script');
    }

    /** A file in the script's working folder, which goes with it. */
    public function path(string $name): string
    {
        return "{$this->folder}/{$name}";
    }

    /** Ends what is left and removes the files. */
    public function discard(): void
    {
        for ($i = 0; $i < 100 && ($left = $this->processes()) !== []; $i++) {
            foreach (array_keys($left) as $pid) {
                posix_kill($pid, SIGKILL);
            }
            usleep(10_000);
        }
        proc_close($this->process);
        TestServer::remove($this->folder);
    }

    private function poll(): ?array
    {
        if ($this->end === null) {
            $status = proc_get_status($this->process);
            if (!$status['running']) {
                $this->end = $status;
            }
        }
        return $this->end;
    }
}
