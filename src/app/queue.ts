/**
 * Builds the queue: files become jobs (admissions), get a slot (scheduler) and go through their stages (worker); people act
 * on them (actions).
 */
import type { EventEmitter } from 'node:events';
import { type Job, RESTING, type Sighting } from '../core/job.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import { restoreOriginal } from '../deliver/archive.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Clock } from '../platform/clock.ts';
import { type HeldFile, openBelow } from '../platform/files/door.ts';
import { contentHashOf, doing, type Files, fingerprint } from '../platform/files/files.ts';
import { SpaceBook } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import { Actions } from '../queue/actions.ts';
import { Admissions } from '../queue/admissions.ts';
import { AfterRest } from '../queue/after-rest.ts';
import type { Ledger } from '../queue/ledger.ts';
import { ReasonedGate } from '../queue/rest-gate.ts';
import { Scheduler } from '../queue/scheduler.ts';
import { JobWorker } from '../queue/worker.ts';
import type { Engines } from './engines.ts';
import { type Folders, namesBelow } from './folders.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import { Rulebook } from './rulebook.ts';
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
  readonly #ledger: Ledger;
  readonly #life: Lifetime;
  readonly #afterRest: (id: string) => Promise<void>;

  constructor(options: QueueOptions) {
    const { live, state, folders, events, files, clock, log, life } = options;
    const { ledger } = state;
    this.#ledger = ledger;
    this.#life = life;
    const rulebook = new Rulebook(live);
    const stages = stagesFor(options, { gate: this.gate, rulebook });
    const resight = (job: Job) => stages.resight(job);
    const rest = new AfterRest({ ledger, stages, log });
    const afterRest = (id: string) => rest.cleanUp(id);
    const worker = new JobWorker({ ledger, stages, afterRest, clock, log });
    const slots = live.current.limits;
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
      scheduler,
      resight,
      afterRest,
      removeWorkDir: id => stages.removeWorkDir(id),
      removeReport: job => stages.removeReport(job),
      refine: (job, words) => admissions.refine(job, words),
      restoreOriginal: job => restoreArchived(job, { folders, files, log }),
    });
    this.rulebook = rulebook;
    this.#afterRest = afterRest;
    this.scheduler = scheduler;
    this.admissions = admissions;

    const rested = (job: Job) => RESTING.has(job.state.name) && admissions.rested(job);
    life.defer(ledger.subscribe(change => 'job' in change && rested(change.job)));
    live.onChange(({ limits }) => scheduler.setSlots(limits));
  }

  async setPaused(paused: boolean): Promise<void> {
    this.gate.set('paused', paused);
    await this.#ledger.setPaused(paused);
    this.scheduler.setMode({ draining: this.scheduler.draining });
  }

  /** Picks up every unfinished job. @param interruptedEnds finished jobs that a crash kept from being cleaned up. */
  async start(interruptedEnds: ReadonlySet<string>): Promise<void> {
    for (const job of this.#ledger.all()) {
      // A crash may have come between a job's end and its report.
      const lacksReport = (job.state.name === 'failed' || job.state.name === 'held') && !job.report;
      if (lacksReport || interruptedEnds.has(job.id)) await this.#afterRest(job.id);
    }
    this.gate.set('paused', this.#ledger.paused);
    this.scheduler.start();
    this.#life.defer(() => this.scheduler.stop());
    this.#life.defer(() => this.admissions.stop());
  }
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

function stagesFor(options: QueueOptions, { gate, rulebook }: { gate: ReasonedGate; rulebook: Rulebook }): JobStages {
  const { live, state, folders, events, files } = options;
  const space = new SpaceBook({ files, minFree: live.current.limits.minFree });
  live.onChange(({ limits }) => space.leaveFree(limits.minFree));
  return new JobStages({
    ...options,
    gate,
    space,
    workRoot: state.workRoot,
    forbidden: () => folders.forbidden,
    threads: live.current.local.threads,
    decide: (job, engine) => rulebook.decideAgain(job, engine),
    resight: job => void events.emit('resight', job),
  });
}

async function restoreArchived(job: Job, { folders, files, log }: Pick<QueueOptions, 'folders' | 'files' | 'log'>) {
  if (job.original?.kind !== 'archived') throw new IllegalEvent(`job ${job.id} has no archived original`);
  const { inbox, relative, pin, original } = job;
  const { sizeBytes } = pin;
  await folders.mustBeMounted(inbox);
  const archiveDir = folders.find(inbox)?.archive;
  return restoreOriginal({ job: job.id, archived: original.path, archiveDir, inbox, relative, sizeBytes, files, log });
}
