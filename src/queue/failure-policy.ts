/** What happens to a job whose run ended in an error: retried, waiting, held, failed, superseded, or given to the other engine. */
import {
  type Advice,
  adviceFor,
  backoffMs,
  isShrinkError,
  policyFor,
  reasonOfError,
  sentenceOf,
  ShrinkError,
} from '../core/errors.ts';
import type { JobEvent } from '../core/events.ts';
import { type Job, makeReason, type Reason, RESTING } from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import type { Sentence } from '../core/message.ts';
import type { StopReason } from '../engine/engine.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { machineError } from '../platform/files/file-error.ts';
import type { Logger } from '../platform/log.ts';
import { cancelledByPerson, decideHere, engineOf, queuedBecause, restFor, standsIn } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome } from './scheduler.ts';
import type { Stages } from './stages-port.ts';

export interface EndedRun {
  id: string;
  signal: AbortSignal;
  /** The path of the source as the engine got it. */
  source?: string;
}

export interface FailureHandlerOptions {
  ledger: Ledger;
  stages: Pick<Stages, 'decide' | 'resight' | 'library'>;
  clock: Clock;
  log: Logger;
  /** Whether the source is still what the job is about. @throws ShrinkError if it is not */
  checkSource(job: Job, signal: AbortSignal): Promise<void>;
}

const RESTED: Outcome = { kind: 'rested' };
const AGAIN: Outcome = { kind: 'again' };

/** Pause before checking the outcome of a paid step again; it doubles. */
const ASK_AGAIN = { firstMs: 30_000, maxMs: 900_000 };
/** Pause before trying again when one of our own files was gone. */
const GONE_AGAIN_MS = 30_000;
/** Pause before checking again for a missing inbox. */
const AWAY_AGAIN_MS = 10_000;

export class FailureHandler {
  readonly #ledger: Ledger;
  readonly #options: FailureHandlerOptions;

  constructor(options: FailureHandlerOptions) {
    this.#ledger = options.ledger;
    this.#options = options;
  }

  /** Does to the job what `thrown` calls for. @throws anything that concerns more than one job, such as a journal that cannot be written */
  async handle(run: EndedRun, thrown: unknown): Promise<Outcome> {
    const job = this.#ledger.get(run.id);
    if (!job || RESTING.has(job.state.name)) {
      if (thrown instanceof ShrinkError) return RESTED;
      throw thrown;
    }
    if (run.signal.aborted) return this.#aborted(job, run.signal.reason as StopReason);
    const error = thrown instanceof ShrinkError ? thrown : machineError(thrown, job.path);
    if (!error) return this.#internalError(job, thrown);
    const { code, doing, subject } = error;
    this.#options.log.debug({ job: job.id, code, doing, subject }, error.message);
    if (canFallBack(job, error)) return this.#fallBack(job, error);
    return (await this.#blamedOnSource(run, job, adviceFor(code).kind)) ?? (await this.#asAdvised(run, job, error));
  }

  async #asAdvised(run: EndedRun, job: Job, error: ShrinkError): Promise<Outcome> {
    const advice = adviceFor(error.code);
    const reason = reasonOfError(error);
    if (job.library && isAboutFile(error.code)) return this.#end(job, { event: 'skipped', data: { reason } });
    switch (advice.kind) {
      case 'stop':
        throw error;
      case 'superseded':
        return this.#superseded(run, job, error);
      case 'hold':
        return this.#rest(job, { event: 'held', data: { reason } });
      case 'fail':
        return this.#end(job, { event: 'failed', data: { reason } });
      case 'retry':
        return this.#retry(job, error, advice);
      case 'pause-engine':
        await this.#wait(job, advice.forMs, reason);
        return { kind: 'engine-paused', forMs: advice.forMs, reason };
      case 'wait':
        // Who says "at once" and refuses all the same is not asked without end.
        return this.#wait(job, error.retryAfterMs || backoffMs(advice, job.waits), reason);
      case 'ask':
      case 'cancel':
        return this.#wait(job, backoffMs(ASK_AGAIN, job.waits), reason);
    }
  }

  /** Rests for good. What an exchange has begun is undone before that is known: a crash in between has it undone again. */
  async #end(job: Job, event: JobEvent): Promise<Outcome> {
    if (job.library) await this.#options.stages.library.abandon(job);
    return this.#rest(job, event);
  }

  async #rest(job: Job, event: JobEvent): Promise<Outcome> {
    await this.#ledger.commit(job.id, event);
    return RESTED;
  }

  async #wait(job: Job, ms: number, reason: Reason, strike?: ShrinkError['code']): Promise<Outcome> {
    const until = this.#options.clock.now() + ms;
    await this.#ledger.commit(job.id, { event: 'waiting', data: { until, reason, strike } });
    return AGAIN;
  }

  async #retry(job: Job, error: ShrinkError, advice: { times: number; firstMs: number }): Promise<Outcome> {
    const { code } = error;
    const reason = reasonOfError(error);
    if (policyFor(code).heldInCloud && engineOf(job) === 'nemo') {
      return this.#rest(job, {
        event: 'held',
        data: { reason: makeReason(code, sentenceOf(error), whatToDoAbout(job)) },
      });
    }
    const tries = (job.strikes[code] ?? 0) + 1;
    if (tries > advice.times) {
      const text = say('queue.set-aside', { tries, why: sentenceOf(error) });
      return this.#end(job, { event: 'failed', data: { reason: reasonOfError(error, text) } });
    }
    // What led to a rejected candidate may have been the fault.
    if (code === 'verify-failed') {
      await this.#ledger.commit(job.id, { event: 'rejected', data: { reason, keepCheckpoints: false } });
    }
    return this.#wait(job, backoffMs(advice, tries - 1), reason, code);
  }

  /** A child that failed because the source vanished, changed or was renamed meanwhile proves nothing about that source. */
  async #blamedOnSource(run: EndedRun, job: Job, advice: Advice['kind']): Promise<Outcome | undefined> {
    if (engineOf(job) === 'nemo' || (advice !== 'fail' && advice !== 'retry')) return undefined;
    try {
      await this.#options.checkSource(job, run.signal);
    } catch (found) {
      if (run.signal.aborted) return this.#aborted(job, run.signal.reason as StopReason);
      if (isShrinkError(found, 'gone', 'changed-underneath', 'unavailable')) return this.#superseded(run, job, found);
      if (isShrinkError(found)) return undefined;
      throw found;
    }
    if (job.state.name !== 'running' || run.source === job.path) return undefined;
    await this.#ledger.commit(job.id, queuedBecause(say('queue.renamed')));
    return AGAIN;
  }

  /** Something was gone or changed: the source (then the job is over) or one of our own files (then it is retried). */
  async #superseded(run: EndedRun, job: Job, error: ShrinkError): Promise<Outcome> {
    const cause = error.code === 'changed-underneath' ? error : await this.#wrongWithSource(run, job);
    if (!cause) return this.#wait(job, GONE_AGAIN_MS, { ...reasonOfError(error), code: 'io' });
    if (cause.code === 'unavailable') return this.#wait(job, AWAY_AGAIN_MS, reasonOfError(cause));
    const changed = job.library ? 'library.superseded' : 'queue.superseded';
    const text = cause.code === 'gone' ? say('queue.removed') : say(changed, { why: sentenceOf(cause) });
    await this.#end(job, { event: 'cancelled', data: { reason: makeReason('replaced', text) } });
    this.#options.stages.resight(job);
    return RESTED;
  }

  async #wrongWithSource({ signal }: EndedRun, job: Job): Promise<ShrinkError | undefined> {
    try {
      await this.#options.checkSource(job, signal);
      return undefined;
    } catch (found) {
      if (!isShrinkError(found)) throw found;
      return found;
    }
  }

  /** Aborted on purpose: progress is kept, and the state says where to continue. */
  async #aborted(job: Job, { kind, why }: StopReason): Promise<Outcome> {
    if (kind === 'stopping') {
      if (job.state.name === 'running') await this.#ledger.commit(job.id, queuedBecause(say('queue.after-stop')));
      return AGAIN;
    }
    const replaced: JobEvent = {
      event: 'cancelled',
      data: { reason: makeReason('replaced', say('queue.replaced')) },
    };
    const now = this.#options.clock.now();
    await this.#ledger.commit(job.id, kind === 'cancelled' ? cancelledByPerson(job, now, why) : replaced);
    if (kind === 'replaced') this.#options.stages.resight(job);
    return RESTED;
  }

  /** A bug of ours fails only the file it happened to; the trace is in the log, and all others continue. */
  async #internalError(job: Job, error: unknown): Promise<Outcome> {
    if (error instanceof IllegalEvent) throw error;
    this.#options.log.error({ job: job.id, err: error }, 'internal error while processing this job');
    const why = error instanceof Error ? error.message : String(error);
    const reason = makeReason('crashed', say('queue.internal-error', { why }), say('queue.internal-error-hint'));
    return this.#rest(job, { event: 'failed', data: { reason } });
  }

  async #fallBack(job: Job, error: ShrinkError): Promise<Outcome> {
    const decision = decideHere(this.#options.stages, job);
    const because = say('queue.fell-back', { why: sentenceOf(error) });
    this.#options.log.info({ job: job.id, code: error.code }, because.text);
    // In this order: a crash between the two must not leave a fresh job for the cloud, which would be asked again.
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } };
    await this.#ledger.commit(job.id, decided, queuedBecause(because, { fresh: true }), standsIn(because));
    if (decision.kind !== 'do') await this.#ledger.commit(job.id, restFor(decision));
    const advice = adviceFor(error.code);
    // The next job need not discover this by itself, after another upload.
    if (advice.kind === 'pause-engine') {
      return { kind: 'engine-paused', forMs: advice.forMs, reason: reasonOfError(error) };
    }
    return AGAIN;
  }
}

/** Of a result that was rejected: what a retry repeats depends on who made it. */
function whatToDoAbout({ state }: Job): Sentence {
  const isMadeHere = 'candidate' in state && state.candidate.madeHere === true;
  return say(isMadeHere ? 'queue.made-here-hint' : 'queue.cloud-result-hint');
}

/** Of a film in a library that cannot be made smaller, or not understood: it stays as it is, and nobody has to do anything about it. */
function isAboutFile(code: ShrinkError['code']): boolean {
  return code === 'cannot-do' || code === 'cannot-fit' || adviceFor(code).kind === 'fail';
}

function canFallBack({ decision }: Job, { code }: ShrinkError): boolean {
  if (decision.kind !== 'do' || decision.engine !== 'nemo') return false;
  return decision.fallback === 'local' && policyFor(code).localCanHelp;
}
