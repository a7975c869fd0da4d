<?php

declare(strict_types=1);

namespace Swoole\NameResolver;

/** The nodes of a service that are left to be tried. */
class Cluster
{
    /** @var list<array{host: string, port: int, weight: int}> */
    private array $nodes = [];

    /** @param int $weight from 0 to 100: how likely the node is to be taken, compared with the others */
    public function add(string $host, int $port, int $weight = 100): void
    {
        if (filter_var($host, FILTER_VALIDATE_IP) === false) {
            throw new \Swoole\Exception("Bad IP Address [{$host}]");
        }
        if ($port < 0 || $port > 65535) {
            throw new \Swoole\Exception("Bad Port [{$port}]");
        }
        if ($weight < 0 || $weight > 100) {
            throw new \Swoole\Exception("Bad Weight [{$weight}]");
        }
        $this->nodes[] = ['host' => $host, 'port' => $port, 'weight' => $weight];
    }

    /**
     * Takes a node out, at random by weight.
     *
     * @return array{host: string, port: int, weight: int}|false
     */
    public function pop()
    {
        if ($this->nodes === []) {
            return false;
        }
        $at = 0;
        // Where all weights are 0 it is the first.
        $left = random_int(0, max(0, array_sum(array_column($this->nodes, 'weight')) - 1));
        foreach ($this->nodes as $i => $node) {
            $left -= $node['weight'];
            if ($left < 0) {
                $at = $i;
                break;
            }
        }
        return array_splice($this->nodes, $at, 1)[0];
    }

    public function count(): int
    {
        return count($this->nodes);
    }
}
