import type { Kind } from '../../../core/inventory.ts';
import type { AudioTrack, Cut, MediaFacts } from '../../../core/media-info.ts';
import {
  FINE_CLOCK,
  fileUrl,
  keepFrameTimes,
  oneSecondChunks,
  untrustedInput,
  WITHOUT_LOOP_FILTER,
} from '../../../media/ffmpeg/args.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import type { ChildArg, ChildInput } from '../../../platform/process/run-child.ts';
import {
  AV1_MEASURING_PRESET,
  FIRST_PASS_SUBME,
  SAMPLE_CRF,
  SAMPLE_KEYFRAMES,
  SAMPLE_PRESET,
  SEEK_BACK_S,
} from '../tuning.ts';
import type { SoundPlan } from '../plan/audio.ts';
import { keepsChapters } from '../plan/budget.ts';
import { hasVendorTags } from '../plan/fates.ts';
import { type Codec, svtArgs } from '../plan/crf.ts';
import { foldFilter } from '../plan/fold-down.ts';
import { evenKeyframes } from '../plan/keyframes.ts';
import { type Effort, PRESETS } from '../plan/presets.ts';
import type { Segment } from '../plan/segments.ts';
import type { CopyChoice } from '../plan/strategy.ts';
import { filtersFrom, type PicturePlan } from '../plan/video.ts';

/** Command lines of the steps, all pure. Our own files are named relative to the work directory, where children run. */

/** Placeholder for the output file in the arguments of a step. */
export const OUTPUT = '{output}';

/** How a segment of the picture is encoded. */
export type Rate =
  /** The first of two passes: how many bits each frame needs at uniform quality. */
  | { kind: 'pass-1'; crf: number }
  /** `tolerance` is x264's ratetol: how far it may deviate on the way. `fine`: with the log of finePassLogs. */
  | { kind: 'pass-2'; bitsPerSecond: number; tolerance: number; fine?: boolean }
  /** `whole`: see SvtQuality. */
  | { kind: 'quality'; crf: number; whole?: number };

export interface PictureArgs {
  tools: Tools;
  facts: MediaFacts;
  input: ChildInput;
  picture: PicturePlan;
  segment: Segment;
  codec: Codec;
  effort: Effort;
  rate: Rate;
  /** For the encoder; arguments for reading the input come before it. */
  threads?: number | undefined;
}

/**
 * Every step keeps the source's own timeline (`-copyts`), shifted to begin at zero when written: picture and sound are read by
 * different children, and each would otherwise start at its own zero.
 */
function fromZero(startS: number): string[] {
  return ['-output_ts_offset', (-startS).toFixed(6)];
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

/** Threads for decoding the input that follows, and for the filters. */
export function threadArgs(threads: number | undefined): string[] {
  return threads ? ['-threads', String(threads), '-filter_threads', String(threads)] : [];
}

/** Encodes one segment of the picture alone into OUTPUT. */
export function pictureArgs(options: PictureArgs): ChildArg[] {
  const { tools, facts, input, picture, segment } = options;
  const head = [
    '-copyts',
    ...seek(facts, segment),
    ...untrustedInput(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...words('-map_metadata -1 -map_chapters -1'),
    ...['-filter:v', [...trim(withoutHidden(facts, segment)), filtersFrom(picture, facts, segment)].join(',')],
    ...keepFrameTimes(tools),
    ...FINE_CLOCK,
    ...picture.colors,
    ...encoderArgs(options),
  ];
  return [...head, ...unofficialMarks(facts), ...fromZero(segment.atS), '-f', 'mp4', OUTPUT];
}

/** Transport streams are sought by their clock, which may land after the keyframe that is needed. */
const SEARCHED = /\b(mpegts|mpeg|mpegvideo)\b/;

/** Reading begins at the keyframe before the segment; what comes before the segment is decoded and discarded. */
function seek(facts: Pick<MediaFacts, 'container' | 'startS'>, { fromS }: Pick<Segment, 'fromS'>): string[] {
  if (fromS === undefined) return [];
  const at = fromS - (SEARCHED.test(facts.container) ? SEEK_BACK_S : 0);
  // There is nothing before the start, and seeking there would be an error.
  if (at <= facts.startS) return [];
  return ['-seek_timestamp', '1', '-ss', at.toFixed(6), '-noaccurate_seek'];
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
    '-copyts',
    ...seek(facts, segment),
    ...untrustedInput(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...['-filter:v', `trim=end=${segment.fromS.toFixed(6)}`],
    ...keepFrameTimes(tools),
    ...['-f', 'null', '-'],
  ];
}

/** Not every decoder hides frames that an edit list hides: dav1d shows them, and they would be encoded. */
function withoutHidden({ startS, durationS, video }: MediaFacts, segment: Segment): Pick<Segment, 'fromS' | 'toS'> {
  if (video.hiddenFrames === 0) return segment;
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
  const { facts, picture, segment, codec, rate, threads } = options;
  const fps = Math.max(1, picture.fps ?? facts.video.fps);
  const keyint = evenKeyframes(segment.frames * Math.min(1, fps / Math.max(1, facts.video.fps)), fps, codec);
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

function x264Args(
  { facts, picture, segment, effort, rate, threads }: PictureArgs,
  keyint: number,
  quality: string[],
): string[] {
  const pass = { 'pass-1': '1', 'pass-2': '2', quality: undefined }[rate.kind];
  const fine = rate.kind === 'pass-2' && rate.fine ? 'fine-' : '';
  // `stitchable`: segments with other settings can share one file.
  const params = ['stitchable=1'];
  if (rate.kind === 'pass-1') params.push(`subme=${FIRST_PASS_SUBME}`);
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
function withoutSettings(facts: MediaFacts, picture: PicturePlan): string[] {
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
      ...(lengthS >= facts.durationS ? [] : ['-ss', fromS.toFixed(3), '-t', lengthS.toFixed(3)]),
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
  const fromS = cut && (cut.atS + cut.beforeS) / 2;
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
    '-copyts',
    ...seek(facts, source),
    ...untrustedInput(input),
    ...seek({ container: 'mp4', startS: 0 }, result),
    ...['-i', fileUrl(file), '-filter_complex', graph.join(';'), '-map', '[s]', '-f', 'null', '-'],
  ];
}

/** Sound and text subtitles into a file of their own, before anything else: the budget needs their real size. */
export function soundArgs(options: { facts: MediaFacts; input: ChildInput; sound: SoundPlan }): ChildArg[] {
  const { facts, input, sound } = options;
  return [
    '-copyts',
    ...untrustedInput(input),
    ...sound.tracks.flatMap(track => ['-map', `0:${track.index}`]),
    ...sound.subtitles.flatMap(index => ['-map', `0:${index}`]),
    // The languages and titles of the tracks are copied by default.
    ...words('-vn -dn -map_chapters -1 -c:s mov_text'),
    ...sound.tracks.flatMap((track, at) => {
      if (track.how === 'copy') return [`-c:a:${at}`, 'copy'];
      const firstSample = Math.round(facts.startS * track.sampleRate);
      return [
        ...[`-c:a:${at}`, 'aac', `-b:a:${at}`, String(track.bitsPerSecond), `-ac:a:${at}`, String(track.channels)],
        // Gaps become silence, and sound before the picture is cut off: an unbroken track also needs 8 bytes less per packet.
        ...[
          `-filter:a:${at}`,
          [...mix(facts, track), `aresample=${track.sampleRate}:async=1:first_pts=${firstSample}`].join(','),
        ],
      ];
    }),
    ...trackNames(facts, { sound: sound.tracks, subtitles: sound.subtitles }),
    ...fromZero(facts.startS),
    ...['-f', 'mp4', OUTPUT],
  ];
}

/** The filters that mix a track down to fewer channels; none if it keeps its own. */
function mix(facts: MediaFacts, track: { index: number; channels: number; gainDb?: number }): string[] {
  const source = facts.audio.find(({ index }) => index === track.index);
  if (!source || source.channels <= track.channels) return [];
  return [
    [foldFilter(source, track.channels), ...(track.gainDb ? [`volume=${track.gainDb.toFixed(2)}dB`] : [])].join(','),
  ];
}

/** Writes the levels of a track, channel by channel, and of its mix into two files; the last lines of each count. */
export function levelsArgs(options: {
  source: AudioTrack;
  input: ChildInput;
  channels: number;
  files: { source: string; mix: string };
}): ChildArg[] {
  const { source, input, channels, files } = options;
  // Ten seconds at once: one report of some lines each.
  const measured =
    'asetnsamples=n=480000:p=0,astats=metadata=1:measure_perchannel=RMS_level:measure_overall=Peak_level';
  const graph = [
    `[0:${source.index}]asplit[a][b]`,
    `[a]${measured},ametadata=print:file=${files.source}[c]`,
    `[b]${foldFilter(source, channels)},${measured},ametadata=print:file=${files.mix}[d]`,
  ];
  return [
    ...untrustedInput(input),
    ...['-filter_complex', graph.join(';'), '-map', '[c]', '-map', '[d]', '-vn', '-f', 'null', '-'],
  ];
}

/** Picture and sound into the final file, with the source's own metadata. */
export function joinArgs(options: {
  tools: Tools;
  facts: MediaFacts;
  input: ChildInput;
  /** One file, or a list for ffmpeg's concat demuxer; `convert`: its files have different headers. */
  picture: { file: string } | { list: string; convert: boolean };
  sound: string | undefined;
}): ChildArg[] {
  const { tools, facts, input, picture, sound } = options;
  const source = sound === undefined ? '1' : '2';
  return [
    // Each file keeps its own start: a copied sound track that begins later must not be moved to zero.
    '-copyts',
    ...('file' in picture
      ? ['-i', fileUrl(picture.file)]
      : [
          ...words('-f concat -safe 0 -protocol_whitelist file -auto_convert'),
          ...[picture.convert ? '1' : '0', '-i', fileUrl(picture.list)],
        ]),
    ...(sound === undefined ? [] : ['-i', fileUrl(sound)]),
    ...untrustedInput(input),
    ...['-map', '0:v', ...(sound === undefined ? [] : ['-map', '1']), '-c', 'copy'],
    ...aboutItself(facts, source),
    ...unofficialMarks(facts),
    ...finalMp4(tools, facts),
    OUTPUT,
  ];
}

/** The source's own picture into an MP4. */
export function copyArgs(options: {
  tools: Tools;
  facts: MediaFacts;
  input: ChildInput;
  copy: CopyChoice;
}): ChildArg[] {
  const { tools, facts, input, copy } = options;
  return [
    ...untrustedInput(input),
    ...['-map', `0:${facts.video.index}`],
    ...copy.sound.flatMap(track => ['-map', `0:${track.index}`]),
    ...copy.subtitles.flatMap(index => ['-map', `0:${index}`]),
    ...words('-c:v copy -c:s mov_text -dn'),
    ...copy.sound.flatMap((track, at) =>
      track.how === 'copy'
        ? [`-c:a:${at}`, 'copy']
        : [
            ...[`-c:a:${at}`, 'aac', `-b:a:${at}`, String(Math.round(track.bitsPerSecond))],
            ...mix(facts, track).flatMap(filters => [`-filter:a:${at}`, filters]),
          ],
    ),
    // Apple's players accept HEVC in MP4 only under this name.
    ...(facts.video.codec === 'hevc' ? ['-tag:v', 'hvc1'] : []),
    ...aboutItself(facts, '0'),
    ...trackNames(facts, copy),
    ...unofficialMarks(facts, 'dolby-vision'),
    ...finalMp4(tools, facts),
    OUTPUT,
  ];
}

/** Title, time and place of filming, chapters. Named explicitly: copied by default, creation_time would be left out. */
function aboutItself(facts: MediaFacts, input: string): string[] {
  // The muxer decides again where in the file the container's own tags are stored.
  const own = ['major_brand', 'minor_version', 'compatible_brands', 'encoder'].flatMap(key => ['-metadata', `${key}=`]);
  // The date of the picture's track, where the file has none of its own.
  const isCopied = facts.creationTime === undefined || facts.creationTime === facts.tags['creation_time'];
  const date = isCopied ? [] : ['-metadata', `creation_time=${facts.creationTime}`];
  return ['-map_metadata', input, '-map_chapters', keepsChapters(facts) ? input : '-1', ...own, ...date];
}

/** ffmpeg writes how a sphere or two views are folded into the picture, and Dolby Vision, only when told that this is unofficial. */
function unofficialMarks(facts: MediaFacts, ...more: Kind[]): string[] {
  const marks: Kind[] = ['projection', 'stereo', ...more];
  return marks.some(kind => holds(facts, kind)) ? ['-strict', 'unofficial'] : [];
}

function holds({ inventory }: MediaFacts, kind: Kind): boolean {
  return inventory.some(item => item.kind === kind);
}

/** ffmpeg does not write a track's title into MP4, but the name of its handler, which players show in its place. */
function trackNames(
  { inventory }: MediaFacts,
  { sound, subtitles }: { sound: readonly { index: number }[]; subtitles: readonly number[] },
): string[] {
  const titleOf = (index: number) =>
    inventory.find(({ kind, track }) => kind === 'track-title' && track === index)?.value;
  const named = (type: 'a' | 's', indexes: readonly number[]) =>
    indexes.flatMap((index, at) => {
      const title = titleOf(index);
      return title === undefined ? [] : [`-metadata:s:${type}:${at}`, `handler_name=${title}`];
    });
  return [
    ...named(
      'a',
      sound.map(({ index }) => index),
    ),
    ...named('s', subtitles),
  ];
}

function finalMp4(tools: Tools, facts: MediaFacts): string[] {
  // Only one kind of tag box can hold every name; files without such names keep to the one whose titles every player shows.
  return [
    '-movflags',
    hasVendorTags(facts) ? '+faststart+use_metadata_tags' : '+faststart',
    ...oneSecondChunks(tools),
    '-f',
    'mp4',
  ];
}

/** One track of a recording whose timestamps jump back: on its own, ffmpeg lines its sections up. */
export function fixTimestampsArgs(options: { input: ChildInput; index: number }): ChildArg[] {
  return [...untrustedInput(options.input), ...['-map', `0:${options.index}`], ...words('-c copy -f matroska'), OUTPUT];
}

/** Joins tracks with fixed timestamps again, each shifted by `delayS`. */
export function rejoinArgs(tracks: readonly { file: string; delayS: number }[]): string[] {
  return [
    ...tracks.flatMap(({ file, delayS }) => ['-itsoffset', delayS.toFixed(6), '-i', fileUrl(file)]),
    ...tracks.flatMap((_, at) => ['-map', String(at)]),
    ...words('-c copy -f matroska'),
    OUTPUT,
  ];
}

/** Arguments without spaces in them, as one would type them. */
function words(line: string): string[] {
  return line.split(' ');
}
