/**
 * The doorbells in Redis, by BullMQ: a queue for each ability, and entries that say no more than "there is something for you". Losing
 * one, all of them or the whole server costs time and nothing else: what the journal has queued is rung again.
 */
import { isIP } from 'node:net';
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Clock } from '../platform/clock.ts';
import { sleep } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Doorbell } from './protocol.ts';
import type { Ring } from './rules.ts';

export interface Doorbells {
  /** Rings what does not ring yet. Resolves with how many that were. */
  ringAll(rings: readonly Ring[]): Promise<number>;
  /** `since` is epoch ms: when the queue was found, or lost. */
  state(): { up: boolean; since: number; why: string | null };
  close(): Promise<void>;
}

export interface QueueAccess {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  /** PEM: trusted instead of the authorities everybody knows. */
  ca?: string | undefined;
}

/** Locks outlive a moment without Redis, and a job that was lost is never given up: the default fails it for good at the second time. */
export const LOCK_MS = 60_000;
const STALLED_MS = 30_000;
export const WORKER_SETTINGS = {
  lockDuration: LOCK_MS,
  stalledInterval: STALLED_MS,
  maxStalledCount: 1_000_000,
  autorun: false,
  skipVersionCheck: false,
};
const JOB_SETTINGS = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/** A call to a Redis that is away waits for ever; BullMQ wants it so. */
const ANSWER_MS = 5_000;

export function prefixOf(cluster: string): string {
  return `sb:${cluster}`;
}

/** What ioredis connects with. Not the URL itself: an error may show that, and it has no place for a pin. */
export function connectionTo({ url, username, password, ca }: QueueAccess): ConnectionOptions & { path?: string } {
  const login = { ...(username && { username }), ...(password && { password }) };
  const patience = { maxRetriesPerRequest: null, retryStrategy: (times: number) => Math.min(100 * times, 2_000) };
  if (url.startsWith('unix://')) return { path: url.slice('unix://'.length), ...login, ...patience };
  const { protocol, hostname, port, pathname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  // TLS has no place for the name of a server that has none.
  const name = isIP(host) === 0 ? { servername: host } : {};
  return {
    host,
    port: Number(port || 6379),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: { ...name, ...(ca !== undefined && { ca }) } }),
    ...login,
    ...patience,
  };
}

export function redisFor(access: QueueAccess): Redis {
  const redis = new Redis({ ...(connectionTo(access) as object), lazyConnect: true });
  redis.on('error', () => {});
  return redis;
}

export class RedisDoorbells implements Doorbells {
  readonly #access: QueueAccess;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #redis: Redis;
  readonly #queues = new Map<string, { queue: Queue; checker: Worker }>();
  #state: { up: boolean; since: number; why: string | null };
  #isClosed = false;

  constructor(options: { access: QueueAccess; cluster: string; clock: Clock; log: Logger }) {
    const { access, cluster, clock, log } = options;
    this.#access = access;
    this.#prefix = prefixOf(cluster);
    this.#clock = clock;
    this.#log = log;
    this.#state = { up: false, since: clock.now(), why: null };
    this.#redis = redisFor(access);
    this.#redis.on('ready', () => this.#found());
    this.#redis.on('close', () => this.#lost('it does not answer'));
    this.#redis.on('error', error => this.#lost(reasonOf(error)));
    this.#redis.connect().catch(() => {});
  }

  get redis(): Redis {
    return this.#redis;
  }

  state(): { up: boolean; since: number; why: string | null } {
    return this.#state;
  }

  async ringAll(rings: readonly Ring[]): Promise<number> {
    if (this.#isClosed || rings.length === 0 || !this.#state.up) return 0;
    const missing = await this.#answer(this.#silent(rings));
    for (const { queue, task, want, id } of missing) {
      const bell: Doorbell = { task, want };
      await this.#answer(this.#queueOf(queue).add('part', bell, { jobId: id }));
    }
    return missing.length;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#queues.values()].flatMap(({ queue, checker }) => [queue.close(), checker.close(true)]);
    // Without Redis they would wait for it.
    const closing = Promise.all(all).catch(() => {});
    await Promise.race([closing, sleep(this.#clock, 1_000)]);
    this.#redis.disconnect();
  }

  /** Those Redis knows nothing of. */
  async #silent(rings: readonly Ring[]): Promise<Ring[]> {
    const asked = this.#redis.pipeline();
    for (const { queue, id } of rings) asked.exists(`${this.#prefix}:${queue}:${id}`);
    const answers = await asked.exec();
    return rings.filter((_, at) => answers?.[at]?.[1] === 0);
  }

  #queueOf(name: string): Queue {
    const before = this.#queues.get(name);
    if (before) return before.queue;
    const common = { connection: connectionTo(this.#access), prefix: this.#prefix };
    const queue = new Queue(name, { ...common, defaultJobOptions: JOB_SETTINGS });
    // Who took an entry and died with it is found by whoever looks, and workers may all be busy.
    const checker = new Worker(name, null, { ...common, ...WORKER_SETTINGS });
    queue.on('error', error => this.#lost(reasonOf(error)));
    checker.on('error', error => this.#lost(reasonOf(error)));
    checker.startStalledCheckTimer().catch(() => {});
    this.#queues.set(name, { queue, checker });
    return queue;
  }

  async #answer<T>(asked: Promise<T>): Promise<T> {
    const timer = new AbortController();
    asked.catch(() => {});
    const late = sleep(this.#clock, ANSWER_MS, timer.signal).then(() => {
      throw new Error('the queue does not answer');
    });
    late.catch(() => {});
    return await Promise.race([asked, late]).finally(() => timer.abort());
  }

  #found(): void {
    if (this.#isClosed) return;
    if (!this.#state.up) this.#log.info('the queue of the fleet answers');
    this.#state = { up: true, since: this.#clock.now(), why: null };
  }

  /** Said once: every connection says it again and again. */
  #lost(why: string): void {
    if (this.#isClosed || this.#redis.status === 'ready') return;
    if (this.#state.up || this.#state.why === null)
      this.#log.warn(`the queue of the fleet is away (${why}); what workers have goes on, and the rest waits`);
    if (this.#state.up) this.#state = { up: false, since: this.#clock.now(), why };
    else this.#state = { ...this.#state, why };
  }
}

/** Never the whole error: it may hold the command, and that a password. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  const [first = ''] = String(message ?? 'unknown').split('\n');
  return /^(WRONGPASS|NOAUTH|NOPERM)/.exec(first)?.[0] ?? first.slice(0, 80);
}
