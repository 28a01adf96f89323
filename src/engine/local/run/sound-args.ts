import type { AudioTrack, MediaFacts } from '../../../core/media-info.ts';
import { fileUrl, untrustedInput } from '../../../media/ffmpeg/args.ts';
import type { ChildArg, ChildInput } from '../../../platform/process/run-child.ts';
import type { SoundPlan } from '../plan/audio.ts';
import { foldFilter } from '../plan/fold-down.ts';
import { leadOf, soundLead } from '../plan/timeline.ts';
import { SOUND_SEEK_BACK_S } from '../tuning.ts';
import { fromZero, onOwnClock, OUTPUT, seek, trackNames, words } from './step-args.ts';

/** Command lines for sound and subtitles. */

/** Sound and text subtitles into a file of their own, before anything else: the budget needs their real size. */
export function soundArgs(options: {
  facts: MediaFacts;
  input: ChildInput;
  sound: SoundPlan;
  /** The subtitles of a part, in the order of `sound.subtitles`. */
  texts?: readonly { file: string }[] | undefined;
}): ChildArg[] {
  const { facts, input, sound, texts } = options;
  return [
    ...(texts || sound.subtitles.length === 0 ? soundSeek(facts) : []),
    ...onOwnClock(input),
    ...(texts ?? []).flatMap(({ file }) => ['-i', fileUrl(file)]),
    ...sound.tracks.flatMap(track => ['-map', `0:${track.index}`]),
    ...(texts
      ? texts.flatMap((_, at) => ['-map', `${at + 1}:0`])
      : sound.subtitles.flatMap(index => ['-map', `0:${index}`])),
    ...(texts ? languagesAndRoles(facts, sound.subtitles) : []),
    // Languages and titles of the tracks are copied by default. The film's own tags come from the source, and would count twice.
    ...words('-vn -dn -map_metadata:g -1 -map_chapters -1 -c:s mov_text'),
    ...sound.tracks.flatMap((track, at) => {
      if (track.how === 'copy') return [`-c:a:${at}`, 'copy'];
      const firstSample = Math.round((facts.startS - soundLead(facts, track.index)) * track.sampleRate);
      return [
        ...[`-c:a:${at}`, 'aac', `-b:a:${at}`, String(track.bitsPerSecond), `-ac:a:${at}`, String(track.channels)],
        // Gaps become silence, the one after the first picture too: an unbroken track also needs 8 bytes less per packet.
        ...[
          `-filter:a:${at}`,
          [
            ...windowOfSound(facts),
            ...mix(facts, track),
            `aresample=${track.sampleRate}:async=1:first_pts=${firstSample}`,
          ].join(','),
        ],
      ];
    }),
    ...trackNames(facts, { sound: sound.tracks, subtitles: sound.subtitles }),
    ...fromZero(facts.startS - leadOf(facts, sound.tracks)),
    ...['-f', 'mp4', OUTPUT],
  ];
}

function soundSeek(facts: MediaFacts): string[] {
  const { fromS } = facts.window ?? {};
  return fromS === undefined ? [] : seek(facts, { fromS: fromS - SOUND_SEEK_BACK_S });
}

/** The sound of a part, cut between two samples. */
function windowOfSound({ window, startS, durationS }: MediaFacts): string[] {
  const bounds = [
    ...(window?.fromS === undefined ? [] : [`start=${startS.toFixed(6)}`]),
    ...(window?.toS === undefined ? [] : [`end=${(startS + durationS).toFixed(6)}`]),
  ];
  return bounds.length > 0 ? [`atrim=${bounds.join(':')}`] : [];
}

/** Of the subtitles of a part, which are read from files of their own that have neither. */
function languagesAndRoles({ subtitles }: MediaFacts, indexes: readonly number[]): string[] {
  return indexes.flatMap((index, at) => {
    const { language, roles } = subtitles.find(track => track.index === index) ?? {};
    return [
      ...(language === undefined ? [] : [`-metadata:s:s:${at}`, `language=${language}`]),
      ...(roles ? [`-disposition:s:${at}`, roles.join('+')] : []),
    ];
  });
}

/** All texts of a subtitle track, on the source's own clock. */
export function partSubtitlesArgs({ input, index }: { input: ChildInput; index: number }): ChildArg[] {
  return [...onOwnClock(input), '-map', `0:${index}`, ...words('-c:s srt -f srt'), OUTPUT];
}

/** The filters that mix a track down to fewer channels; none if it keeps its own. */
export function mix(facts: MediaFacts, track: { index: number; channels: number; gainDb?: number }): string[] {
  const source = facts.audio.find(({ index }) => index === track.index);
  if (!source || source.channels <= track.channels) return [];
  return [
    [foldFilter(source, track.channels), ...(track.gainDb ? [`volume=${track.gainDb.toFixed(2)}dB`] : [])].join(','),
  ];
}

/** Writes the levels of a track, channel by channel, and of its mix into two files; the last lines of each count. */
export function levelsArgs(options: {
  facts: MediaFacts;
  source: AudioTrack;
  input: ChildInput;
  channels: number;
  files: { source: string; mix: string };
}): ChildArg[] {
  const { facts, source, input, channels, files } = options;
  // Ten seconds at once: one report of some lines each.
  const measured =
    'asetnsamples=n=480000:p=0,astats=metadata=1:measure_perchannel=RMS_level:measure_overall=Peak_level';
  const graph = [
    `[0:${source.index}]${[...windowOfSound(facts), 'asplit'].join(',')}[a][b]`,
    `[a]${measured},ametadata=print:file=${files.source}[c]`,
    `[b]${foldFilter(source, channels)},${measured},ametadata=print:file=${files.mix}[d]`,
  ];
  return [
    ...soundSeek(facts),
    ...(facts.window ? onOwnClock(input) : untrustedInput(input)),
    ...['-filter_complex', graph.join(';'), '-map', '[c]', '-map', '[d]', '-vn', '-f', 'null', '-'],
  ];
}
