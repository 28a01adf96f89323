import type { Order } from '../../../core/job.ts';
import { fitInto, targetBytes } from '../../../core/target.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { formatBytes } from '../../../core/units.ts';
import { cannotWrite } from '../../../media/ffmpeg/tools.ts';
import { videoTables } from './budget.ts';

/** What is done with one source, decided from its facts and the order alone. Pure; survives JSON. */
export type Choice = CopyChoice | EncodeChoice;

/** The picture goes into an MP4 untouched; sound and subtitles too, as far as MP4 can carry them. */
export interface CopyChoice {
  kind: 'copy';
  why: string;
  /** The result may have at most this many bytes. */
  capBytes: number;
  sound: CopiedSound[];
  subtitles: number[];
  notes: string[];
}

interface CopiedSound {
  index: number;
  how: 'copy' | 'aac';
  bitsPerSecond: number;
}

export interface EncodeChoice {
  kind: 'encode';
  why: string;
  codec: 'h264' | 'h265' | 'av1';
  /**
   * `size`: exactly into capBytes. `quality`: as small as it stays visually lossless, worth it only below capBytes; `otherwise`
   * says what happens when it is not.
   */
  mode: 'size' | 'quality';
  capBytes: number;
  otherwise?: Choice;
}

/** Codecs that may stay as they are in an MP4 that people can play. MPEG-2 can live there too, but hardly anything plays it. */
const PICTURE_IN_MP4 = new Set(['h264', 'hevc', 'av1', 'vp9', 'mpeg4']);
const SOUND_IN_MP4 = new Set(['aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus']);
const CODEC_NAMES = { h264: 'h264', h265: 'hevc', av1: 'av1' } as const;
/** For sound that MP4 cannot carry, beside an untouched picture. */
const TRANSPARENT_PER_CHANNEL = 96_000;

/**
 * Copy or encode, and into how many bytes.
 * - A source that has the shape asked for and fits is copied: lossless, never enlarged.
 * - Asked for a size: encoded into the smaller of the size and the source's own.
 * - Asked for none: encoded until visually lossless; if that saves less than `minSaving`, copied; if it cannot be copied,
 *   encoded into the source's own size, so that something true always comes out and it is never larger.
 */
export function choose(facts: MediaFacts, order: Order): Choice {
  const { target } = order;
  const asked = targetBytes(target, order.sourceBytes);
  const capBytes = Math.min(asked ?? Number.MAX_SAFE_INTEGER, order.sourceBytes);
  const obstacles = whyNotCopied(facts, order);
  const copy = copyOf(facts, order, capBytes);
  const codec = target.codec ?? 'h264';

  if (asked !== undefined) {
    const repacked = predictedCopyBytes(facts, copy);
    const fits = order.sourceBytes <= asked || repacked <= asked;
    if (fits && obstacles.length === 0) {
      const why =
        order.sourceBytes <= asked
          ? `it already fits: ${formatBytes(order.sourceBytes)} of ${formatBytes(asked)}`
          : `packed anew it fits into ${formatBytes(asked)}`;
      return { ...copy, why };
    }
    const why = fits
      ? `it fits, but ${obstacles.join(' and ')}`
      : `${formatBytes(order.sourceBytes)} must become ${formatBytes(asked)}`;
    return { kind: 'encode', why, codec, mode: 'size', capBytes };
  }

  const worthwhile = Math.floor(order.sourceBytes * (1 - target.minSaving));
  const intoOwnSize: EncodeChoice = {
    kind: 'encode',
    why: 'visually lossless would be larger than the source, which must not happen',
    codec,
    mode: 'size',
    capBytes: order.sourceBytes,
  };
  const asItIs: CopyChoice = {
    ...copy,
    why: `a smaller one that looks the same would save less than ${Math.round(target.minSaving * 100)} %, so nothing was re-encoded`,
  };
  return {
    kind: 'encode',
    why: obstacles.length === 0 ? 'as small as it stays visually lossless' : obstacles.join(' and '),
    codec,
    mode: 'quality',
    capBytes: obstacles.length === 0 ? worthwhile : order.sourceBytes,
    otherwise: obstacles.length === 0 ? asItIs : intoOwnSize,
  };
}

/** What comes when a copy turned out not to be possible after all: it was too large, or did not play. */
export function insteadOfCopy(copy: CopyChoice, order: Order, why: string): EncodeChoice {
  return { kind: 'encode', why, codec: order.target.codec ?? 'h264', mode: 'size', capBytes: copy.capBytes };
}

/** Why the picture cannot stay as it is, each as a part of a sentence. */
function whyNotCopied(facts: MediaFacts, order: Order): string[] {
  const { video } = facts;
  const { target } = order;
  const why: string[] = [];
  if (!PICTURE_IN_MP4.has(video.codec)) why.push(`${video.codec} is not for MP4`);
  if (target.codec && CODEC_NAMES[target.codec] !== video.codec) why.push(`${target.codec} is asked for`);
  const size = fitInto({ width: video.displayWidth, height: video.displayHeight }, target.resolution);
  const smaller = size.width < video.displayWidth - 1 || size.height < video.displayHeight - 1;
  if (smaller) why.push(`${size.width}x${size.height} is asked for`);
  if (target.fps !== undefined && video.fps > target.fps * 1.005)
    why.push(`at most ${target.fps} frames a second are asked for`);
  if (facts.clockJumps > 0) why.push('its clock jumps');
  return why;
}

function copyOf(facts: MediaFacts, { target }: Order, capBytes: number): CopyChoice {
  const sound = target.audio.kind === 'mute' ? [] : facts.audio;
  const atMost = target.audio.kind === 'bitrate' ? target.audio.bitsPerSecond : Number.POSITIVE_INFINITY;
  const notes = facts.subtitles
    .filter(track => !track.text)
    .map(
      track =>
        `subtitles dropped, they are pictures, which MP4 cannot carry: ${[track.language, track.codec].filter(Boolean).join(', ')}`,
    );
  return {
    kind: 'copy',
    why: '',
    capBytes,
    sound: sound.map(track => {
      const own = track.bitrate ?? 0;
      const copied = SOUND_IN_MP4.has(track.codec) && own <= atMost * 1.05;
      const transparent = Math.min(
        TRANSPARENT_PER_CHANNEL * Math.max(1, track.channels),
        atMost,
        own || Number.POSITIVE_INFINITY,
      );
      return { index: track.index, how: copied ? 'copy' : 'aac', bitsPerSecond: copied ? own : transparent };
    }),
    subtitles: facts.subtitles.filter(track => track.text).map(track => track.index),
    notes,
  };
}

/** A little more than a copy will have: what decides whether trying is worth it. */
function predictedCopyBytes(facts: MediaFacts, copy: CopyChoice): number {
  const sound = copy.sound.reduce((sum, track) => {
    const own = facts.audio.find(one => one.index === track.index);
    const packets = ((own?.sampleRate ?? 48_000) / 1024) * facts.durationS;
    return (
      sum +
      (track.how === 'copy' && own ? own.bytes : (track.bitsPerSecond * facts.durationS) / 8) +
      packets * 4 +
      1_000
    );
  }, 0);
  return facts.video.bytes + sound + videoTables(facts.video.frames, facts.durationS, facts.video.variableFrameRate);
}

/** Notes on tracks that no MP4 of ours carries. */
export function droppedTracks(facts: MediaFacts): string[] {
  return facts.other.map(what => `dropped: ${what}`);
}

/** Where a codec was asked for that cannot be written, H.264 is: it plays everywhere. A source that has it may still be copied. */
export function withPossibleCodec(
  order: Order,
  facts: MediaFacts,
  tools: Parameters<typeof cannotWrite>[1],
): { order: Order; notes: string[] } {
  const { codec, ...target } = order.target;
  const why = codec && codec !== 'h264' && CODEC_NAMES[codec] !== facts.video.codec && cannotWrite(codec, tools);
  if (!why) return { order, notes: [] };
  return { order: { ...order, target }, notes: [`H.264 instead of ${codec}, which was asked for: ${why}`] };
}

/** Lines for `explain`. */
export function describeChoice(facts: MediaFacts, choice: Choice, order: Order): string[] {
  const { video } = facts;
  const lines = [
    `source: ${formatBytes(order.sourceBytes)}, ${facts.durationS.toFixed(1)} s, ${video.displayWidth}x${video.displayHeight} ${video.codec}` +
      ` at ${video.fps.toFixed(2)} frames a second${video.variableFrameRate ? ' (variable)' : ''}${video.hdr === 'sdr' ? '' : `, HDR (${video.hdr})`}`,
    `sound: ${facts.audio.map(track => `${track.codec}${track.language ? ` ${track.language}` : ''}`).join(', ') || 'none'}`,
  ];
  if (choice.kind === 'copy') lines.push(`plan: copied without loss into an MP4, because ${choice.why}`);
  else if (choice.mode === 'size')
    lines.push(`plan: ${choice.codec} into at most ${formatBytes(choice.capBytes)}, because ${choice.why}`);
  else lines.push(`plan: ${choice.codec}, ${choice.why}; worth it below ${formatBytes(choice.capBytes)}`);
  return lines;
}
