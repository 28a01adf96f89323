/**
 * Room: webhooks that tell people how jobs ended. It never delays the work: each address has a queue of limited length, one call
 * goes out at a time, and what cannot be delivered after a few attempts is logged and dropped. Nothing survives a restart: a
 * message may be lost, a job never is. May import core, platform, config, and the API's view of a job.
 */
import { viewOf } from '../api/views.ts';
import type { Config } from '../config/load.ts';
import { maskUrl } from '../config/redact.ts';
import { isShrinkError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { reasonOf, waitsForPerson } from '../core/lifecycle.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';
import { digestFor, type Notification, notificationFor, postFor, TEST_NOTIFICATION } from './formats.ts';

export interface NotifyOptions {
  /** Read at every event, so that a reload takes effect at once. */
  targets(): Config['notify'];
  http: Http;
  clock: Clock;
  log: Logger;
  onOutcome?(outcome: 'delivered' | 'failed' | 'dropped'): void;
  /** Pauses before each retry, milliseconds. */
  pausesMs?: readonly number[];
}

/** A quarter of an hour in all: enough for a router to restart, short enough not to send yesterday's news. */
const PAUSES_MS: readonly number[] = [2_000, 15_000, 60_000, 240_000, 600_000];
/** The longest pause an address can ask for (Retry-After), milliseconds. */
const MAX_PAUSE_MS = 600_000;
/** Messages that may wait for one address, the one being sent included. */
const MAX_WAITING = 100;
const ANSWER_MS = 15_000;
const DAY_MS = 86_400_000;
const STOPPING_MS = 1_500;

/** The messages that wait for one address, and the work on them. */
interface AddressQueue {
  waiting: Notification[];
  working: Promise<void>;
}

export class Notifier {
  readonly #options: NotifyOptions;
  readonly #queues = new Map<string, AddressQueue>();
  readonly #ending = new AbortController();
  /** Actions that a message has asked for since the last job was done. */
  readonly #asked = new Set<string>();
  /** Of each library, since the last digest. */
  readonly #films = new Map<string, { films: number; savedBytes: number }>();
  #cancelDigest: (() => void) | undefined;

  constructor(options: NotifyOptions) {
    this.#options = options;
  }

  /** Called after every change of a job; sends a message if the job ends in a state that a target wants. */
  changed(job: Job, before: Job | undefined): void {
    if (job.library && job.state.name === 'done') return this.#countFilm(job, before);
    const name = this.#newsOf(job);
    if (job.state.name === before?.state.name || name === undefined) return;
    const targets = this.#options.targets().filter(({ on }) => on.includes(name));
    if (targets.length === 0) return;
    const message = notificationFor(viewOf(job), reasonOf(job)?.hint ?? null);
    for (const address of new Set(targets.map(({ url }) => url))) this.#offer(address, message);
  }

  /** A library has thousands of films: one message a day says what became of them. */
  #countFilm({ inbox, pin, state }: Job, before: Job | undefined): void {
    if (state.name !== 'done' || before?.state.name === 'done') return;
    const { clock } = this.#options;
    const sums = this.#films.get(inbox) ?? { films: 0, savedBytes: 0 };
    this.#films.set(inbox, { films: sums.films + 1, savedBytes: sums.savedBytes + pin.sizeBytes - state.outputBytes });
    this.#cancelDigest ??= clock.after(DAY_MS, () => this.#sendDigest());
  }

  #sendDigest(): void {
    this.#cancelDigest = undefined;
    const addresses = new Set(this.#options.targets().flatMap(({ on, url }) => (on.includes('done') ? url : [])));
    for (const [library, sums] of this.#films)
      for (const address of addresses) this.#offer(address, digestFor(library, sums));
    this.#films.clear();
  }

  /** What an account needs is said once, not for every job and every hour that it is missing. */
  #newsOf(job: Job): 'done' | 'held' | 'failed' | undefined {
    const { state } = job;
    if (state.name === 'held' || state.name === 'failed') return state.name;
    if (state.name === 'done') {
      this.#asked.clear();
      return 'done';
    }
    if (!waitsForPerson(job)) return undefined;
    const asked = JSON.stringify(reasonOf(job)?.action);
    if (this.#asked.has(asked)) return undefined;
    this.#asked.add(asked);
    return 'held';
  }

  /** Resolves when no message is waiting to be sent. */
  async onIdle(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ working }) => working));
  }

  /** Gives a call under way a moment, then drops everything else. */
  async stop(): Promise<void> {
    this.#cancelDigest?.();
    // A machine that is switched off every night would otherwise never say what became of its libraries.
    this.#sendDigest();
    const late = new AbortController();
    const idle = this.onIdle();
    await Promise.race([idle, sleep(this.#options.clock, STOPPING_MS, late.signal).catch(() => {})]);
    late.abort();
    this.#ending.abort(new Error('shrinkbox is stopping'));
    await idle;
    await this.#options.http.close();
  }

  #offer(address: string, message: Notification): void {
    const queue = this.#queues.get(address);
    if (!queue) {
      const waiting = [message];
      const working = Promise.resolve().then(() => this.#work(address, waiting));
      this.#queues.set(address, { waiting, working });
      return;
    }
    if (queue.waiting.length < MAX_WAITING) return void queue.waiting.push(message);
    this.#options.onOutcome?.('dropped');
    this.#options.log.warn(
      { url: maskUrl(address) },
      'too many notifications are waiting for this address; dropped the newest',
    );
  }

  async #work(address: string, waiting: Notification[]): Promise<void> {
    try {
      for (let message = waiting[0]; message && !this.#ending.signal.aborted; message = waiting[0]) {
        await this.#send(address, message);
        waiting.shift();
      }
    } finally {
      // In the turn of the last look: what is offered from here on has a queue of its own.
      this.#queues.delete(address);
    }
  }

  async #send(address: string, message: Notification): Promise<void> {
    const problem = await this.#deliver(address, message);
    if (this.#ending.signal.aborted) return;
    this.#options.onOutcome?.(problem === undefined ? 'delivered' : 'failed');
    if (problem === undefined) return;
    this.#options.log.warn({ url: maskUrl(address), event: message.event }, `notification not sent: ${problem}`);
  }

  /** `undefined` if it arrived, otherwise why not. */
  async #deliver(address: string, message: Notification): Promise<string | undefined> {
    const { http, clock, log, pausesMs: pauses = PAUSES_MS } = this.#options;
    const { signal } = this.#ending;
    for (let tries = 0; ; tries += 1) {
      const outcome = await send(http, address, message, signal);
      if (outcome.ok) return undefined;
      const pause = pauses[tries];
      if (!outcome.isTransient || pause === undefined || signal.aborted) return outcome.problem;
      const asked = Math.min(outcome.retryAfterMs ?? 0, MAX_PAUSE_MS);
      log.debug({ url: maskUrl(address), tries: tries + 1 }, `notification: ${outcome.problem}; will retry`);
      await sleep(clock, Math.max(pause, asked), signal).catch(() => {});
    }
  }
}

export interface TestResult {
  /** Its secrets masked. */
  url: string;
  ok: boolean;
  said: string;
}

/** One test message to each address, without retries. */
export async function testNotify(targets: Config['notify'], http: Http): Promise<TestResult[]> {
  const addresses = [...new Set(targets.map(({ url }) => url))];
  return Promise.all(
    addresses.map(async address => {
      const outcome = await send(http, address, TEST_NOTIFICATION, AbortSignal.timeout(2 * ANSWER_MS));
      return { url: maskUrl(address), ok: outcome.ok, said: outcome.ok ? 'sent' : outcome.problem };
    }),
  );
}

/** `isTransient`: another attempt may work. */
type Outcome = { ok: true } | { ok: false; isTransient: boolean; problem: string; retryAfterMs?: number };

async function send(http: Http, address: string, message: Notification, signal: AbortSignal): Promise<Outcome> {
  try {
    const { url, headers, body } = postFor(address, message);
    const answer = await http.request({ method: 'POST', url, headers, body, signal, silenceMs: ANSWER_MS });
    // The body says nothing we need, and may be long.
    answer.body.destroy();
    const { status } = answer;
    if (status >= 200 && status < 300) return { ok: true };
    const after = Number(answer.headers['retry-after']);
    return {
      ok: false,
      isTransient: status === 429 || status >= 500,
      problem: `HTTP status ${status}${ADVICE[status] ?? ''}`,
      retryAfterMs: after > 0 ? after * 1000 : undefined,
    };
  } catch (error) {
    if (isShrinkError(error)) return { ok: false, isTransient: true, problem: error.message };
    if (signal.aborted) return { ok: false, isTransient: false, problem: 'no answer in time' };
    return { ok: false, isTransient: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  301: ' (moved): put the new address into notify',
  302: ' (moved): put the new address into notify',
  308: ' (moved): put the new address into notify',
  401: ': the token or password is wrong or missing',
  403: ': the token or password does not allow this',
  404: ': there is nothing at this address',
  405: ': the address does not accept messages',
};
