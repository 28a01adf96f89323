/**
 * One job through its stages: source checked, decided, produced by an engine, verified, delivered, original dealt with.
 * Every stage starts from what the ledger says, so a job left behind by a crash enters at the stage it was in.
 */
import { type Advice, adviceFor, backoffMs, isShrinkError, ShrinkError } from '../core/errors.ts';
import {
  type Candidate,
  type Decision,
  type Delivery,
  type EngineName,
  type Job,
  type Order,
  type Pin,
  type Progress,
  type PublishIntent,
  type Reason,
  RESTING,
  samePin,
  type Verified,
} from '../core/job.ts';
import { IllegalEvent, type JobEvent } from '../core/lifecycle.ts';
import type { Engine, EngineContext, Gate, StopReason } from '../engine/engine.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome, Worker } from './scheduler.ts';

/** The world as the worker needs it; daemon.ts and oneshot.ts build it from the real parts. */
export interface WorkerWorld {
  engines: Partial<Record<EngineName, Engine>>;
  /** Closed while local work rests. */
  gate: Gate;
  /** The source's identity now. @throws ShrinkError `gone`, or `unavailable` when the whole inbox is away. */
  pin(job: Job): Promise<Pin>;
  /** What the rules of today say about the job; `engine` overrides the rule's (fallback). */
  decide(job: Job, engine?: EngineName): Decision;
  verify(candidate: Candidate, options: { signal: AbortSignal; gate: Gate }): Promise<Verified>;
  /** Sets space aside for a job; resolves with its release. @throws ShrinkError `no-space`. */
  reserve(job: Job): Promise<() => void>;
  /** Private directory of a job, made when missing. */
  openWorkDir(id: string): Promise<string>;
  removeWorkDir(id: string): Promise<void>;
  /** True when the candidate's file is there with the size it had. */
  isIntact(candidate: Candidate): Promise<boolean>;
  deliver(
    job: Job,
    verified: Verified,
    options: { signal: AbortSignal; onIntent(intent: PublishIntent): Promise<void> },
  ): Promise<Delivery>;
  /** A delivery that happened before a crash could be recorded, if it did. */
  findPublished(job: Job, intent: PublishIntent): Promise<Delivery | undefined>;
  /** Whether the folder has originals archived or deleted. */
  disposes(job: Job): boolean;
  /** Archives or deletes the original as the folder says; `undefined` when it stays. */
  dispose(
    job: Job,
    onIntent: (to: string) => Promise<void>,
  ): Promise<{ kind: 'archived' | 'deleted'; to: string } | undefined>;
  /** Writes the failure or success report the folder asks for; resolves with its path. */
  report(job: Job): Promise<string | undefined>;
  /** Removes the report written for the job, if it still is ours. */
  removeReport(job: Job): Promise<void>;
  /** Have the watcher report this file again: what is there now is not what the job was about. */
  resight(job: Job): void;
}

export interface WorkerOptions {
  ledger: Ledger;
  world: WorkerWorld;
  /** Called with every job that leaves its slot. */
  tidy(id: string): Promise<void>;
  clock: Clock;
  log: Logger;
}

interface Run {
  id: string;
  signal: AbortSignal;
  progress(progress: Progress): void;
  /** Where the engine was told to find the source. */
  source?: string;
}

/** What failed in the cloud although this machine can do it: `fallback: local` takes these. */
const LOCAL_CAN: ReadonlySet<string> = new Set([
  'auth-expired',
  'auth-missing',
  'session-gone',
  'out-of-credits',
  'plan-blocked',
  'unsupported-file',
  'file-too-large',
  'render-failed',
  'bad-answer',
  'bad-request',
  'cannot-fit',
  'verify-failed',
  'timed-out',
]);

export function createWorker({ ledger, world, tidy, clock, log }: WorkerOptions): Worker {
  return {
    async run(id, signal, progress): Promise<Outcome> {
      const run: Run = { id, signal, progress };
      try {
        await stages(run);
      } catch (error) {
        return await settle(run, error);
      } finally {
        await tidy(id);
      }
      return { kind: 'rested' };
    },
    async standIn(id, why) {
      const job = ledger.get(id);
      if (job?.state.name !== 'queued') return;
      const decision = decideHere(job);
      log.info({ job: id }, `the cloud is paused (${why}); this machine does it`);
      await ledger.commit(id, { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } });
      if (decision.kind !== 'do') await ledger.commit(id, restFor(decision));
    },
  };

  async function stages(run: Run): Promise<void> {
    const { id } = run;
    if (ledger.expect(id).state.name === 'running') {
      await ledger.commit(id, { event: 'queued', data: { because: 'taken up again after a restart' } });
    }
    if (['queued', 'in-doubt'].includes(ledger.expect(id).state.name) && !(await produce(run))) return;
    await finish(run);
  }

  /** Up to a candidate; false when the job rests instead. */
  async function produce(run: Run): Promise<boolean> {
    const { id } = run;
    await checkSource(ledger.expect(id));
    if (!(await decideAgain(id))) return false;
    const job = ledger.expect(id);
    if (job.decision.kind !== 'do') throw new IllegalEvent(`job ${id} has nothing to do`);
    const engine = world.engines[job.decision.engine];
    if (!engine) {
      throw new ShrinkError('auth-missing', `the ${job.decision.engine} engine is not set up`, {
        hint: 'See "The cloud engine" in the README.',
      });
    }
    const release = await world.reserve(job);
    try {
      const workDir = await world.openWorkDir(id);
      if (job.state.name === 'queued') {
        await ledger.commit(id, { event: 'started', data: { engine: engine.name, step: 'preparing' } });
      }
      const order = orderOf(job);
      run.source = order.source;
      const candidate = await engine.run(order, contextFor(run, engine.name, workDir));
      await ledger.commit(id, ...toRunning(id, engine.name), { event: 'candidate', data: { candidate } });
    } finally {
      release();
    }
    return true;
  }

  /** A candidate may only follow a running step; an engine that found out while in doubt need not say so again. */
  function toRunning(id: string, engine: EngineName): JobEvent[] {
    return ledger.expect(id).state.name === 'in-doubt' ? [{ event: 'step', data: { engine, step: 'confirmed' } }] : [];
  }

  /**
   * The rules may have changed since the job was admitted; work under way keeps the decision it began with. False when the
   * job leaves this slot: it rests, or waits for one of the other engine.
   */
  async function decideAgain(id: string): Promise<boolean> {
    const job = ledger.expect(id);
    const underWay = Object.keys(job.checkpoints).length > 0 || job.state.name === 'in-doubt';
    const decision = underWay ? job.decision : decideAnew(job);
    if (JSON.stringify(decision) !== JSON.stringify(job.decision)) {
      await ledger.commit(id, { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } });
    }
    if (decision.kind === 'do') return (engineOf(job) ?? 'local') === decision.engine;
    await ledger.commit(id, restFor(decision));
    return false;
  }

  /** What fell back to this machine stays here: asking the rules alone would send it to the cloud again, without end. */
  function decideAnew(job: Job): Decision {
    const standsIn = job.decision.kind === 'do' && job.decision.insteadOf !== undefined;
    return standsIn ? decideHere(job) : world.decide(job);
  }

  function decideHere(job: Job): Decision {
    const decision = world.decide(job, 'local');
    return decision.kind === 'do' ? { ...decision, insteadOf: 'nemo' } : decision;
  }

  function orderOf(job: Job): Order {
    if (job.decision.kind !== 'do') throw new IllegalEvent(`job ${job.id} has nothing to do`);
    const previous = ledger.atPlace(job.inbox, job.relative).find(other => other.version === job.version - 1);
    return {
      job: job.id,
      source: job.path,
      sourceBytes: job.pin.sizeBytes,
      target: job.decision.target,
      instruction: job.decision.instruction,
      folder: job.inbox,
      fallback: job.decision.fallback,
      asked: job.retried,
      ...(job.version > 1 && previous ? { previous: previous.facts } : {}),
    };
  }

  function contextFor(run: Run, engine: EngineName, workDir: string): EngineContext {
    const { id, signal } = run;
    let progress: Progress = {};
    return {
      record: async (key, value) => void (await ledger.commit(id, { event: 'checkpoint', data: { key, value } })),
      resume: ledger.expect(id).checkpoints,
      step: async step => {
        const { state } = ledger.expect(id);
        if (state.name === 'running' && state.step === step) return;
        await ledger.commit(id, { event: 'step', data: { engine, step } });
      },
      doubt: async (step, reason) =>
        void (await ledger.commit(id, { event: 'doubted', data: { engine, step, reason } })),
      fact: async (key, value) => void (await ledger.commit(id, { event: 'fact', data: { key, value } })),
      progress: said => {
        progress = { ...progress, ...said };
        run.progress(progress);
      },
      signal,
      gate: world.gate,
      workDir,
      log: log.child({ job: id, engine }),
    };
  }

  /** From a candidate to done. */
  async function finish(run: Run): Promise<void> {
    const { id } = run;
    const { state } = ledger.expect(id);
    if (state.name === 'verifying') {
      run.progress({ note: 'verifying' });
      const verified = await verify(run, state.candidate);
      if (!verified) return;
      await checkSource(ledger.expect(id));
      await ledger.commit(id, { event: 'verified', data: { evidence: verified.evidence } });
      await publish(run, verified);
    } else if (state.name === 'delivering' && !state.published) {
      const published = state.intent && (await world.findPublished(ledger.expect(id), state.intent));
      if (published) await ledger.commit(id, { event: 'published', data: { delivery: published } });
      else {
        const verified = await verify(run, state.candidate);
        if (!verified) return;
        await publish(run, verified);
      }
    }
    await conclude(id);
  }

  async function verify(run: Run, candidate: Candidate): Promise<Verified | undefined> {
    if (!candidate.isSource && !(await world.isIntact(candidate))) {
      const reason: Reason = {
        code: 'verify-failed',
        text: 'the finished file was gone after a restart; it is made again',
      };
      await ledger.commit(run.id, { event: 'rejected', data: { reason, keepCheckpoints: true } });
      return undefined;
    }
    return world.verify(candidate, { signal: run.signal, gate: world.gate });
  }

  async function publish(run: Run, verified: Verified): Promise<void> {
    const { id, signal } = run;
    run.progress({ note: 'delivering' });
    const delivery = await world.deliver(ledger.expect(id), verified, {
      signal,
      onIntent: async intent => {
        // The last moment at which a source that changed meanwhile can still keep a stale result from appearing.
        await checkSource(ledger.expect(id));
        await ledger.commit(id, { event: 'publishing', data: { intent } });
      },
    });
    await ledger.commit(id, { event: 'published', data: { delivery } });
  }

  /** The output is durable: the original may go where the folder says, and the job is done. */
  async function conclude(id: string): Promise<void> {
    const events: JobEvent[] = [];
    let note: string | undefined;
    const { state } = ledger.expect(id);
    if (state.name === 'delivering' && state.candidate.damagedSource && world.disposes(ledger.expect(id))) {
      note = 'the original stays where it is, because it has damaged spots';
      await ledger.commit(id, { event: 'done', data: { note } });
      return;
    }
    try {
      const gone = await world.dispose(ledger.expect(id), async to => {
        await ledger.commit(id, { event: 'disposing', data: { to } });
      });
      if (gone) events.push({ event: 'disposed', data: gone });
    } catch (error) {
      if (!(error instanceof ShrinkError)) throw error;
      note = `the original stays where it is: ${error.message}`;
      log.warn({ job: id, code: error.code }, note);
    }
    await ledger.commit(id, ...events, { event: 'done', data: note ? { note } : {} });
  }

  async function checkSource(job: Job): Promise<void> {
    // A finished move to the archive, interrupted before it was recorded, is not a vanished source.
    if (job.state.name === 'delivering' && job.state.published) return;
    const now = await world.pin(job);
    if (samePin(now, job.pin)) return;
    const untouched = now.ino === job.pin.ino && now.sizeBytes === job.pin.sizeBytes && now.mtimeNs === job.pin.mtimeNs;
    // A chmod, a hard link or a rename moves ctime only; a remount moves dev only: the content is what it was.
    if (untouched) {
      await ledger.commit(job.id, { event: 'repinned', data: { path: job.path, relative: job.relative, pin: now } });
      return;
    }
    throw new ShrinkError('changed-underneath', `${job.relative} was changed while it was being worked at`, {
      subject: job.path,
    });
  }

  async function settle(run: Run, error: unknown): Promise<Outcome> {
    const { id, signal } = run;
    const job = ledger.get(id);
    if (!job || RESTING.has(job.state.name)) {
      if (error instanceof ShrinkError) return { kind: 'rested' };
      throw error;
    }
    if (signal.aborted) return await settleAborted(job, signal.reason as StopReason);
    if (!(error instanceof ShrinkError)) return await settleBug(job, error);
    log.debug({ job: id, code: error.code, doing: error.doing, subject: error.subject }, error.message);
    const advice = adviceFor(error.code);
    if (canFallBack(job, error)) {
      const outcome = await fallBack(job, error);
      // The next one need not find out by itself, after another upload.
      if (advice.kind !== 'pause-engine') return outcome;
      return { kind: 'engine-paused', forMs: advice.forMs, reason: error.message };
    }
    const outcome = await blamedOnSource(run, job, advice.kind);
    if (outcome) return outcome;
    const reason: Reason = { code: error.code, text: error.message, hint: error.hint };
    switch (advice.kind) {
      case 'stop':
        throw error;
      case 'superseded':
        return await settleSuperseded(job, error);
      case 'hold':
        await ledger.commit(id, { event: 'held', data: { reason } });
        return { kind: 'rested' };
      case 'fail':
        await ledger.commit(id, { event: 'failed', data: { reason } });
        return { kind: 'rested' };
      case 'retry':
        // In the cloud another try is another paid render: a person decides.
        if (error.code === 'verify-failed' && engineOf(job) === 'nemo') {
          await ledger.commit(id, { event: 'held', data: { reason } });
          return { kind: 'rested' };
        }
        return await settleRetry(job, error, advice);
      case 'pause-engine':
        await wait(job, advice.forMs, reason);
        return { kind: 'engine-paused', forMs: advice.forMs, reason: error.message };
      case 'wait':
        await wait(job, error.retryAfterMs ?? backoffMs(advice, job.waits), reason);
        return { kind: 'again' };
      case 'ask':
      case 'cancel':
        await wait(job, backoffMs({ firstMs: 30_000, maxMs: 900_000 }, job.waits), reason);
        return { kind: 'again' };
    }
  }

  /** A child that failed over a source which went, changed or got another name meanwhile says nothing about that source. */
  async function blamedOnSource(run: Run, job: Job, kind: Advice['kind']): Promise<Outcome | undefined> {
    if (engineOf(job) !== 'local' || (kind !== 'fail' && kind !== 'retry')) return undefined;
    try {
      await checkSource(job);
    } catch (found) {
      if (isShrinkError(found, 'gone', 'changed-underneath', 'unavailable')) return await settleSuperseded(job, found);
      if (isShrinkError(found)) return undefined;
      throw found;
    }
    if (job.state.name !== 'running' || run.source === job.path) return undefined;
    const because = 'the file was renamed while it was being worked at; it goes on under its new name';
    await ledger.commit(job.id, { event: 'queued', data: { because } });
    return { kind: 'again' };
  }

  async function wait(job: Job, ms: number, reason: Reason, strike?: ShrinkError['code']): Promise<void> {
    await ledger.commit(job.id, {
      event: 'waiting',
      data: { until: clock.now() + ms, reason, ...(strike ? { strike } : {}) },
    });
  }

  async function settleRetry(
    job: Job,
    error: ShrinkError,
    advice: { times: number; firstMs: number },
  ): Promise<Outcome> {
    const strikes = (job.strikes[error.code] ?? 0) + 1;
    if (strikes > advice.times) {
      const text = `set aside after ${strikes} tries: ${error.message}`;
      await ledger.commit(job.id, { event: 'failed', data: { reason: { code: error.code, text, hint: error.hint } } });
      return { kind: 'rested' };
    }
    // What a rejected candidate was made from may be what was wrong with it.
    if (error.code === 'verify-failed') {
      const reason: Reason = { code: error.code, text: error.message };
      await ledger.commit(job.id, { event: 'rejected', data: { reason, keepCheckpoints: false } });
    }
    const again = ledger.expect(job.id);
    await wait(
      again,
      backoffMs(advice, strikes - 1),
      { code: error.code, text: error.message, hint: error.hint },
      error.code,
    );
    return { kind: 'again' };
  }

  /** Aborted on purpose: what was reached stays reached, and the state says from where to go on. */
  async function settleAborted(job: Job, why: StopReason): Promise<Outcome> {
    if (why.kind === 'stopping') {
      if (job.state.name === 'running') {
        await ledger.commit(job.id, {
          event: 'queued',
          data: { because: 'shrinkbox was stopped; it goes on at the next start' },
        });
      }
      return { kind: 'again' };
    }
    const text = why.kind === 'cancelled' ? `cancelled ${why.by}` : `replaced: ${why.by}`;
    const code = why.kind === 'cancelled' ? 'cancelled' : 'replaced';
    await ledger.commit(job.id, { event: 'cancelled', data: { reason: { code, text } } });
    if (why.kind === 'replaced') world.resight(job);
    return { kind: 'rested' };
  }

  /** A mistake of ours met one file: that file is set aside with the trace in the log, and everybody else goes on. */
  async function settleBug(job: Job, error: unknown): Promise<Outcome> {
    if (error instanceof IllegalEvent) throw error;
    log.error({ job: job.id, err: error }, 'a bug in shrinkbox met this job');
    const text = `an error in shrinkbox itself: ${error instanceof Error ? error.message : String(error)}`;
    const hint = 'Please report it with the log; the file is untouched.';
    await ledger.commit(job.id, { event: 'failed', data: { reason: { code: 'crashed', text, hint } } });
    return { kind: 'rested' };
  }

  /** Something was gone or changed: the source (then this job is over) or something of ours (then it is tried again). */
  async function settleSuperseded(job: Job, error: ShrinkError): Promise<Outcome> {
    let cause = error;
    try {
      if (error.code !== 'changed-underneath') await checkSource(job);
      else throw error;
      await wait(job, 30_000, { code: 'io', text: error.message, hint: error.hint });
      return { kind: 'again' };
    } catch (found) {
      if (!isShrinkError(found)) throw found;
      cause = found;
    }
    if (cause.code === 'unavailable') {
      await wait(job, 10_000, { code: cause.code, text: cause.message, hint: cause.hint });
      return { kind: 'again' };
    }
    const text =
      cause.code === 'gone'
        ? 'the file was removed before it was done'
        : `${cause.message}; the new version gets a job of its own`;
    await ledger.commit(job.id, { event: 'cancelled', data: { reason: { code: 'replaced', text } } });
    world.resight(job);
    return { kind: 'rested' };
  }

  function canFallBack(job: Job, error: ShrinkError): boolean {
    const { decision } = job;
    return (
      decision.kind === 'do' && decision.engine === 'nemo' && decision.fallback === 'local' && LOCAL_CAN.has(error.code)
    );
  }

  async function fallBack(job: Job, error: ShrinkError): Promise<Outcome> {
    const decision = decideHere(job);
    const because = `the cloud could not (${error.message}); this machine does it`;
    log.info({ job: job.id, code: error.code }, because);
    // In this order: a crash between the two may not leave a fresh job for the cloud, which would ask it again.
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } };
    await ledger.commit(job.id, decided, { event: 'queued', data: { because, fresh: true } });
    if (decision.kind !== 'do') await ledger.commit(job.id, restFor(decision));
    return { kind: 'again' };
  }
}

function engineOf(job: Job): EngineName | undefined {
  return job.decision.kind === 'skip' ? undefined : job.decision.engine;
}

/** The event that rests a job whose decision is not to work at it. */
export function restFor(decision: Exclude<Decision, { kind: 'do' }>): JobEvent {
  if (decision.kind === 'skip')
    return { event: 'skipped', data: { reason: { code: 'skipped', text: decision.reason } } };
  return { event: 'held', data: { reason: { code: 'cannot-do', text: decision.reason, hint: decision.hint } } };
}
