/**
 * Who encodes the parts of a film: this machine (encode/local-hands.ts), or others. What goes through this interface, but for the
 * signal and the reports in `Watch`, is data that survives JSON. It names no file of the machine that decides: whoever carries it out
 * has the source, or a slice of it on the source's own clock, and a work directory.
 */
import type { Order } from '../../core/job.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { InputFile } from '../../platform/files/files.ts';
import type { EngineContext } from '../engine.ts';
import type { Codec } from './plan/crf.ts';
import type { Effort } from './plan/presets.ts';
import type { Segment } from './plan/segments.ts';
import type { PicturePlan } from './plan/video.ts';
import type { EncodedSegment, MeasuredSegment } from './run/checkpoints.ts';
import type { PictureFacts } from './run/picture-args.ts';
import type { Workspace } from './run/workspace.ts';

/** Makes the hands for each job. */
export interface HandsFactory {
  /**
   * How many parts of such a picture they would work on at once. Asked once per job, before it is cut, and recorded with it: with 1
   * the parts are made one after another for as long as the job lasts, else up to `Hands.width` at once.
   */
  atOnce(what: PictureWork): number;
  /** `atOnce` as it was recorded, perhaps by other hands. */
  for(job: FilmJob, what: PictureWork, atOnce: number): Hands;
}

/** The film whose parts are encoded, and the work directory they end in. */
export interface FilmJob extends Workspace {
  readonly order: Order;
  readonly context: EngineContext;
  readonly facts: MediaFacts;
  /** The source, or its copy with fixed timestamps in the work directory. */
  readonly input: InputFile;
}

export interface PictureWork {
  facts: Pick<MediaFacts, 'video'>;
  picture: Pick<PicturePlan, 'width' | 'height'>;
  codec: Codec;
}

/**
 * Encodes parts, several at once if it can. A call is repeated after a crash of whoever asked, and may then find work that is already
 * there; its result is recorded by whoever asked. Each rejects with a ShrinkError, like the engine itself.
 */
export interface Hands {
  /** How many parts they can work on now, 1 or more; may change while a film is under way. */
  width(): number;
  /** The first pass: how many bits the part needs at uniform quality. Keeps what the second needs where `encode` finds it. */
  measure(part: Part, crf: number, watch: Watch): Promise<Measured>;
  /**
   * The part, complete and synced, as `partFile(part)` in the work directory of the film, in place of an earlier one.
   * `undefined` if it grew beyond `atMostBytes`.
   */
  encode(part: Part, ask: Ask, watch: Watch): Promise<PartMade | undefined>;
}

/** Name of an encoded part in the work directory. */
export const partFile = ({ index }: { index: number }): string => `picture${index}.mp4`;

/** A stretch of one film's picture and how it is encoded, but for how well. */
export interface Part {
  /** Its number, from 0, and how many there are. */
  index: number;
  of: number;
  /** Where it begins and ends on the source's own clock, and how many frames that is. */
  segment: Segment;
  picture: PicturePlan;
  codec: Codec;
  effort: Effort;
  facts: PictureFacts;
}

export type Ask =
  /**
   * A second pass: so many bytes of picture, without any container. `tolerance` is x264's ratetol. `first` is what `measure` said: where
   * what it kept is gone, or was made elsewhere, it is made again at the same quality.
   */
  | { kind: 'bytes'; bytes: number; tolerance: number; first: Measured }
  /** One pass of a hardware encoder, at about so many bytes. */
  | { kind: 'rate'; bytes: number; step: 'one-pass' }
  /** One pass at this quality; `whole`: see SvtQuality. `step` is what it is called. Given up once it has more than `atMostBytes`. */
  | { kind: 'quality'; crf: number; whole?: number; step: 'one-pass' | 'pass-2'; atMostBytes?: number };

/** `logs` are the sizes of the files it left in the work directory: empty if they are elsewhere. */
export type Measured = MeasuredSegment;

/** `first` if the first pass had to be made again for it. */
export type PartMade = EncodedSegment & { first?: Measured };

/** How whoever asked follows the work and ends it. */
export interface Watch {
  signal: AbortSignal;
  /** Of this call, 0 to 1, and its speed as a multiple of real time. */
  progress(fraction: number, speed?: number): void;
}
