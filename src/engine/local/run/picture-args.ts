import type { Item } from '../../../core/inventory.ts';
import type { Cut, MediaFacts } from '../../../core/media-info.ts';
import {
  FINE_CLOCK,
  fileUrl,
  keepFrameTimes,
  untrustedInput,
  WITHOUT_LOOP_FILTER,
} from '../../../media/ffmpeg/args.ts';
import {
  deviceArgs,
  hardwareArgs,
  type HardwareEncoder,
  type HardwareRate,
  uploadFilters,
} from '../../../media/ffmpeg/hardware-args.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import type { ChildArg, ChildInput } from '../../../platform/process/run-child.ts';
import { AV1_MEASURING_PRESET, FIRST_PASS_CHROMA, SAMPLE_CRF, SAMPLE_KEYFRAMES, SAMPLE_PRESET } from '../tuning.ts';
import { type Codec, svtArgs } from '../plan/crf.ts';
import { evenKeyframes } from '../plan/keyframes.ts';
import { type Effort, PRESETS } from '../plan/presets.ts';
import type { Segment } from '../plan/segments.ts';
import { filtersFrom, type PicturePlan } from '../plan/video.ts';
import { fromZero, holds, onOwnClock, OUTPUT, SEARCHED, seek, unofficialMarks, words } from './step-args.ts';

/** Command lines of the steps that decode the picture: samples, both passes of a segment, and the look at a seam. */

/** How a segment of the picture is encoded. */
export type Rate =
  /** The first of two passes: how many bits each frame needs at uniform quality. */
  | { kind: 'pass-1'; crf: number }
  /** `tolerance` is x264's ratetol: how far it may deviate on the way. `fine`: with the log of finePassLogs. */
  | { kind: 'pass-2'; bitsPerSecond: number; tolerance: number; fine?: boolean }
  /** `whole`: see SvtQuality. */
  | { kind: 'quality'; crf: number; whole?: number };

/** What of a source's facts the command line of a part depends on. */
export type PictureFacts = Pick<MediaFacts, 'container' | 'startS' | 'durationS' | 'window' | 'video'> & {
  inventory: readonly Pick<Item, 'kind'>[];
};

export interface PictureArgs {
  tools: Tools;
  facts: PictureFacts;
  input: ChildInput;
  picture: PicturePlan;
  segment: Segment;
  codec: Codec;
  effort: Effort;
  rate: Rate;
  /** For the encoder; arguments for reading the input come before it. */
  threads?: number | undefined;
}

/** How a hardware encoder makes a segment, in place of codec, effort and rate. */
export interface OnHardware {
  encoder: HardwareEncoder;
  rate: HardwareRate;
}

/** Encodes one segment of the picture on a device into OUTPUT: decoded and filtered as ever. */
export function hardwarePictureArgs(
  options: Omit<PictureArgs, 'codec' | 'effort' | 'rate'>,
  { encoder, rate }: OnHardware,
): ChildArg[] {
  const { facts, picture, segment } = options;
  const tag = encoder.codec === 'h265' ? ['-tag:v', 'hvc1'] : [];
  const keyint = keyframesOf(options, encoder.codec);
  return [
    ...deviceArgs(encoder),
    ...inputAndFilters(options, uploadFilters(encoder)),
    ...picture.colors,
    ...hardwareArgs(encoder, rate),
    ...['-g', String(keyint), ...tag],
    ...[...unofficialMarks(facts), ...fromZero(segment.atS), '-f', 'mp4', OUTPUT],
  ];
}

/** Files that the first pass of a segment leaves for its second. */
export function passLogs(codec: Codec, segment: number): string[] {
  switch (codec) {
    case 'h264':
      return [`pass${segment}-0.log`, `pass${segment}-0.log.mbtree`];
    case 'h265':
      return [`pass${segment}.x265`, `pass${segment}.x265.cutree`];
    case 'av1':
      return [];
  }
}

/** x264's first-pass log with other durations, for a bit rate between two whole kilobits (x264-stats.ts). */
export function finePassLogs(segment: number): string[] {
  return passLogs('h264', segment).map(log => `fine-${log}`);
}

/** Files the first pass writes: both encoders rename their logs once these are complete. */
export function unfinishedPassLogs(codec: Codec, segment: number): string[] {
  return passLogs(codec, segment).map(log => `${log}.temp`);
}

/** Encodes one segment of the picture alone into OUTPUT. */
export function pictureArgs(options: PictureArgs): ChildArg[] {
  const { facts, picture, segment } = options;
  const head = [...inputAndFilters(options), ...picture.colors, ...encoderArgs(options)];
  return [...head, ...unofficialMarks(facts), ...fromZero(segment.atS), '-f', 'mp4', OUTPUT];
}

/** What comes before an encoder's own arguments; `last` are filters after the plan's. */
function inputAndFilters(
  { tools, facts, input, picture, segment }: Omit<PictureArgs, 'codec' | 'effort' | 'rate'>,
  ...last: string[]
): ChildArg[] {
  const filters = [...trim(withoutHidden(facts, segment)), filtersFrom(picture, facts, segment), ...last];
  return [
    ...seek(facts, segment),
    ...onOwnClock(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...words('-map_metadata -1 -map_chapters -1'),
    ...['-filter:v', filters.join(',')],
    ...keepFrameTimes(tools),
    ...FINE_CLOCK,
  ];
}

/**
 * Decodes from where reading for a segment begins to its first frame. `undefined` if it begins at a keyframe: then nothing is
 * decoded there that could cause complaints.
 */
export function leadInArgs({
  tools,
  facts,
  input,
  segment,
}: Pick<PictureArgs, 'tools' | 'facts' | 'input' | 'segment'>) {
  if (segment.fromS === undefined || !SEARCHED.test(facts.container)) return undefined;
  return [
    ...seek(facts, segment),
    ...onOwnClock(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...['-filter:v', `trim=end=${segment.fromS.toFixed(6)}`],
    ...keepFrameTimes(tools),
    ...['-f', 'null', '-'],
  ];
}

/** Decodes all of the picture, for the number of its frames. */
export function countArgs({ tools, facts, input }: Pick<PictureArgs, 'tools' | 'facts' | 'input'>): ChildArg[] {
  const { fromS, toS } = facts.window ?? {};
  const bounds = trim(withoutHidden(facts, { fromS, toS }));
  return [
    ...seek(facts, { fromS }),
    ...onOwnClock(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...(bounds.length > 0 ? ['-filter:v', bounds.join(',')] : []),
    ...keepFrameTimes(tools),
    ...['-f', 'null', '-'],
  ];
}

/**
 * Nothing before the picture begins: not every decoder hides frames that an edit list hides (dav1d shows them), and a frame without a
 * time gets one by guess. All that follows would be shown too early.
 */
function withoutHidden(
  { startS, durationS, video }: PictureFacts,
  segment: Pick<Segment, 'fromS' | 'toS'>,
): Pick<Segment, 'fromS' | 'toS'> {
  if (video.hiddenFrames === 0 && !video.untimedFrames) return segment;
  const quarter = 0.25 / Math.max(1, video.fps);
  return { fromS: segment.fromS ?? startS - quarter, toS: segment.toS ?? startS + durationS - quarter };
}

function trim({ fromS, toS }: Pick<Segment, 'fromS' | 'toS'>): string[] {
  if (fromS === undefined && toS === undefined) return [];
  const bounds = [
    ...(fromS === undefined ? [] : [`start=${fromS.toFixed(6)}`]),
    ...(toS === undefined ? [] : [`end=${toS.toFixed(6)}`]),
  ];
  return [`trim=${bounds.join(':')}`];
}

function encoderArgs(options: PictureArgs): string[] {
  const { codec, rate, threads } = options;
  const keyint = keyframesOf(options, codec);
  const quality =
    rate.kind === 'pass-2' ? ['-b:v', String(Math.floor(rate.bitsPerSecond))] : ['-crf', formatCrf(rate.crf)];
  switch (codec) {
    case 'h264':
      return x264Args(options, keyint, quality);
    case 'h265':
      return x265Args(options, keyint, quality);
    case 'av1': {
      const preset = rate.kind === 'pass-1' ? AV1_MEASURING_PRESET : PRESETS.av1[options.effort];
      return [
        ...['-c:v', 'libsvtav1', '-preset', preset, '-pix_fmt', 'yuv420p', '-g', String(keyint)],
        ...(rate.kind === 'pass-2' ? quality : svtArgs(rate, threads)),
      ];
    }
  }
}

function keyframesOf(
  { facts, picture, segment }: Pick<PictureArgs, 'facts' | 'picture' | 'segment'>,
  codec: Codec,
): number {
  const fps = Math.max(1, picture.fps ?? facts.video.fps);
  return evenKeyframes(segment.frames * Math.min(1, fps / Math.max(1, facts.video.fps)), fps, codec);
}

function x264Args(
  { facts, picture, segment, effort, rate, threads }: PictureArgs,
  keyint: number,
  quality: string[],
): string[] {
  const pass = { 'pass-1': '1', 'pass-2': '2', quality: undefined }[rate.kind];
  const fine = rate.kind === 'pass-2' && rate.fine ? 'fine-' : '';
  // `stitchable`: segments with other settings can share one file.
  const params = ['stitchable=1'];
  if (rate.kind === 'pass-1' && effort !== 'fast') params.push(`chroma-qp-offset=${FIRST_PASS_CHROMA}`);
  if (rate.kind === 'pass-2') params.push(`ratetol=${rate.tolerance}`);
  return [
    ...['-c:v', 'libx264', '-preset', PRESETS.h264[effort], '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
    ...['-g', String(keyint), ...quality],
    ...(threads === undefined ? [] : ['-threads', String(threads)]),
    ...(pass === undefined ? [] : ['-pass', pass, '-passlogfile', `${fine}pass${segment.index}`]),
    ...['-x264-params', params.join(':')],
    ...withoutSettings(facts, picture),
  ];
}

/**
 * Omits the encoder's settings as text, 700 bytes in every segment. ffmpeg's filter knows only kinds of messages, and captions are of
 * the same kind: where there are any, the settings stay. Of captions that lose frames, nothing readable would be left.
 */
function withoutSettings(facts: PictureFacts, picture: PicturePlan): string[] {
  return holds(facts, 'captions') && picture.fps === undefined ? [] : ['-bsf:v', 'filter_units=remove_types=6'];
}

function x265Args({ segment, effort, rate }: PictureArgs, keyint: number, quality: string[]): string[] {
  const params = ['log-level=error', 'info=0', `keyint=${keyint}`];
  if (rate.kind === 'pass-1') params.push('pass=1', `stats=pass${segment.index}.x265`, 'no-slow-firstpass=1');
  if (rate.kind === 'pass-2') params.push('pass=2', `stats=pass${segment.index}.x265`);
  return [
    ...['-c:v', 'libx265', '-preset', PRESETS.h265[effort], '-pix_fmt', 'yuv420p', '-tag:v', 'hvc1'],
    ...quality,
    ...['-x265-params', params.join(':')],
  ];
}

function formatCrf(crf: number): string {
  return String(Math.round(crf * 10) / 10);
}

/**
 * Stretches of the picture at SAMPLE_CRF; prints a line with stretch number and size for every packet. Without the loop filter:
 * most of the cost is decoding up to a stretch.
 */
export function sampleArgs(
  options: Omit<PictureArgs, 'codec' | 'effort' | 'rate' | 'segment'> & {
    stretches: readonly { fromS: number; lengthS: number }[];
  },
): ChildArg[] {
  const { tools, facts, input, picture, stretches, threads } = options;
  const limited = threads === undefined ? [] : ['-threads', String(threads)];
  return [
    ...stretches.flatMap(({ fromS, lengthS }) => [
      ...WITHOUT_LOOP_FILTER,
      ...limited,
      ...(lengthS >= facts.durationS && !facts.window
        ? []
        : ['-ss', (fromS + beforeWindow(facts)).toFixed(3), '-t', lengthS.toFixed(3)]),
      ...untrustedInput(input),
    ]),
    ...stretches.flatMap((_, at) => ['-map', `${at}:${facts.video.index}`]),
    ...['-an', '-sn', '-dn', '-filter:v', filtersFrom(picture, facts, { atS: facts.startS })],
    ...keepFrameTimes(tools),
    ...['-c:v', 'libx264', '-preset', SAMPLE_PRESET, '-crf', String(SAMPLE_CRF)],
    ...['-g', String(SAMPLE_KEYFRAMES), ...limited],
    ...['-f', 'framecrc', 'pipe:1'],
  ];
}

/** Seconds of the source before what the facts are about. */
function beforeWindow({ startS, window }: PictureFacts): number {
  return window ? startS - window.sourceStartS : 0;
}

/**
 * Source and result side by side from a cut on, through the filters of the encode: the similarity of every frame goes into
 * `stats`. Frames are matched by number, because rounding makes their times differ.
 */
export function ssimArgs(
  options: Omit<PictureArgs, 'codec' | 'effort' | 'rate' | 'segment'> & {
    cut: Cut | undefined;
    frames: number;
    file: string;
    stats: string;
  },
): ChildArg[] {
  const { facts, input, picture, cut, frames, file, stats } = options;
  const fromS = cut ? (cut.atS + cut.beforeS) / 2 : facts.window?.fromS;
  const at = (shiftS: number) => ({ fromS: fromS === undefined ? undefined : fromS - shiftS });
  const source = { ...at(0), atS: cut?.atS ?? facts.startS, beforeS: cut?.beforeS };
  const result = at(facts.startS);
  const numbered = `trim=end_frame=${frames},settb=AVTB,setpts=N*40000`;
  const graph = [
    `[0:${facts.video.index}]${[...trim(source), filtersFrom(picture, facts, source), numbered].join(',')}[a]`,
    `[1:v]${[...trim(result), 'format=yuv420p', numbered].join(',')}[b]`,
    `[a][b]ssim=stats_file=${stats}[s]`,
  ];
  return [
    ...seek(facts, source),
    ...onOwnClock(input),
    ...seek({ container: 'mp4', startS: 0 }, result),
    ...['-i', fileUrl(file), '-filter_complex', graph.join(';'), '-map', '[s]', '-f', 'null', '-'],
  ];
}
