/**
 * What a worker is told when it reports, and its user in Redis: one that may do what BullMQ does to the keys of this fleet, and nothing
 * else. What it could still break there (its own doorbells) is rung again by design.
 */
import type { Redis } from 'ioredis';
import type { Logger } from '../platform/log.ts';
import { type QueueAccess, prefixOf, reasonOf } from './doorbells.ts';
import type { Welcome } from './protocol.ts';
import type { RosterEntry } from './roster.ts';

export interface WelcomeOptions {
  cluster: string;
  access: QueueAccess;
  redis: Redis;
  leaseMs: number;
  films(): string[];
  log: Logger;
}

/** As long as a worker waits for its welcome. */
const ANSWER_MS = 3_000;
const BEATS_PER_LEASE = 4;

const MAY = [
  ...['resetchannels', '-@all', '+@read', '+@write', '+@sortedset', '+@list', '+@hash', '+@stream', '+@string'],
  ...['+@transaction', '+@connection', '+info', '-keys', '-flushall', '-flushdb', '-swapdb'],
  // What other programs keep there is not listed, and nobody's connections are ended or made to wait.
  ...['-scan', '-randomkey', '-dbsize', '-sort', '-client', '+client|setname', '+client|id'],
  ...['+eval', '+evalsha', '+script|load', '+script|exists'],
];

export class WelcomeDesk {
  readonly #options: WelcomeOptions;
  /** The passwords of those that have a user in the server that is there now. */
  readonly #allowed = new Map<string, string>();
  readonly #known = new Map<string, RosterEntry>();
  /** Who may have a user, once the roster was read; `#isTidy` once nobody else has one. */
  #members: ReadonlySet<string> | undefined;
  #isTidy = false;

  constructor(options: WelcomeOptions) {
    this.#options = options;
    // It may have come back without its users.
    options.redis.on('ready', () => {
      this.#allowed.clear();
      this.#isTidy = false;
      this.#sign();
      void this.#tidy();
      for (const worker of this.#known.values()) void this.#allow(worker);
    });
  }

  async welcome(worker: RosterEntry): Promise<Welcome> {
    const { cluster, access, leaseMs, films } = this.#options;
    this.#known.set(worker.name, worker);
    await this.#allow(worker);
    this.#sign();
    return {
      ...{ cluster, worker: worker.name, films: films(), lease_ms: leaseMs, beat_ms: leaseMs / BEATS_PER_LEASE },
      queue: { url: access.url, username: this.#userOf(worker.name), password: worker.password, ca: access.ca },
    };
  }

  /** Takes the users of all others away; those of workers that were revoked while nobody looked as well. */
  async keepOnly(workers: ReadonlySet<string>): Promise<void> {
    this.#members = workers;
    for (const name of this.#known.keys()) {
      if (workers.has(name)) continue;
      this.#known.delete(name);
      this.#isTidy = false;
    }
    await this.#tidy();
  }

  /** Where the queue is away it is tried again, with the next look and once it is back. */
  async #tidy(): Promise<void> {
    const members = this.#members;
    if (!members || this.#isTidy) return;
    const prefix = this.#userOf('');
    try {
      const users = (await this.#ask('ACL', 'USERS')) as string[];
      const others = users.filter(user => user.startsWith(prefix) && !members.has(user.slice(prefix.length)));
      if (others.length > 0) await this.#ask('ACL', 'DELUSER', ...others);
      for (const user of others) this.#allowed.delete(user.slice(prefix.length));
      this.#isTidy = members === this.#members;
    } catch (error) {
      this.#options.log.debug({ why: reasonOf(error) }, 'the users of the queue cannot be looked at yet');
    }
  }

  /** So that a worker can tell whether it listens where its daemon rings; said again, because the queue may have been emptied. */
  #sign(): void {
    const { cluster } = this.#options;
    void this.#ask('SET', `${prefixOf(cluster)}:cluster`, cluster).catch(() => {});
  }

  async #allow({ name, password }: RosterEntry): Promise<void> {
    if (this.#allowed.get(name) === password) return;
    try {
      const keys = `~${prefixOf(this.#options.cluster)}:*`;
      await this.#ask('ACL', 'SETUSER', this.#userOf(name), 'reset', 'on', `>${password}`, keys, ...MAY);
      this.#allowed.set(name, password);
    } catch (error) {
      // A queue that is away comes back, and gets its users then; one that refuses needs a person.
      const level = error instanceof Error && error.name === 'ReplyError' ? 'warn' : 'debug';
      this.#options.log[level]({ worker: name, why: reasonOf(error) }, 'the queue has no user for this worker yet');
    }
  }

  #userOf(worker: string): string {
    return `sb-${this.#options.cluster}-${worker}`;
  }

  async #ask(command: string, ...args: string[]): Promise<unknown> {
    const { redis } = this.#options;
    if (redis.status !== 'ready') throw new Error('away');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer')), ANSWER_MS);
    });
    return await Promise.race([redis.call(command, ...args), late]).finally(() => clearTimeout(timer));
  }
}
