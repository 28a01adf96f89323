import type { MediaFacts } from '../../../core/media-info.ts';
import { fileUrl, oneSecondChunks, untrustedInput } from '../../../media/ffmpeg/args.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { CHAPTER_SLACK_S } from '../../../media/probe/probe.ts';
import type { ChildArg, ChildInput } from '../../../platform/process/run-child.ts';
import { keepsChapters } from '../plan/budget.ts';
import { hasVendorTags } from '../plan/fates.ts';
import type { CopyChoice } from '../plan/strategy.ts';
import { leadOfCopy, pictureEnd } from '../plan/timeline.ts';
import { mix } from './sound-args.ts';
import { fromZero, onOwnClock, OUTPUT, trackNames, unofficialMarks, words } from './step-args.ts';

/** Command lines that put tracks together without decoding a picture. */

/**
 * Picture and sound into the final file, with the source's own metadata. The picture begins `leadS` after the sound; `endS`, seconds
 * after its first frame, says how long the last one stays: absent where the muxer knows (plan/timeline.ts).
 */
export function joinArgs(options: {
  tools: Tools;
  facts: MediaFacts;
  input: ChildInput;
  /** One file, or a list for ffmpeg's concat demuxer; `convert`: its files have different headers. */
  picture: { file: string } | { list: string; convert: boolean };
  sound: string | undefined;
  leadS: number;
  endS: number | undefined;
}): ChildArg[] {
  const { tools, facts, input, picture, sound, leadS, endS } = options;
  const source = sound === undefined ? '1' : '2';
  const chapters = chaptersOfPart(facts, leadS);
  return [
    // Each file keeps its own start: a copied sound track that begins later must not be moved to zero.
    '-copyts',
    ...(leadS > 0 ? ['-itsoffset', leadS.toFixed(6)] : []),
    ...('file' in picture
      ? ['-i', fileUrl(picture.file)]
      : [
          ...words('-f concat -safe 0 -protocol_whitelist file -auto_convert'),
          ...[picture.convert ? '1' : '0', '-i', fileUrl(picture.list)],
        ]),
    ...(sound === undefined ? [] : ['-i', fileUrl(sound)]),
    // For the times of its chapters.
    ...['-itsoffset', (leadS - facts.startS - chapters.shiftS).toFixed(6), ...untrustedInput(input)],
    ...['-map', '0:v', ...(sound === undefined ? [] : ['-map', '1']), '-c', 'copy'],
    ...(endS === undefined ? [] : lastUntil(leadS + endS)),
    ...aboutItself(facts, source),
    ...unofficialMarks(facts),
    ...chapters.output,
    ...finalMp4(tools, facts),
    OUTPUT,
  ];
}

/**
 * The chapters of a part, cut off at its ends: ffmpeg ends them with the result. What only touches the part is left out, by a
 * millisecond that nobody sees.
 */
function chaptersOfPart(facts: MediaFacts, leadS: number): { shiftS: number; output: string[] } {
  const { window, durationS } = facts;
  if (!window || !keepsChapters(facts)) return { shiftS: 0, output: [] };
  return {
    shiftS: window.fromS === undefined ? 0 : CHAPTER_SLACK_S,
    output: window.toS === undefined ? [] : ['-t', (leadS + durationS - 2 * CHAPTER_SLACK_S).toFixed(6)],
  };
}

/**
 * The muxer takes the latest end of a packet: the one stored last, which need not be the one shown last, gets a duration up to that
 * time, and none of the others exceeds it. Only where the file's clock is that of the input: ffmpeg gives the filter times of the one,
 * and `TB` of the other.
 */
function lastUntil(endS: number): string[] {
  const left = `st(0,round(${endS.toFixed(6)}/TB)-PTS)`;
  // Without a duration of its own, the muxer would give it an average one.
  const own = 'if(gt(DURATION,0),DURATION,NEXT_DTS-DTS)';
  const duration = `if(gt(ld(0),0),if(eq(NEXT_PTS,NOPTS),ld(0),min(ld(0),${own})),DURATION)`;
  return ['-bsf:v', `setts=pts=PTS:dts=DTS:duration='${left};${duration}'`];
}

/** A copy from MP4 keeps its clock, and how long its last picture stays. */
function copiedEnd(tools: Tools, facts: MediaFacts): string[] {
  const endS = facts.container.includes('mp4') ? pictureEnd(facts, {}, tools) : undefined;
  const { ticksPerS } = facts.video;
  if (endS === undefined || ticksPerS === undefined) return [];
  return ['-video_track_timescale', String(ticksPerS), ...lastUntil(facts.startS + endS)];
}

/** The source's own picture into an MP4. */
export function copyArgs(options: {
  tools: Tools;
  facts: MediaFacts;
  input: ChildInput;
  copy: CopyChoice;
}): ChildArg[] {
  const { tools, facts, input, copy } = options;
  const zeroS = facts.startS - leadOfCopy(facts, copy.sound);
  const isChaptersMoved = keepsChapters(facts) && Math.abs(zeroS) > CHAPTER_SLACK_S;
  return [
    // By itself, ffmpeg begins with the first track of the source, even with one that is left out.
    ...onOwnClock(input),
    // Tracks are put on the copy's clock when they are written, chapters when they are read.
    ...(isChaptersMoved ? ['-itsoffset', (-zeroS).toFixed(6), ...untrustedInput(input)] : []),
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
    ...aboutItself(facts, '0', isChaptersMoved ? '1' : '0'),
    ...trackNames(facts, copy),
    ...unofficialMarks(facts, 'dolby-vision'),
    ...finalMp4(tools, facts),
    ...copiedEnd(tools, facts),
    ...fromZero(zeroS),
    OUTPUT,
  ];
}

/** Title, time and place of filming, chapters. Named explicitly: copied by default, creation_time would be left out. */
function aboutItself(facts: MediaFacts, input: string, chapters = input): string[] {
  // The muxer decides again where in the file the container's own tags are stored.
  const own = ['major_brand', 'minor_version', 'compatible_brands', 'encoder'].flatMap(key => ['-metadata', `${key}=`]);
  // The date of the picture's track, where the file has none of its own.
  const isCopied = facts.creationTime === undefined || facts.creationTime === facts.tags['creation_time'];
  const date = isCopied ? [] : ['-metadata', `creation_time=${facts.creationTime}`];
  return ['-map_metadata', input, '-map_chapters', keepsChapters(facts) ? chapters : '-1', ...own, ...date];
}

function finalMp4(tools: Tools, facts: MediaFacts): string[] {
  // Only one kind of tag box can hold every name; files without such names keep to the one whose titles every player shows.
  return [
    '-movflags',
    hasVendorTags(facts) ? '+faststart+use_metadata_tags' : '+faststart',
    // A time code takes the place in which a lone picture names its chapters.
    ...words('-write_tmcd 0'),
    ...oneSecondChunks(tools),
    '-f',
    'mp4',
  ];
}

/** One track of a recording whose timestamps jump back: on its own, ffmpeg lines its sections up. MPEG-PS times few of its pictures. */
export function fixTimestampsArgs(options: { input: ChildInput; index: number }): ChildArg[] {
  return [
    ...words('-fflags +genpts'),
    ...untrustedInput(options.input),
    ...['-map', `0:${options.index}`],
    ...words('-c copy -f matroska'),
    OUTPUT,
  ];
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
