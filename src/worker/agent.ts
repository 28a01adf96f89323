/**
 * Room: a machine that helps: it listens for doorbells, asks the daemon for the part, makes it with the local engine's own code, and
 * sends it back. It keeps nothing that must survive: killed at any moment, it costs at most the part it was making.
 */
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type Job, Worker } from 'bullmq';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { formatHours } from '../core/units.ts';
import { connectionTo, LOCK_MS, prefixOf, reasonOf, WORKER_SETTINGS } from '../fleet/doorbells.ts';
import type { Maker } from '../fleet/maker.ts';
import {
  CODECS,
  type Doorbell,
  fingerprintOf,
  type Hello,
  PROTOCOL,
  queuesOf,
  type Welcome,
} from '../fleet/protocol.ts';
import { type DailyWindow, isInWindow, ReasonedGate } from '../queue/rest-gate.ts';
import { say } from '../messages/say.ts';
import { every, orAborted } from '../platform/async.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type DaemonClient, SaysNo } from './client.ts';
import { runPart } from './part-run.ts';
import type { Scratch } from './scratch.ts';

export interface AgentOptions {
  client: DaemonClient;
  maker: Maker;
  scratch: Scratch;
  /** What this machine is; its name is the one the daemon knows it by. */
  about: Pick<Hello, 'version' | 'ffmpeg' | 'encoders'>;
  slots: number;
  hours: DailyWindow | undefined;
  clock: Clock;
  log: Logger;
  /** How often a free slot looks for a doorbell, milliseconds. */
  pollMs?: number;
}

const POLL_MS = 500;
/** Between tries to reach a daemon that does not answer. */
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 30_000;
const HOURS_MS = 15_000;
/** The same complaint of the queue is logged once in this time. */
const QUIET_MS = 60_000;

/** What it listens at, by one welcome. */
interface Listening {
  welcome: Welcome;
  workers: Worker[];
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #gate = new ReasonedGate();
  readonly #token = randomUUID();
  readonly #stopping = new AbortController();
  readonly #complained = new Map<string, number>();
  #listening: Listening | undefined;
  #draining = false;
  #busy = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Works until it is stopped or drained. @throws ShrinkError where the daemon says that this worker will never be let in */
  async run(): Promise<void> {
    const { clock, slots } = this.#options;
    const stopHours = every(clock, HOURS_MS, () => this.#keepHours());
    this.#keepHours();
    try {
      await this.#hello(true);
      let refusal: unknown;
      const greeting = this.#keepGreeting().catch((error: unknown) => {
        refusal = error;
        // What is being made is for nobody.
        this.stop();
      });
      await Promise.all(Array.from({ length: slots }, () => this.#slot()));
      this.#stopping.abort('drained');
      await greeting;
      if (refusal !== undefined) throw refusal;
    } finally {
      stopHours();
      await this.#stopListening();
    }
  }

  get busy(): number {
    return this.#busy;
  }

  /** Takes nothing new; what is being made is finished. */
  drain(): void {
    this.#draining = true;
  }

  /** Drops what is being made. */
  stop(): void {
    this.#draining = true;
    this.#stopping.abort('this worker is being stopped');
  }

  async #keepGreeting(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(clock, this.#listening?.welcome.beat_ms ?? RETRY_MS, signal).catch(() => {});
      if (!signal.aborted) await this.#hello(false);
    }
  }

  /** Reports to the daemon until it answers. What it says may change: the queue, its password, which films there are. */
  async #hello(isFirst: boolean): Promise<void> {
    const { client, clock, log, scratch } = this.#options;
    const { signal } = this.#stopping;
    for (let waitMs = RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      try {
        const welcome = await client.hello(await this.#about(), signal);
        if (isFirst) log.info({ worker: welcome.worker }, `worker ${welcome.worker} has joined the fleet`);
        await this.#listen(welcome);
        if (this.#busy === 0) await scratch.keepOnly(new Set(welcome.films));
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SaysNo && [401, 426].includes(error.status)) throw refused(error);
        if (!(error instanceof SaysNo) && !isShrinkError(error)) throw error;
        this.#complain('the daemon', error.message);
        await sleep(clock, waitMs, signal).catch(() => {});
      }
    }
  }

  async #about(): Promise<Hello> {
    const { about, slots, scratch, hours } = this.#options;
    const free = await scratch.free();
    const rests = this.#draining ? 'draining' : this.#gate.isClosedFor('hours') ? 'hours' : undefined;
    return {
      // Its real name is that of its token; this one is only for the daemon's log.
      ...{ ...about, name: 'worker', protocol: PROTOCOL, scratch_free: free, cores: cpus().length, slots },
      ...(hours && { hours: formatHours(hours) }),
      ...(rests && { rests }),
    };
  }

  async #listen(welcome: Welcome): Promise<void> {
    const now = this.#listening;
    if (now && isDeepStrictEqual(placesIn(now.welcome), placesIn(welcome))) {
      now.welcome = welcome;
      return;
    }
    await this.#stopListening();
    const { about } = this.#options;
    const connection = connectionTo(welcome.queue);
    const workers = queuesOf({ ...about, name: welcome.worker }).map(name => {
      const worker = new Worker(name, null, { connection, prefix: prefixOf(welcome.cluster), ...WORKER_SETTINGS });
      worker.on('error', error => this.#complain('the queue', reasonOf(error)));
      return worker;
    });
    this.#listening = { welcome, workers };
  }

  async #stopListening(): Promise<void> {
    const before = this.#listening;
    this.#listening = undefined;
    const closing = Promise.all((before?.workers ?? []).map(worker => worker.close(true))).catch(() => {});
    // Without Redis they would wait for it.
    await Promise.race([closing, sleep(this.#options.clock, 2_000)]);
  }

  async #slot(): Promise<void> {
    const { clock, pollMs = POLL_MS } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#draining) {
      const bell = this.#gate.closed ? undefined : await this.#nextBell();
      if (bell) await this.#answer(bell);
      else await sleep(clock, pollMs, signal).catch(() => {});
    }
  }

  /** One slot over several queues: what nobody else may do first. A call to a Redis that is away is answered once it is back. */
  async #nextBell(): Promise<Job<Doorbell> | undefined> {
    for (const worker of this.#listening?.workers ?? []) {
      try {
        const job = await orAborted(worker.getNextJob(this.#token, { block: false }), this.#stopping.signal);
        if (job) return job as Job<Doorbell>;
      } catch (error) {
        if (!this.#stopping.signal.aborted) this.#complain('the queue', reasonOf(error));
        return undefined;
      }
    }
    return undefined;
  }

  async #answer(bell: Job<Doorbell>): Promise<void> {
    const { clock, log } = this.#options;
    const keepLock = every(clock, LOCK_MS / 3, () => void bell.extendLock(this.#token, LOCK_MS).catch(() => {}));
    this.#busy += 1;
    try {
      await this.#work(bell.data);
    } catch (error) {
      if (!(error instanceof SaysNo) && !isShrinkError(error) && !this.#stopping.signal.aborted)
        log.error({ err: error }, 'internal error');
      if (error instanceof Error) this.#complain('the daemon', error.message);
    } finally {
      this.#busy -= 1;
      keepLock();
      // Used up, whatever came of it: the journal knows what is still wanted, and rings again.
      await Promise.race([bell.moveToCompleted('', this.#token, false).catch(() => {}), sleep(clock, 2_000)]);
    }
  }

  async #work({ task, want }: Doorbell): Promise<void> {
    const { client, maker, scratch, about, clock, log } = this.#options;
    const welcome = this.#listening?.welcome;
    const codec = CODECS.find(each => want.startsWith(`${each}-`));
    const fingerprint = codec && fingerprintOf(codec, about);
    if (!welcome || fingerprint === undefined) return;
    const { signal } = this.#stopping;
    const lease = await this.#lease(task, { want, fingerprint }, signal);
    if (!lease) return;
    let release = () => {};
    try {
      const part = maker.read(lease.order);
      const used = await scratch.use(part.film, part.needsBytes, clock.monotonic());
      release = used.release;
      const outcome = await runPart({
        ...{ client, lease, part, dir: used.dir, gate: this.#gate, clock, log, signal },
        ...{ leaseMs: welcome.lease_ms, beatMs: welcome.beat_ms },
      });
      log.info({ task, n: lease.n, outcome }, `part ${outcome}`);
    } catch (error) {
      // Not begun: somebody else may understand it.
      const code = isShrinkError(error) ? error.code : 'crashed';
      const text = error instanceof Error ? error.message : String(error);
      await client
        .failed(lease, { code, text: text.slice(0, 2000) }, AbortSignal.timeout(welcome.lease_ms))
        .catch(() => {});
      if (!isShrinkError(error)) throw error;
      log.warn({ task, code }, text);
    } finally {
      release();
    }
  }

  /** `undefined` where the part is somebody else's, or nobody's any more. */
  async #lease(task: string, asked: { want: string; fingerprint: string }, signal: AbortSignal) {
    const { client, scratch, log } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const free = await scratch.free();
        return await client.lease(task, { ...asked, scratch_free: free }, signal);
      } catch (error) {
        if (!(error instanceof SaysNo)) throw error;
        log.debug({ task, status: error.status }, error.message);
        if (attempt === 1 && error.status === 428) await this.#hello(false);
        else if (attempt === 1 && error.status === 507) await scratch.makeRoom(Number.POSITIVE_INFINITY);
        else {
          if (error.status === 507 || error.status === 403) this.#complain('the daemon', error.message);
          return undefined;
        }
      }
    }
  }

  #keepHours(): void {
    const { hours, clock } = this.#options;
    this.#gate.set('hours', hours !== undefined && !isInWindow(hours, new Date(clock.now())));
  }

  #complain(about: string, why: string): void {
    const now = this.#options.clock.monotonic();
    const key = `${about}: ${why}`;
    if (now - (this.#complained.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    this.#complained.set(key, now);
    this.#options.log.warn(key);
  }
}

/** What its queues are reached and named by. */
const placesIn = ({ queue, worker, cluster }: Welcome) => ({ queue, worker, cluster });

function refused({ status, message }: SaysNo): ShrinkError {
  const hint = say(status === 401 ? 'fleet.invite-again-hint' : 'fleet.update-hint');
  return new ShrinkError(status === 401 ? 'auth-missing' : 'newer-version', message, { hint });
}
