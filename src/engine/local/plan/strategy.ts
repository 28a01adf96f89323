import type { Order } from '../../../core/job.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { type Floor, fitInto, targetBytes } from '../../../core/target.ts';
import { partOf } from '../../../core/trim.ts';
import type { Sentence } from '../../../core/message.ts';
import { cannotWrite } from '../../../media/ffmpeg/tools.ts';
import { say } from '../../../messages/say.ts';
import {
  COPIED_SOUND_TOLERANCE,
  COPY_GROWTH,
  FPS_TOLERANCE,
  MARK_ROOM,
  PART_GROWTH,
  PICTURE_IN_MP4,
  SOUND_IN_MP4,
  TRANSPARENT_AAC_PER_CHANNEL,
} from '../tuning.ts';
import { type DroppedTrack, lengthOf, usableTracks } from './audio.ts';
import { soundTables, videoTables } from './budget.ts';
import type { Codec } from './crf.ts';
import { playableChannels } from './fold-down.ts';
import { CODEC_NAMES } from './presets.ts';

/** What to do with one source, decided from its facts and the order alone. Pure; survives JSON. */
export type Choice = CopyChoice | EncodeChoice;

/** The picture goes into an MP4 untouched; so do sound and subtitles, as far as MP4 can carry them. */
export interface CopyChoice {
  kind: 'copy';
  why: Sentence;
  /** The result may have at most this many bytes. */
  capBytes: number;
  sound: CopiedSound[];
  subtitles: number[];
  dropped: DroppedTrack[];
  gaveUp?: Sentence;
}

export interface CopiedSound {
  index: number;
  how: 'copy' | 'aac';
  bitsPerSecond: number;
  channels: number;
  /** How much louder a mix of more channels becomes, dB; absent until it was measured. */
  gainDb?: number;
}

export interface EncodeChoice {
  kind: 'encode';
  why: Sentence;
  codec: Codec;
  /**
   * `size`: exactly into capBytes, unless that looks worse than the floor. `quality`: as small as it stays visually lossless, worth
   * it only below capBytes. `otherwise` says what happens if it is not; without it, the job is held.
   */
  mode: 'size' | 'quality';
  capBytes: number;
  /** How a size that somebody asked for must look. Absent: recognisable, as where the size is the source's own. */
  floor?: Floor;
  otherwise?: Choice;
  /** Why a size that was asked for was given up: a note of the result. */
  gaveUp?: Sentence;
}

/**
 * Copy or encode, and into how many bytes.
 * - A source that already has the requested shape is copied where the copy fits the requested size: lossless. It may be larger than
 *   its source by the tables of an MP4.
 * - If a size was requested: encoded into the smaller of that size and the source's own. Where that size would look worse than the
 *   target's floor and `keep-quality` is asked for, as if none was requested.
 * - If none was: encoded until visually lossless; if that saves less than `minSaving`, copied; if it cannot be copied,
 *   encoded into the source's own size, so that there is always a faithful result and it is never larger.
 * - In place of its source: only encoded, and only if that saves `minSaving`; there is no otherwise.
 * - A part is always encoded, because a copy can only begin with a keyframe. Shares and rates are those of the part.
 */
export function choose(facts: MediaFacts, order: Order): Choice {
  const { target } = order;
  // What is asked for counts for the part.
  const sourceBytes = facts.window?.bytes ?? order.sourceBytes;
  const wanted = targetBytes(target, sourceBytes, facts.durationS);
  const asked = wanted !== undefined && order.inPlace ? Math.max(1, wanted - MARK_ROOM) : wanted;
  const ofPart = sourceBytes * PART_GROWTH + COPY_GROWTH.bytes;
  const most = facts.window ? Math.min(order.sourceBytes, ofPart) : sourceBytes;
  const capBytes = Math.min(asked ?? Number.MAX_SAFE_INTEGER, facts.window ? order.sourceBytes : sourceBytes);
  const obstacles = whyNotCopied(facts, order);
  const withTables = Math.ceil(sourceBytes * (1 + COPY_GROWTH.share)) + COPY_GROWTH.bytes;
  const copy = copyOf(facts, order, Math.min(asked ?? Number.MAX_SAFE_INTEGER, withTables));
  const codec = target.codec ?? 'h264';
  const worthIt = Math.floor(sourceBytes * (1 - target.minSaving));

  if (asked !== undefined) {
    const fits = sourceBytes <= asked || predictedCopyBytes(facts, copy) <= asked;
    if (fits && obstacles.length === 0) {
      const why =
        sourceBytes <= asked
          ? say('local.already-fits', { bytes: sourceBytes, cap: asked })
          : say('local.fits-repackaged', { cap: asked });
      return { kind: 'copy', ...copy, why };
    }
    if (fits && !order.inPlace)
      return { kind: 'encode', why: say('local.fits-but', { obstacles }), codec, mode: 'size', capBytes };
    const why = say('local.must-shrink', { bytes: sourceBytes, cap: asked });
    const { floor, belowFloor, size: _, ...unbounded } = target;
    const otherwise = belowFloor === 'keep-quality' ? choose(facts, { ...order, target: unbounded }) : undefined;
    return {
      ...{ kind: 'encode', why, codec, mode: 'size', capBytes: order.inPlace ? Math.min(capBytes, worthIt) : capBytes },
      ...(floor && { floor }),
      ...(otherwise && { otherwise }),
    };
  }

  // Where the source stays if there is nothing to gain, no other way leads to a result.
  if (order.inPlace)
    return { kind: 'encode', why: say('local.lossless-look'), codec, mode: 'quality', capBytes: worthIt };
  if (obstacles.length > 0) {
    const why = say(facts.window ? 'local.part-look-too-large' : 'local.lossless-look-too-large');
    const otherwise: EncodeChoice = { kind: 'encode', why, codec, mode: 'size', capBytes: most };
    const because = say('local.lossless-look-because', { reasons: obstacles });
    return { kind: 'encode', why: because, codec, mode: 'quality', capBytes: most, otherwise };
  }
  const percent = Math.round(target.minSaving * 100);
  return {
    kind: 'encode',
    why: say('local.lossless-look'),
    codec,
    mode: 'quality',
    capBytes: worthIt,
    otherwise: { kind: 'copy', ...copy, why: say('local.saves-too-little', { percent }) },
  };
}

/** What follows when a copy turns out to be impossible: it was too large, or did not play. */
export function insteadOfCopy(copy: CopyChoice, order: Order, why: Sentence): EncodeChoice {
  const capBytes = Math.min(copy.capBytes, order.sourceBytes);
  return { kind: 'encode', why, codec: order.target.codec ?? 'h264', mode: 'size', capBytes };
}

/** Why the picture cannot stay as it is. */
function whyNotCopied(facts: MediaFacts, order: Order): Sentence[] {
  const { video } = facts;
  const { codec, fps, resolution } = order.target;
  const why: Sentence[] = [];
  if (facts.window) why.push(say('local.part-requested'));
  if (!PICTURE_IN_MP4.has(video.codec)) why.push(say('local.not-for-mp4', { codec: video.codec }));
  if (codec && CODEC_NAMES[codec] !== video.codec) why.push(say('local.codec-requested', { codec }));
  const { width, height } = fitInto({ width: video.displayWidth, height: video.displayHeight }, resolution);
  const smaller = width < video.displayWidth - 1 || height < video.displayHeight - 1;
  if (smaller) why.push(say('local.size-requested', { width, height }));
  if (fps !== undefined && video.fps > fps * FPS_TOLERANCE) why.push(say('local.fps-requested', { fps }));
  if (video.shapeChanges > 0) why.push(say('local.shape-changes'));
  if (facts.clockJumps > 0) why.push(say('local.timestamps-jump'));
  return why;
}

function copyOf(facts: MediaFacts, { target }: Order, capBytes: number): Omit<CopyChoice, 'kind' | 'why'> {
  const { heard, subtitles, dropped } = usableTracks(facts);
  const tracks = target.audio.kind === 'mute' ? [] : heard;
  const atMost = target.audio.kind === 'bitrate' ? target.audio.bitsPerSecond : Number.POSITIVE_INFINITY;
  const sound = tracks.map((track): CopiedSound => {
    const { index, codec, bitrate = 0 } = track;
    if (!track.isCut && SOUND_IN_MP4.has(codec) && bitrate <= atMost * COPIED_SOUND_TOLERANCE)
      return { index, how: 'copy', bitsPerSecond: bitrate, channels: track.channels };
    const channels = playableChannels(track);
    const transparent = TRANSPARENT_AAC_PER_CHANNEL * Math.max(1, channels);
    const bitsPerSecond = Math.min(transparent, atMost, bitrate || Number.POSITIVE_INFINITY);
    return { index, how: 'aac', bitsPerSecond, channels };
  });
  return { capBytes, sound, subtitles, dropped };
}

/** Slightly more than a copy will have: decides whether trying is worth it. */
function predictedCopyBytes({ audio, video, durationS }: MediaFacts, { sound }: Pick<CopyChoice, 'sound'>): number {
  const soundBytes = sound.reduce((sum, track) => {
    const own = audio.find(one => one.index === track.index);
    const lengthS = own ? lengthOf(own, { durationS }) : durationS;
    const media = track.how === 'copy' && own ? own.bytes : (track.bitsPerSecond * lengthS) / 8;
    return sum + media + soundTables(own?.sampleRate ?? 48_000, lengthS);
  }, 0);
  return video.bytes + soundBytes + videoTables(video.frames, durationS, video.variableFrameRate);
}

/**
 * H.264 instead of a codec this ffmpeg cannot encode: it plays everywhere. A source that already has the codec may still be copied, and
 * none gives its place to another codec than was asked for.
 */
export function withPossibleCodec(
  order: Order,
  facts: MediaFacts,
  tools: Parameters<typeof cannotWrite>[1],
): { order: Order; notes: Sentence[] } {
  const { codec, ...target } = order.target;
  if (order.inPlace || !codec || codec === 'h264' || CODEC_NAMES[codec] === facts.video.codec)
    return { order, notes: [] };
  const why = cannotWrite(codec, tools);
  if (!why) return { order, notes: [] };
  return { order: { ...order, target }, notes: [say('local.h264-instead', { codec, why })] };
}

/** Lines for `explain`. */
export function describeChoice(facts: MediaFacts, choice: Choice, order: Order): Sentence[] {
  const { video } = facts;
  const source = say('local.explain-source', {
    bytes: order.sourceBytes,
    seconds: facts.window?.sourceDurationS ?? facts.durationS,
    width: video.displayWidth,
    height: video.displayHeight,
    codec: video.codec,
    fps: video.fps,
    variable: video.variableFrameRate ? 1 : 0,
    hdr: video.hdr,
  });
  const tracks = facts.audio.map(({ codec, language }) => [codec, language].filter(Boolean).join(' '));
  const sound =
    tracks.length > 0 ? say('local.explain-sound', { tracks: tracks.join(', ') }) : say('local.explain-no-sound');
  return [source, sound, ...describePart(facts, order), ...describeRate(facts, order), describePlan(choice)];
}

/** Which part is kept, as a note and for `explain`; none if all is, as asked. */
export function describePart(facts: MediaFacts, { target: { trim } }: Pick<Order, 'target'>): Sentence[] {
  if (!trim) return [];
  const seconds = facts.window?.sourceDurationS ?? facts.durationS;
  const wanted = partOf(trim, seconds);
  if (!facts.window || wanted.kind === 'nothing') return [say('local.part-is-all', { seconds })];
  const { fromS: from, toS: to, isShort } = wanted;
  return [isShort ? say('local.part-to-end', { from, to, seconds }) : say('local.part', { from, to })];
}

/** What a bit rate comes to for this source. */
function describeRate({ durationS }: MediaFacts, { target, sourceBytes }: Order): Sentence[] {
  if (target.size?.kind !== 'rate') return [];
  const { bitsPerSecond } = target.size;
  const bytes = targetBytes(target, sourceBytes, durationS) ?? 0;
  return [say('local.explain-rate', { bitsPerSecond, bytes, seconds: durationS })];
}

/** What is planned, and why. */
export function describePlan(choice: Choice): Sentence {
  const { why, capBytes } = choice;
  if (choice.kind === 'copy') return say('local.plan-copy', { why });
  const { codec } = choice;
  return choice.mode === 'size'
    ? say('local.plan-size', { codec, bytes: capBytes, why })
    : say('local.plan-quality', { codec, bytes: capBytes, why });
}
