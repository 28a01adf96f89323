import { type Item, KINDS } from '../../../core/inventory.ts';
import type { Order } from '../../../core/job.ts';
import type { AudioTrack, Cut, MediaFacts, SubtitleTrack, VideoTrack, Window } from '../../../core/media-info.ts';
import type { Sentence } from '../../../core/message.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import {
  checked,
  type Checkpoint,
  Checkpoints,
  type Guard,
  isFlag,
  isListOf,
  isNullable,
  isNumber,
  isObjectOf,
  isOneOf,
  isOptional,
  isText,
  isTexts,
} from '../../checkpoints.ts';
import type { EngineContext } from '../../engine.ts';
import type { FirstPass } from '../encode/first-pass.ts';
import type { EncodeRound, Try } from '../encode/rate-control.ts';
import type { DroppedTrack, SoundPlan, SoundTrack } from '../plan/audio.ts';
import type { SampledRate } from '../plan/scale.ts';
import type { Choice, CopiedSound, CopyChoice, EncodeChoice } from '../plan/strategy.ts';
import type { SvtQuality } from '../plan/crf.ts';

/** A finished, muxed file in the work directory. */
export interface Muxed {
  file: string;
  bytes: number;
  frames: number;
  /** What the decoder reported about the source. */
  complaints: number;
}

/** One encoded segment of the picture. */
export interface EncodedSegment {
  /** Of the picture, without any container. */
  bytes: number;
  /** Size of its file, by which it is recognised after a restart. That of a first pass no longer exists by then. */
  fileBytes: number;
  frames: number;
  complaints: number;
}

/** The first pass of a segment. */
export interface MeasuredSegment extends EncodedSegment {
  crf: number;
  /** Sizes of the files it left for the second pass. */
  logs: (number | null)[];
  /** How long x264 believes it is, seconds; absent if unknown. */
  encoderS?: number;
}

/** The first pass is made again at `crf`, because of what it took before. */
export interface FirstPasses {
  crf: number;
  before: FirstPass[];
}

/** The latest encode of a segment, and the outcome of all its attempts. */
export interface RefinedSegment extends EncodedSegment {
  tries: (Try & { quality?: SvtQuality })[];
}

export interface JoinedRound extends EncodeRound {
  output?: Muxed;
}

/** Sound and subtitles, encoded. */
export interface SoundResult {
  /** The plan, to tell whether it is still the same. */
  plan: string;
  /** The outcome. */
  sound: SoundPlan;
  /** 0 if there is no file. */
  bytes: number;
}

/** What a copy turned out to be. */
export type CheckedCopy = { fine: true; frames: number; durationS: number } | { fine: false; why: Sentence };

/** How alike source and result are, frame by frame, as structural similarity: 1 means identical. */
export interface Ssim {
  frames: number;
  mean: number;
  /** Mean of the worst twentieth of the frames. */
  worst: number;
}

const VERSION = 5;

/** Everything a local job records, each checkpoint named once. Valid for one source, target and ffmpeg; others don't see it. */
export class LocalCheckpoints {
  readonly #checkpoints: Checkpoints;
  readonly #stamp: string;
  readonly facts: Checkpoint<MediaFacts>;
  readonly choice: Checkpoint<Choice>;
  readonly sample: Checkpoint<SampledRate>;
  /** Bytes of the copy whose timestamps were fixed. */
  readonly fixedTimestamps: Checkpoint<number>;
  /** This source cannot be cut into segments. */
  readonly whole: Checkpoint<boolean>;
  readonly sound: Checkpoint<SoundResult>;
  /** Bytes of the copied file. */
  readonly copy: Checkpoint<number>;
  readonly checkedCopy: Checkpoint<CheckedCopy>;
  /** The quality tried after one that was visibly different from the source. */
  readonly betterCrf: Checkpoint<number>;
  /** Of the result at a quality; `ssim` is absent if it could not be measured. */
  readonly comparison: Checkpoint<{ crf: number; ssim?: Ssim }>;
  /** One pass at the quality ceiling turned out too large. */
  readonly ceilingMissed: Checkpoint<boolean>;
  /** How many parts the film was cut to be worked on at once; absent if one after another. */
  readonly atOnce: Checkpoint<number>;
  /** The hardware encoder it is made with; `gaveUp` once the processor took over, and why. */
  readonly hardware: Checkpoint<{ encoder: string; gaveUp?: Sentence }>;
  /** Picture size whose first pass showed that it looks as it must. */
  readonly rung: Checkpoint<{ scale: number }>;
  /** Picture size decided for AV1, and the quality expected there. */
  readonly av1Rung: Checkpoint<{ scale: number; crf: number }>;

  private constructor(checkpoints: Checkpoints, stamp: string) {
    this.#stamp = stamp;
    this.#checkpoints = checkpoints;
    const own = checkpoints.scoped('', stamp);
    this.facts = own.at('facts', checked(isFacts));
    this.choice = own.at('choice', checked(isChoice));
    this.sample = own.at('sample', checked(isSample));
    this.fixedTimestamps = own.at('fixed-timestamps', checked(isNumber));
    this.whole = own.at('whole', checked(isFlag));
    this.sound = own.at('sound', checked(isSound));
    this.copy = own.at('copy', checked(isNumber));
    this.checkedCopy = own.at('checked-copy', checked(isCheckedCopy));
    this.betterCrf = own.at('better-crf', checked(isNumber));
    this.comparison = own.at('comparison', checked(isComparison));
    this.ceilingMissed = own.at('ceiling-missed', checked(isFlag));
    this.atOnce = own.at('at-once', checked(isNumber));
    this.hardware = own.at('hardware', checked(isHardware));
    this.rung = own.at('rung', checked(isRung));
    this.av1Rung = own.at('av1-rung', checked(isAv1Rung));
  }

  /** One x264's two-pass statistics mean nothing to another, and neither does a plan to another target. */
  static of(
    context: Pick<EngineContext, 'record' | 'resume'>,
    order: Pick<Order, 'sourceBytes' | 'target'>,
    tools: Pick<Tools, 'version'>,
  ): LocalCheckpoints {
    const stamp = JSON.stringify([VERSION, tools.version, order.sourceBytes, order.target]);
    return new LocalCheckpoints(Checkpoints.of(context), stamp);
  }

  /** One pass, for the picture and quality named by `key`. */
  onePass(key: string): { output: Checkpoint<Muxed>; segment(index: number): Checkpoint<EncodedSegment> } {
    const own = this.#checkpoints.scoped('one-pass/', this.#stamp + key);
    return {
      output: own.at('output', checked(isMuxed)),
      segment: index => own.at(String(index), checked(isEncoded)),
    };
  }

  /** Two passes, for the picture and size named by `key`. */
  twoPass(key: string): {
    rounds: Checkpoint<JoinedRound[]>;
    firstPasses: Checkpoint<FirstPasses>;
    measured(index: number): Checkpoint<MeasuredSegment>;
    encoded(index: number): Checkpoint<RefinedSegment>;
  } {
    const own = this.#checkpoints.scoped('', this.#stamp + key);
    return {
      rounds: own.at('rounds', checked(isListOf(isRound))),
      firstPasses: own.at('first-passes', checked(isFirstPasses)),
      measured: index => own.at(`pass-1/${index}`, checked(isMeasured)),
      encoded: index => own.at(`pass-2/${index}`, checked(isRefined)),
    };
  }
}

/** Parameters are only ever displayed. */
const isParams: Guard<NonNullable<Sentence['params']>> = (value): value is NonNullable<Sentence['params']> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSentence = isObjectOf<Sentence>({ code: isText, text: isText, params: isOptional(isParams) });

export const isVideo = isObjectOf<VideoTrack>({
  index: isNumber,
  codec: isText,
  profile: isOptional(isText),
  width: isNumber,
  height: isNumber,
  displayWidth: isNumber,
  displayHeight: isNumber,
  shapeChanges: isNumber,
  rotation: isNumber,
  sampleAspect: isNumber,
  pixelFormat: isText,
  bitDepth: isNumber,
  fps: isNumber,
  variableFrameRate: isFlag,
  frames: isNumber,
  hiddenFrames: isNumber,
  untimedFrames: isOptional(isNumber),
  lastFrameS: isNumber,
  ticksPerS: isOptional(isNumber),
  bytes: isNumber,
  interlaced: isFlag,
  unsaidFields: isOptional(isOneOf('tff', 'bff')),
  hdr: isOneOf('sdr', 'pq', 'hlg'),
  color: isObjectOf<VideoTrack['color']>({
    primaries: isOptional(isText),
    transfer: isOptional(isText),
    space: isOptional(isText),
    range: isOptional(isText),
  }),
});

const isAudio = isObjectOf<AudioTrack>({
  index: isNumber,
  codec: isText,
  isDecodable: isFlag,
  channels: isNumber,
  layout: isOptional(isText),
  sampleRate: isNumber,
  bitrate: isOptional(isNumber),
  bytes: isNumber,
  lengthS: isOptional(isNumber),
  isCut: isOptional(isFlag),
  startS: isNumber,
  language: isOptional(isText),
  title: isOptional(isText),
});

const isSubtitle = isObjectOf<SubtitleTrack>({
  index: isNumber,
  codec: isText,
  text: isFlag,
  language: isOptional(isText),
  roles: isOptional(isListOf(isText)),
});

const isItem = isObjectOf<Item>({
  kind: isOneOf(...KINDS),
  value: isText,
  track: isOptional(isNumber),
  startS: isOptional(isNumber),
  endS: isOptional(isNumber),
  what: isSentence,
});

const isDropped = isListOf(isObjectOf<DroppedTrack>({ index: isNumber, note: isSentence }));

export const isWindow = isObjectOf<Window>({
  fromS: isOptional(isNumber),
  toS: isOptional(isNumber),
  beforeS: isOptional(isNumber),
  sourceStartS: isNumber,
  sourceDurationS: isNumber,
  bytes: isNumber,
});

const isFacts = isObjectOf<MediaFacts>({
  container: isText,
  bytes: isNumber,
  durationS: isNumber,
  startS: isNumber,
  window: isOptional(isWindow),
  clockJumps: isNumber,
  runsS: isOptional(isNumber),
  video: isVideo,
  audio: isListOf(isAudio),
  subtitles: isListOf(isSubtitle),
  inventory: isListOf(isItem),
  chapters: isNumber,
  cuts: isListOf(isObjectOf<Cut>({ atS: isNumber, beforeS: isNumber, frame: isNumber, key: isFlag })),
  creationTime: isOptional(isText),
  location: isOptional(isText),
  tags: isTexts,
  tagBytes: isNumber,
});

const isCopyChoice = isObjectOf<CopyChoice>({
  kind: isOneOf('copy'),
  why: isSentence,
  capBytes: isNumber,
  sound: isListOf(
    isObjectOf<CopiedSound>({
      index: isNumber,
      how: isOneOf('copy', 'aac'),
      bitsPerSecond: isNumber,
      channels: isNumber,
      gainDb: isOptional(isNumber),
    }),
  ),
  subtitles: isListOf(isNumber),
  dropped: isDropped,
  gaveUp: isOptional(isSentence),
});

const isEncodeChoice: Guard<EncodeChoice> = isObjectOf<EncodeChoice>({
  kind: isOneOf('encode'),
  why: isSentence,
  codec: isOneOf('h264', 'h265', 'av1'),
  mode: isOneOf('size', 'quality'),
  capBytes: isNumber,
  floor: isOptional(isOneOf('any', 'decent', 'good')),
  gaveUp: isOptional(isSentence),
  otherwise: isOptional((value): value is Choice => isChoice(value)),
});

const isChoice: Guard<Choice> = (value): value is Choice => isCopyChoice(value) || isEncodeChoice(value);

const isSample = isObjectOf<SampledRate>({
  bitsPerSecond: isNumber,
  stillDetail: isOptional(isNumber),
  places: isOptional(isNumber),
  share: isOptional(isNumber),
  secondsPerFrame: isOptional(isNumber),
});

const isSound = isObjectOf<SoundResult>({
  plan: isText,
  sound: isObjectOf<SoundPlan>({
    tracks: isListOf(
      isObjectOf<SoundTrack>({
        index: isNumber,
        how: isOneOf('copy', 'aac'),
        bitsPerSecond: isNumber,
        channels: isNumber,
        sampleRate: isNumber,
        gainDb: isOptional(isNumber),
      }),
    ),
    subtitles: isListOf(isNumber),
    dropped: isDropped,
    estimateBytes: isNumber,
    damaged: isOptional(isFlag),
    spoiled: isOptional(isFlag),
  }),
  bytes: isNumber,
});

const isCheckedCopy = (value: unknown): value is CheckedCopy =>
  isObjectOf<{ fine: boolean }>({ fine: isFlag })(value) &&
  (value.fine
    ? isObjectOf<{ frames: number; durationS: number }>({ frames: isNumber, durationS: isNumber })(value)
    : isObjectOf<{ why: Sentence }>({ why: isSentence })(value));

const isComparison = isObjectOf<{ crf: number; ssim?: Ssim }>({
  crf: isNumber,
  ssim: isOptional(isObjectOf<Ssim>({ frames: isNumber, mean: isNumber, worst: isNumber })),
});

const isHardware = isObjectOf<{ encoder: string; gaveUp?: Sentence }>({
  encoder: isText,
  gaveUp: isOptional(isSentence),
});

const isRung = isObjectOf<{ scale: number }>({ scale: isNumber });
const isAv1Rung = isObjectOf<{ scale: number; crf: number }>({ scale: isNumber, crf: isNumber });

const muxed = { file: isText, bytes: isNumber, frames: isNumber, complaints: isNumber };
const isMuxed = isObjectOf<Muxed>(muxed);

const encoded = { bytes: isNumber, fileBytes: isNumber, frames: isNumber, complaints: isNumber };
export const isEncoded = isObjectOf<EncodedSegment>(encoded);

export const isMeasured = isObjectOf<MeasuredSegment>({
  ...encoded,
  crf: isNumber,
  logs: isListOf(isNullable(isNumber)),
  encoderS: isOptional(isNumber),
});

const isFirstPasses = isObjectOf<FirstPasses>({
  crf: isNumber,
  before: isListOf(isObjectOf<FirstPass>({ crf: isNumber, bytes: isNumber })),
});

const isRefined = isObjectOf<RefinedSegment>({
  ...encoded,
  tries: isListOf(
    isObjectOf<RefinedSegment['tries'][number]>({
      round: isNumber,
      askedBytes: isNumber,
      bytes: isNumber,
      quality: isOptional(isObjectOf<SvtQuality>({ crf: isNumber, whole: isOptional(isNumber) })),
    }),
  ),
});

const isRound = isObjectOf<JoinedRound>({
  from: isNumber,
  parts: isOptional(isListOf(isNumber)),
  bytes: isOptional(isNumber),
  output: isOptional(isMuxed),
});
