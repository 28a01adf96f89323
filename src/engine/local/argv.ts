import type { MediaFacts } from '../../core/media.ts';
import { FINE_CLOCK, fileUrl, keepFrameTimes, oneSecondChunks, untrustedInput } from '../../platform/ffmpeg/args.ts';
import type { Tools } from '../../platform/ffmpeg/tools.ts';
import type { Effort } from './bench.ts';
import { OUTPUT } from './bench.ts';
import type { PicturePlan } from './picture.ts';
import type { CopyChoice } from './plan.ts';
import { SAMPLE_CRF } from './rung.ts';
import type { SoundPlan } from './sound.ts';

/** Command lines of the steps, all pure. Own files are named relative to the work directory, which is where children run. */

export type Codec = 'h264' | 'h265' | 'av1';

/** How the picture is encoded in one go or one of two. */
export type Rate =
  | { kind: 'pass-1'; bitsPerSecond: number }
  | { kind: 'pass-2'; bitsPerSecond: number }
  | { kind: 'one-pass'; bitsPerSecond: number }
  | { kind: 'quality'; crf: number };

export interface PictureArgs {
  tools: Tools;
  facts: MediaFacts;
  input: string;
  picture: PicturePlan;
  codec: Codec;
  effort: Effort;
  rate: Rate;
}

/**
 * The time line of every step is the source's own (`-copyts`), moved so that the picture begins at zero when written: picture
 * and sound are read by different children and would otherwise each begin at zero for themselves.
 */
function fromZero(facts: MediaFacts): string[] {
  return ['-output_ts_offset', (-facts.startS).toFixed(6)];
}

const LOG = 'pass';
/** Files the first pass leaves for the second. */
export const PASS_LOGS: Readonly<Record<Codec, readonly string[]>> = {
  h264: [`${LOG}-0.log`, `${LOG}-0.log.mbtree`],
  h265: [`${LOG}.x265`, `${LOG}.x265.cutree`],
  av1: [],
};

/** Measured in encoding.md section 4d: above `slow` x264 spends four times the time for nothing one could see. */
const PRESETS: Readonly<Record<Codec, Readonly<Record<Effort, string>>>> = {
  h264: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
  h265: { fast: 'veryfast', balanced: 'medium', best: 'slow' },
  av1: { fast: '10', balanced: '8', best: '6' },
};

/** Encodes the picture alone into OUTPUT (nowhere for the first pass). */
export function pictureArgs(options: PictureArgs): string[] {
  const { tools, facts, input, picture, rate } = options;
  const head = [
    '-copyts',
    ...untrustedInput(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn'],
    ...words('-map_metadata -1 -map_chapters -1'),
    ...['-filter:v', picture.filters],
    ...keepFrameTimes(tools),
    ...FINE_CLOCK,
    ...picture.colors,
    ...encoderArgs(options),
  ];
  if (rate.kind === 'pass-1') return [...head, '-f', 'null', '-'];
  return [...head, ...fromZero(facts), '-f', 'mp4', OUTPUT];
}

function encoderArgs({ facts, picture, codec, effort, rate }: PictureArgs): string[] {
  const fps = Math.max(1, picture.fps ?? facts.video.fps);
  // A keyframe at least every five seconds: seeking stays quick, and a tail can be cut off and repaired.
  const keyint = Math.min(300, Math.max(12, Math.round(fps * 5)));
  const preset = PRESETS[codec][effort];
  const bits = 'bitsPerSecond' in rate ? String(Math.floor(rate.bitsPerSecond)) : '';
  switch (codec) {
    case 'h264':
      return [
        ...['-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-pix_fmt', 'yuv420p', '-g', String(keyint)],
        ...(rate.kind === 'quality' ? ['-crf', String(rate.crf)] : ['-b:v', bits]),
        ...(rate.kind === 'pass-1' ? ['-pass', '1', '-passlogfile', LOG] : []),
        // 0.3 costs nothing and takes most of the overshoot of short clips away; 0.01 starves the end (encoding.md 4a).
        ...(rate.kind === 'pass-2' ? ['-pass', '2', '-passlogfile', LOG, '-x264-params', 'ratetol=0.3'] : []),
      ];
    case 'h265': {
      const params = ['log-level=error', `keyint=${keyint}`];
      if (rate.kind === 'pass-1') params.push('pass=1', `stats=${LOG}.x265`);
      if (rate.kind === 'pass-2') params.push('pass=2', `stats=${LOG}.x265`);
      return [
        ...['-c:v', 'libx265', '-preset', preset, '-pix_fmt', 'yuv420p', '-tag:v', 'hvc1'],
        ...(rate.kind === 'quality' ? ['-crf', String(rate.crf)] : ['-b:v', bits]),
        ...['-x265-params', params.join(':')],
      ];
    }
    case 'av1':
      return [
        ...['-c:v', 'libsvtav1', '-preset', preset, '-pix_fmt', 'yuv420p', '-g', String(keyint)],
        ...(rate.kind === 'quality' ? ['-crf', String(rate.crf)] : ['-b:v', bits]),
      ];
  }
}

/** A few seconds from `startS` on, at full size, to see how many bits this clip needs. */
export function sampleArgs(
  options: Omit<PictureArgs, 'codec' | 'effort' | 'rate'> & { fromS: number; lengthS: number },
): string[] {
  const { tools, facts, input, picture, fromS, lengthS } = options;
  const whole = lengthS >= facts.durationS;
  return [
    ...(whole ? [] : ['-ss', fromS.toFixed(3), '-t', lengthS.toFixed(3)]),
    ...untrustedInput(input),
    ...['-map', `0:${facts.video.index}`, '-an', '-sn', '-dn', '-filter:v', picture.filters],
    ...keepFrameTimes(tools),
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', String(SAMPLE_CRF), '-g', '300', '-f', 'h264', OUTPUT],
  ];
}

/** Sound and text subtitles into a file of their own, before anything else: their real size is what the budget needs. */
export function soundArgs(options: { facts: MediaFacts; input: string; sound: SoundPlan }): string[] {
  const { facts, input, sound } = options;
  return [
    '-copyts',
    ...untrustedInput(input),
    ...sound.tracks.flatMap(track => ['-map', `0:${track.index}`]),
    ...sound.subtitles.flatMap(index => ['-map', `0:${index}`]),
    // Languages and titles of the tracks come along by themselves.
    ...words('-vn -dn -map_chapters -1 -c:s mov_text'),
    ...sound.tracks.flatMap((track, at) => {
      if (track.how === 'copy') return [`-c:a:${at}`, 'copy'];
      const firstSample = Math.round(facts.startS * track.sampleRate);
      return [
        ...[`-c:a:${at}`, 'aac', `-b:a:${at}`, String(track.bitsPerSecond), `-ac:a:${at}`, String(track.channels)],
        // Gaps become silence, what lies before the picture is cut off: an unbroken track also needs 8 bytes less per packet.
        ...[`-filter:a:${at}`, `aresample=${track.sampleRate}:async=1:first_pts=${firstSample}`],
      ];
    }),
    ...fromZero(facts),
    ...['-f', 'mp4', OUTPUT],
  ];
}

/** Picture and sound into the final file, with what the source says about itself. */
export function joinArgs(options: {
  tools: Tools;
  facts: MediaFacts;
  input: string;
  picture: string;
  sound: string | undefined;
}): string[] {
  const { tools, facts, input, picture, sound } = options;
  const source = sound === undefined ? '1' : '2';
  return [
    // Each file keeps its own start: a copied sound track that begins later must not be moved to zero.
    '-copyts',
    ...['-i', fileUrl(picture)],
    ...(sound === undefined ? [] : ['-i', fileUrl(sound)]),
    ...untrustedInput(input),
    ...['-map', '0:v', ...(sound === undefined ? [] : ['-map', '1']), '-c', 'copy'],
    ...aboutItself(facts, source),
    ...finalMp4(tools, facts),
    OUTPUT,
  ];
}

/** The source's own picture into an MP4. */
export function copyArgs(options: { tools: Tools; facts: MediaFacts; input: string; copy: CopyChoice }): string[] {
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
        : [`-c:a:${at}`, 'aac', `-b:a:${at}`, String(Math.round(track.bitsPerSecond))],
    ),
    // Apple's players show HEVC in MP4 only under this name.
    ...(facts.video.codec === 'hevc' ? ['-tag:v', 'hvc1'] : []),
    ...aboutItself(facts, '0'),
    ...finalMp4(tools, facts),
    OUTPUT,
  ];
}

/** Title, time and place of filming, chapters. Named explicitly: copied by default, creation_time would be left out. */
function aboutItself(facts: MediaFacts, input: string): string[] {
  // Where in the file the container's own words stand is decided anew by the muxer.
  const own = ['major_brand', 'minor_version', 'compatible_brands', 'encoder'].flatMap(key => ['-metadata', `${key}=`]);
  return ['-map_metadata', input, '-map_chapters', facts.chapters > 0 ? input : '-1', ...own];
}

function finalMp4(tools: Tools, facts: MediaFacts): string[] {
  // Phones write com.apple.* and com.android.* names, which only this kind of tag box takes; others keep to the one that
  // every player shows titles from.
  const vendor = Object.keys(facts.tags).some(key => key.startsWith('com.'));
  return ['-movflags', vendor ? '+faststart+use_metadata_tags' : '+faststart', ...oneSecondChunks(tools), '-f', 'mp4'];
}

/** One track of a recording whose clock jumps: alone, ffmpeg puts its pieces in a row. */
export function straightenArgs(options: { input: string; index: number }): string[] {
  return [
    ...untrustedInput(options.input),
    ...words('-map'),
    `0:${options.index}`,
    ...words('-c copy -f matroska'),
    OUTPUT,
  ];
}

/** Straightened tracks together again, each moved by `delayS`. */
export function rejoinArgs(parts: readonly { file: string; delayS: number }[]): string[] {
  return [
    ...parts.flatMap(({ file, delayS }) => ['-itsoffset', delayS.toFixed(6), '-i', fileUrl(file)]),
    ...parts.flatMap((_, at) => ['-map', String(at)]),
    ...words('-c copy -f matroska'),
    OUTPUT,
  ];
}

/** Arguments without blanks in them, as one would type them. */
function words(line: string): string[] {
  return line.split(' ');
}
