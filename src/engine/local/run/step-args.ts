import type { Item, Kind } from '../../../core/inventory.ts';
import type { MediaFacts } from '../../../core/media-info.ts';
import { untrustedInput } from '../../../media/ffmpeg/args.ts';
import type { ChildArg, ChildInput } from '../../../platform/process/run-child.ts';
import type { Segment } from '../plan/segments.ts';
import { SEEK_BACK_S } from '../tuning.ts';

/** What the command lines of the steps share. All are pure. Our own files are named relative to the work directory, where children run. */

/** Placeholder for the output file in the arguments of a step. */
export const OUTPUT = '{output}';

/**
 * Every step keeps the source's own timeline, shifted to begin at zero when written: picture and sound are read by different
 * children, and each would otherwise start at its own zero. The offset is too small to move anything: without one, ffmpeg up to 5.1
 * starts the tracks it reads at zero if another one begins there (transport and program streams).
 */
export function onOwnClock(input: ChildInput): ChildArg[] {
  return ['-copyts', '-itsoffset', '0.000001', ...untrustedInput(input)];
}

export function fromZero(startS: number): string[] {
  return ['-output_ts_offset', (-startS).toFixed(6)];
}

/** Threads for decoding the input that follows, and for the filters. */
export function threadArgs(threads: number | undefined): string[] {
  return threads ? ['-threads', String(threads), '-filter_threads', String(threads)] : [];
}

/** Transport streams are sought by their clock, which may land after the keyframe that is needed. */
export const SEARCHED = /\b(mpegts|mpeg|mpegvideo)\b/;

/** Reading begins at the keyframe before the segment; what comes before the segment is decoded and discarded. */
export function seek(
  facts: Pick<MediaFacts, 'container' | 'startS' | 'window'>,
  { fromS, isReadFromStart }: Pick<Segment, 'fromS' | 'isReadFromStart'>,
): string[] {
  if (fromS === undefined || isReadFromStart) return [];
  const at = fromS - (SEARCHED.test(facts.container) ? SEEK_BACK_S : 0);
  // There is nothing before the start, and seeking there would be an error.
  if (at <= (facts.window?.sourceStartS ?? facts.startS)) return [];
  return ['-seek_timestamp', '1', '-ss', at.toFixed(6), '-noaccurate_seek'];
}

interface Holding {
  inventory: readonly Pick<Item, 'kind'>[];
}

/** ffmpeg writes how a sphere or two views are folded into the picture, and Dolby Vision, only when told that this is unofficial. */
export function unofficialMarks(facts: Holding, ...more: Kind[]): string[] {
  const marks: Kind[] = ['projection', 'stereo', ...more];
  return marks.some(kind => holds(facts, kind)) ? ['-strict', 'unofficial'] : [];
}

export function holds({ inventory }: Holding, kind: Kind): boolean {
  return inventory.some(item => item.kind === kind);
}

/** ffmpeg does not write a track's title into MP4, but the name of its handler, which players show in its place. */
export function trackNames(
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

/** Arguments without spaces in them, as one would type them. */
export function words(line: string): string[] {
  return line.split(' ');
}
