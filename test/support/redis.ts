/** A redis-server of our own, on a random port of the loopback address, without anything on disk. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

/** Why there is none; `undefined` if there is. Valkey's server does as well. */
export function whyNoRedis(): string | undefined {
  return server() === undefined ? 'neither redis-server nor valkey-server is installed' : undefined;
}

function server(): string | undefined {
  return ['redis-server', 'valkey-server'].find(program => {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

export interface RedisOptions {
  /** Words before the program: `ip netns exec NAME`. */
  wrap?: readonly string[];
  /** Reached from other machines: at every address, with this key (PEM). */
  tls?: { key: string; cert: string };
}

export class RedisServer {
  readonly port: number;
  readonly #options: RedisOptions;
  readonly #dir = mkdtempSync(join(tmpdir(), 'shrinkbox-redis-'));
  #child: ChildProcess | undefined;

  private constructor(port: number, options: RedisOptions) {
    this.port = port;
    this.#options = options;
  }

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const redis = new RedisServer(await freePort(), options);
    await redis.up();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** The certificate in PEM, where there is one. */
  get cert(): string {
    return join(this.#dir, 'redis.crt');
  }

  async up(): Promise<void> {
    const { wrap = [] } = this.#options;
    const settings = ['--save', '', '--appendonly', 'no', '--unixsocket', this.#socket, ...this.#address()];
    const words = [...wrap, server() ?? '', ...settings, '--maxmemory-policy', 'noeviction', '--dir', this.#dir];
    this.#child = spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore' });
    await eventually(async () => (await this.ask('PING')) === 'PONG', { what: 'Redis to answer' });
  }

  get #socket(): string {
    return join(this.#dir, 'redis.sock');
  }

  #address(): string[] {
    const { tls } = this.#options;
    if (!tls) return ['--port', String(this.port), '--bind', '127.0.0.1'];
    const key = join(this.#dir, 'redis.key');
    writeFileSync(key, tls.key, { mode: 0o600 });
    writeFileSync(this.cert, tls.cert);
    const files = ['--tls-cert-file', this.cert, '--tls-key-file', key, '--tls-ca-cert-file', this.cert];
    const open = ['--port', '0', '--tls-port', String(this.port), '--tls-auth-clients', 'no', '--protected-mode', 'no'];
    return [...open, '--bind', '0.0.0.0', ...files];
  }

  /** Everything in it is gone as well. */
  async down(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async ask(command: string, ...args: string[]): Promise<unknown> {
    const redis = new Redis({ path: this.#socket, lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => {});
    try {
      await redis.connect();
      return await redis.call(command, ...args);
    } finally {
      redis.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
