/** Chores: what a crash left behind at the start; then, by the clock, quiet hours, missing folders, compaction and old originals. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allFolders } from '../config/libraries.ts';
import type { Folder } from '../config/load.ts';
import { isShrinkError } from '../core/errors.ts';
import { type Job, RESTING } from '../core/job.ts';
import { pruneArchive } from '../deliver/archive.ts';
import { sweepOutbox } from '../deliver/stale-temp-files.ts';
import { every } from '../platform/async.ts';
import type { Clock } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { Ledger } from '../queue/ledger.ts';
import { isInWindow, type ReasonedGate } from '../queue/rest-gate.ts';
import type { Folders } from './folders.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import type { SetClock } from './set-clock.ts';
import type { State } from './state.ts';

/** How often quiet hours, missing folders and the journal's size are checked, milliseconds. */
export const HOUSEKEEPING_MS = 30_000;
/** How often the archives are checked for old originals, milliseconds. */
const PRUNE_MS = 6 * 3600_000;

export interface HousekeepingOptions {
  live: LiveConfig;
  state: State;
  folders: Folders;
  gate: ReasonedGate;
  /** Ends jobs that are held for files which are gone. */
  endMissing(): Promise<void>;
  /** Removes what nobody can take back any more. */
  sweepCancelled(): Promise<void>;
  files: Files;
  clock: Clock;
  setClock: Pick<SetClock, 'look' | 'save' | 'now' | 'dated'>;
  log: Logger;
  life: Lifetime;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #ranAt: number;
  /** A share may be slow to answer. */
  #isEndingMissing = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#ranAt = options.clock.monotonic();
    options.live.onChange(() => this.#runAll());
  }

  /** Runs at once, then by the clock and after every change of the configuration. */
  start(): void {
    const { clock, setClock, life } = this.#options;
    this.#runAll();
    // The last look counts at the next start, and what is being written is whole.
    life.defer(() => setClock.save());
    life.defer(every(clock, HOUSEKEEPING_MS, () => this.#run()));
    life.defer(every(clock, PRUNE_MS, () => this.#prune()));
  }

  /** Milliseconds; more than HOUSEKEEPING_MS where timers stand still. */
  get sinceLastRunMs(): number {
    return this.#options.clock.monotonic() - this.#ranAt;
  }

  #runAll(): void {
    this.#run();
    this.#prune();
  }

  #run(): void {
    const { live, state, folders, gate, clock, setClock, log, life, endMissing, sweepCancelled } = this.#options;
    this.#ranAt = clock.monotonic();
    if (setClock.look()) void setClock.save();
    const { localHours } = live.current.limits;
    gate.set('hours', localHours !== undefined && !isInWindow(localHours, new Date(clock.now())));
    void folders.createMissing(log);
    const { journal, ledger } = state;
    if (journal.shouldCompact(ledger.size)) journal.compact([...ledger.snapshot()]).catch(life.fail);
    sweepCancelled().catch(life.fail);
    if (this.#isEndingMissing) return;
    this.#isEndingMissing = true;
    endMissing()
      .catch(life.fail)
      .finally(() => {
        this.#isEndingMissing = false;
      });
  }

  #prune(): void {
    const { live, state, folders, files, setClock, log, life } = this.#options;
    void setClock.save();
    // Where the disk of an archive is away, its originals only seem to be gone.
    const here = allFolders(live.current).filter(folder => !folders.whyAway(folder));
    const pruning = pruneArchives(here, { ledger: state.ledger, setClock, files, log });
    pruning.catch(life.fail);
  }
}

/** Deletes archived originals older than `archive_days`; only files that shrinkbox put there, according to the ledger. */
export async function pruneArchives(
  folders: readonly Folder[],
  {
    ledger,
    setClock,
    files,
    log,
  }: { ledger: Ledger; setClock: Pick<SetClock, 'now' | 'dated'>; files: Files; log: Logger },
): Promise<void> {
  for (const { inbox, archive, archiveDays } of folders) {
    if (archive === undefined || archiveDays === undefined) continue;
    const archived = [...ledger.all()].flatMap(job => (job.inbox === inbox ? archivedOriginalOf(job) : []));
    try {
      const records = archived.map(({ path, at, sizeBytes }) => ({ path, at: setClock.dated(at), sizeBytes }));
      const options = { archiveDir: archive, days: archiveDays, now: setClock.now, files, log };
      const gone = new Set(await pruneArchive(records, options));
      for (const { id, path } of archived)
        if (gone.has(path)) await ledger.commit(id, { event: 'pruned', data: { path } });
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      log.warn({ archive, code: error.code }, `cannot remove old originals: ${error.message}`);
    }
  }
}

function archivedOriginalOf(job: Job): { id: string; path: string; at: number; sizeBytes: number }[] {
  if (job.state.name !== 'done' || job.original?.kind !== 'archived') return [];
  const { path, at } = job.original;
  return [{ id: job.id, path, at, sizeBytes: job.pin.sizeBytes }];
}

export interface SweepOptions {
  stateDir: string;
  folders: Pick<Folders, 'all' | 'whyAway'>;
  ledger: Pick<Ledger, 'get'>;
  files: Files;
  log: Logger;
}

/**
 * Removes what a crash left behind and no unfinished job owns: work directories, hidden temporary files in outboxes, an
 * identity.json that was only half written.
 * @returns ids of finished jobs whose work directories are still there: the crash came before the cleanup after the job's end.
 */
export async function sweepLeftovers({
  stateDir,
  folders,
  ledger,
  files,
  log,
}: SweepOptions): Promise<ReadonlySet<string>> {
  const interruptedEnds = new Set<string>();
  const workRoot = join(stateDir, 'work');
  for (const name of await readdir(stateDir)) {
    // `conf` names its temporary file like this. It may hold a token, which is issued only once in seven days, but nobody reads it again.
    if (name.startsWith('identity.json.tmp-')) await rm(join(stateDir, name), { force: true });
  }
  for (const id of await readdir(workRoot)) {
    const job = ledger.get(id);
    if (job && isFinished(job)) interruptedEnds.add(id);
    if (job) continue;
    await rm(join(workRoot, id), { recursive: true, force: true });
    log.info({ job: id }, 'removed the working files of an unknown job');
  }
  const isUnfinished = (id: string) => {
    const job = ledger.get(id);
    return job !== undefined && !isFinished(job);
  };
  // Archiving to another disk leaves the same kind of temporary file as a delivery.
  const here = folders.all.filter(folder => !folders.whyAway(folder));
  for (const folder of new Set(here.flatMap(({ outbox, archive }) => [outbox, ...(archive ? [archive] : [])]))) {
    try {
      await sweepOutbox(folder, isUnfinished, { files, log });
    } catch (error) {
      // A missing folder is swept at the next start that finds it.
      if (!isShrinkError(error)) throw error;
      log.warn({ folder, code: error.code }, error.message);
    }
  }
  return interruptedEnds;
}

/** A held job keeps its working files: it may continue from them once a person has acted. */
function isFinished({ state }: Job): boolean {
  return RESTING.has(state.name) && state.name !== 'held';
}
