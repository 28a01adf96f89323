/**
 * Tells webhooks how jobs ended. Beside the work, never in its way: each address has a queue of its own with an end, one
 * call goes out at a time, and what cannot be delivered after a few tries is logged and let go. Nothing of it is kept over
 * a restart: a message may be lost, a job never is.
 */
import type { Config } from '../config/load.ts';
import { maskUrl } from '../config/redact.ts';
import type { Job } from '../core/job.ts';
import { reasonOf } from '../core/lifecycle.ts';
import { viewOf } from '../api/views.ts';
import { isShrinkError } from '../core/errors.ts';
import { type Message, messageFor, postFor, TEST_MESSAGE } from './formats.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { Logger } from '../platform/log.ts';

export interface NotifyOptions {
  /** Read at every event, so that a reload counts at once. */
  targets(): Config['notify'];
  http: Http;
  clock: Clock;
  log: Logger;
  onOutcome?(outcome: 'delivered' | 'failed' | 'dropped'): void;
  /** Pauses before each further try, milliseconds. */
  pausesMs?: readonly number[];
}

export interface Notify {
  /** Called after every change of a job; sends where it came to an end somebody wants to hear of. */
  changed(job: Job, before: Job | undefined): void;
  /** Resolves when nothing waits to be sent. */
  onIdle(): Promise<void>;
  /** Gives a call under way a moment, then lets go of everything. */
  stop(): Promise<void>;
}

/** Over a quarter of an hour: enough for a router that starts again, short enough that old news is not sent next day. */
const PAUSES_MS: readonly number[] = [2_000, 15_000, 60_000, 240_000, 600_000];
/** An address that asks for a longer pause than this waits no longer, milliseconds. */
const MAX_PAUSE_MS = 600_000;
/** Messages that may wait for one address. */
const WAITING = 100;
const ANSWER_MS = 15_000;
const STOPPING_MS = 1_500;

export function createNotify(options: NotifyOptions): Notify {
  const { clock, log } = options;
  const ending = new AbortController();
  const lines = new Map<string, { waiting: Message[]; working: Promise<void> }>();
  const tell = (outcome: 'delivered' | 'failed' | 'dropped') => options.onOutcome?.(outcome);

  function offer(address: string, message: Message): void {
    const line = lines.get(address);
    if (!line) {
      const fresh = { waiting: [message], working: Promise.resolve() };
      lines.set(address, fresh);
      fresh.working = work(address, fresh.waiting).finally(() => lines.delete(address));
      return;
    }
    if (line.waiting.length < WAITING) return void line.waiting.push(message);
    tell('dropped');
    log.warn({ url: maskUrl(address) }, 'too many notifications wait for this address; one was dropped');
  }

  async function work(address: string, waiting: Message[]): Promise<void> {
    for (let message = waiting[0]; message && !ending.signal.aborted; message = waiting[0]) {
      const problem = await deliver(address, message);
      waiting.shift();
      if (ending.signal.aborted) return;
      tell(problem === undefined ? 'delivered' : 'failed');
      if (problem !== undefined)
        log.warn({ url: maskUrl(address), event: message.event }, `no notification: ${problem}`);
    }
  }

  /** `undefined` when it arrived, else why not. */
  async function deliver(address: string, message: Message): Promise<string | undefined> {
    const pauses = options.pausesMs ?? PAUSES_MS;
    for (let tries = 0; ; tries += 1) {
      const outcome = await send(options.http, address, message, ending.signal);
      if (outcome.ok) return undefined;
      const pause = pauses[tries];
      if (!outcome.passing || pause === undefined || ending.signal.aborted) return outcome.said;
      const asked = Math.min(outcome.retryAfterMs ?? 0, MAX_PAUSE_MS);
      log.debug({ url: maskUrl(address), tries: tries + 1 }, `notification: ${outcome.said}; trying again`);
      await sleep(clock, Math.max(pause, asked), ending.signal).catch(() => {});
    }
  }

  return {
    changed(job, before) {
      const { name } = job.state;
      if (name === before?.state.name || (name !== 'done' && name !== 'held' && name !== 'failed')) return;
      const targets = options.targets().filter(({ on }) => on.includes(name));
      if (targets.length === 0) return;
      const message = messageFor(viewOf(job), reasonOf(job)?.hint ?? null);
      for (const address of new Set(targets.map(({ url }) => url))) offer(address, message);
    },
    onIdle: async () => void (await Promise.all([...lines.values()].map(({ working }) => working))),
    async stop() {
      const late = new AbortController();
      const idle = Promise.all([...lines.values()].map(({ working }) => working));
      await Promise.race([idle, sleep(clock, STOPPING_MS, late.signal).catch(() => {})]);
      late.abort();
      ending.abort(new Error('shrinkbox ends'));
      await idle;
      await options.http.close();
    },
  };
}

export interface TestResult {
  /** Without what is secret in it. */
  url: string;
  ok: boolean;
  said: string;
}

/** One test message to each address, without further tries. */
export async function testNotify(targets: Config['notify'], http: Http): Promise<TestResult[]> {
  const addresses = [...new Set(targets.map(({ url }) => url))];
  return Promise.all(
    addresses.map(async address => {
      const outcome = await send(http, address, TEST_MESSAGE, AbortSignal.timeout(2 * ANSWER_MS));
      return { url: maskUrl(address), ok: outcome.ok, said: outcome.ok ? 'sent' : outcome.said };
    }),
  );
}

/** `passing`: trouble that another try may well not meet. */
type Outcome = { ok: true } | { ok: false; passing: boolean; said: string; retryAfterMs?: number };

async function send(http: Http, address: string, message: Message, signal: AbortSignal): Promise<Outcome> {
  try {
    const { url, headers, body } = postFor(address, message);
    const answer = await http.request({ method: 'POST', url, headers, body, signal, silenceMs: ANSWER_MS });
    // What it says is of no use, and may be long.
    answer.body.destroy();
    const { status } = answer;
    if (status >= 200 && status < 300) return { ok: true };
    const after = Number(answer.headers['retry-after']);
    return {
      ok: false,
      passing: status === 429 || status >= 500,
      said: `it answered with status ${status}${ADVICE[status] ?? ''}`,
      ...(after > 0 ? { retryAfterMs: after * 1000 } : {}),
    };
  } catch (error) {
    if (isShrinkError(error)) return { ok: false, passing: true, said: error.message };
    if (signal.aborted) return { ok: false, passing: false, said: 'it did not answer in time' };
    return { ok: false, passing: false, said: error instanceof Error ? error.message : String(error) };
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  301: ' (moved): write the new address into notify',
  302: ' (moved): write the new address into notify',
  308: ' (moved): write the new address into notify',
  401: ': its token or password is wrong or missing',
  403: ': its token or password may not do this',
  404: ': there is nothing at this address',
  405: ': this address takes no messages',
};
