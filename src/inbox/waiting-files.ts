import { isShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { type FileStat, pinKey, sampleOf } from './file-id.ts';
import type { LstatResult } from './guarded-fs.ts';
import { type Inspection, inspect } from './inspect.ts';
import type { Writer } from './open-files.ts';
import { reportFile, whyPending } from './report.ts';
import {
  alreadyQuiet,
  discountLostTime,
  firstSample,
  isQuiet,
  lateWriterMs,
  nextSample,
  restartWindow,
  resumedSample,
  samplePeriodMs,
  type SampleTick,
  type Settling,
} from './stability.ts';
import {
  type Directory,
  type Entry,
  type InboxContext,
  type PendingFile,
  pathOf,
  reportKey,
  settleMsOf,
  sidecarOf,
  type TrackedFile,
} from './tracked-file.ts';

/** Files per lstat batch. */
const CHUNK = 64;
/** Files inspected in one go: their lstat results are kept until then. */
const INSPECTED_AT_ONCE = 1_024;
/** At most this many reported files are remembered because their writers may come back. */
const MAX_REMEMBERED = 1_000;
/** Instructions are short and written in one go. */
const SIDECAR_SETTLE_MS = 1_000;
const REINSPECT_MS = 10 * 60_000;

/** The pending files of one inbox: sampled until quiet, then inspected, then reported. */
export class WaitingFiles {
  readonly #context: InboxContext;
  readonly #recheckName: (dir: Directory, name: string) => void;
  readonly #files = new Set<TrackedFile>();
  /** How many of them are on a local disk: those are sampled more often. */
  #localCount = 0;
  /** Reported as unusable as they are; checked again at every rescan. */
  readonly #refused = new Set<TrackedFile>();
  /** Reported a moment ago, oldest first: their writers may come back. */
  readonly #justReported: TrackedFile[] = [];
  #roundNo = 0;
  #lastRoundAt = 0;
  #lastRoundMs = 0;

  /** `recheckName` is called with names that no longer are what they were: something else may be there now. */
  constructor(context: InboxContext, recheckName: (dir: Directory, name: string) => void) {
    this.#context = context;
    this.#recheckName = recheckName;
  }

  get size(): number {
    return this.#files.size;
  }

  /** Whether further files found by a scan have to wait their turn. Vetoed files take up no room. */
  get isFull(): boolean {
    return this.#files.size >= this.#context.maxWaiting && !this.onlyVetoed;
  }

  /** Whether files that had to wait may be added now; never while there is no room. */
  get hasRoom(): boolean {
    return this.#files.size < this.#context.maxWaiting / 2 || this.onlyVetoed;
  }

  /** Whether every pending file is held back by a veto. */
  get onlyVetoed(): boolean {
    for (const file of this.#files) if (!file.veto) return false;
    return true;
  }

  /** Monotonic ms of the next round, or Infinity. Sampling very many files never takes more than a fifth of the time. */
  get dueAt(): number {
    return this.#lastRoundAt + Math.max(this.periodMs, 4 * this.#lastRoundMs);
  }

  /** Ms between samples; Infinity while nothing is pending. */
  get periodMs(): number {
    if (this.#files.size === 0) return Number.POSITIVE_INFINITY;
    const polled = this.#localCount === 0;
    return samplePeriodMs(settleMsOf(this.#context, polled), polled);
  }

  /** A file seen for the first time, or again after it was forgotten. */
  add({ dir, name, stat }: Entry): void {
    this.#wait(dir, name, { settling: firstSample(sampleOf(stat), this.#now()) });
  }

  /** A reported file is no longer the same. */
  fileChanged(file: number | TrackedFile, entry: Entry): void {
    if (typeof file === 'number') return this.add(entry);
    const { dir, name, stat } = entry;
    const settleMs = settleMsOf(this.#context, dir.kind.polled);
    const settling = resumedSample(file.settling, sampleOf(stat), this.#now(), settleMs);
    this.#wait(dir, name, { settling, reported: file.reported });
  }

  /** The instruction beside a file appeared, changed or disappeared: the file itself need not settle again. */
  sidecarChanged(file: number | TrackedFile, about: { dir: Directory; name: string; hadSidecar: boolean }): void {
    const { dir, name, hadSidecar } = about;
    if (typeof file === 'number') {
      // A bare number without a sidecar was reported without one, or the queue had a job for it without one.
      const reported = hadSidecar ? undefined : reportKey(file);
      return this.#wait(dir, name, { settling: alreadyQuiet(file, this.#now()), reported });
    }
    if (file.phase === 'pending') return;
    const { key, longestGapMs } = file.settling;
    this.#wait(dir, name, { settling: alreadyQuiet(key, this.#now(), longestGapMs), reported: file.reported });
  }

  drop(file: TrackedFile): void {
    this.#stopWaiting(file);
    this.#refused.delete(file);
  }

  /** Nothing was sampled for a while: every window starts again. */
  restart(): void {
    const tick = this.#now();
    for (const file of this.#files) file.settling = restartWindow(file.settling, tick);
  }

  /** The machine was too busy to sample: that time is not counted. */
  discountLostTime(lostMs: number): void {
    const { at } = this.#now();
    for (const file of this.#files) file.settling = discountLostTime(file.settling, Math.floor(lostMs), at);
  }

  /** Samples every file once; inspects and reports those that are quiet. Files on a mount that hangs start over. */
  async sample(isStopped: () => boolean): Promise<void> {
    this.#roundNo += 1;
    let spentMs = 0;
    let quiet: QuietFile[] = [];
    const files = [...this.#files];
    for (let i = 0; i < files.length && !isStopped(); ) {
      const chunk = chunkOnOneFs(files, i);
      i += chunk.length;
      const tick = this.#now();
      for (const each of await this.#sampleChunk(chunk, tick)) quiet.push(each);
      spentMs += this.#context.clock.monotonic() - tick.at;
      if (quiet.length < INSPECTED_AT_ONCE) continue;
      await this.#inspectAll(quiet, isStopped);
      quiet = [];
    }
    await this.#inspectAll(quiet, isStopped);
    this.#lastRoundAt = this.#context.clock.monotonic();
    this.#lastRoundMs = spentMs;
  }

  /** Refused files that are now readable or complete become pending again; old memories are dropped. */
  async recheckRefused(): Promise<void> {
    const { at } = this.#now();
    this.#forgetLateWriters(at);
    for (const file of [...this.#refused]) {
      const { dir, name } = file;
      const results = await ifAnswered(() => dir.fs.lstat([pathOf(dir, name)]));
      if (!results) continue;
      const [stat] = results;
      if (!stat || stat instanceof Error) this.#gone(file);
      else if (pinKey(stat) !== file.settling.key) this.fileChanged(file, { dir, name, stat });
      else if (!file.veto || at >= file.veto.nextCheckAt) await this.#reinspect(file);
    }
  }

  async #reinspect(file: TrackedFile): Promise<void> {
    const { dir, name, settling, reported } = file;
    const inspection = await ifAnswered(() => inspect(dir, name, settling.key));
    if (inspection?.kind === 'complete' || inspection?.kind === 'doubt') {
      this.#wait(dir, name, { settling: restartWindow(settling, this.#now()), reported });
    } else if (file.veto) {
      // If neither its size nor its time changed, rarely has anything else.
      file.veto.nextCheckAt = this.#context.clock.monotonic() + REINSPECT_MS;
    }
  }

  list(): PendingFile[] {
    return [...this.#files].map(file => this.#view(file));
  }

  /** At most `count` of the files (there may be 20,000), vetoed ones first. */
  first(count: number): PendingFile[] {
    const vetoed: TrackedFile[] = [];
    const others: TrackedFile[] = [];
    for (const file of this.#files) {
      if (vetoed.length === count) break;
      if (file.veto) vetoed.push(file);
      else if (others.length < count) others.push(file);
    }
    return [...vetoed, ...others].slice(0, count).map(file => this.#view(file));
  }

  #view(file: TrackedFile): PendingFile {
    return {
      path: pathOf(file.dir, file.name),
      inbox: this.#context.inbox,
      why: whyPending(this.#context, file),
      sinceMs: this.#context.clock.monotonic() - file.since,
      held: file.veto !== undefined,
    };
  }

  /** In whole milliseconds: V8 stores small integers in place, and allocates a box for every fraction. */
  #now(): SampleTick {
    return { no: this.#roundNo, at: Math.floor(this.#context.clock.monotonic()) };
  }

  #wait(dir: Directory, name: string, start: { settling: Settling; reported?: TrackedFile['reported'] }): void {
    const before = dir.files.get(name);
    if (before !== undefined && typeof before !== 'number') this.drop(before);
    const { at } = this.#now();
    if (this.#files.size === 0) this.#lastRoundAt = at;
    const file: TrackedFile = {
      dir,
      name,
      polled: dir.kind.polled,
      phase: 'pending',
      settling: start.settling,
      sidecarSettling: undefined,
      doubt: undefined,
      veto: undefined,
      reported: start.reported,
      since: at,
    };
    dir.files.set(name, file);
    this.#files.add(file);
    if (!file.polled) this.#localCount += 1;
  }

  #stopWaiting(file: TrackedFile): void {
    if (this.#files.delete(file) && !file.polled) this.#localCount -= 1;
  }

  /** The files of `chunk` that are quiet now. */
  async #sampleChunk(chunk: readonly TrackedFile[], tick: SampleTick): Promise<QuietFile[]> {
    const sidecars = chunk.map(file => sidecarOf(file)?.name);
    const paths = chunk.flatMap(({ dir, name }, i) => {
      const sidecar = sidecars[i];
      return sidecar === undefined ? [pathOf(dir, name)] : [pathOf(dir, name), pathOf(dir, sidecar)];
    });
    const results = await ifAnswered(async () => chunk[0]?.dir.fs.lstat(paths));
    if (!results) {
      for (const file of chunk) file.settling = restartWindow(file.settling, tick);
      return [];
    }
    const quiet: QuietFile[] = [];
    let next = 0;
    for (const [i, file] of chunk.entries()) {
      const stat = results[next++];
      const sidecar = sidecars[i] !== undefined ? results[next++] : undefined;
      if (!this.#files.has(file)) continue;
      if (!stat || stat instanceof Error || !stat.isFile()) this.#gone(file);
      else if (this.#observe(file, stat, sidecar, tick)) {
        quiet.push({ file, dev: String(stat.dev), ino: String(stat.ino) });
      }
    }
    return quiet;
  }

  /** Whether the file is ready to be inspected. */
  #observe(file: TrackedFile, stat: FileStat, sidecar: LstatResult, tick: SampleTick): boolean {
    const before = file.settling;
    file.settling = nextSample(before, sampleOf(stat), tick);
    if (file.settling !== before) {
      file.veto = undefined;
      file.doubt = undefined;
    }
    file.sidecarSettling = nextOfSidecar(file.sidecarSettling, sidecar, tick);
    const settleMs = settleMsOf(this.#context, file.polled);
    if (file.veto && tick.at < file.veto.nextCheckAt) return false;
    if (!isQuiet(file.settling, tick, settleMs, file.doubt?.factor)) return false;
    if (!file.sidecarSettling) return true;
    return tick.at - file.sidecarSettling.changedAt >= Math.min(settleMs, SIDECAR_SETTLE_MS);
  }

  #gone(file: TrackedFile): void {
    this.drop(file);
    if (file.dir.files.get(file.name) === file) file.dir.files.delete(file.name);
    this.#recheckName(file.dir, file.name);
  }

  async #inspectAll(quiet: readonly QuietFile[], isStopped: () => boolean): Promise<void> {
    if (quiet.length === 0) return;
    const writers = this.#context.writers(
      quiet.map(({ file, dev, ino }) => ({ path: pathOf(file.dir, file.name), dev, ino })),
    );
    for (const { file, dev, ino } of quiet) {
      if (isStopped()) return;
      await ifAnswered(() => this.#inspectOne(file, writers.get(`${dev}:${ino}`)));
      if (file.phase !== 'pending') this.#afterReport(file);
    }
  }

  async #inspectOne(file: TrackedFile, writer: Writer | undefined): Promise<void> {
    const inspection: Inspection = writer
      ? { kind: 'writing', why: say('inbox.open-for-writing', { command: writer.command, pid: writer.pid }) }
      : await inspect(file.dir, file.name, file.settling.key);
    await reportFile(this.#context, file, inspection, this.#now());
  }

  #afterReport(file: TrackedFile): void {
    this.#stopWaiting(file);
    if (file.phase === 'refused') this.#refused.add(file);
    else if (this.#justReported.length < MAX_REMEMBERED) this.#justReported.push(file);
    else condense(file);
  }

  #forgetLateWriters(at: number): void {
    const firstToKeep = this.#justReported.findIndex(
      ({ settling, polled }) => at - settling.changedAt <= lateWriterMs(settleMsOf(this.#context, polled)),
    );
    const forgotten = firstToKeep < 0 ? this.#justReported.length : firstToKeep;
    for (const file of this.#justReported.splice(0, forgotten)) condense(file);
  }
}

/** A file ready to be inspected. Its stat is not kept: hundreds of them would stay in memory longer than they are used. */
interface QuietFile {
  file: TrackedFile;
  dev: string;
  ino: string;
}

/** A file that needs nothing more is remembered by its key alone. */
function condense(file: TrackedFile): void {
  const { dir, name } = file;
  if (file.phase !== 'reported' || sidecarOf(file) !== undefined || dir.files.get(name) !== file) return;
  dir.files.set(name, file.settling.key);
}

/** The result, or undefined if the mount does not answer: the next scan reports that for the whole folder. */
async function ifAnswered<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isShrinkError(error, 'unavailable')) return undefined;
    throw error;
  }
}

/** Up to CHUNK files, starting at `from`, that are on one file system. */
function chunkOnOneFs(files: readonly TrackedFile[], from: number): TrackedFile[] {
  const fs = files[from]?.dir.fs;
  let to = from;
  while (to < files.length && to < from + CHUNK && files[to]?.dir.fs === fs) to += 1;
  return files.slice(from, to);
}

function nextOfSidecar(before: Settling | undefined, found: LstatResult, tick: SampleTick): Settling | undefined {
  if (!found || found instanceof Error) return undefined;
  return before ? nextSample(before, sampleOf(found), tick) : firstSample(sampleOf(found), tick);
}
