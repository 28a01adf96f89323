/**
 * One part on a worker, from its lease to its delivery: fetched, made, sent. Ends by itself once the daemon was not heard of for most of
 * a lease: by the time somebody else gets the part, nothing of it runs here.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { MakeablePart } from '../fleet/maker.ts';
import { say } from '../messages/say.ts';
import { KeyedMutex } from '../platform/async.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { ReasonedGate } from '../queue/rest-gate.ts';
import type { PauseGate } from '../platform/pause-gate.ts';
import type { DaemonClient, Granted, Result } from './client.ts';
import { SaysNo } from './client.ts';

export interface PartRunOptions {
  client: DaemonClient;
  lease: Granted;
  part: MakeablePart;
  dir: string;
  leaseMs: number;
  beatMs: number;
  /** Closed while this machine should rest. */
  gate: PauseGate;
  clock: Clock;
  log: Logger;
  /** Aborted when the worker is stopped. */
  signal: AbortSignal;
}

/** Of a lease: afterwards the part is dropped. */
const DEAF_SHARE = 0.8;
/** How long a result that nobody takes is offered. */
const UPLOAD_MS = 10 * 60_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

export type Outcome = 'delivered' | 'dropped' | 'failed';

export async function runPart(options: PartRunOptions): Promise<Outcome> {
  const run = new PartRun(options);
  return await run.toEnd();
}

class PartRun {
  readonly #options: PartRunOptions;
  readonly #lost = new AbortController();
  readonly #gate = new ReasonedGate();
  /** Monotonic ms at which the last beat that was answered had been sent. */
  #heardMs: number;
  #progress = { fraction: 0, fps: 0, step: 'fetch' };

  constructor(options: PartRunOptions) {
    this.#options = options;
    this.#heardMs = options.clock.monotonic();
  }

  async toEnd(): Promise<Outcome> {
    const { lease, log, signal } = this.#options;
    const both = AbortSignal.any([signal, this.#lost.signal]);
    const beating = this.#beat(both);
    const unlisten = this.#options.gate.onChange(closed => this.#gate.set('own', closed));
    this.#gate.set('own', this.#options.gate.closed);
    try {
      await this.#work(both);
      return 'delivered';
    } catch (error) {
      if (both.aborted || isLost(error)) {
        log.info({ task: lease.task, n: lease.n }, `part dropped: ${reasonOf(this.#lost.signal.reason ?? error)}`);
        return 'dropped';
      }
      await this.#report(error);
      return 'failed';
    } finally {
      this.#lost.abort('over');
      unlisten();
      await beating;
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { part, dir, lease, client } = this.#options;
    const source = await this.#fetch(signal);
    const progress = (fraction: number, fps: number, step: string) => {
      this.#progress = { fraction: Math.min(1, Math.max(0, fraction)), fps: Math.max(0, fps), step };
    };
    const { made, file } = await part.make({ dir, source, signal, gate: this.#gate, progress });
    this.#progress = { ...this.#progress, fraction: 1, step: 'send' };
    const path = file === undefined ? undefined : join(dir, file);
    const result = { made, path, ...(await hashed(path)) };
    await this.#untilAnswered(UPLOAD_MS, signal, () => client.upload(lease, result, signal));
    if (path !== undefined) await rm(path, { force: true });
  }

  /** What was fetched for an earlier step is still there, and the daemon says whether it is the same. */
  async #fetch(signal: AbortSignal): Promise<string> {
    const { part, dir } = this.#options;
    const source = join(dir, `source-${part.source}.mkv`);
    // Two parts of one film may need the same.
    const fetch = async () => {
      const known = (await exists(source)) ? (await hashed(source)).sha256 : undefined;
      for (let attempt = 1; ; attempt += 1) {
        if (await this.#fetchOnce(source, known, signal)) return source;
        // The first may have gone on where a piece of something else ended.
        if (attempt > 1) throw new ShrinkError('bad-answer', say('fleet.slice-damaged'), { subject: source });
      }
    };
    return await fetching.run(source, fetch, signal);
  }

  async #fetchOnce(source: string, known: string | undefined, signal: AbortSignal): Promise<boolean> {
    const { client, lease } = this.#options;
    const path = `${source}.part`;
    for (;;) {
      const got = await this.#untilAnswered(UPLOAD_MS, signal, () => client.slice(lease, { path, known }, signal));
      if (got.state === 'same') return true;
      if (got.state === 'part') continue;
      const { sha256, bytes } = await hashed(path);
      if (sha256 === got.sha256 && bytes === got.bytes) {
        await rename(path, source);
        return true;
      }
      await rm(path, { force: true });
      return false;
    }
  }

  /** Until the daemon says yes or no. A line that is cut or a daemon that starts again is no answer. */
  async #untilAnswered<T>(forMs: number, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const started = clock.monotonic();
    for (let waitMs = RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      try {
        return await act();
      } catch (error) {
        // While the film rests, nothing is cut for it, however long that takes.
        const isLate = !this.#gate.closed && clock.monotonic() - started > forMs;
        if (signal.aborted || isLate || !mayPass(error)) throw error;
        const ms = error instanceof SaysNo ? (error.status === 416 ? 0 : (error.retryAfterMs ?? waitMs)) : waitMs;
        await sleep(clock, ms, signal);
      }
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { client, lease, beatMs, leaseMs, clock } = this.#options;
    while (!signal.aborted) {
      const sentMs = clock.monotonic();
      const left = this.#heardMs + leaseMs * DEAF_SHARE - sentMs;
      if (left <= 0) return this.#lost.abort('the daemon is not heard of');
      const patience = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(Math.min(left, leaseMs)))]);
      try {
        const { pause, cancel } = await client.beat(lease, this.#progress, patience);
        this.#heardMs = sentMs;
        this.#gate.set('daemon', pause);
        if (cancel) return this.#lost.abort('it is not wanted any more');
      } catch (error) {
        if (isLost(error)) return this.#lost.abort('another worker has it');
      }
      const pauseMs = Math.min(beatMs, Math.max(50, this.#heardMs + leaseMs * DEAF_SHARE - clock.monotonic()));
      await sleep(clock, pauseMs, signal).catch(() => {});
    }
  }

  async #report(error: unknown): Promise<void> {
    const { client, lease, log } = this.#options;
    const code = isShrinkError(error) ? error.code : error instanceof SaysNo ? 'bad-answer' : 'crashed';
    const text = reasonOf(error);
    log.warn({ task: lease.task, n: lease.n, code, ...(code === 'crashed' && { err: error }) }, `part failed: ${text}`);
    // Rejected: the daemon knows. Of another no (too large, an error of its own) it does not know that nothing follows.
    if (error instanceof SaysNo && error.status === 422) return;
    const deadline = AbortSignal.timeout(this.#options.leaseMs);
    const failure = { code, text: text.slice(0, 2000) };
    // The lease runs out all the same.
    await client.failed(lease, failure, deadline).catch(() => {});
  }
}

/** Whether what was asked for may work a moment later. */
function mayPass(error: unknown): boolean {
  if (error instanceof SaysNo) return error.status === 503 || error.status === 416 || error.status === 428;
  return isShrinkError(error, 'unreachable');
}

function isLost(error: unknown): boolean {
  return error instanceof SaysNo && [401, 403, 409, 410].includes(error.status);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const fetching = new KeyedMutex();

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function hashed(path: string | undefined): Promise<Pick<Result, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  if (path !== undefined) {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(piece);
      bytes += piece.length;
    }
  }
  return { bytes, sha256: hash.digest('hex') };
}
