import type { Kind } from '../../core/inventory.ts';
import { say } from '../../messages/say.ts';
import { displayName } from '../ffmpeg/input-errors.ts';
import { codecOf, isCover, isText, languageOf, MAX_WORD_LENGTH, oneLine, type ProbeStream } from '../probe/streams.ts';
import type { Finder, Found, Probed } from './probed.ts';

type TrackKind = Extract<
  Kind,
  | 'picture'
  | 'sound'
  | 'early-sound'
  | 'subtitles'
  | 'cover'
  | 'second-picture'
  | 'attachment'
  | 'data'
  | 'empty-track'
  | 'track-title'
>;

/** What is a track of its own, or belongs to one. */
export const TRACKS: Readonly<Record<TrackKind, Finder>> = {
  picture: {
    find: ({ main }) => [picture(main)],
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'vp9', what: say('media.has-picture', { codec: 'vp9' }) }],
  },
  sound: {
    find: source => withPackets(source, 'audio').map(stream => sound(source, stream)),
    compared: 'both',
    since: '4.4',
    examples: [
      { value: 'aac 2 eng', track: 1, what: say('media.has-sound', { track: 'aac, stereo, eng' }) },
      { value: 'pcm_s16le 2 und', track: 2, what: say('media.has-sound', { track: 'pcm_s16le, stereo' }) },
      { value: 'apac 2 und', track: 3, what: say('media.has-sound', { track: 'apac, stereo' }) },
    ],
  },
  'early-sound': {
    find: earlySound,
    // Sound is compared with when it begins.
    compared: 'never',
    since: '4.4',
    examples: [{ value: '3.0', track: 1, what: say('media.has-early-sound', { seconds: 3 }) }],
  },
  subtitles: {
    find: source => withPackets(source, 'subtitle').map(subtitles),
    compared: 'both',
    since: '4.4',
    examples: [
      { value: 'subrip eng', track: 4, what: say('media.has-subtitles', { track: 'subrip, eng' }) },
      { value: 'ass eng', track: 5, what: say('media.has-subtitles', { track: 'ass, eng' }) },
      {
        value: 'hdmv_pgs_subtitle eng',
        track: 6,
        what: say('media.has-bitmap-subtitles', { track: 'hdmv_pgs_subtitle, eng' }),
      },
    ],
  },
  cover: {
    find: source =>
      others(source, 'video')
        .filter(isCover)
        .map(stream => other(stream, 'media.track-cover')),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'mjpeg', track: 7, what: say('media.track-cover', { codec: 'mjpeg' }) }],
  },
  'second-picture': {
    find: source =>
      others(source, 'video')
        .filter(stream => !isCover(stream))
        .map(stream => other(stream, 'media.track-other-picture')),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'hevc', track: 7, what: say('media.track-other-picture', { codec: 'hevc' }) }],
  },
  attachment: {
    find: source => others(source, 'attachment').map(attachment),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'font.ttf', track: 7, what: say('media.track-attachment', { name: 'font.ttf' }) }],
  },
  data: {
    find: source =>
      others(source, 'data', undefined)
        .filter(stream => !isChapterList(stream, source))
        .map(data),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'gpmd', track: 7, what: say('media.track-telemetry', { tag: 'gpmd' }) }],
  },
  'empty-track': {
    find: emptyTracks,
    compared: 'never',
    since: '4.4',
    examples: [
      { value: 'aac', track: 7, what: say('media.track-silent', { codec: 'aac' }) },
      { value: 'subrip', track: 8, what: say('media.track-textless', { codec: 'subrip' }) },
    ],
  },
  'track-title': {
    find: source =>
      [...withPackets(source, 'audio'), ...withPackets(source, 'subtitle')].flatMap(stream => {
        const title = oneLine(stream.tags?.['title']);
        return title ? [{ value: title, track: stream.index, what: say('media.has-track-title', { title }) }] : [];
      }),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'Commentary', track: 1, what: say('media.has-track-title', { title: 'Commentary' }) }],
  },
};

function withPackets({ output, lines }: Probed, type: string): ProbeStream[] {
  return (output.streams ?? []).filter(stream => stream.codec_type === type && lines.has(stream.index));
}

function others({ output, main }: Probed, ...types: (string | undefined)[]): ProbeStream[] {
  return (output.streams ?? []).filter(stream => stream !== main && types.includes(stream.codec_type));
}

function picture(stream: ProbeStream): Found {
  const codec = codecOf(stream);
  return { value: codec, track: stream.index, what: say('media.has-picture', { codec }) };
}

/** The value that sound has, in the words of this module. */
export function soundValue({
  codec,
  channels,
  language,
}: {
  codec: string;
  channels: number;
  language?: string;
}): string {
  return `${codec} ${channels} ${languageInMp4(language)}`;
}

export function subtitlesValue({ codec, language }: { codec: string; language?: string }): string {
  return `${codec} ${languageInMp4(language)}`;
}

/** MP4 has room for three letters: the first of several, and `und` for a name of another kind. */
function languageInMp4(language: string | undefined): string {
  return /^[a-z]{3}/.exec(language ?? '')?.[0] ?? 'und';
}

function sound({ lines, main }: Probed, stream: ProbeStream): Found {
  const codec = codecOf(stream);
  const language = languageOf(stream);
  const { channels = 0 } = stream;
  const layout = stream.channel_layout ?? (channels > 0 ? `${channels} ch` : '');
  const line = lines.get(stream.index);
  const zero = lines.get(main.index)?.startS ?? 0;
  return {
    value: soundValue({ codec, channels, language }),
    track: stream.index,
    // A clock that starts again, or a forged one, does not say when.
    ...(line?.jumpsBack === 0 && line.endS > zero ? { startS: line.startS - zero, endS: line.endS - zero } : {}),
    what: say('media.has-sound', { track: [codec, layout, language].filter(Boolean).join(', ') }),
  };
}

/** Less sound than this before the picture is an encoder's own padding (1,024 samples of AAC, 1,105 of MP3), not sound. */
export const PRIMING_S = 0.03;

/** The track that begins longest before the picture. */
function earlySound(source: Probed): Found[] {
  const tracks = withPackets(source, 'audio').map(stream => sound(source, stream));
  const [first] = tracks.toSorted((a, b) => (a.startS ?? 0) - (b.startS ?? 0));
  const seconds = -(first?.startS ?? 0);
  if (!first || seconds < PRIMING_S) return [];
  const what = say('media.has-early-sound', { seconds });
  return [{ value: seconds.toFixed(2), track: first.track, what }];
}

/** Sound and subtitles without a packet. What is empty in a part need not be so in the whole: it keeps its name. */
function emptyTracks(source: Probed): Found[] {
  const without = (type: string) =>
    (source.output.streams ?? []).filter(stream => stream.codec_type === type && !source.lines.has(stream.index));
  const { window } = source;
  return [
    ...without('audio').map(stream => (window ? sound(source, stream) : other(stream, 'media.track-silent'))),
    ...without('subtitle').map(stream => (window ? subtitles(stream) : other(stream, 'media.track-textless'))),
  ];
}

function subtitles(stream: ProbeStream): Found {
  const codec = codecOf(stream);
  const language = languageOf(stream);
  const track = [codec, language].filter(Boolean).join(', ');
  const what = isText(codec) ? say('media.has-subtitles', { track }) : say('media.has-bitmap-subtitles', { track });
  return { value: subtitlesValue({ codec, language }), track: stream.index, what };
}

function other(
  stream: ProbeStream,
  code: 'media.track-cover' | 'media.track-other-picture' | 'media.track-silent' | 'media.track-textless',
): Found {
  const codec = codecOf(stream);
  return { value: codec, track: stream.index, what: say(code, { codec }) };
}

function attachment(stream: ProbeStream): Found {
  const name = displayName(stream.tags?.['filename'] ?? codecOf(stream)).slice(0, MAX_WORD_LENGTH);
  return { value: name, track: stream.index, what: say('media.track-attachment', { name }) };
}

const DATA_TRACKS = {
  gpmd: 'media.track-telemetry',
  camm: 'media.track-telemetry',
  mebx: 'media.track-camera-metadata',
  tmcd: 'media.track-time-code',
  fdsc: 'media.track-camera-data',
  rtp: 'media.track-streaming-hints',
} as const;

function data(stream: ProbeStream): Found {
  const tag = oneLine(printable(stream.codec_tag_string) ?? stream.codec_name) ?? 'unknown';
  const code = tag in DATA_TRACKS ? DATA_TRACKS[tag as keyof typeof DATA_TRACKS] : 'media.track-data';
  return { value: tag, track: stream.index, what: say(code, { tag }) };
}

/** MP4 keeps its chapters in a text track, which ffprobe shows twice: as chapters and as data. */
function isChapterList(stream: ProbeStream, { output }: Probed): boolean {
  return stream.codec_tag_string === 'text' && (output.chapters?.length ?? 0) > 0;
}

function printable(tag: string | undefined): string | undefined {
  return tag && /^[\w .-]+$/.test(tag) ? tag.trim() : undefined;
}
