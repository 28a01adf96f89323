import { isShrinkError } from '../core/errors.ts';
import {
  type InboxContext,
  type Directory,
  type PendingFile,
  pathOf,
  reportKey,
  settleMsOf,
  type Tracked,
} from './tracked-file.ts';
import { reportFile, whyPending } from './report.ts';
import type { Looked } from './guarded-fs.ts';
import { type Inspection, inspect } from './inspect.ts';
import { sidecarNameOf } from './ignored-names.ts';
import {
  alreadyQuiet,
  DOUBT_FACTOR,
  firstSample,
  isQuiet,
  lateWriterMs,
  nextSample,
  type SampleTick,
  resumedSample,
  restartWindow,
  withoutLost,
  type Settling,
  samplePeriodMs,
} from './stability.ts';
import { type FileStat, pinKey, sampleOf } from './file-id.ts';
import type { Writer } from './open-files.ts';

/** Files per lstat batch. */
const CHUNK = 64;
/** Files judged in one go: what lstat said of each is kept until then. */
const JUDGED_AT_ONCE = 1_024;
/** More files than this are not remembered as ones whose writer may come back. */
const REMEMBERED = 1_000;
/** Words beside a file are short and written in one go. */
const WORDS_QUIET_MS = 1_000;
const RETRY_WALK_MS = 10 * 60_000;

/** The files of one inbox that are being waited for: sampled until quiet, then judged, then reported. */
export class Pending {
  private readonly context: InboxContext;
  private readonly lookAgain: (dir: Directory, name: string) => void;
  private readonly files = new Set<Tracked>();
  /** How many of them lie on a local disk: they are sampled more often. */
  private locals = 0;
  /** Reported as not to be had as they are; tried again at every rescan. */
  private readonly refused = new Set<Tracked>();
  /** Reported a moment ago, oldest first: their writers may come back. */
  private lately: Tracked[] = [];
  private roundNo = 0;
  private lastRoundAt = 0;
  private lastRoundMs = 0;

  /** `lookAgain` is told of names that are not what they were: something else may be there now. */
  constructor(context: InboxContext, lookAgain: (dir: Directory, name: string) => void) {
    this.context = context;
    this.lookAgain = lookAgain;
  }

  get size(): number {
    return this.files.size;
  }

  /** Further files found by a scan have to wait for their turn. Those that a veto holds are in nobody's way. */
  get isFull(): boolean {
    return this.files.size >= this.context.maxWaiting && !this.onlyHeld;
  }

  /** Files that had to wait may come: never while it is full. */
  get hasRoom(): boolean {
    return this.files.size < this.context.maxWaiting / 2 || this.onlyHeld;
  }

  /** Nothing is waited for but what a veto holds. */
  get onlyHeld(): boolean {
    for (const file of this.files) if (!file.hold) return false;
    return true;
  }

  /** Monotonic ms of the next round, or Infinity. Sampling very many files never takes more than a fifth of the time. */
  get dueAt(): number {
    return this.lastRoundAt + Math.max(this.periodMs, 4 * this.lastRoundMs);
  }

  /** Ms between samples; Infinity while nothing is pending. */
  get periodMs(): number {
    if (this.files.size === 0) return Number.POSITIVE_INFINITY;
    return samplePeriodMs(settleMsOf(this.context, this.locals === 0), this.locals === 0);
  }

  /** A file seen for the first time, or again after it was forgotten. */
  add(dir: Directory, name: string, stat: FileStat): void {
    this.wait(dir, name, firstSample(sampleOf(stat), this.now()), undefined);
  }

  /** A file that was reported and is not the same any more. */
  changed(file: number | Tracked, dir: Directory, name: string, stat: FileStat): void {
    if (typeof file === 'number') return this.add(dir, name, stat);
    const settling = resumedSample(
      file.settling,
      sampleOf(stat),
      this.now(),
      settleMsOf(this.context, dir.kind.polled),
    );
    this.wait(dir, name, settling, file.reported);
  }

  /** The words beside a file came, changed or went: the file itself need not be waited for again. */
  review(file: number | Tracked, dir: Directory, name: string, hadWords: boolean): void {
    if (typeof file === 'number') {
      // A bare number without words was reported without words, or the queue knew it so.
      const reported = hadWords ? undefined : reportKey(file, undefined);
      return this.wait(dir, name, alreadyQuiet(file, this.now()), reported);
    }
    if (file.phase === 'pending') return;
    const { key, longestGapMs } = file.settling;
    this.wait(dir, name, alreadyQuiet(key, this.now(), longestGapMs), file.reported);
  }

  drop(file: Tracked): void {
    this.noLongerWait(file);
    this.refused.delete(file);
  }

  /** Nobody looked for a while: every window starts again. */
  restart(): void {
    const tick = this.now();
    for (const file of this.files) file.settling = restartWindow(file.settling, tick);
  }

  /** The machine was too busy for anybody to look: that time counts for nothing. */
  lose(lostMs: number): void {
    const { at } = this.now();
    for (const file of this.files) file.settling = withoutLost(file.settling, Math.floor(lostMs), at);
  }

  /** Looks at every file once; judges and reports those that are quiet. Files on a mount that hangs start over. */
  async sample(isStopped: () => boolean): Promise<void> {
    this.roundNo += 1;
    let spentMs = 0;
    let quiet: Quiet[] = [];
    const files = [...this.files];
    for (let i = 0; i < files.length && !isStopped(); ) {
      const chunk = sameDisk(files, i);
      i += chunk.length;
      const tick = this.now();
      for (const each of await this.sampleChunk(chunk, tick)) quiet.push(each);
      spentMs += this.context.clock.monotonic() - tick.at;
      if (quiet.length < JUDGED_AT_ONCE) continue;
      await this.judgeAll(quiet, isStopped);
      quiet = [];
    }
    await this.judgeAll(quiet, isStopped);
    this.lastRoundAt = this.context.clock.monotonic();
    this.lastRoundMs = spentMs;
  }

  /** At a rescan: refused files that can be read or are whole by now are waited for again; old memories are dropped. */
  async recheck(): Promise<void> {
    const { at } = this.now();
    this.forgetLateWriters(at);
    for (const file of [...this.refused]) {
      const { dir, name } = file;
      const looked = await ifAnswered(() => dir.disk.lstat([pathOf(dir, name)]));
      if (!looked) continue;
      const [stat] = looked;
      if (!stat || stat instanceof Error) this.gone(file);
      else if (pinKey(stat) !== file.settling.key) this.changed(file, dir, name, stat);
      else if (!file.hold || at >= file.hold.nextCheckAt) await this.retry(file);
    }
  }

  private async retry(file: Tracked): Promise<void> {
    const said = await ifAnswered(() => inspect(file.dir, file.name, file.settling.key));
    if (said?.kind === 'complete' || said?.kind === 'doubt') {
      this.wait(file.dir, file.name, restartWindow(file.settling, this.now()), file.reported);
    } else if (file.hold) {
      // Neither size nor time of it changed: rarely anything else has.
      file.hold.nextCheckAt = this.context.clock.monotonic() + RETRY_WALK_MS;
    }
  }

  list(): PendingFile[] {
    return [...this.files].map(file => this.view(file));
  }

  /** Those a veto holds first; at most `most`, as there may be 20,000. */
  first(most: number): PendingFile[] {
    const held: Tracked[] = [];
    const others: Tracked[] = [];
    for (const file of this.files) {
      if (held.length === most) break;
      if (file.hold) held.push(file);
      else if (others.length < most) others.push(file);
    }
    return [...held, ...others].slice(0, most).map(file => this.view(file));
  }

  private view(file: Tracked): PendingFile {
    return {
      path: pathOf(file.dir, file.name),
      inbox: this.context.inbox,
      why: whyPending(this.context, file),
      sinceMs: this.context.clock.monotonic() - file.since,
      held: file.hold !== undefined,
    };
  }

  /** In whole milliseconds: V8 keeps small integers in place, and every fraction in a box of its own. */
  private now(): SampleTick {
    return { no: this.roundNo, at: Math.floor(this.context.clock.monotonic()) };
  }

  private wait(dir: Directory, name: string, settling: Settling, reported: Tracked['reported']): void {
    const before = dir.files.get(name);
    if (before !== undefined && typeof before !== 'number') this.drop(before);
    const { at } = this.now();
    if (this.files.size === 0) this.lastRoundAt = at;
    const file: Tracked = {
      dir,
      name,
      polled: dir.kind.polled,
      phase: 'pending',
      settling,
      words: undefined,
      doubt: undefined,
      hold: undefined,
      reported,
      since: at,
    };
    dir.files.set(name, file);
    this.files.add(file);
    if (!file.polled) this.locals += 1;
  }

  private noLongerWait(file: Tracked): void {
    if (this.files.delete(file) && !file.polled) this.locals -= 1;
  }

  private async sampleChunk(chunk: Tracked[], tick: SampleTick): Promise<Quiet[]> {
    const paths = chunk.flatMap(file => {
      const path = pathOf(file.dir, file.name);
      return file.dir.sidecars.has(file.name) ? [path, sidecarNameOf(path)] : [path];
    });
    const withWords = chunk.map(file => file.dir.sidecars.has(file.name));
    const looked = await ifAnswered(async () => chunk[0]?.dir.disk.lstat(paths));
    if (!looked) {
      for (const file of chunk) file.settling = restartWindow(file.settling, tick);
      return [];
    }
    const quiet: Quiet[] = [];
    let next = 0;
    for (const [i, file] of chunk.entries()) {
      const stat = looked[next++];
      const words = withWords[i] ? looked[next++] : undefined;
      if (!this.files.has(file)) continue;
      if (!stat || stat instanceof Error || !stat.isFile()) this.gone(file);
      else if (this.observe(file, stat, words, tick))
        quiet.push({ file, dev: String(stat.dev), ino: String(stat.ino) });
    }
    return quiet;
  }

  /** Whether the file is ready to be judged. */
  private observe(file: Tracked, stat: FileStat, words: Looked, tick: SampleTick): boolean {
    const before = file.settling;
    file.settling = nextSample(before, sampleOf(stat), tick);
    if (file.settling !== before) {
      file.hold = undefined;
      file.doubt = undefined;
    }
    file.words = nextWords(file.words, words, tick);
    const settleMs = settleMsOf(this.context, file.polled);
    if (file.hold && tick.at < file.hold.nextCheckAt) return false;
    if (!isQuiet(file.settling, tick, settleMs, file.doubt ? DOUBT_FACTOR : 1)) return false;
    return !file.words || tick.at - file.words.changedAt >= Math.min(settleMs, WORDS_QUIET_MS);
  }

  private gone(file: Tracked): void {
    this.drop(file);
    if (file.dir.files.get(file.name) === file) file.dir.files.delete(file.name);
    this.lookAgain(file.dir, file.name);
  }

  private async judgeAll(quiet: Quiet[], isStopped: () => boolean): Promise<void> {
    if (quiet.length === 0) return;
    const writers = this.context.writers(
      quiet.map(({ file, dev, ino }) => ({ path: pathOf(file.dir, file.name), dev, ino })),
    );
    for (const { file, dev, ino } of quiet) {
      if (isStopped()) return;
      const writer = writers.get(`${dev}:${ino}`);
      await ifAnswered(() => this.judgeOne(file, writer));
      if (file.phase !== 'pending') this.settledAs(file);
    }
  }

  private async judgeOne(file: Tracked, writer: Writer | undefined): Promise<void> {
    const said: Inspection = writer
      ? { kind: 'writing', why: `${writer.command} (pid ${writer.pid}) has it open for writing` }
      : await inspect(file.dir, file.name, file.settling.key);
    await reportFile(this.context, file, said, this.now());
  }

  private settledAs(file: Tracked): void {
    this.noLongerWait(file);
    if (file.phase === 'refused') this.refused.add(file);
    else if (this.lately.length < REMEMBERED) this.lately.push(file);
    else this.condense(file);
  }

  private forgetLateWriters(at: number): void {
    const isLate = ({ settling, polled }: Tracked) =>
      at - settling.changedAt <= lateWriterMs(settleMsOf(this.context, polled));
    const keep = this.lately.findIndex(isLate);
    const gone = keep < 0 ? this.lately.length : keep;
    for (const file of this.lately.splice(0, gone)) this.condense(file);
  }

  /** A file that needs nothing more is remembered by its key alone. */
  private condense(file: Tracked): void {
    const { dir, name, phase, settling } = file;
    if (phase !== 'reported' || dir.sidecars.has(name) || dir.files.get(name) !== file) return;
    dir.files.set(name, settling.key);
  }
}

/** A file ready to be judged. The stat itself is not kept: hundreds of them would outlive their usefulness in memory. */
interface Quiet {
  file: Tracked;
  dev: string;
  ino: string;
}

/** The result, or undefined where the mount does not answer: the next scan says so of the whole folder. */
async function ifAnswered<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isShrinkError(error, 'unavailable')) return undefined;
    throw error;
  }
}

/** Up to CHUNK files from `from` on that are asked of one disk. */
function sameDisk(files: readonly Tracked[], from: number): Tracked[] {
  const disk = files[from]?.dir.disk;
  let to = from;
  while (to < files.length && to < from + CHUNK && files[to]?.dir.disk === disk) to += 1;
  return files.slice(from, to);
}

function nextWords(before: Settling | undefined, looked: Looked, tick: SampleTick): Settling | undefined {
  if (!looked || looked instanceof Error) return undefined;
  return before ? nextSample(before, sampleOf(looked), tick) : firstSample(sampleOf(looked), tick);
}
