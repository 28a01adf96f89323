/**
 * One job through its stages: source checked, decided, produced by an engine, verified, delivered, original dealt with.
 * Every stage starts from what the ledger says, so a job left behind by a crash enters at the stage it was in.
 */
import { policyFor, ShrinkError } from '../core/errors.ts';
import {
  type Candidate,
  cloudFactsOf,
  type EngineName,
  type Job,
  type Order,
  type Progress,
  type Reason,
  type Verified,
} from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import type { JobEvent } from '../core/events.ts';
import { namedStep } from '../core/steps.ts';
import type { EngineContext } from '../engine/engine.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { decideAnew, decideHere, engineOf, restFor } from './decisions.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome, Worker } from './scheduler.ts';
import { createFailureHandler } from './failure-policy.ts';
import { checkSource } from './source.ts';
import type { Stages } from './stages-port.ts';

export interface WorkerOptions {
  ledger: Ledger;
  stages: Stages;
  /** Called with every job that leaves its slot. */
  afterRest(id: string): Promise<void>;
  clock: Clock;
  log: Logger;
}

/** Half an hour to two hours, by the waits of these errors; then the original stays, and the job says so. */
const MAX_WAITS = 8;

interface Run {
  id: string;
  signal: AbortSignal;
  progress(progress: Progress): void;
  /** Where the engine was told to find the source. */
  source?: string;
}

export function createWorker({ ledger, stages, afterRest, clock, log }: WorkerOptions): Worker {
  const handleFailure = createFailureHandler({ ledger, stages, clock, log });
  return {
    async run(id, signal, progress): Promise<Outcome> {
      const run: Run = { id, signal, progress };
      try {
        await runStages(run);
      } catch (error) {
        return await handleFailure(run, error);
      } finally {
        await afterRest(id);
      }
      return { kind: 'rested' };
    },
    async runLocallyInstead(id, why) {
      const job = ledger.get(id);
      if (job?.state.name !== 'queued') return;
      const decision = decideHere(stages, job);
      log.info({ job: id }, `the cloud is paused (${why}); this machine does it`);
      await ledger.commit(id, { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } });
      if (decision.kind !== 'do') await ledger.commit(id, restFor(decision));
    },
  };

  async function runStages(run: Run): Promise<void> {
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
    await checkSource({ ledger, stages }, ledger.expect(id));
    if (!(await decideAgain(id))) return false;
    const job = ledger.expect(id);
    if (job.decision.kind !== 'do') throw new IllegalEvent(`job ${id} has nothing to do`);
    const engine = stages.engines[job.decision.engine];
    if (!engine) {
      throw new ShrinkError('auth-missing', `the ${job.decision.engine} engine is not set up`, {
        hint: 'See "The cloud engine" in the README.',
      });
    }
    const release = await stages.reserve(job);
    try {
      const workDir = await stages.openWorkDir(id);
      if (job.state.name === 'queued') {
        await ledger.commit(id, { event: 'started', data: { engine: engine.name, ...namedStep('preparing') } });
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
    return ledger.expect(id).state.name === 'in-doubt'
      ? [{ event: 'step', data: { engine, ...namedStep('confirmed') } }]
      : [];
  }

  /**
   * The rules may have changed since the job was admitted; work under way keeps the decision it began with. False when the
   * job leaves this slot: it rests, or waits for one of the other engine.
   */
  async function decideAgain(id: string): Promise<boolean> {
    const job = ledger.expect(id);
    const underWay = Object.keys(job.checkpoints).length > 0 || job.state.name === 'in-doubt';
    const decision = underWay ? job.decision : decideAnew(stages, job);
    if (JSON.stringify(decision) !== JSON.stringify(job.decision)) {
      await ledger.commit(id, { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } });
    }
    if (decision.kind === 'do') return (engineOf(job) ?? 'local') === decision.engine;
    await ledger.commit(id, restFor(decision));
    return false;
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
      retryCount: job.retried,
      previous: job.version > 1 && previous ? { cloud: previous.cloud } : undefined,
    };
  }

  function contextFor(run: Run, engine: EngineName, workDir: string): EngineContext {
    const { id, signal } = run;
    let progress: Progress = {};
    return {
      record: async (key, value) => void (await ledger.commit(id, { event: 'checkpoint', data: { key, value } })),
      resume: ledger.expect(id).checkpoints,
      step: async (step, params) => {
        const { state } = ledger.expect(id);
        const named = namedStep(step, params);
        if (state.name === 'running' && state.step === named.step) return;
        await ledger.commit(id, { event: 'step', data: { engine, ...named } });
      },
      doubt: async (step, reason) =>
        void (await ledger.commit(id, { event: 'doubted', data: { engine, ...namedStep(step), reason } })),
      fact: async (key, value) => void (await ledger.commit(id, { event: 'fact', data: { key, value } })),
      cloud: async refs => {
        const facts = cloudFactsOf(refs).map((data): JobEvent => ({ event: 'fact', data }));
        await ledger.commit(id, ...facts);
      },
      progress: said => {
        progress = { ...progress, ...said };
        run.progress(progress);
      },
      signal,
      gate: stages.gate,
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
      await checkSource({ ledger, stages }, ledger.expect(id));
      await ledger.commit(id, { event: 'verified', data: { evidence: verified.evidence } });
      await publish(run, verified);
    } else if (state.name === 'delivering' && !state.published) {
      const published = state.intent && (await stages.findPublished(ledger.expect(id), state.intent));
      if (published) await ledger.commit(id, { event: 'published', data: { delivery: published } });
      else {
        const verified = await verify(run, state.candidate);
        if (!verified) return;
        await publish(run, verified);
      }
    }
    await finishDelivery(id);
  }

  async function verify(run: Run, candidate: Candidate): Promise<Verified | undefined> {
    if (!candidate.isSource && !(await stages.isIntact(candidate))) {
      const reason: Reason = {
        code: 'verify-failed',
        text: 'the finished file was gone after a restart; it is made again',
      };
      await ledger.commit(run.id, { event: 'rejected', data: { reason, keepCheckpoints: true } });
      return undefined;
    }
    return stages.verify(candidate, { signal: run.signal, gate: stages.gate });
  }

  async function publish(run: Run, verified: Verified): Promise<void> {
    const { id, signal } = run;
    run.progress({ note: 'delivering' });
    const delivery = await stages.deliver(ledger.expect(id), verified, {
      signal,
      onIntent: async intent => {
        // The last moment at which a source that changed meanwhile can still keep a stale result from appearing.
        await checkSource({ ledger, stages }, ledger.expect(id));
        await ledger.commit(id, { event: 'publishing', data: { intent } });
      },
    });
    await ledger.commit(id, { event: 'published', data: { delivery } });
  }

  /** The output is durable: the original may go where the folder says, and the job is done. */
  async function finishDelivery(id: string): Promise<void> {
    const events: JobEvent[] = [];
    let note: string | undefined;
    const { state } = ledger.expect(id);
    if (state.name === 'delivering' && state.candidate.damagedSource && stages.disposes(ledger.expect(id))) {
      note = 'the original stays where it is, because it has damaged spots';
      await ledger.commit(id, { event: 'done', data: { note } });
      return;
    }
    try {
      const gone = await stages.dispose(ledger.expect(id), async to => {
        await ledger.commit(id, { event: 'disposing', data: { to } });
      });
      if (gone) events.push({ event: 'disposed', data: gone });
    } catch (error) {
      if (!(error instanceof ShrinkError)) throw error;
      if (policyFor(error.code).retriesDisposal && ledger.expect(id).waits < MAX_WAITS) throw deliveredBut(error);
      note = `the original stays where it is: ${error.message}`;
      log.warn({ job: id, code: error.code }, note);
    }
    await ledger.commit(id, ...events, { event: 'done', data: note ? { note } : {} });
  }
}

function deliveredBut(error: ShrinkError): ShrinkError {
  const { code, doing, subject, hint } = error;
  const text = `the result is delivered, but the original cannot be put away yet: ${error.message}`;
  return new ShrinkError(code, text, { doing, subject, hint, cause: error });
}
