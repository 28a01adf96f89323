/** What ffprobe says about a file and its tracks, and how it is read. Pure; anything may be missing, or forged. */
import type { VideoTrack } from '../../core/media-info.ts';
import { UNPRINTABLE } from '../ffmpeg/input-errors.ts';
import type { Timeline } from './packets.ts';

/** The part of `ffprobe -show_format -show_streams -show_chapters -of json` that is read. Anything may be missing. */
export interface ProbeOutput {
  format?: { format_name?: string; tags?: Record<string, string> };
  streams?: ProbeStream[];
  chapters?: { start_time?: string; end_time?: string }[] | undefined;
}

export interface ProbeStream {
  index: number;
  /** `0x1`, in containers that number their tracks. */
  id?: string;
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
  channel_layout?: string;
  tags?: Record<string, string>;
  disposition?: Record<string, number>;
  /** As the container claims. */
  nb_frames?: string;
  /** Present if frames were counted by decoding them. */
  nb_read_frames?: string;
  side_data_list?: SideData[];
}

export interface SideData {
  side_data_type?: string;
  rotation?: number;
  /** Three lines of three numbers each, with their offset before them. */
  displaymatrix?: string;
  projection?: string;
  /** Of stereo views: `2D`, `side by side`, ... */
  type?: string;
  dv_profile?: number;
  dv_bl_signal_compatibility_id?: number;
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

/** A track that lasts less than this share of the longest is a still or a preview beside the film. */
const MIN_SHARE_OF_LONGEST = 0.5;

/** The tracks that may be meant by "the video": no cover art. */
export function pictures(streams: readonly ProbeStream[]): ProbeStream[] {
  return streams.filter(stream => stream.codec_type === 'video' && !isCover(stream));
}

/**
 * The track people mean by "the video". It moves and lasts about as long as the longest; of several, the default one, otherwise the
 * one with the most pixels.
 */
export function mainVideo(
  streams: readonly ProbeStream[],
  lines: ReadonlyMap<number, Pick<Timeline, 'packets' | 'startS' | 'endS'>>,
): ProbeStream | undefined {
  const lengthOf = ({ index }: ProbeStream) => {
    const line = lines.get(index);
    return line && line.packets > 1 ? line.endS - line.startS : 0;
  };
  const all = pictures(streams);
  const longest = Math.max(0, ...all.map(lengthOf));
  const films = all.filter(stream => lengthOf(stream) >= longest * MIN_SHARE_OF_LONGEST);
  const rank = (stream: ProbeStream) =>
    (stream.width ?? 0) * (stream.height ?? 0) + (stream.disposition?.['default'] ? 1e12 : 0);
  return films.reduce<ProbeStream | undefined>(
    (best, stream) => (!best || rank(stream) > rank(best) ? stream : best),
    undefined,
  );
}

export function isCover(stream: ProbeStream): boolean {
  return Boolean(stream.disposition?.['attached_pic'] || stream.disposition?.['timed_thumbnails']);
}

export function creationTimeOf({ format }: ProbeOutput, main: ProbeStream): string | undefined {
  return format?.tags?.['creation_time'] ?? main.tags?.['creation_time'];
}

const LOCATION = /^(location(-[a-z]{3})?|com\.apple\.quicktime\.location\.iso6709)$/i;
/** `+48.8577+002.2950/`: nothing else has a place in MP4. */
export const ISO_6709 = /^[+-]\d/;

export function locationOf({ format }: ProbeOutput): string | undefined {
  const tags = Object.entries(format?.tags ?? {});
  return tags.find(([name, value]) => LOCATION.test(name) && ISO_6709.test(value))?.[1];
}

/**
 * Those that the film has, and how many end before it begins: a recording cut from a longer one may have kept the chapters of all of
 * it. Sound that is over before the first picture does not count.
 */
export function chaptersOf(
  { chapters = [], streams = [] }: ProbeOutput,
  main: ProbeStream,
  lines: ReadonlyMap<number, Pick<Timeline, 'startS' | 'endS'>>,
): { inFilm: number; before: number } {
  const pictureS = lines.get(main.index)?.startS ?? 0;
  const sounds = streams.flatMap(({ codec_type: type, index }) => (type === 'audio' ? (lines.get(index) ?? []) : []));
  const startS = Math.min(pictureS, ...sounds.flatMap(line => (line.endS > pictureS ? line.startS : [])));
  const before = chapters.filter(({ end_time: end }) => Number(end) <= startS).length;
  return { inFilm: chapters.length - before, before };
}

export function sideData(stream: ProbeStream, type: string): SideData | undefined {
  return stream.side_data_list?.find(entry => entry.side_data_type === type);
}

export function isInterlaced(stream: ProbeStream): boolean {
  return ['tt', 'bb', 'tb', 'bt'].includes(stream.field_order ?? '');
}

export function hdrOf({ color_transfer: transfer }: ProbeStream): VideoTrack['hdr'] {
  return transfer === 'smpte2084' ? 'pq' : transfer === 'arib-std-b67' ? 'hlg' : 'sdr';
}

export function colorOf(stream: ProbeStream): VideoTrack['color'] {
  return {
    primaries: known(stream.color_primaries),
    transfer: known(stream.color_transfer),
    space: known(stream.color_space),
    range: known(stream.color_range),
  };
}

export function isVariable(stream: ProbeStream, line: Timeline | undefined): boolean {
  return line !== undefined && line.maxGapS - line.minGapS > 2 * (fraction(stream.time_base) ?? 0) + 1e-4;
}

/** Of a clock that ticks `1/600` of a second. */
export function ticksPerS({ time_base: base }: ProbeStream): number | undefined {
  const [, ticks] = /^1\/(\d+)$/.exec(base ?? '') ?? [];
  return ticks === undefined ? undefined : Number(ticks);
}

/** Width of a sample divided by its height. */
export function stretch(stream: Pick<ProbeStream, 'sample_aspect_ratio'>): number {
  return ratio(stream.sample_aspect_ratio) ?? 1;
}

/** Whether the picture is shown as in a mirror: what a front camera may write. */
export function mirrored(stream: ProbeStream): boolean {
  const [, first = '', second = ''] = sideData(stream, 'Display Matrix')?.displaymatrix?.split('\n') ?? [];
  const [a, b, c, d] = [first, second].flatMap(row =>
    row
      .replace(/^\s*\w+:/, '')
      .trim()
      .split(/\s+/)
      .slice(0, 2)
      .map(Number),
  );
  return a !== undefined && b !== undefined && c !== undefined && d !== undefined && a * d - b * c < 0;
}

/** ffprobe's name for it; for what this ffmpeg does not know, the container's. */
export function codecOf({ codec_name: name, codec_tag_string: tag }: ProbeStream): string {
  return name ?? (tag && /^\w{4}$/.test(tag) ? tag : 'unknown');
}

export function isText(codec: string): boolean {
  return TEXT_SUBTITLES.has(codec);
}

/** ffprobe gives degrees counter-clockwise, -180 to 180: what the player has to do. */
export function clockwise(stream: ProbeStream): number {
  const side = stream.side_data_list?.find(entry => typeof entry.rotation === 'number')?.rotation;
  const degrees = side === undefined ? Number(stream.tags?.['rotate'] ?? 0) : -side;
  return (((Math.round(degrees / 90) * 90) % 360) + 360) % 360;
}

export function bitDepth(stream: ProbeStream): number {
  const inName = /(?:p|gray|gbrap?|rgb|x|p0)(9|10|12|14|16)(?:le|be)$/.exec(stream.pix_fmt ?? '')?.[1];
  return Number(inName ?? stream.bits_per_raw_sample) || 8;
}

export function languageOf(stream: ProbeStream): string | undefined {
  const tag = stream.tags?.['language'];
  return tag === undefined || tag === 'und' ? undefined : oneLine(tag);
}

export const MAX_WORD_LENGTH = 100;

/** A file's own metadata, made fit for a note: no line breaks, no escapes, limited length. */
export function oneLine(text: string | undefined): string | undefined {
  return text?.replace(UNPRINTABLE, '?').slice(0, MAX_WORD_LENGTH);
}

function known(value: string | undefined): string | undefined {
  return value === 'unknown' || value === 'reserved' ? undefined : value;
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
