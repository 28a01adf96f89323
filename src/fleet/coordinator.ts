/**
 * The daemon's side of the fleet: offers parts, gives leases, takes them back, and hands over what comes in. Whatever is decided is in
 * the journal before anybody hears of it; Redis only rings. docs/decisions/0019-fleet.md
 */
import { setMaxListeners } from 'node:events';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { LeaseEnd, LeaseRef, Leases } from '../core/lease.ts';
import { say } from '../messages/say.ts';
import { type Deferred, deferred, every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Doorbells } from './doorbells.ts';
import { LeaseTable, type Offer } from './leases.ts';
import { NotByFleet, type PartSpec, type Slice, type Uploaded } from './part.ts';
import {
  type Beat,
  type Failure,
  fingerprintOf,
  type Hello,
  isServed,
  jobOfTask,
  leaseMac,
  type LeaseRequest,
  mayWorkElsewhere,
  PROTOCOL,
  taskOf,
} from './protocol.ts';
import { Refused, refusal } from './refused.ts';
import { type Finished, ringsFor, stragglers } from './rules.ts';
import { FilmBoard, type FleetView } from './views.ts';
import { Workforce } from './workforce.ts';

export interface CoordinatorOptions {
  clusterKey: Buffer;
  leaseMs: number;
  clock: Clock;
  log: Logger;
  doorbells: Doorbells;
  /** Writes into the job's journal what becomes of its leases. Resolves once that is durable. */
  commit(job: string, events: { lease?: LeaseRef; ends: readonly LeaseEnd[] }): Promise<void>;
  /** Whether the job may still want something of its workers. */
  isActive(job: string): boolean;
  meter?: FleetMeter | undefined;
  reconcileMs?: number;
}

/** Counts for the metrics. Called synchronously; must not throw. */
export interface FleetMeter {
  joined(worker: string): void;
  leaseLost(worker: string, cause: LeaseEnd['how']): void;
  fenced(): void;
  rung(times: number): void;
  moved(direction: 'out' | 'in', bytes: number): void;
  dispatched(ms: number): void;
}

interface Wanted {
  spec: PartSpec;
  /** Since when nobody has it. */
  queuedMs: number;
  /** Since when no worker that could is there. */
  absentSinceMs: number | undefined;
  done: Deferred<{ worker: string; fingerprint: string }>;
}

const RECONCILE_MS = 10_000;
/** Of a film, to tell what is usual. */
const KEPT_FINISHED = 50;

export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #table: LeaseTable;
  readonly #wanted = new Map<string, Wanted>();
  readonly #workers: Workforce;
  readonly #pins = new Map<string, string>();
  readonly #finished: Finished[] = [];
  readonly #hadSecond = new Set<string>();
  /** Films of which a part was given up, since when nobody was there: the next parts don't wait as long again. */
  readonly #abandoned = new Map<string, number>();
  readonly #board = new FilmBoard();
  #stopReconciling: (() => void) | undefined;
  #reconciling: Promise<void> | undefined;
  #again = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#table = new LeaseTable({ leaseMs: options.leaseMs });
    this.#workers = new Workforce(options);
  }

  /** @param leases what the journal knows, of each job */
  start(leases: Iterable<Leases>): void {
    const now = this.#now();
    for (const each of leases) this.#table.restore(each, now);
    const ms = Math.min(this.#options.reconcileMs ?? RECONCILE_MS, this.#options.leaseMs);
    this.#stopReconciling = every(this.#options.clock, ms, () => void this.reconcile());
  }

  async stop(): Promise<void> {
    this.#stopReconciling?.();
    await this.#reconciling;
  }

  /**
   * Has a part made by some worker. Resolves once its result was accepted and journaled.
   * @throws NotByFleet, or the signal's reason
   */
  async make(spec: PartSpec, signal: AbortSignal): Promise<{ worker: string; fingerprint: string }> {
    signal.throwIfAborted();
    const task = taskOf(spec.job, spec.part);
    const now = this.#now();
    const wanted: Wanted = { spec, queuedMs: now, absentSinceMs: undefined, done: deferred() };
    // It may end before anybody waits for it.
    wanted.done.promise.catch(() => {});
    this.#wanted.set(task, wanted);
    this.#board.set(spec, { state: 'waiting', worker: null });
    const ends = this.#table.offer(this.#offerOf(task, spec), now);
    const abort = () => wanted.done.reject(signal.reason);
    // One for each part under way: with more than ten, Node would warn of a leak.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#commit(ends);
      // Those of before a restart.
      await this.#dropUploads(task, spec);
      void this.reconcile();
      const made = await wanted.done.promise;
      this.#board.set(spec, { state: 'made', worker: made.worker });
      return made;
    } catch (error) {
      if (error instanceof NotByFleet) this.#board.set(spec, { state: 'here', worker: null });
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      if (this.#wanted.get(task) === wanted) this.#wanted.delete(task);
      this.#workers.forget(task);
      // Kept while the daemon stops: a worker that goes on may deliver to the next one.
      if (!isStopping(signal)) {
        await this.#commit(this.#table.withdraw(task));
        await this.#dropUploads(task, spec);
      }
    }
  }

  /** The job came to its end, or will be begun anew. */
  forget(job: string): void {
    this.#pins.delete(job);
    this.#hadSecond.delete(job);
    this.#abandoned.delete(job);
    this.#board.forget(job);
    this.#table.forget(job);
  }

  /** @throws Refused 426, with a sentence that says which side to update */
  mustSpeak(worker: string, protocol: number): void {
    this.#workers.speaks(worker, isServed(protocol));
    if (isServed(protocol)) return;
    const [newer, older] = protocol > PROTOCOL ? ['worker', 'daemon'] : ['daemon', 'worker'];
    const message = `this worker speaks protocol ${protocol}, the daemon ${PROTOCOL} and ${PROTOCOL - 1}: the ${newer} is newer, so update the ${older}`;
    throw new Refused(426, 'protocol', message);
  }

  hello(name: string, hello: Hello): void {
    if (!this.#workers.hello(name, hello)) return;
    this.#options.meter?.joined(name);
    this.#options.log.info({ worker: name, version: hello.version }, `worker ${name} has joined`);
  }

  /** @throws Refused, with the status the worker acts on */
  async lease(
    worker: string,
    task: string,
    request: LeaseRequest,
  ): Promise<{ n: number; mac: string; order: unknown }> {
    const hello = this.#workers.mayAsk(worker);
    const wanted = this.#wanted.get(task);
    if (!wanted) throw refusal('gone');
    const { spec } = wanted;
    // It would only rest there.
    if (spec.isPaused()) throw refusal('held');
    if (fingerprintOf(spec.codec, hello) !== request.fingerprint) throw refusal('wrong-encoder');
    await this.#sourceIsThere(task, wanted);
    const { want, fingerprint, scratch_free: scratchFree } = request;
    const answer = this.#table.ask({ task, want, worker, fingerprint, scratchFree });
    if (!answer.ok) throw refusal(answer.why);
    const isFirst = this.#pinOf(spec) === undefined;
    this.#table.grant(answer.lease, this.#now());
    if (isFirst) this.#pin(spec.job, fingerprint);
    try {
      if (isFirst) await spec.pin(fingerprint);
      await this.#options.commit(spec.job, { lease: answer.lease, ends: [] });
    } catch (error) {
      this.#table.revoke(answer.lease);
      this.#options.log.warn({ err: error, task }, 'a part could not be leased');
      throw refusal('gone');
    }
    this.#options.meter?.dispatched(this.#now() - wanted.queuedMs);
    this.#options.log.debug({ task, n: answer.lease.n, worker }, 'part leased');
    return { n: answer.lease.n, mac: leaseMac(this.#options.clusterKey, answer.lease), order: spec.order };
  }

  /** Throws 401 unless this worker was once given this lease. Says nothing about whether it still has it. */
  authorize(
    ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>,
    mac: string,
    isSame: (a: string, b: string) => boolean,
  ): void {
    if (isSame(mac, leaseMac(this.#options.clusterKey, ref))) return;
    throw new Refused(401, 'not-yours', 'this lease was not given to this worker');
  }

  beat(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, beat: Beat): { pause: boolean; cancel: boolean } {
    this.#workers.heard(ref.worker);
    const standing = this.#table.beat(ref, beat, this.#now());
    if (standing === 'lost') throw this.#fence(ref);
    const wanted = this.#wanted.get(ref.task);
    wanted?.spec.onBeat(beat);
    const cancel = standing === 'delivered' || !this.#options.isActive(jobOfTask(ref.task));
    return { pause: wanted?.spec.isPaused() ?? false, cancel };
  }

  /** The part somebody has, for its slice and its upload. `undefined` if this very lease was delivered before. */
  heldPart(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>): PartSpec | undefined {
    const standing = this.#table.standing(ref);
    if (standing === 'delivered') return undefined;
    if (standing === 'lost') throw this.#fence(ref);
    const wanted = this.#wanted.get(ref.task);
    if (wanted && standing === 'held') return wanted.spec;
    throw notYet();
  }

  /** What the part is made from. @throws Refused */
  async slice(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, known: string | undefined): Promise<Slice> {
    const spec = this.heldPart(ref);
    if (!spec) throw new Refused(410, 'gone', 'this part was delivered');
    try {
      return await spec.slice(known);
    } catch (error) {
      throw this.failHere(ref, error);
    }
  }

  /**
   * Something of this machine failed over a part (a full disk, a child that was killed): the film fails as it would if this machine
   * made the part, and nobody tries the others. Returns what the worker is told.
   */
  failHere(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, error: unknown): Refused {
    if (this.#table.standing(ref) === 'lost') return this.#fence(ref);
    const wanted = this.#wanted.get(ref.task);
    if (!wanted) return notYet();
    wanted.done.reject(error);
    return refusal('gone');
  }

  /** A whole upload: looked at, then the journal decides whether it counts. */
  async deliver(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, made: unknown, uploaded: Uploaded): Promise<void> {
    const spec = this.heldPart(ref);
    if (!spec) return;
    const keep = await spec.inspect(made, uploaded).catch(async (error: unknown) => {
      if (!isShrinkError(error, 'bad-answer')) throw this.failHere(ref, error);
      await this.#failed(ref, error, true);
      throw new Refused(422, 'rejected', error.message);
    });
    // From here to the journal in one turn: nobody can take the lease away in between.
    const lease = this.#table.lease(ref);
    const ends = this.#table.deliver(ref);
    if (!lease || ends.length === 0) throw this.#fence(ref);
    const now = this.#now();
    try {
      await this.#commit(ends);
      await keep();
    } catch (error) {
      throw this.failHere(ref, error);
    }
    this.#workers.delivered(ref.worker, ref.task);
    const { job, work, frames } = spec;
    this.#finished.push({ job, work, frames, ms: now - lease.sinceMs });
    if (this.#finished.length > KEPT_FINISHED) this.#finished.shift();
    const hello = this.#workers.helloOf(ref.worker);
    const fingerprint = (hello && fingerprintOf(spec.codec, hello)) ?? this.#pinOf(spec) ?? '';
    this.#wanted.get(ref.task)?.done.resolve({ worker: ref.worker, fingerprint });
  }

  /** @throws Refused */
  async failed(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, { code, text }: Failure): Promise<void> {
    if (this.#table.standing(ref) === 'lost') throw this.#fence(ref);
    const error = new ShrinkError('child-failed', say('fleet.worker-failed', { worker: ref.worker, why: text }), {
      subject: ref.task,
    });
    await this.#failed(ref, error, mayWorkElsewhere(code));
  }

  /** A person sent the worker away, or took its token back. */
  async expel(worker: string): Promise<void> {
    this.#workers.remove(worker);
    const ends = this.#table.takeBack(worker);
    this.#tookBack(ends, this.#now());
    await this.#commit(ends);
    void this.reconcile();
  }

  /** Those a person sent away, until told otherwise: nobody waits for them. The listener gives them nothing. */
  dismiss(workers: ReadonlySet<string>): void {
    this.#workers.dismiss(workers);
  }

  uploadPath(ref: Pick<LeaseRef, 'n'>, spec: PartSpec): string {
    return `${spec.uploadTo}.${ref.n}`;
  }

  /** Brings what rings in line with the journal. Runs one after the other; resolves when done. */
  reconcile(): Promise<void> {
    this.#again = true;
    this.#reconciling ??= Promise.resolve().then(() => this.#reconcileUntilDone());
    return this.#reconciling;
  }

  view(): FleetView {
    const held = this.#table.held();
    return {
      queue: this.#options.doorbells.state(),
      workers: this.#workers.views(held),
      queued: this.#table.queued().length,
      leased: held.length,
      films: this.#board.view(held, this.#options.isActive),
    };
  }

  /** How many parts the workers that are there can make at once. */
  slots(): number {
    return this.#workers.slots();
  }

  /** Whether somebody has a part. */
  isHeld(task: string): boolean {
    return this.#table.isHeld(task);
  }

  /** Ends in the turn of its last look: whoever asks from there on begins anew. */
  async #reconcileUntilDone(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#reconcileOnce();
      }
    } catch (error) {
      this.#options.log.error({ err: error }, 'the fleet could not be looked after');
    } finally {
      this.#reconciling = undefined;
    }
  }

  async #reconcileOnce(): Promise<void> {
    const now = this.#now();
    const lost = this.#table.expire(now);
    this.#tookBack(lost, now);
    if (lost.length > 0) this.#options.log.info({ lost }, 'parts were taken back from workers that are not heard of');
    await this.#commit(lost);
    this.#secondLeases(now);
    this.#giveUpWhereNobodyIs(now);
    try {
      const rung = await this.#options.doorbells.ringAll(ringsFor(this.#table.queued(), now));
      if (rung > 0) this.#options.meter?.rung(rung);
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the queue does not answer; it is asked again');
    }
  }

  #secondLeases(now: number): void {
    if (this.#table.queued().length > 0) return;
    const leases = this.#table.held();
    const held = leases.flatMap(lease => {
      const spec = this.#wanted.get(lease.task)?.spec;
      return spec ? [{ ...lease, job: spec.job, work: spec.work, frames: spec.frames }] : [];
    });
    const idle = this.#workers.idle(leases);
    for (const task of stragglers(held, { finished: this.#finished, idle, had: this.#hadSecond }, now)) {
      this.#hadSecond.add(jobOfTask(task));
      this.#table.allowSecond(task);
      this.#options.log.info({ task }, 'a part takes far longer than the others; a second worker makes it as well');
    }
  }

  #giveUpWhereNobodyIs(now: number): void {
    for (const [task, wanted] of this.#wanted) {
      const { job, mayGiveUp } = wanted.spec;
      const isHeld = this.#table.isHeld(task);
      if (isHeld || this.#isSomebodyThere(task, wanted.spec)) {
        wanted.absentSinceMs = undefined;
        if (!isHeld) this.#abandoned.delete(job);
        continue;
      }
      wanted.absentSinceMs ??= this.#abandoned.get(job) ?? now;
      if (!mayGiveUp || now - wanted.absentSinceMs < this.#options.leaseMs) continue;
      this.#abandoned.set(job, wanted.absentSinceMs);
      wanted.done.reject(new NotByFleet('absent'));
    }
  }

  #isSomebodyThere(task: string, spec: PartSpec): boolean {
    return this.#options.doorbells.state().up && this.#isSomebodyLeft(task, spec);
  }

  /** Whether one that takes work has the encoder and the room, and did not fail at it. */
  #isSomebodyLeft(task: string, spec: PartSpec): boolean {
    const busy = new Set(this.#table.held().map(({ worker }) => worker));
    return this.#workers.hasOne((name, hello) => {
      const print = fingerprintOf(spec.codec, hello);
      const isRight = print !== undefined && (this.#pinOf(spec) ?? print) === print;
      // What it makes now gives its room back.
      const hasRoom = hello.scratch_free >= spec.needsBytes || busy.has(name);
      return isRight && hasRoom && !this.#table.hasFailedOn(task, name);
    });
  }

  /** A task that fails on two workers, or on the only one that could, is nobody's; one whose source is at fault at once. */
  async #failed(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>, error: ShrinkError, elsewhere: boolean): Promise<void> {
    const ends = this.#table.fail(ref);
    if (ends.length === 0) return;
    this.#options.log.warn({ ...ref, code: error.code }, error.message);
    this.#tookBack(ends, this.#now());
    await this.#commit(ends);
    if (this.#workers.failed(ref.worker, ref.task, error))
      this.#options.log.warn(
        { worker: ref.worker },
        `worker ${ref.worker} failed three times in a row; it gets nothing for a while`,
      );
    const wanted = this.#wanted.get(ref.task);
    if (!wanted) return;
    const isLeft = this.#isSomebodyLeft(ref.task, wanted.spec);
    if (!elsewhere || this.#table.failures(ref.task) > 1 || !isLeft)
      wanted.done.reject(new NotByFleet('failed', error));
    else void this.reconcile();
  }

  #tookBack(ends: readonly LeaseEnd[], now: number): void {
    for (const { task, n, worker, how } of ends) {
      this.#options.meter?.leaseLost(worker, how);
      const wanted = this.#wanted.get(task);
      if (!wanted) continue;
      wanted.queuedMs = now;
      void wanted.spec.dropUploads(lost => lost === n);
    }
  }

  /** Those whose leases are over. */
  async #dropUploads(task: string, spec: PartSpec): Promise<void> {
    await spec.dropUploads(n => this.#table.lease({ task, n }) === undefined);
  }

  async #sourceIsThere(task: string, { spec, done }: Wanted): Promise<void> {
    try {
      await spec.checkSource();
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      done.reject(error);
      this.#options.log.info({ task }, error.message);
      throw refusal('gone');
    }
  }

  #fence(ref: Pick<LeaseRef, 'task' | 'n' | 'worker'>): Refused {
    this.#options.meter?.fenced();
    this.#options.log.debug({ ...ref }, 'a lease that was lost is refused');
    return new Refused(409, 'lease-lost', 'this lease was lost');
  }

  #pinOf({ job, fingerprint }: Pick<PartSpec, 'job' | 'fingerprint'>): string | undefined {
    return fingerprint ?? this.#pins.get(job);
  }

  #pin(job: string, fingerprint: string): void {
    this.#pins.set(job, fingerprint);
    const now = this.#now();
    for (const [task, { spec }] of this.#wanted)
      if (spec.job === job) this.#table.offer(this.#offerOf(task, spec), now);
  }

  #offerOf(task: string, spec: PartSpec): Offer {
    const { job, want, codec, preferred, needsBytes, frames } = spec;
    const isThere = preferred !== undefined && this.#workers.helloOf(preferred) !== undefined;
    return {
      ...{ task, job, want, codec, needsBytes, frames },
      fingerprint: this.#pinOf(spec),
      preferred: isThere ? preferred : undefined,
    };
  }

  async #commit(ends: readonly LeaseEnd[]): Promise<void> {
    const byJob = new Map<string, LeaseEnd[]>();
    for (const end of ends) {
      const job = jobOfTask(end.task);
      byJob.set(job, [...(byJob.get(job) ?? []), end]);
    }
    await Promise.all([...byJob].map(([job, of]) => this.#options.commit(job, { ends: of })));
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

function notYet(): Refused {
  return new Refused(503, 'not-yet', 'the daemon has started again and has not come to this film yet; try again');
}

function isStopping({ aborted, reason }: AbortSignal): boolean {
  return aborted && typeof reason === 'object' && reason !== null && 'kind' in reason && reason.kind === 'stopping';
}
