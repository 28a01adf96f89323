/**
 * Room: the hands of other machines for the local engine. Everything but the encoding of parts happens here as it always does, and the
 * checkpoints are the same: where the fleet is away, this machine goes on from them.
 */
import { rename } from 'node:fs/promises';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Json } from '../../core/job.ts';
import type { Coordinator } from '../../fleet/coordinator.ts';
import { NotByFleet, type PartSpec, type Uploaded } from '../../fleet/part.ts';
import { logBytes, needsBytes } from '../../fleet/rules.ts';
import { dropUploads } from '../../fleet/transfer.ts';
import { mediaBytes } from '../../media/mp4-boxes.ts';
import { probe } from '../../media/probe/probe.ts';
import { say } from '../../messages/say.ts';
import { Semaphore } from '../../platform/async.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { nodeFiles, ownFile, unlinkQuietly } from '../../platform/files/files.ts';
import { checked, type Checkpoint, Checkpoints, isObjectOf, isText } from '../checkpoints.ts';
import {
  type Ask,
  type FilmJob,
  type Hands,
  type HandsFactory,
  type Measured,
  type Part,
  partFile,
  type PartMade,
  type Watch,
} from '../local/hands.ts';
import { expectedFrames } from '../local/encode/cut-check.ts';
import { LocalHands } from '../local/encode/local-hands.ts';
import { CODEC_NAMES } from '../local/plan/presets.ts';
import { type Made, nameOf, type PartOrder, readMade, type Work, writeOrder } from './order.ts';
import { isMeasured } from '../local/run/checkpoints.ts';
import { FilmSource, SliceBook } from './slices.ts';

export interface FleetHandsOptions {
  coordinator: Coordinator;
  slices: SliceBook;
}

export function createSliceBook(options: ConstructorParameters<typeof SliceBook>[0]): SliceBook {
  return new SliceBook(options);
}

/** A film is cut for at least so many workers, also while nobody is there. */
const MIN_AT_ONCE = 2;

export function fleetHands(options: FleetHandsOptions): HandsFactory {
  const slots = () => options.coordinator.slots();
  // One part of all films at a time: what no worker makes must not all fall upon this machine at once.
  const here = new Semaphore(1);
  return {
    atOnce: () => Math.max(MIN_AT_ONCE, slots()),
    for: job => new FleetHands(options, here, job),
  };
}

/** Why a result may not have been looked at although nothing is wrong with it. */
const OF_THIS_MACHINE = [
  'no-space',
  'denied',
  'unavailable',
  'io',
  'tool-missing',
  'child-killed',
  'out-of-memory',
] as const;

/** The first pass of a part: who made it, and has what it left for the second. */
interface MeasuredBy {
  /** Names what was asked for; empty if it was made along with a second pass. */
  want: string;
  worker: string;
  made: Measured;
}

class FleetHands implements Hands {
  readonly #options: FleetHandsOptions;
  readonly #here: Semaphore;
  readonly #job: FilmJob;
  readonly #own: Hands;
  readonly #source: FilmSource;
  readonly #checkpoints: Checkpoints;
  #pin: string | undefined;

  constructor(options: FleetHandsOptions, here: Semaphore, job: FilmJob) {
    this.#options = options;
    this.#here = here;
    this.#job = job;
    // For what no worker makes.
    this.#own = new LocalHands({ space: job, input: job.input, width: 1, threads: job.threads });
    this.#source = new FilmSource(job, options.slices);
    this.#checkpoints = Checkpoints.of(job.context).scoped('fleet/');
    this.#pin = this.#pinned.get();
  }

  width(): number {
    return Math.max(1, this.#options.coordinator.slots());
  }

  async measure(part: Part, crf: number, watch: Watch): Promise<Measured> {
    const work: Work = { kind: 'measure', crf };
    const before = this.#measured(part.index).get();
    const want = nameOf(this.#orderFor(part, work));
    // Delivered before a restart, and not yet recorded by whoever asked.
    if (before?.want === want) return { ...before.made, logs: [] };
    const made = await this.#byFleet(part, work, watch);
    if (!made) return await this.#here.run(() => this.#own.measure(part, crf, watch), watch.signal);
    const measured = made.made as Measured;
    if (this.#source.isSliced(part) && measured.frames !== expectedFrames(part)) {
      // The piece may lack what the part begins or ends with; whether the film itself can be cut is for the engine to find out.
      this.#source.giveWhole();
      return await this.measure(part, crf, watch);
    }
    await this.#measured(part.index).set({ want, worker: made.worker, made: measured });
    return { ...measured, logs: [] };
  }

  async encode(part: Part, ask: Ask, watch: Watch): Promise<PartMade | undefined> {
    const made = await this.#byFleet(part, { kind: 'encode', ask: this.#withLogs(part, ask) }, watch);
    this.#source.done(part);
    if (!made) return await this.#here.run(() => this.#own.encode(part, ask, watch), watch.signal);
    if (made.made === null) return undefined;
    const { first, ...encoded } = made.made as PartMade;
    if (!first) return encoded;
    await this.#measured(part.index).set({ want: '', worker: made.worker, made: first });
    return { ...encoded, first: { ...first, logs: [] } };
  }

  /** `undefined` where this machine is to do it. */
  async #byFleet(part: Part, work: Work, watch: Watch): Promise<{ worker: string; made: Made } | undefined> {
    let kept: Made | undefined;
    const spec = this.#specOf(part, work, watch, made => {
      kept = made;
    });
    try {
      const { worker } = await this.#options.coordinator.make(spec, watch.signal);
      return { worker, made: kept as Made };
    } catch (error) {
      if (!(error instanceof NotByFleet)) throw error;
      const { log } = this.#job.context;
      log.info({ part: part.index, why: error.why }, 'no worker makes this part; this machine does');
      return undefined;
    }
  }

  #specOf(part: Part, work: Work, watch: Watch, keep: (made: Made) => void): PartSpec {
    const job = this.#job;
    const { context, order } = job;
    const { index, of, codec, segment } = part;
    const film = order.job;
    const written = this.#orderFor(part, work);
    const needs = written.needsBytes;
    const uploadTo = job.path(`upload-${index}`);
    return {
      ...{ job: film, part: index, of, want: nameOf(written), codec, fingerprint: this.#pin, needsBytes: needs },
      ...{ frames: segment.frames, order: written, uploadTo },
      work: work.kind === 'measure' ? work.kind : work.ask.kind,
      preferred: work.kind === 'encode' ? this.#measured(index).get()?.worker : undefined,
      maxBytes: order.sourceBytes * 1.5 + 256_000_000,
      mayGiveUp: order.fallback === 'local',
      slice: known => this.#source.slice(part, known),
      inspect: async (made, uploaded) => {
        try {
          return await this.#inspect(part, work, { made, uploaded, keep });
        } catch (error) {
          await unlinkQuietly(uploaded.path, nodeFiles);
          throw error;
        }
      },
      pin: async fingerprint => {
        this.#pin = fingerprint;
        await this.#pinned.set(fingerprint);
      },
      checkSource: async () => await context.checkSource?.(),
      dropUploads: which => dropUploads(uploadTo, which),
      isPaused: () => context.gate.closed,
      onBeat: ({ fraction, fps }) => watch.progress(fraction, fps / Math.max(1, part.facts.video.fps)),
    };
  }

  #orderFor(part: Part, work: Work): PartOrder {
    const { order, threads } = this.#job;
    const { codec, picture, segment } = part;
    return writeOrder(part, work, {
      film: order.job,
      source: this.#source.nameFor(part),
      oneThread: threads === 1,
      needsBytes: needsBytes(this.#source.estimate(part), logBytes(codec, picture, segment.frames)),
    });
  }

  /** The whole of what can be told of a part by itself; the film is checked by verify, as always. */
  async #inspect(
    part: Part,
    work: Work,
    { made: written, uploaded, keep }: { made: unknown; uploaded: Uploaded; keep: (made: Made) => void },
  ): Promise<() => Promise<void>> {
    const made = readMade(work, written);
    if (made === undefined) throw wrong(say('fleet.result-unreadable'));
    const isFile = work.kind === 'encode' && made !== null;
    if (!isFile) {
      if (uploaded.bytes > 0) throw wrong(say('fleet.result-size', { bytes: uploaded.bytes, expected: 0 }));
      return async () => keep(made);
    }
    if (uploaded.bytes !== made.fileBytes)
      throw wrong(say('fleet.result-size', { bytes: uploaded.bytes, expected: made.fileBytes }));
    await this.#look(part, made, uploaded.path);
    return async () => {
      const path = this.#job.path(partFile(part));
      await rename(uploaded.path, path).catch((error: unknown) => {
        throw fileError(error, say('local.renaming', { path }), path);
      });
      keep(made);
    };
  }

  async #look(part: Part, made: PartMade, path: string): Promise<void> {
    const { tools, context } = this.#job;
    const { signal } = context;
    const file = ownFile(path);
    const { video } = await probe(file, { tools, signal, oneShape: true }).catch((error: unknown) => {
      signal.throwIfAborted();
      if (isShrinkError(error, ...OF_THIS_MACHINE)) throw error;
      throw wrong(say('fleet.result-no-video', { why: error instanceof Error ? error.message : String(error) }));
    });
    const { width, height } = part.picture;
    const seen = `${video.codec} ${video.width}x${video.height}, ${video.frames}`;
    const expected = `${CODEC_NAMES[part.codec]} ${width}x${height}, ${made.frames}`;
    if (seen !== expected) throw wrong(say('fleet.result-other', { seen, expected }));
    const bytes = await mediaBytes(file);
    if (bytes !== made.bytes) throw wrong(say('fleet.result-size', { bytes, expected: made.bytes }));
  }

  /** What the worker that measured it compares with what it has; any other makes the first pass again. */
  #withLogs(part: Part, ask: Ask): Ask {
    const before = this.#measured(part.index).get();
    if (ask.kind !== 'bytes' || !before) return ask;
    return { ...ask, first: { ...ask.first, logs: before.made.logs } };
  }

  #measured(index: number): Checkpoint<MeasuredBy> {
    const isMeasuredBy = isObjectOf<MeasuredBy>({ want: isText, worker: isText, made: isMeasured });
    return this.#checkpoints.at(`measured/${index}`, checked(isMeasuredBy));
  }

  get #pinned() {
    return this.#checkpoints.at('fingerprint', (value: Json) => (typeof value === 'string' ? value : undefined));
  }
}

function wrong(why: ReturnType<typeof say>): ShrinkError {
  return new ShrinkError('bad-answer', why);
}
