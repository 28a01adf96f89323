/**
 * One job through its stages: source checked, decided, encoded by an engine, verified, delivered, original put away.
 * Every stage starts from the ledger, so a job left behind by a crash resumes at its stage.
 */
import { basename } from 'node:path';
import { policyFor, sentenceOf, ShrinkError } from '../core/errors.ts';
import type { JobEvent } from '../core/events.ts';
import {
  type Candidate,
  cloudFactsOf,
  type CloudRefs,
  type Delivery,
  type EngineName,
  type Job,
  makeReason,
  type Order,
  type Progress,
  type PublishIntent,
  shownProgress,
  type Verified,
} from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import { messageOf, type Sentence, textOf } from '../core/message.ts';
import { namedStep } from '../core/steps.ts';
import type { EngineContext, StopReason } from '../engine/engine.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { HeldFile } from '../platform/files/door.ts';
import type { Logger } from '../platform/log.ts';
import { OPEN_GATE, type PauseGate } from '../platform/pause-gate.ts';
import {
  decideAnew,
  decideHere,
  decideUnderWay,
  engineOf,
  queuedBecause,
  restFor,
  standsIn,
  withStandIn,
} from './decisions.ts';
import { type EndedRun, FailureHandler } from './failure-policy.ts';
import { whyOriginalStays } from './kept-originals.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome, Worker } from './scheduler.ts';
import { eitherGate } from './rest-gate.ts';
import { SourceCheck } from './source-check.ts';
import type { Stages } from './stages-port.ts';

export interface WorkerOptions {
  ledger: Ledger;
  stages: Stages;
  /** Called with every job that leaves its slot. */
  afterRest(id: string): Promise<void>;
  clock: Clock;
  log: Logger;
}

/** Half an hour to two hours with the waits of these errors; then the original stays, and the job says so. */
const MAX_WAITS = 8;

interface Run extends EndedRun {
  /** The source, once it was needed; open until the run ends. */
  file?: HeldFile;
  progress(progress: Progress): void;
  /** Closed while all local work rests, or this job. */
  gate: PauseGate;
}

export class JobWorker implements Worker {
  readonly #ledger: Ledger;
  readonly #stages: Stages;
  readonly #options: WorkerOptions;
  readonly #failures: FailureHandler;
  readonly #source: SourceCheck;

  constructor(options: WorkerOptions) {
    const { ledger, stages, clock, log } = options;
    this.#ledger = ledger;
    this.#stages = stages;
    this.#options = options;
    this.#source = new SourceCheck(options);
    this.#failures = new FailureHandler({
      ledger,
      stages,
      clock,
      log,
      checkSource: (job, signal) => this.#source.check(job, signal),
    });
  }

  async run(
    id: string,
    signal: AbortSignal,
    progress: (progress: Progress) => void,
    own: PauseGate = OPEN_GATE,
  ): Promise<Outcome> {
    const run: Run = { id, signal, progress, gate: eitherGate(this.#stages.gate, own) };
    try {
      await this.#runStages(run);
    } catch (error) {
      const job = this.#ledger.get(id);
      return await this.#failures.handle(run, job ? await this.#stages.explained(job, error) : error);
    } finally {
      await run.file?.close().catch(() => {});
      await this.#options.afterRest(id);
    }
    return { kind: 'rested' };
  }

  async runLocallyInstead(id: string, why: string): Promise<void> {
    const job = this.#ledger.get(id);
    if (job?.state.name !== 'queued') return;
    const decision = decideHere(this.#stages, job);
    this.#options.log.info({ job: id }, `the cloud engine is paused (${why}); this machine takes the job`);
    const decided: JobEvent = { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } };
    await this.#ledger.commit(id, decided, standsIn(say('queue.fell-back', { why })));
    if (decision.kind !== 'do') await this.#ledger.commit(id, restFor(decision));
  }

  async #runStages(run: Run): Promise<void> {
    const { id } = run;
    if (this.#ledger.expect(id).state.name === 'running') {
      await this.#ledger.commit(id, queuedBecause(say('queue.after-restart')));
    }
    const needsCandidate = ['queued', 'in-doubt'].includes(this.#ledger.expect(id).state.name);
    if (needsCandidate && !(await this.#produce(run))) return;
    await this.#finish(run);
  }

  /** Up to a candidate; false if the job rests instead. */
  async #produce(run: Run): Promise<boolean> {
    const { id } = run;
    const source = await this.#sourceOf(run);
    if (!(await this.#decideAgain(id))) return false;
    const job = this.#ledger.expect(id);
    const order = this.#orderOf(job);
    const engine = this.#engineFor(job);
    const release = await this.#stages.reserve(job);
    try {
      const workDir = await this.#stages.openWorkDir(id);
      if (job.state.name === 'queued') {
        await this.#ledger.commit(id, { event: 'started', data: { engine: engine.name, ...namedStep('preparing') } });
      }
      await this.#source.readWhole(id, source, {
        signal: run.signal,
        onBegin: () => announce(run, say('queue.reading-source')),
      });
      run.source = order.source;
      const made = await engine.run(order, this.#contextFor(run, engine.name, { source, workDir }));
      const ready = job.library ? await this.#stages.library.prepare(job, made) : made;
      const candidate = withStandIn(ready, job);
      await this.#ledger.commit(id, ...this.#toRunning(id, engine.name), { event: 'candidate', data: { candidate } });
    } finally {
      release();
    }
    return true;
  }

  /** The source, opened once for the whole attempt: whatever its path leads to by then, one file is read. */
  async #sourceOf(run: Run): Promise<HeldFile> {
    if (!run.file) {
      const job = this.#ledger.expect(run.id);
      run.file = await this.#stages.openSource(job);
      await this.#source.compare(job, run.file.pin, run);
    }
    return run.file;
  }

  /**
   * The rules may have changed since the job was admitted; work under way keeps its decision, but for the help of this machine.
   * False if the job leaves this slot: it rests, or waits for a slot of the other engine.
   */
  async #decideAgain(id: string): Promise<boolean> {
    const job = this.#ledger.expect(id);
    const isUnderWay = Object.keys(job.checkpoints).length > 0 || job.state.name === 'in-doubt';
    const decision = isUnderWay ? decideUnderWay(this.#stages, job) : decideAnew(this.#stages, job);
    if (JSON.stringify(decision) !== JSON.stringify(job.decision)) {
      await this.#ledger.commit(id, { event: 'decided', data: { decision, sidecar: job.sidecar ?? null } });
    }
    if (decision.kind === 'do') return (engineOf(job) ?? 'local') === decision.engine;
    await this.#ledger.commit(id, restFor(decision));
    return false;
  }

  #engineFor(job: Job) {
    const name = engineOf(job) ?? 'local';
    const engine = this.#stages.engines[name];
    if (engine) return engine;
    throw new ShrinkError('auth-missing', say('queue.no-engine', { engine: name }), {
      hint: say('queue.no-engine-hint'),
    });
  }

  #orderOf(job: Job): Order {
    if (job.decision.kind !== 'do') throw new IllegalEvent(`job ${job.id} has nothing to do`);
    const { target, instruction, fallback } = job.decision;
    return {
      job: job.id,
      source: job.path,
      sourceBytes: job.pin.sizeBytes,
      target,
      instruction,
      folder: job.inbox,
      fallback,
      retryCount: job.retried,
      previous: this.#previousOf(job),
      isOvertaken: this.#isOvertaken(job),
      ...(job.library && { inPlace: true }),
    };
  }

  #isOvertaken({ inbox, relative, arrival, cloud }: Job): boolean {
    const session = cloud?.session;
    if (session === undefined) return false;
    const versions = this.#ledger.atPlace(inbox, relative);
    return versions.some(other => other.arrival > arrival && other.cloud?.session === session);
  }

  /** What earlier versions of the file left for this one; the last may have ended before it had a session. */
  #previousOf(job: Job): Order['previous'] {
    const earlier = this.#ledger.earlierVersions(job);
    if (earlier.length === 0) return undefined;
    const made = earlier.filter(({ state }) => state.name === 'done' || state.name === 'held');
    return {
      cloud: cloudOf(earlier),
      words: made.flatMap(({ decision }) => (decision.kind === 'do' ? (decision.instruction ?? '') : [])),
    };
  }

  #contextFor(run: Run, engine: EngineName, own: Pick<EngineContext, 'source' | 'workDir'>): EngineContext {
    const { id, signal } = run;
    const ledger = this.#ledger;
    const commit = async (...events: JobEvent[]): Promise<void> => void (await ledger.commit(id, ...events));
    let progress: Progress = {};
    const show = (now: Progress) => {
      progress = now;
      run.progress(shownProgress(progress));
    };
    // The remark and its age were about the step before.
    const begin = () => show({ fraction: progress.fraction });
    return {
      ...own,
      record: (key, value) => commit({ event: 'checkpoint', data: { key, value } }),
      resume: ledger.expect(id).checkpoints,
      checkSource: () => this.#source.check(ledger.expect(id), signal),
      step: async (step, params) => {
        const { state } = ledger.expect(id);
        const named = namedStep(step, params);
        if (state.name === 'running' && state.step === named.step) return;
        // Nobody needs hours of work on a file that was taken away; in the cloud it is paid for already.
        if (engine !== 'nemo') await this.#source.check(ledger.expect(id), signal);
        await commit({ event: 'step', data: { engine, ...named } });
        begin();
      },
      doubt: async (step, reason) => {
        await commit({ event: 'doubted', data: { engine, ...namedStep(step), reason } });
        begin();
      },
      fact: (key, said) => commit({ event: 'fact', data: { key, value: textOf(said), message: messageOf(said) } }),
      cloud: refs => commit(...cloudFactsOf(refs).map((data): JobEvent => ({ event: 'fact', data }))),
      neighbours: session => ledger.neighbours(session, ledger.expect(id)),
      progress: news => show({ ...progress, ...news }),
      signal,
      gate: run.gate,
      log: this.#options.log.child({ job: id, file: ledger.expect(id).relative, engine }),
    };
  }

  /** A candidate may only follow a running step; an engine that learned the outcome while in doubt need not report it again. */
  #toRunning(id: string, engine: EngineName): JobEvent[] {
    if (this.#ledger.expect(id).state.name !== 'in-doubt') return [];
    return [{ event: 'step', data: { engine, ...namedStep('confirmed') } }];
  }

  /** From a candidate to done. */
  async #finish(run: Run): Promise<void> {
    const { id } = run;
    const { state } = this.#ledger.expect(id);
    if (state.name === 'verifying') {
      const verified = await this.#verify(run, state.candidate);
      if (!verified) return;
      await this.#source.check(this.#ledger.expect(id), run.signal);
      const message = verified.messages?.evidence;
      await this.#ledger.commit(id, { event: 'verified', data: { evidence: verified.evidence, message } });
      await this.#publish(run, verified);
    } else if (state.name === 'delivering' && !state.published) {
      const published = state.intent && (await this.#findPublished(this.#ledger.expect(id), state.intent));
      if (published) await this.#recordDelivery(id, published);
      else {
        const verified = await this.#verify(run, state.candidate);
        if (!verified) return;
        await this.#publish(run, verified);
      }
    }
    await this.#finishDelivery(run);
  }

  #findPublished(job: Job, intent: PublishIntent): Promise<Delivery | undefined> {
    return job.library ? this.#stages.library.find(job, intent) : this.#stages.findPublished(job, intent);
  }

  async #verify(run: Run, candidate: Candidate): Promise<Verified | undefined> {
    announce(run, say('queue.verifying'));
    if (candidate.isSource || (await this.#stages.isIntact(candidate))) {
      const source = candidate.isSource ? await this.#sourceOf(run) : undefined;
      return this.#stages.verify(candidate, { signal: run.signal, gate: run.gate, source });
    }
    const reason = makeReason('verify-failed', say('queue.result-missing'));
    await this.#ledger.commit(run.id, { event: 'rejected', data: { reason, keepCheckpoints: true } });
    return undefined;
  }

  async #publish(run: Run, verified: Verified): Promise<void> {
    const { id, signal } = run;
    announce(run, say('queue.delivering'));
    if (this.#ledger.expect(id).library) return this.#exchange(run, verified);
    const delivery = await this.#stages.deliver(this.#ledger.expect(id), verified, {
      signal,
      source: run.file,
      onIntent: async intent => {
        // The last moment at which a source that changed meanwhile can stop a stale result from appearing.
        await this.#source.check(this.#ledger.expect(id), signal);
        await this.#ledger.commit(id, { event: 'publishing', data: { intent } });
      },
    });
    await this.#recordDelivery(id, delivery);
  }

  /** Of a library: the original goes into the archive first, and its place is taken in one step. */
  async #exchange(run: Run, verified: Verified): Promise<void> {
    const { id, signal } = run;
    const delivery = await this.#stages.library.exchange(this.#ledger.expect(id), verified, {
      source: await this.#sourceOf(run),
      signal,
      record: async event => void (await this.#ledger.commit(id, event)),
      checkSource: () => this.#source.check(this.#ledger.expect(id), signal),
    });
    await this.#recordDelivery(id, delivery);
  }

  async #settle(id: string): Promise<void> {
    const job = this.#ledger.expect(id);
    const names = await this.#stages.library.orphans(job);
    const { original, newer } = await this.#stages.library.settle(job);
    const result = job.state.name === 'delivering' ? basename(job.state.published?.output ?? '') : '';
    const remarks = [
      ...(names.length > 0 ? [say('library.sidecars', { names: names.join(', '), result })] : []),
      ...(newer === undefined ? [] : [say('library.newer', { path: newer })]),
    ];
    const [remark, ...more] = remarks;
    const note = more.length > 0 ? say('library.remarks', { remarks }) : remark;
    const done = note ? { note: note.text, message: messageOf(note) } : {};
    await this.#ledger.commit(id, { event: 'disposed', data: original }, { event: 'done', data: done });
  }

  async #recordDelivery(id: string, delivery: Delivery): Promise<void> {
    await this.#ledger.commit(id, { event: 'published', data: { delivery } });
  }

  /** The output is durable: the original may go where the folder says, and the job is done. */
  async #finishDelivery({ id, signal }: Run): Promise<void> {
    if (this.#ledger.expect(id).library) return this.#settle(id);
    const job = this.#ledger.expect(id);
    const stays = whyOriginalStays(job, this.#stages.originals(job));
    if (stays) return this.#done(id, stays);
    try {
      await this.#source.repinOriginal(this.#ledger.expect(id), signal);
      const gone = await this.#stages.dispose(this.#ledger.expect(id), async to => {
        await this.#ledger.commit(id, { event: 'disposing', data: { to } });
      });
      const events: JobEvent[] = gone ? [{ event: 'disposed', data: { kind: gone.kind, to: gone.to } }] : [];
      await this.#ledger.commit(id, ...events, doneWith(gone?.note));
    } catch (error) {
      if (!(error instanceof ShrinkError)) throw error;
      if (isStopping(signal)) throw error;
      const isWorthAnotherTry = policyFor(error.code).retriesDisposal && this.#ledger.expect(id).waits < MAX_WAITS;
      if (isWorthAnotherTry) throw deliveredBut(error);
      const note = say('queue.original-stays', { why: sentenceOf(error) });
      this.#options.log.warn({ job: id, code: error.code }, note.text);
      await this.#done(id, note);
    }
  }

  async #done(id: string, note: Sentence): Promise<void> {
    await this.#ledger.commit(id, doneWith(note));
  }
}

function doneWith(note: Sentence | undefined): JobEvent {
  return { event: 'done', data: note ? { note: note.text, message: messageOf(note) } : {} };
}

/** What the cloud holds of a file, by the newest of its versions that had a session. */
export function cloudOf(versions: readonly Job[]): CloudRefs | undefined {
  return versions.findLast(({ cloud }) => cloud?.session !== undefined)?.cloud;
}

/** The whole program ends; the next start continues here. */
function isStopping({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason as StopReason).kind === 'stopping';
}

function announce(run: Run, what: Sentence): void {
  run.progress({ note: what.text, message: messageOf(what) });
}

function deliveredBut(error: ShrinkError): ShrinkError {
  const { code, doing, subject, hint, messages, retryAfterMs } = error;
  return new ShrinkError(code, say('queue.original-later', { why: sentenceOf(error) }), {
    doing,
    subject,
    hint: hint !== undefined && messages.hint ? { ...messages.hint, text: hint } : hint,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: error,
  });
}
