<?php

declare(strict_types=1);

namespace SwooleRs\Library;

use Swoole\ArrayObject;
use Swoole\Table;

/** Functions of the library that belong to no class. */
final class Functions
{
    public static function setOptions(array $options): void
    {
        \SwooleLibrary::$options = $options;
    }

    public static function getOptions(): array
    {
        return \SwooleLibrary::$options;
    }

    public static function setOption(string $key, mixed $value): void
    {
        \SwooleLibrary::$options[$key] = $value;
    }

    public static function getOption(string $key): mixed
    {
        return \SwooleLibrary::$options[$key] ?? null;
    }

    /** A table with columns such as "id:i, name:s:64, price:float". */
    public static function table(int $size, string $fields): Table
    {
        $table = new Table($size);
        foreach (explode(',', $fields) as $field) {
            $parts = array_map(trim(...), explode(':', $field));
            [$name, $type] = $parts + [1 => ''];
            switch ($type) {
                case 'i':
                case 'int':
                    $table->column($name, Table::TYPE_INT);
                    break;
                case 'f':
                case 'float':
                    $table->column($name, Table::TYPE_FLOAT);
                    break;
                case 's':
                case 'str':
                case 'string':
                    $bytes = (int) ($parts[2] ?? 0);
                    if ($bytes <= 0) {
                        throw new \RuntimeException('need to give string length');
                    }
                    $table->column($name, Table::TYPE_STRING, $bytes);
                    break;
                case '':
                    throw new \RuntimeException("field [{$field}] has no type: write name:i, name:f or name:s:BYTES");
                default:
                    throw new \RuntimeException("unknown field type[{$type}]");
            }
        }
        if (!$table->create()) {
            throw new \RuntimeException("a table of {$size} rows with the fields [{$fields}] cannot be created");
        }
        return $table;
    }

    public static function arrayList(mixed ...$values): ArrayObject
    {
        return new ArrayObject($values);
    }

    public static function arrayDefaultValue(array $array, $key, $default = null)
    {
        return array_key_exists($key, $array) ? $array[$key] : $default;
    }

    /** Whether a container of Docker, Podman, Kubernetes or LXC is around this process. */
    public static function isInContainer(): bool
    {
        if (is_file('/.dockerenv') || is_file('/run/.containerenv') || getenv('KUBERNETES_SERVICE_HOST') !== false) {
            return true;
        }
        $groups = (string) @file_get_contents('/proc/1/cgroup');
        return preg_match('~docker|kubepods|containerd|libpod|lxc~', $groups) === 1;
    }

    /** How many CPUs the limits of the control group leave to this process; at least 1. */
    public static function containerCpuNum(): int
    {
        $limit = @file('/sys/fs/cgroup/cpu.max', FILE_IGNORE_NEW_LINES);
        if ($limit !== false && $limit !== []) {
            [$quota, $period] = explode(' ', $limit[0]) + [1 => '100000'];
        } else {
            $quota = @file_get_contents('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
            $period = @file_get_contents('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
        }
        $cpus = swoole_cpu_num();
        if ((int) $quota <= 0 || (int) $period <= 0) {
            return $cpus;
        }
        return min($cpus, max(1, intdiv((int) $quota, (int) $period)));
    }
}
