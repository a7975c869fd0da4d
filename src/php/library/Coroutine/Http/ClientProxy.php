<?php

declare(strict_types=1);

namespace Swoole\Coroutine\Http;

/** The response to a request of the functions of this namespace. */
class ClientProxy
{
    private array $headers;

    private array $cookies;

    private string $body;

    private int $statusCode;

    public function __construct(string $body, int $statusCode, ?array $headers, ?array $cookies)
    {
        $this->body = $body;
        $this->statusCode = $statusCode;
        $this->headers = $headers ?? [];
        $this->cookies = $cookies ?? [];
    }

    public function getBody(): string
    {
        return $this->body;
    }

    public function getStatusCode(): int
    {
        return $this->statusCode;
    }

    public function getHeaders(): array
    {
        return $this->headers;
    }

    public function getCookies(): array
    {
        return $this->cookies;
    }
}
