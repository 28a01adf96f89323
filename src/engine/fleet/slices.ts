/** What workers read: pieces of the source, cut without decoding and kept while somebody may need them, or the whole source. */
import { isShrinkError } from '../../core/errors.ts';
import type { Slice } from '../../fleet/part.ts';
import { taskOf } from '../../fleet/protocol.ts';
import { mayCut, maySlice, sliceArgs, sliceMarginS } from '../../fleet/rules.ts';
import { untrustedInput } from '../../media/ffmpeg/args.ts';
import { say } from '../../messages/say.ts';
import { KeyedMutex } from '../../platform/async.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import { nodeFiles, reading, sha256Of, sha256OfOpen, throughDescriptor } from '../../platform/files/files.ts';
import type { ChildArg } from '../../platform/process/run-child.ts';
import type { FilmJob, Part } from '../local/hands.ts';
import { OUTPUT, SEARCHED } from '../local/run/step-args.ts';

export interface SliceBookOptions {
  maxBytes: number;
  /** How many parts can be made at once. */
  slots(): number;
  /** Whether somebody has the part, and may fetch its piece. */
  isHeld(part: string): boolean;
  clock: Clock;
}

interface HeldSlice {
  bytes: number;
  drop(): void;
}

/** How often it is looked whether a part is nobody's any more: leases end without a word. */
const LOOK_MS = 1_000;

/**
 * How much all slices together may take, of all films. A slice stays for the second pass as long as there is room; that of a part
 * nobody has gives way, and is cut again should another worker need it. Without that, films of many parts would wait for ever: all
 * their first passes come before the second.
 */
export class SliceBook {
  readonly #options: SliceBookOptions;
  readonly #held = new Map<string, HeldSlice>();
  #waiting: (() => void)[] = [];

  constructor(options: SliceBookOptions) {
    this.#options = options;
  }

  /** Waits until there is room for another; one may always be cut. @throws the signal's reason */
  async reserve(part: string, slice: HeldSlice, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#held.has(part) || this.#hasRoom(slice.bytes) || this.#makeRoom(slice.bytes)) break;
      await this.#change(signal);
    }
    this.#held.set(part, slice);
  }

  release(part: string): void {
    if (!this.#held.delete(part)) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  #hasRoom(next: number): boolean {
    const bytes = [...this.#held.values()].reduce((total, one) => total + one.bytes, 0);
    const { maxBytes, slots } = this.#options;
    const isFree = mayCut({ count: this.#held.size, bytes }, { slots: slots(), maxBytes }, next);
    return isFree || this.#held.size === 0;
  }

  /** The oldest first. */
  #makeRoom(next: number): boolean {
    for (const [part, slice] of this.#held) {
      if (this.#options.isHeld(part)) continue;
      this.#held.delete(part);
      slice.drop();
      if (this.#hasRoom(next)) return true;
    }
    return false;
  }

  async #change(signal: AbortSignal): Promise<void> {
    const released = new Promise<void>(resolve => this.#waiting.push(resolve));
    const ended = new AbortController();
    const later = sleep(this.#options.clock, LOOK_MS, AbortSignal.any([signal, ended.signal])).catch(() => {});
    await Promise.race([released, later]);
    ended.abort();
  }
}

export class FilmSource {
  readonly #job: FilmJob;
  readonly #book: SliceBook;
  readonly #cut = new Map<number, Omit<Slice, 'path'> & { path: string | undefined }>();
  readonly #turns = new KeyedMutex();
  readonly #maySlice: boolean;
  #whole: Promise<Slice> | undefined;
  /** ffmpeg could not put it into a Matroska file. */
  #cannotSlice = false;

  constructor(job: FilmJob, book: SliceBook) {
    this.#job = job;
    this.#book = book;
    this.#maySlice = maySlice(job.facts);
    const { signal } = job.context;
    signal.addEventListener('abort', () => this.#releaseAll(), { once: true });
  }

  /** What a worker keeps it as: a piece is good for one part, the whole for all of them. */
  nameFor(part: Part): string {
    return this.isSliced(part) ? `part-${part.index}` : 'all';
  }

  /** About how many bytes a worker fetches. */
  estimate(part: Part): number {
    const { sourceBytes } = this.#job.order;
    if (!this.isSliced(part)) return sourceBytes;
    const marginS = sliceMarginS(SEARCHED.test(part.facts.container));
    const share = (part.segment.durationS + marginS) / Math.max(1, this.#job.facts.durationS);
    return Math.ceil(sourceBytes * Math.min(1, share));
  }

  /** @param known the hash of what the worker has; if it is the same, nothing has to be cut again */
  async slice(part: Part, known: string | undefined): Promise<Slice> {
    if (!this.isSliced(part)) return await this.#all();
    return await this.#turns.run(String(part.index), async () => {
      const before = this.#cut.get(part.index);
      if (before && before.sha256 === known) return { ...before, path: '' };
      if (before?.path !== undefined) return { ...before, path: before.path };
      return await this.#cutOut(part);
    });
  }

  /** The piece had other frames than the source. */
  giveWhole(): void {
    this.#cannotSlice = true;
  }

  /** The part is made: its piece may go. */
  done({ index }: Part): void {
    this.#drop(index);
    this.#book.release(this.#nameOf(index));
  }

  /** What it was is remembered: a worker that has it needs no other. */
  #drop(index: number): void {
    const before = this.#cut.get(index);
    if (before?.path === undefined) return;
    this.#cut.set(index, { ...before, path: undefined });
    void this.#job.remove(sliceFile(index)).catch(() => {});
  }

  isSliced({ of, segment }: Part): boolean {
    return this.#maySlice && !this.#cannotSlice && of > 1 && !segment.isReadFromStart;
  }

  async #cutOut(part: Part): Promise<Slice> {
    const job = this.#job;
    const { index, segment, facts } = part;
    const held = { bytes: this.estimate(part), drop: () => this.#drop(index) };
    await this.#book.reserve(this.#nameOf(index), held, job.context.signal);
    const { fromS, toS } = segment;
    const isSearched = SEARCHED.test(facts.container);
    const where = { fromS, toS, startS: facts.startS, track: facts.video.index, isSearched };
    const file = sliceFile(index);
    try {
      await job.ffmpeg({
        doing: say('fleet.cutting-slice'),
        args: sliceArgs<ChildArg>(untrustedInput(job.input), where, OUTPUT),
        output: file,
      });
    } catch (error) {
      this.#book.release(this.#nameOf(index));
      if (!isShrinkError(error, 'child-failed', 'incomplete-media')) throw error;
      // Some codecs have no place in Matroska: the worker gets all of it.
      job.context.log.info({ err: error }, 'the source cannot be cut into pieces for workers; they get all of it');
      this.#cannotSlice = true;
      return await this.#all();
    }
    const path = job.path(file);
    const made = { path, bytes: (await job.bytesOf(file)) ?? 0, sha256: await sha256Of(path, nodeFiles) };
    this.#cut.set(index, made);
    return made;
  }

  async #all(): Promise<Slice> {
    this.#whole ??= this.#lookAtAll();
    try {
      return await this.#whole;
    } catch (error) {
      this.#whole = undefined;
      throw error;
    }
  }

  async #lookAtAll(): Promise<Slice> {
    const { input, context } = this.#job;
    const { size, sha256 } = await reading(input, async file => ({
      size: Number((await file.stat()).size),
      sha256: await sha256OfOpen(file, context.signal),
    }));
    return { path: throughDescriptor(input.fd) ?? input.path, bytes: size, sha256 };
  }

  #releaseAll(): void {
    for (const index of this.#cut.keys()) this.#book.release(this.#nameOf(index));
  }

  #nameOf(index: number): string {
    return taskOf(this.#job.order.job, index);
  }
}

const sliceFile = (index: number): string => `slice${index}.mkv`;
