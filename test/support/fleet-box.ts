/** A whole fleet of processes: Redis, the built daemon, and built workers that were invited to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { LeaseEnd, LeaseRef } from '../../src/core/lease.ts';
import { Box, type BoxOptions } from './box.ts';
import { descendants } from './descendants.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { RedisServer } from './redis.ts';

const CLI = join(import.meta.dirname, '../../dist/cli.js');

export interface FleetBoxOptions extends BoxOptions {
  /** As the configuration writes it. */
  lease?: string;
  /** What `fleet` in the configuration has besides, or instead. */
  fleet?: Record<string, unknown>;
  /** By default one on the loopback address. */
  redis?: RedisServer;
}

export interface WorkerOptions {
  config?: Record<string, unknown>;
  worker?: Record<string, unknown>;
  env?: Record<string, string>;
  /** The port it finds the daemon at, where something stands in between. */
  through?: number;
  /** Words before the program: `ip netns exec NAME`. */
  wrap?: readonly string[];
  /** The address it is invited to; by default the loopback one. */
  host?: string;
}

export class FleetBox extends Box {
  readonly redis: RedisServer;
  readonly port: number;
  readonly workers: WorkerProcess[] = [];

  private constructor(
    redis: RedisServer,
    port: number,
    { lease = '5s', fleet = {}, config = {}, ...rest }: FleetBoxOptions,
  ) {
    const base = {
      fleet: { queue: redis.url, listen: `127.0.0.1:${port}`, lease, ...fleet },
      rules: [{ name: 'small', size: '1MB', engine: 'fleet' }],
      ...config,
    };
    super({ ...rest, config: base });
    this.redis = redis;
    this.port = port;
  }

  /** The daemon is not started yet. */
  static async open(options: FleetBoxOptions = {}): Promise<FleetBox> {
    const redis = options.redis ?? (await RedisServer.start());
    return new FleetBox(redis, await freePort(), options);
  }

  /** Invites a worker and starts it; resolves once the daemon sees it. */
  async worker(name: string, options: WorkerOptions = {}): Promise<WorkerProcess> {
    const worker = await this.invited(name, options);
    worker.start();
    await this.sees(name);
    return worker;
  }

  /** A worker that has its invitation and is not started yet. */
  async invited(name: string, options: WorkerOptions = {}): Promise<WorkerProcess> {
    const { host = '127.0.0.1', through = this.port } = options;
    const { stdout } = await this.run('fleet', 'invite', name, '--address', `https://${host}:${through}`);
    const worker = new WorkerProcess(this.dir, name, stdout.trim(), options);
    this.workers.push(worker);
    return worker;
  }

  async sees(name: string): Promise<void> {
    await eventually(
      async () => {
        const found = (await this.status()).fleet?.workers.find(worker => worker.name === name);
        // One that was invited is listed before it has joined.
        return found !== undefined && !['away', 'invited', 'outdated'].includes(found.state);
      },
      { what: `the daemon to see ${name}` },
    );
  }

  /** What the journal says of leases, in order. */
  leased(): LeaseRef[] {
    return this.#of<LeaseRef>('leased');
  }

  leaseEnds(how: LeaseEnd['how']): LeaseEnd[] {
    return this.#of<LeaseEnd>('lease-ended').filter(end => end.how === how);
  }

  override async dispose(): Promise<void> {
    await Promise.all(this.workers.map(worker => worker.kill('SIGKILL')));
    await super.dispose();
    await this.redis.close();
  }

  #of<T>(event: string): T[] {
    return this.journal()
      .filter(record => record.event === event)
      .map(record => record.data as unknown as T);
  }
}

export class WorkerProcess {
  readonly name: string;
  readonly dir: string;
  readonly scratch: string;
  readonly #options: WorkerOptions;
  #child: ChildProcess | undefined;

  constructor(within: string, name: string, ticket: string, options: WorkerOptions) {
    this.name = name;
    this.dir = join(within, `worker-${name}`);
    this.scratch = join(this.dir, 'scratch');
    this.#options = options;
    mkdirSync(this.dir);
    writeFileSync(join(this.dir, 'worker-token'), `${ticket}\n`, { mode: 0o600 });
    const { config = {}, worker = {} } = options;
    const base = { worker: { threads: 1, ...worker }, log: { level: 'debug' } };
    writeFileSync(join(this.dir, 'config.yaml'), stringify({ ...base, ...config }));
  }

  start(): void {
    const { wrap = [], env = {} } = this.#options;
    const words = [...wrap, process.execPath, CLI, 'worker', '--config', join(this.dir, 'config.yaml')];
    const child = spawn(words[0] ?? '', words.slice(1), {
      env: { PATH: process.env['PATH'] ?? '', HOME: this.dir, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', chunk => appendFileSync(join(this.dir, 'log.jsonl'), chunk));
    this.#child = child;
  }

  /** Starts it again; resolves once the daemon has welcomed it. */
  async restart(): Promise<void> {
    const before = this.#welcomes();
    this.start();
    await eventually(() => this.#welcomes() > before, { what: `${this.name} to be welcomed again` });
  }

  #welcomes(): number {
    return this.log().split('has joined the fleet').length;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isAlive(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Its ffmpegs with these words, one after the other, among their arguments. */
  encoders(...has: string[]): number[] {
    return descendants(this.pid).filter(pid => {
      const words = wordsOf(pid);
      const isFfmpeg = words.some(word => /(^|\/)ffmpeg$/.test(word));
      return isFfmpeg && words.join('\0').includes(has.join('\0'));
    });
  }

  /** Waits until it encodes. */
  async encodes(...has: string[]): Promise<number> {
    const found = await eventually(() => this.encoders(...has).at(-1), {
      what: `${this.name} to run ffmpeg ${has.join(' ')}`,
      everyMs: 5,
    });
    return found;
  }

  /** Names of films on its scratch. */
  films(): string[] {
    return existsSync(this.scratch) ? readdirSync(this.scratch).filter(name => name.startsWith('film-')) : [];
  }

  log(): string {
    const path = join(this.dir, 'log.jsonl');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    // One that was stopped hears nothing else.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await ended;
  }
}

/** `T` is stopped. Empty if there is no such process. */
export function stateOf(pid: number): string {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
