<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/**
 * TCP ports for tests that run side by side.
 *
 * A port that the kernel hands out and that is closed again can be taken by any client in between. So
 * ports come from below the range of client ports, and each is locked while its test runs.
 */
final class Ports
{
    private const FIRST = 20000;
    private const COUNT = 10000;

    /** @var array<int, resource> locked files by port; closing one unlocks its port */
    private static array $locks = [];

    public static function take(): int
    {
        $folder = sys_get_temp_dir() . '/swoole-test-ports-' . posix_getuid();
        is_dir($folder) || @mkdir($folder, 0700);
        $start = random_int(0, self::COUNT - 1);
        for ($i = 0; $i < self::COUNT; $i++) {
            $port = self::FIRST + ($start + $i) % self::COUNT;
            $lock = fopen("{$folder}/{$port}", 'ce'); // e: not inherited by the server
            if ($lock !== false && flock($lock, LOCK_EX | LOCK_NB) && self::isFree($port)) {
                self::$locks[$port] = $lock;
                return $port;
            }
        }
        throw new Failure('no free TCP port from ' . self::FIRST . ' on');
    }

    public static function giveBack(int $port): void
    {
        unset(self::$locks[$port]);
    }

    /** True if a socket of any process of this network namespace listens on the port. */
    public static function isListening(int $port): bool
    {
        $suffix = sprintf(':%04X', $port);
        foreach (['/proc/net/tcp', '/proc/net/tcp6'] as $table) {
            foreach (@file($table) ?: [] as $line) {
                $columns = preg_split('/\s+/', trim($line));
                if (($columns[3] ?? '') === '0A' && str_ends_with($columns[1], $suffix)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static function isFree(int $port): bool
    {
        $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
        socket_set_option($socket, SOL_SOCKET, SO_REUSEADDR, 1);
        $free = @socket_bind($socket, '0.0.0.0', $port);
        socket_close($socket);
        return $free && !self::isListening($port);
    }
}
