import type { AudioTrack, MediaFacts, SubtitleTrack, VideoTrack } from '../../core/media-info.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { displayName, UNPRINTABLE } from '../ffmpeg/input-errors.ts';
import type { Timeline } from './packets.ts';

/** The part of `ffprobe -show_format -show_streams -show_chapters -of json` that is read. Anything may be missing. */
export interface ProbeOutput {
  format?: { format_name?: string; tags?: Record<string, string> };
  streams?: ProbeStream[];
  chapters?: unknown[];
}

export interface ProbeStream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  codec_tag_string?: string;
  profile?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  pix_fmt?: string;
  bits_per_raw_sample?: string;
  field_order?: string;
  color_range?: string;
  color_space?: string;
  color_transfer?: string;
  color_primaries?: string;
  time_base?: string;
  start_time?: string;
  sample_rate?: string;
  channels?: number;
  tags?: Record<string, string>;
  disposition?: Record<string, number>;
  /** As the container claims. */
  nb_frames?: string;
  /** Present if frames were counted by decoding them. */
  nb_read_frames?: string;
  side_data_list?: { side_data_type?: string; rotation?: number }[];
}

/** Subtitles made of characters; the others are bitmaps, which MP4 cannot carry. */
const TEXT_SUBTITLES = new Set([
  'subrip',
  'srt',
  'ass',
  'ssa',
  'mov_text',
  'webvtt',
  'text',
  'microdvd',
  'subviewer',
  'sami',
]);

const DATA_TRACKS = {
  gpmd: 'media.track-telemetry',
  camm: 'media.track-telemetry',
  mebx: 'media.track-camera-metadata',
  tmcd: 'media.track-time-code',
  fdsc: 'media.track-camera-data',
  rtp: 'media.track-streaming-hints',
} as const;

/** The track people mean by "the video": not cover art; the default one, otherwise the one with the most pixels. */
export function mainVideo(streams: readonly ProbeStream[]): ProbeStream | undefined {
  const moving = streams.filter(stream => stream.codec_type === 'video' && !isCover(stream));
  const rank = (stream: ProbeStream) =>
    (stream.width ?? 0) * (stream.height ?? 0) + (stream.disposition?.['default'] ? 1e12 : 0);
  return moving.reduce<ProbeStream | undefined>(
    (best, stream) => (!best || rank(stream) > rank(best) ? stream : best),
    undefined,
  );
}

function isCover(stream: ProbeStream): boolean {
  return Boolean(stream.disposition?.['attached_pic'] || stream.disposition?.['timed_thumbnails']);
}

/** Facts from ffprobe's output and the packets. `lines` holds a timeline for every track that has packets. */
export function assembleFacts(
  output: ProbeOutput,
  main: ProbeStream,
  lines: ReadonlyMap<number, Timeline>,
  bytes: number,
): MediaFacts {
  const streams = output.streams ?? [];
  const line = lines.get(main.index) ?? {
    packets: 0,
    hidden: 0,
    bytes: 0,
    startS: 0,
    endS: 0,
    minGapS: 0,
    maxGapS: 0,
    jumpsBack: 0,
    cuts: [],
  };
  const durationS = line.endS - line.startS;
  const audio = streams.filter(stream => stream.codec_type === 'audio');
  const subtitles = streams.filter(stream => stream.codec_type === 'subtitle');
  const tags = output.format?.tags ?? {};
  return {
    container: output.format?.format_name ?? '',
    bytes,
    durationS,
    startS: line.startS,
    clockJumps: line.jumpsBack,
    video: videoTrack(main, line, durationS),
    audio: audio.filter(stream => lines.has(stream.index)).map(stream => audioTrack(stream, lines.get(stream.index))),
    subtitles: subtitles.filter(stream => lines.has(stream.index)).map(subtitleTrack),
    other: streams
      .filter(stream => stream !== main && isOther(stream, lines) && !isChapterList(stream, output))
      .map(describeTrack),
    chapters: output.chapters?.length ?? 0,
    cuts: line.cuts,
    creationTime: tags['creation_time'] ?? main.tags?.['creation_time'],
    location: tags['location'] ?? tags['com.apple.quicktime.location.ISO6709'] ?? tags['location-eng'],
    tags: shortTags(tags),
  };
}

/** Facts are kept in the journal: no lyrics, no embedded documents. */
function shortTags(tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags)
      .slice(0, 50)
      .map(([key, value]) => [key.slice(0, 100), String(value).slice(0, 300)]),
  );
}

function videoTrack(stream: ProbeStream, line: Timeline, durationS: number): VideoTrack {
  const width = stream.width ?? 0;
  const height = stream.height ?? 0;
  const rotation = clockwise(stream);
  const sampleAspect = ratio(stream.sample_aspect_ratio) ?? 1;
  const squareWidth = Math.round(width * sampleAspect);
  const turned = rotation === 90 || rotation === 270;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    profile: stream.profile,
    width,
    height,
    displayWidth: turned ? height : squareWidth,
    displayHeight: turned ? squareWidth : height,
    rotation,
    sampleAspect,
    pixelFormat: stream.pix_fmt ?? 'unknown',
    bitDepth: bitDepth(stream),
    fps: durationS > 0 ? line.packets / durationS : 0,
    variableFrameRate: line.maxGapS - line.minGapS > 2 * (fraction(stream.time_base) ?? 0) + 1e-4,
    frames: line.packets,
    hiddenFrames: line.hidden,
    bytes: line.bytes,
    interlaced: ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? ''),
    hdr: stream.color_transfer === 'smpte2084' ? 'pq' : stream.color_transfer === 'arib-std-b67' ? 'hlg' : 'sdr',
    color: {
      primaries: known(stream.color_primaries),
      transfer: known(stream.color_transfer),
      space: known(stream.color_space),
      range: known(stream.color_range),
    },
  };
}

function audioTrack(stream: ProbeStream, line: Timeline | undefined): AudioTrack {
  const lengthS = line ? line.endS - line.startS : 0;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    channels: stream.channels ?? 0,
    sampleRate: Number(stream.sample_rate) || 0,
    bitrate: line && lengthS > 0 ? Math.round((line.bytes * 8) / lengthS) : undefined,
    bytes: line?.bytes ?? 0,
    startS: seconds(stream.start_time) ?? line?.startS ?? 0,
    language: language(stream),
    title: inOneLine(stream.tags?.['title']),
  };
}

function subtitleTrack(stream: ProbeStream): SubtitleTrack {
  const codec = stream.codec_name ?? 'unknown';
  return { index: stream.index, codec, text: TEXT_SUBTITLES.has(codec), language: language(stream) };
}

function isOther(stream: ProbeStream, lines: ReadonlyMap<number, Timeline>): boolean {
  if (stream.codec_type === 'audio') return !lines.has(stream.index);
  return stream.codec_type !== 'subtitle';
}

/** MP4 keeps its chapters in a text track, which ffprobe shows twice: as chapters and as data. */
function isChapterList(stream: ProbeStream, output: ProbeOutput): boolean {
  return stream.codec_type === 'data' && stream.codec_tag_string === 'text' && (output.chapters?.length ?? 0) > 0;
}

function describeTrack(stream: ProbeStream): Sentence {
  const { codec_type: type, codec_name: name } = stream;
  const tag = printable(stream.codec_tag_string) ?? name ?? 'unknown';
  const codec = name ?? tag;
  if (type === 'audio') return say('media.track-silent', { codec });
  if (type === 'video') return say(isCover(stream) ? 'media.track-cover' : 'media.track-other-picture', { codec });
  if (type === 'attachment') {
    const file = displayName(stream.tags?.['filename'] ?? tag).slice(0, MAX_WORD_LENGTH);
    return say('media.track-attachment', { name: file });
  }
  const known = tag in DATA_TRACKS ? DATA_TRACKS[tag as keyof typeof DATA_TRACKS] : 'media.track-data';
  return say(known, { tag });
}

/** ffprobe gives degrees counter-clockwise, -180 to 180: what the player has to do. */
function clockwise(stream: ProbeStream): number {
  const side = stream.side_data_list?.find(entry => typeof entry.rotation === 'number')?.rotation;
  const degrees = side === undefined ? Number(stream.tags?.['rotate'] ?? 0) : -side;
  return (((Math.round(degrees / 90) * 90) % 360) + 360) % 360;
}

function bitDepth(stream: ProbeStream): number {
  const inName = /(?:p|gray|gbrap?|rgb|x|p0)(9|10|12|14|16)(?:le|be)$/.exec(stream.pix_fmt ?? '')?.[1];
  return Number(inName ?? stream.bits_per_raw_sample) || 8;
}

function language(stream: ProbeStream): string | undefined {
  const tag = stream.tags?.['language'];
  return tag === undefined || tag === 'und' ? undefined : inOneLine(tag);
}

const MAX_WORD_LENGTH = 100;

/** A file's own metadata, made fit for a note: no line breaks, no escapes, limited length. */
function inOneLine(text: string | undefined): string | undefined {
  return text?.replace(UNPRINTABLE, '?').slice(0, MAX_WORD_LENGTH);
}

function printable(tag: string | undefined): string | undefined {
  return tag && /^[\w .-]+$/.test(tag) ? tag.trim() : undefined;
}

function known(value: string | undefined): string | undefined {
  return value === 'unknown' || value === 'reserved' ? undefined : value;
}

function seconds(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}

/** No camera makes samples further from square than this; ffmpeg shows such files as if they were square, too. */
const MAX_STRETCH = 16;

/** `4:3`; `0:1` means unknown. */
function ratio(text: string | undefined): number | undefined {
  const [a, b] = (text ?? '').split(':').map(Number);
  const found = a && b ? a / b : undefined;
  return found && found <= MAX_STRETCH && found >= 1 / MAX_STRETCH ? found : undefined;
}

function fraction(text: string | undefined): number | undefined {
  const [a, b] = (text ?? '').split('/').map(Number);
  return a && b ? a / b : undefined;
}
