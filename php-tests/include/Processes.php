<?php
declare(strict_types=1);

namespace SwooleRs\Tests;

/** What /proc knows of the processes of one test. */
final class Processes
{
    /**
     * The living processes (zombies are not) that stem from the server of the mark: by an environment
     * variable, and, as a process title may overwrite the environment, by the event pipe they hold open.
     *
     * @return array<int, string> command lines by pid
     */
    public static function ofMark(string $mark, ?int $pipe_inode): array
    {
        $found = [];
        foreach (scandir('/proc') as $entry) {
            if ((string) (int) $entry !== $entry || (int) $entry === getmypid()) {
                continue;
            }
            $pid = (int) $entry;
            $marked = str_contains((string) @file_get_contents("/proc/{$pid}/environ"), $mark);
            if (($marked || ($pipe_inode !== null && self::holdsPipe($pid, $pipe_inode))) && self::isAlive($pid)) {
                // The runner's php has a page of -d options before the script.
                $words = explode("\0", rtrim((string) @file_get_contents("/proc/{$pid}/cmdline"), "\0"));
                $found[$pid] = count($words) > 3 ? "{$words[0]} ... " . end($words) : implode(' ', $words);
            }
        }
        return $found;
    }

    /** True if the process exists and is no zombie. */
    public static function isAlive(int $pid): bool
    {
        $state = self::stat($pid)[0] ?? null;
        return $state !== null && $state !== 'Z' && $state !== 'X';
    }

    public static function parentOf(int $pid): ?int
    {
        $parent = self::stat($pid)[1] ?? null;
        return $parent === null ? null : (int) $parent;
    }

    /** @return array<int, string> what each open descriptor is, such as "socket:[123]" */
    public static function descriptors(int $pid): array
    {
        $open = [];
        foreach (@scandir("/proc/{$pid}/fd") ?: [] as $fd) {
            $target = is_numeric($fd) ? @readlink("/proc/{$pid}/fd/{$fd}") : false;
            if ($target !== false) {
                $open[(int) $fd] = $target;
            }
        }
        return $open;
    }

    /** Resident memory in KiB, without what processes share: of a server's rings more is touched under more load. */
    public static function residentKib(int $pid): int
    {
        preg_match('/^RssAnon:\s+(\d+)/m', (string) @file_get_contents("/proc/{$pid}/status"), $found);
        return (int) ($found[1] ?? 0);
    }

    private static function holdsPipe(int $pid, int $inode): bool
    {
        return in_array("pipe:[{$inode}]", self::descriptors($pid), true);
    }

    /** @return list<string>|null the columns of /proc/PID/stat from the state on */
    private static function stat(int $pid): ?array
    {
        $line = @file_get_contents("/proc/{$pid}/stat");
        // The name before it, in brackets, may hold anything.
        return $line === false ? null : explode(' ', substr($line, strrpos($line, ')') + 2));
    }
}
