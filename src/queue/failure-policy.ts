/** What becomes of a job whose run ended in an error: tried again, waiting, held, failed, superseded, or done by the other engine. */
import { type Advice, adviceFor, backoffMs, isShrinkError, policyFor, ShrinkError } from '../core/errors.ts';
import { machineError } from '../platform/files/file-error.ts';
import { type Job, type Reason, RESTING } from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import type { JobEvent } from '../core/events.ts';
import type { StopReason } from '../engine/engine.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { decideHere, engineOf, restFor } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome } from './scheduler.ts';
import { checkSource } from './source.ts';
import type { Stages } from './stages-port.ts';

interface EndedRun {
  id: string;
  signal: AbortSignal;
  /** Where the engine was told to find the source. */
  source?: string;
}

export interface FailureHandlerOptions {
  ledger: Ledger;
  stages: Stages;
  clock: Clock;
  log: Logger;
}

export function createFailureHandler({
  ledger,
  stages,
  clock,
  log,
}: FailureHandlerOptions): (run: EndedRun, error: unknown) => Promise<Outcome> {
  return handleFailure;

  async function handleFailure(run: EndedRun, thrown: unknown): Promise<Outcome> {
    const { id, signal } = run;
    const job = ledger.get(id);
    if (!job || RESTING.has(job.state.name)) {
      if (thrown instanceof ShrinkError) return { kind: 'rested' };
      throw thrown;
    }
    if (signal.aborted) return await settleAborted(job, signal.reason as StopReason);
    const error = thrown instanceof ShrinkError ? thrown : machineError(thrown, job.path);
    if (!error) return await settleBug(job, thrown);
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
        if (policyFor(error.code).heldInCloud && engineOf(job) === 'nemo') {
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
  async function blamedOnSource(run: EndedRun, job: Job, kind: Advice['kind']): Promise<Outcome | undefined> {
    if (engineOf(job) !== 'local' || (kind !== 'fail' && kind !== 'retry')) return undefined;
    try {
      await checkSource({ ledger, stages: stages }, job);
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
    if (why.kind === 'replaced') stages.resight(job);
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
      if (error.code !== 'changed-underneath') await checkSource({ ledger, stages: stages }, job);
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
    stages.resight(job);
    return { kind: 'rested' };
  }

  function canFallBack(job: Job, error: ShrinkError): boolean {
    const { decision } = job;
    return (
      decision.kind === 'do' &&
      decision.engine === 'nemo' &&
      decision.fallback === 'local' &&
      policyFor(error.code).localCanHelp
    );
  }

  async function fallBack(job: Job, error: ShrinkError): Promise<Outcome> {
    const decision = decideHere(stages, job);
    const because = `the cloud could not (${error.message}); this machine does it`;
    log.info({ job: job.id, code: error.code }, because);
    // In this order: a crash between the two may not leave a fresh job for the cloud, which would ask it again.
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } };
    await ledger.commit(job.id, decided, { event: 'queued', data: { because, fresh: true } });
    if (decision.kind !== 'do') await ledger.commit(job.id, restFor(decision));
    return { kind: 'again' };
  }
}
