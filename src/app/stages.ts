/** The stages of a job behind the queue's port: space, working files, verification, delivery, the original, the report. */
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Folder } from '../config/load.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Candidate, Decision, Delivery, EngineName, Job, Pin, PublishIntent, Verified } from '../core/job.ts';
import { promisedBytes } from '../core/target.ts';
import { deliver, findPublished } from '../deliver/deliver.ts';
import { disposeOriginal } from '../deliver/originals.ts';
import type { FolderIdentity } from '../deliver/output-folder.ts';
import { expectDelivered, resultGone } from '../deliver/still-delivered.ts';
import { failureReport, removeReport, successReport, writeReport } from '../deliver/report.ts';
import type { Engine } from '../engine/engine.ts';
import type { Tools } from '../media/ffmpeg/tools.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { contentHashOf, errnoOf, type Files, fingerprint, makePrivateDir } from '../platform/files/files.ts';
import { fullOfWhat, type SpaceBook } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import type { HeldFile } from '../platform/files/door.ts';
import type { PauseGate } from '../platform/pause-gate.ts';
import type { Disposed, Stages, WholeFile } from '../queue/stages-port.ts';
import { verifyCandidate } from '../verify/verify.ts';
import type { Folders } from './folders.ts';
import type { LateWriters } from './late-writers.ts';
import { LibraryStages } from './library-stages.ts';
import { removeSpentWords } from './spent-words.ts';

export interface StagesOptions {
  folders: Folders;
  engines: Partial<Record<EngineName, Engine>>;
  gate: PauseGate;
  tools: Tools;
  files: Files;
  space: SpaceBook;
  /** Gives up what is only kept in case somebody wants it back; false if there is nothing. */
  makeRoom(): Promise<boolean>;
  /** Folders nothing may be delivered to, as they are now. */
  forbidden(): readonly string[];
  /** Working files of all jobs. */
  workRoot: string;
  lateWriters: LateWriters;
  /** Threads for decoding a result; by default one per core. */
  threads?: number | undefined;
  log: Logger;
  decide(job: Job, engine?: EngineName): Decision;
  resight(job: Job): void;
}

export class JobStages implements Stages {
  readonly engines: Stages['engines'];
  readonly library: LibraryStages;
  readonly gate: PauseGate;
  readonly #options: StagesOptions;
  /** Jobs delivered by this process whose originals nobody but somebody else can have removed: it was not tried yet. */
  readonly #untouched = new Set<string>();

  constructor(options: StagesOptions) {
    this.engines = options.engines;
    this.gate = options.gate;
    this.library = new LibraryStages(options);
    this.#options = options;
  }

  decide(job: Job, engine?: EngineName): Decision {
    return this.#options.decide(job, engine);
  }

  resight(job: Job): void {
    this.#options.resight(job);
  }

  pin(job: Job): Promise<Pin> {
    return this.#options.folders.pin(job);
  }

  async openSource(job: Job): Promise<HeldFile> {
    const source = await this.#options.folders.openSource(job);
    if (this.originals(job) !== 'keep') this.#options.lateWriters.saw(job, source);
    return source;
  }

  fingerprint(_job: Job, source: HeldFile): Promise<string> {
    return fingerprint(source, source.pin.sizeBytes);
  }

  readWhole(_job: Job, source: HeldFile, signal: AbortSignal): Promise<WholeFile> {
    return contentHashOf(source, signal);
  }

  verify(candidate: Candidate, options: Parameters<Stages['verify']>[1]): Promise<Verified> {
    const { tools, threads } = this.#options;
    return verifyCandidate(candidate, { ...options, tools, threads });
  }

  async reserve(job: Job): Promise<() => void> {
    try {
      return await this.#reserve(job);
    } catch (error) {
      if (!isShrinkError(error, 'no-space') || !(await this.#options.makeRoom())) throw error;
      return await this.#reserve(job);
    }
  }

  async #reserve(job: Job): Promise<() => void> {
    const { folders, space, workRoot } = this.#options;
    const cap = job.decision.kind === 'do' ? promisedBytes(job.decision.target, job.pin.sizeBytes) : undefined;
    const needed = spaceNeeded(job.pin.sizeBytes, cap);
    try {
      await space.reserve(workRoot, needed.work, job.id);
      const { outbox, archive, originals, library } = folders.of(job);
      // An empty mount point may be there and have room.
      await folders.mustBeMounted(job.inbox, job.relative);
      await folders.mustBeMounted(outbox, outputOf(job));
      await space.reserve(outbox, needed.outbox, job.id);
      // Hours of work end in the outbox, so a person should hear beforehand if it is not writable.
      folders.mustBeWritable(outbox);
      if (archive !== undefined && (originals === 'archive' || library)) {
        const { dev } = await folders.mustBeMounted(archive, job.relative);
        // On the same disk it only moves.
        if (dev !== job.pin.dev) await space.reserve(archive, job.pin.sizeBytes, job.id);
      }
    } catch (error) {
      space.release(job.id);
      throw error;
    }
    return () => space.release(job.id);
  }

  explained(job: Job, error: unknown): Promise<unknown> {
    const { folders, workRoot, files } = this.#options;
    const folder = folders.find(job.inbox);
    const places = [workRoot, folder?.outbox, folder?.archive].filter(each => each !== undefined);
    return fullOfWhat(error, places, files);
  }

  async openWorkDir(id: string): Promise<string> {
    const { workRoot } = this.#options;
    const dir = join(workRoot, id);
    try {
      // Without `recursive`: if the state directory was unmounted, nothing is created in its mount point.
      await makePrivateDir(dir);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw workRootGone(workRoot);
      if (errnoOf(error) !== 'EEXIST') throw fileError(error, say('files.creating', { path: dir }), dir);
    }
    return dir;
  }

  async removeWorkDir(id: string): Promise<void> {
    const dir = join(this.#options.workRoot, id);
    await rm(dir, { recursive: true, force: true }).catch(error => {
      throw fileError(error, say('app.removing-working-files', { path: dir }), dir);
    });
  }

  async isIntact({ path, bytes }: Candidate): Promise<boolean> {
    try {
      const found = await stat(path);
      return found.isFile() && found.size === bytes;
    } catch (error) {
      const known = fileError(error, say('files.identifying', { path }), path);
      if (isShrinkError(known, 'gone')) return false;
      throw known;
    }
  }

  async deliver(
    job: Job,
    verified: Verified,
    { signal, source, onIntent }: Parameters<Stages['deliver']>[2],
  ): Promise<Delivery> {
    const delivery = await deliver(verified, {
      ...this.#deliveryOf(job),
      ...(await this.#outboxOf(job)),
      relative: outputOf(job),
      sourceName: basename(job.relative),
      sourceMtimeMs: Number(BigInt(job.pin.mtimeNs) / 1_000_000n),
      intent: job.state.name === 'delivering' ? job.state.intent : undefined,
      signal,
      source,
      onIntent,
    });
    this.#untouched.add(job.id);
    return delivery;
  }

  async findPublished(job: Job, intent: PublishIntent): Promise<Delivery | undefined> {
    return findPublished(intent, { ...this.#deliveryOf(job), ...(await this.#outboxOf(job)) });
  }

  originals(job: Job): Folder['originals'] {
    return this.#options.folders.of(job).originals;
  }

  async dispose(job: Job, onIntent: (to: string) => Promise<void>): Promise<Disposed | undefined> {
    const { folders, files, log } = this.#options;
    const isUntouched = this.#untouched.delete(job.id);
    const folder = folders.of(job);
    if (folder.originals !== 'keep') await folders.mustBeMounted(job.inbox, job.relative);
    if (folder.originals === 'archive' && folder.archive) await folders.mustBeMounted(folder.archive, job.relative);
    if (folder.originals !== 'keep') await this.#expectNothingMissing(job, folder.originals);
    let note: Sentence | undefined;
    const disposal = await disposeOriginal({
      ...this.#deliveryOf(job),
      inbox: job.inbox,
      relative: job.relative,
      pin: job.pin,
      policy: folder.originals,
      archiveDir: folder.archive,
      intended: job.state.name === 'delivering' ? job.state.disposing : undefined,
      beforeMove: onIntent,
      onNote: said => (note = said),
    });
    if (disposal.kind === 'archived') return { ...disposal, note };
    // If a crash came between deleting the original and recording that, nothing is left to delete.
    const wasDeleted = disposal.kind === 'missing' && folder.originals === 'delete' && !isUntouched;
    if (disposal.kind !== 'deleted' && !wasDeleted) return undefined;
    await removeSpentWords(job, files).catch(error => log.debug({ err: error, job: job.id }, 'words stay behind'));
    return { kind: 'deleted', to: job.path };
  }

  /**
   * That the original holds no more than the result was made of, and may be missed. What is gone or was exchanged, and what has already
   * begun to go, is for the disposal to sort out.
   */
  async #expectNothingMissing(job: Job, policy: 'archive' | 'delete'): Promise<void> {
    const { state } = job;
    const delivering = state.name === 'delivering' ? state : undefined;
    if (delivering?.disposing !== undefined) return;
    let source: HeldFile;
    try {
      source = await this.openSource(job);
    } catch (error) {
      if (isShrinkError(error, 'gone') || isShrinkError(error, 'changed-underneath')) return;
      throw error;
    }
    await holding(Promise.resolve(source), file => this.#options.lateWriters.expectNone(job, file));
    if (policy === 'delete' && delivering?.published) {
      await this.#expectResult(job, delivering.published, delivering.intent);
    }
  }

  /** Between a delivery and this, a late writer may be waited for, or shrinkbox may have been away. */
  async #expectResult(job: Job, delivery: Delivery, intent: PublishIntent | undefined): Promise<void> {
    const opening = this.#options.folders.openResult(delivery.output).catch(error => {
      if (isShrinkError(error, 'unavailable')) throw error;
      const known = fileError(error, say('files.opening', { path: delivery.output }), delivery.output);
      throw known.code === 'gone' || known.code === 'changed-underneath' ? resultGone(delivery.output) : known;
    });
    const mtimeMs = Number(BigInt(job.pin.mtimeNs) / 1_000_000n);
    await holding(opening, file => expectDelivered(file, { delivery, intent, mtimeMs }));
  }

  async report(job: Job): Promise<string | undefined> {
    const folder = this.#options.folders.find(job.inbox);
    const written = folder && reportOf(job, folder.reports);
    if (!written) return undefined;
    const { outbox } = folder;
    // A later version's report stands beside its result: clip.v2.report.txt.
    const relative = job.version > 1 && job.decision.kind === 'do' ? job.decision.output : job.relative;
    await this.#options.folders.mustBeMounted(outbox, relative);
    return writeReport({ ...written, ...this.#deliveryOf(job), outbox, relative, previous: job.report });
  }

  async removeReport(job: Job): Promise<void> {
    const { folders } = this.#options;
    if (!job.report) return;
    const outbox = folders.find(job.inbox)?.outbox ?? dirname(job.report);
    await removeReport(job.report, { ...this.#deliveryOf(job), outbox });
  }

  async #outboxOf(job: Job): Promise<{ outbox: string; outboxIdentity: FolderIdentity }> {
    const { folders } = this.#options;
    const { outbox } = folders.of(job);
    return { outbox, outboxIdentity: await folders.outboxIdentity(outbox, outputOf(job)) };
  }

  /** What every step of a delivery needs. */
  #deliveryOf(job: Job): { job: string; forbidden: readonly string[]; files: Files; log: Logger } {
    const { forbidden, files, log } = this.#options;
    return { job: job.id, forbidden: forbidden(), files, log };
  }
}

/** Where the result goes, relative to the outbox. */
function outputOf({ decision, relative }: Job): string {
  return decision.kind === 'do' ? decision.output : relative;
}

/** The most bytes a job occupies at once: segments, the best result and the next one among the working files; the copy in the outbox. */
export function spaceNeeded(sourceBytes: number, maxBytes: number | undefined): { work: number; outbox: number } {
  // An encode is never larger than its source; a copy may be, by a few tables.
  const result = Math.min(maxBytes ?? Number.POSITIVE_INFINITY, Math.ceil(sourceBytes * 1.01) + 65_536);
  return { work: 3 * result, outbox: result };
}

function workRootGone(path: string): ShrinkError {
  const hint = say('app.work-root-gone-hint');
  return new ShrinkError('unavailable', say('app.work-root-gone', { path }), { subject: path, hint });
}

function reportOf(job: Job, wanted: Folder['reports']): { kind: 'failed' | 'report'; text: string } | undefined {
  if (wanted === 'never') return undefined;
  const { state } = job;
  const { decision } = job;
  const claimUrl = job.cloud?.claimUrl;
  const facts = {
    job: job.id,
    source: job.path,
    sourceBytes: job.pin.sizeBytes,
    rule: decision.rule,
    engine: decision.kind === 'skip' ? undefined : decision.engine,
    at: job.updatedAt,
    links: claimUrl === undefined ? undefined : { 'claim link': claimUrl },
  };
  const step = job.history.findLast(entry => entry.event === 'step' || entry.event === 'started')?.note;
  if (state.name === 'failed' || state.name === 'held' || (state.name === 'waiting' && state.reason.action)) {
    const text = failureReport({ ...facts, state: state.name, reason: state.reason, step, attempts: job.attempts });
    return { kind: 'failed', text };
  }
  if (state.name !== 'done' || wanted !== 'always') return undefined;
  const original = job.original && (job.original.kind === 'archived' ? `archived as ${job.original.path}` : 'deleted');
  return {
    kind: 'report',
    text: successReport({ ...facts, ...state, tookMs: job.updatedAt - job.createdAt, original }),
  };
}
