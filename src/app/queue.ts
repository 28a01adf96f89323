/**
 * Builds the queue: files become jobs (admissions), get a slot (scheduler) and go through their stages (worker); people act
 * on them (actions).
 */
import type { EventEmitter } from 'node:events';
import type { Config } from '../config/load.ts';
import { isShrinkError, type ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { type EngineName, type Job, RESTING, type Sighting, UNREAD } from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import type { Sentence } from '../core/message.ts';
import { restoreOriginal } from '../deliver/archive.ts';
import { say } from '../messages/say.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Clock } from '../platform/clock.ts';
import { type HeldFile, openBelow } from '../platform/files/door.ts';
import { contentHashOf, doing, type Files, fingerprint } from '../platform/files/files.ts';
import { SpaceBook } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import { Actions } from '../queue/actions.ts';
import { Admissions } from '../queue/admissions.ts';
import { AfterRest } from '../queue/after-rest.ts';
import { engineOf } from '../queue/decisions.ts';
import { leftOf, Speed } from '../queue/eta.ts';
import { isInLine } from '../queue/order.ts';
import type { Ledger } from '../queue/ledger.ts';
import { ReasonedGate } from '../queue/rest-gate.ts';
import { Scheduler } from '../queue/scheduler.ts';
import { cloudOf, JobWorker } from '../queue/worker.ts';
import type { Engines } from './engines.ts';
import { type Folders, namesBelow } from './folders.ts';
import { withoutPromise } from './hints-once.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import { Rulebook } from './rulebook.ts';
import { LateWriters } from './late-writers.ts';
import { JobStages } from './stages.ts';
import type { State } from './state.ts';

/** What the queue announces to the parts built after it. */
export type QueueEvents = EventEmitter<{
  /** The watcher must report this job's file again, because it is no longer the file the job was about. */
  resight: [job: Job];
  progress: [id: string];
}>;

export interface QueueOptions {
  live: LiveConfig;
  state: State;
  folders: Folders;
  engines: Engines;
  tools: Tools;
  files: Files;
  events: QueueEvents;
  clock: Clock;
  log: Logger;
  life: Lifetime;
}

export class Queue {
  /** Closed while local work rests: paused, or outside `local_hours`. */
  readonly gate = new ReasonedGate();
  readonly rulebook: Rulebook;
  readonly scheduler: Scheduler;
  readonly admissions: Admissions;
  readonly actions: Actions;
  /** Removes the working files of cancelled jobs that nobody took back in time. */
  readonly sweepCancelled: () => Promise<void>;
  readonly #ledger: Ledger;
  readonly #speeds: Record<EngineName, Speed> = { local: new Speed(), nemo: new Speed(), fleet: new Speed() };
  readonly #life: Lifetime;
  readonly #log: Logger;
  readonly #afterRest: (id: string) => Promise<void>;

  constructor(options: QueueOptions) {
    const { live, state, folders, events, files, clock, log, life } = options;
    const { ledger } = state;
    this.#ledger = ledger;
    this.#life = life;
    this.#log = log;
    const rulebook = new Rulebook(live);
    const makeRoom = () => rest.sweep({ isSpaceNeeded: true });
    const stages = stagesFor(options, { gate: this.gate, rulebook, makeRoom });
    const resight = (job: Job) => stages.resight(job);
    const rest = new AfterRest({ ledger, stages, clock, log });
    const afterRest = (id: string) => rest.cleanUp(id);
    const worker = new JobWorker({ ledger, stages, afterRest, clock, log });
    const slots = slotsOf(live.current);
    const onProgress = (id: string) => void events.emit('progress', id);
    const scheduler = new Scheduler({ ledger, worker, clock, log, slots, onProgress, onFatal: life.fail });
    const admissions = new Admissions({
      ledger,
      clock,
      log,
      decide: (sighting, version, words) => rulebook.decide(sighting, version, words),
      fingerprint: sighting => withSource(sighting, files, file => fingerprint(file, sighting.pin.sizeBytes)),
      lookAt: path => folders.lookAt(path),
      readWhole: (sighting, signal) => withSource(sighting, files, file => contentHashOf(file, signal)),
      whereabouts: job => folders.whereabouts(job),
      abort: (id, reason) => scheduler.abort(id, reason),
      resight,
      changed: async job => {
        scheduler.consider(job);
        await afterRest(job.id);
      },
      onFatal: life.fail,
    });
    this.actions = new Actions({
      ledger,
      clock,
      scheduler,
      resight,
      afterRest,
      removeWorkDir: id => stages.removeWorkDir(id),
      removeReport: job => stages.removeReport(job),
      mayNotRefine: (job, words) => cannotExport(job, words, options),
      renamed: job => admissions.renamed(job),
      refine: (job, words, byAnybody) => admissions.refine(job, words, byAnybody),
      mustBeThere: job => onlyOnce(stages.library.mustBeThere(job)),
      restoreOriginal: job =>
        onlyOnce(job.library ? stages.library.restore(job) : restoreArchived(job, { folders, files, log })),
    });
    this.rulebook = rulebook;
    this.#afterRest = afterRest;
    this.sweepCancelled = async () => void (await rest.sweep());
    this.scheduler = scheduler;
    this.admissions = admissions;

    const rested = (job: Job) => RESTING.has(job.state.name) && admissions.rested(job);
    life.defer(ledger.subscribe(change => 'job' in change && rested(change.job)));
    this.#measureSpeed();
    live.onChange(config => scheduler.setSlots(slotsOf(config)));
  }

  #measureSpeed(): void {
    const measure = (job: Job) => this.#speeds[engineOf(job) ?? 'local'].add(job);
    const done = [...this.#ledger.all()].filter(({ state }) => state.name === 'done');
    for (const job of done.sort((a, b) => a.updatedAt - b.updatedAt)) measure(job);
    const isDone = (job: Job, before: Job | undefined) => job.state.name === 'done' && before?.state.name !== 'done';
    this.#life.defer(
      this.#ledger.subscribe(change => {
        if ('job' in change && isDone(change.job, change.before)) measure(change.job);
      }),
    );
  }

  /** Milliseconds of work left for each engine; `undefined` where nobody can know. */
  left(slots: Record<EngineName, number>): Record<EngineName, number> | undefined {
    const running = this.scheduler.running();
    const backlog: Record<EngineName, number[]> = { local: [], nemo: [], fleet: [] };
    const counts = this.#ledger.counts();
    for (const job of counts.queued + counts.waiting > 0 ? this.#ledger.all() : []) {
      const isWaiting = isInLine(job) && !job.paused && job.decision.kind === 'do';
      if (isWaiting && !running.some(({ id }) => id === job.id))
        backlog[engineOf(job) ?? 'local'].push(job.pin.sizeBytes);
    }
    const leftAt = (engine: EngineName) =>
      leftOf({
        running: running.flatMap(({ id, engine: at, progress }) => {
          const job = this.#ledger.get(id);
          return at !== engine || !job || job.paused ? [] : { leftMs: progress.etaMs, bytes: job.pin.sizeBytes };
        }),
        queued: backlog[engine],
        slots: slots[engine],
        speed: this.scheduler.enginePause(engine) ? undefined : this.#speeds[engine].bytesPerMs,
      });
    const [local, nemo, fleet] = [leftAt('local'), leftAt('nemo'), leftAt('fleet')];
    return local === undefined || nemo === undefined || fleet === undefined ? undefined : { local, nemo, fleet };
  }

  async setPaused(paused: boolean): Promise<void> {
    this.gate.set('paused', paused);
    await this.#ledger.setPaused(paused);
    this.scheduler.setMode({ draining: this.scheduler.draining });
  }

  /** Originals that a crash kept from coming back all the way. */
  #finishRestoring(): void {
    for (const { id, restoring } of this.#ledger.all()) {
      if (!restoring) continue;
      this.actions.restore(id).catch(error => {
        if (!isShrinkError(error)) return this.#life.fail(error);
        this.#log.warn({ job: id, code: error.code }, `an original is not back yet: ${error.message}`);
      });
    }
  }

  /** Picks up every unfinished job. @param interruptedEnds finished jobs that a crash kept from being cleaned up. */
  async start(interruptedEnds: ReadonlySet<string>): Promise<void> {
    for (const job of this.#ledger.all()) {
      // A crash may have come between a job's end and its report.
      const lacksReport = (job.state.name === 'failed' || job.state.name === 'held') && !job.report;
      if (lacksReport || interruptedEnds.has(job.id)) await this.#afterRest(job.id);
    }
    this.gate.set('paused', this.#ledger.paused);
    this.#finishRestoring();
    this.scheduler.start();
    this.#life.defer(() => this.scheduler.stop());
    this.#life.defer(() => this.admissions.stop());
  }
}

/** Jobs at once, by engine. */
export function slotsOf({ limits, fleet }: Pick<Config, 'limits' | 'fleet'>): Record<EngineName, number> {
  return { local: limits.local, nemo: limits.nemo, fleet: fleet?.films ?? 1 };
}

/** What was sighted, opened for as long as `act` takes. @throws ShrinkError `changed-underneath` if it is another file by now */
async function withSource<T>(
  { inbox, path, pin }: Pick<Sighting, 'inbox' | 'path' | 'pin'>,
  files: Files,
  act: (file: HeldFile) => Promise<T>,
): Promise<T> {
  const file = await doing('opening', path, () => openBelow(inbox, namesBelow(inbox, path), files, pin));
  return act(file).finally(() => file.close().catch(() => {}));
}

/** Longest look at a timeline before an export of it is queued all the same. */
const LOOK_MS = 15_000;

/** An export that the cloud cannot carry out as the session is now is not queued in vain. */
async function cannotExport(
  job: Job,
  words: string,
  { engines, state: { ledger } }: Pick<QueueOptions, 'engines' | 'state'>,
): Promise<ShrinkError | undefined> {
  const { id, decision, state } = job;
  const isInCloud = decision.kind === 'do' && decision.engine === 'nemo';
  if (!isInCloud || engines.nemo?.intentOf(words).kind !== 'export') return undefined;
  const refs = cloudOf([...ledger.earlierVersions(job), job]) ?? {};
  return engines.nemo.cannotExport({
    ...{ job: id, refs, isDone: state.name === 'done' },
    neighbours: async () => ledger.neighbours(refs.session ?? '', job),
    signal: AbortSignal.timeout(LOOK_MS),
  });
}

function stagesFor(
  options: QueueOptions,
  { gate, rulebook, makeRoom }: { gate: ReasonedGate; rulebook: Rulebook; makeRoom(): Promise<boolean> },
): JobStages {
  const { live, state, folders, events, files } = options;
  const space = new SpaceBook({ files, minFree: live.current.limits.minFree });
  live.onChange(({ limits }) => space.leaveFree(limits.minFree));
  return new JobStages({
    ...options,
    gate,
    space,
    makeRoom,
    workRoot: state.workRoot,
    forbidden: () => folders.forbidden,
    lateWriters: new LateWriters(options.clock),
    threads: live.current.local.threads,
    decide: (job, engine) => rulebook.decideAgain(job, engine),
    resight: job => void events.emit('resight', job),
  });
}

async function restoreArchived(job: Job, { folders, files, log }: Pick<QueueOptions, 'folders' | 'files' | 'log'>) {
  if (job.original?.kind !== 'archived') throw new IllegalEvent(`job ${job.id} has no archived original`);
  const { inbox, relative, pin, original } = job;
  const { sizeBytes } = pin;
  await folders.mustBeMounted(inbox, relative);
  const archiveDir = folders.find(inbox)?.archive;
  if (archiveDir !== undefined && isWithin(archiveDir, original.path))
    await folders.mustBeMounted(archiveDir, namesBelow(archiveDir, original.path).join('/'));
  const onNote = (note: Sentence) => log.warn({ job: job.id, path: job.path }, note.text);
  const what = { job: job.id, archived: original.path, archiveDir, inbox, relative, sizeBytes };
  return restoreOriginal({ ...what, files, log, onNote, isOriginal: file => isContentOf(job, file) });
}

/** A person asked, and asks again: no daemon goes on with it by itself. */
async function onlyOnce<T>(act: Promise<T>): Promise<T> {
  return act.catch((error: unknown) => {
    throw isShrinkError(error) ? withoutPromise(error, say('app.restore-again-hint')) : error;
  });
}

async function isContentOf({ fingerprint: sampled, contentHash }: Job, file: HeldFile): Promise<boolean> {
  if (sampled !== '' && (await fingerprint(file, file.pin.sizeBytes)) !== sampled) return false;
  const isUnknown = contentHash === undefined || contentHash === UNREAD;
  return isUnknown || (await contentHashOf(file)).contentHash === contentHash;
}
