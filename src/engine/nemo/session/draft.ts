import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { isObject, type Parsed, type ParsedObject, parseJson, pickNumber, pickString } from '../http/json.ts';
import { sanitizeReply } from '../http/sanitize.ts';

/**
 * The draft is the service's own timeline. Only its short keys are documented (t tracks, tt track type, sg segments, d duration in ms,
 * m metadata), so it is read for a summary, never changed, and passed on as the text that was received.
 */
export interface Track {
  /** 0 video, 1 audio, 7 title; others are undocumented. */
  type: number | undefined;
  label: string;
  name: string | undefined;
  fromS: number;
  toS: number;
  /** Volume in percent, if a segment gives one. */
  volume: number | undefined;
  segments: number;
}

export type DraftReading =
  | { kind: 'none' }
  /** The newer form, one XML-like document: only the site can show it. */
  | { kind: 'foreign' }
  | { kind: 'tracks'; tracks: Track[]; durationS: number | undefined };

/** Reads the text of a draft as found in the state: an object, or a string that contains one. */
export function readDraft(raw: string | undefined): DraftReading {
  const body = draftBody(raw);
  if (body === undefined) return { kind: 'none' };
  if (typeof body === 'string') return body.trimStart().startsWith('<draft') ? { kind: 'foreign' } : { kind: 'none' };
  if (!isObject(body) || Object.keys(body).length === 0) return { kind: 'none' };
  const tracks = listOf(body.t ?? body.tracks).map(trackOf);
  const lengthMs = pickNumber(body, 'd', 'duration', 'm.duration');
  return { kind: 'tracks', tracks, durationS: lengthMs === undefined ? longest(tracks) : lengthMs / 1000 };
}

/** The draft's own text as the render needs it: an object inside a string is unwrapped. */
export function draftText(raw: string | undefined): string | undefined {
  if (raw === undefined) return undefined;
  if (!raw.startsWith('"')) return raw.startsWith('{') ? raw : undefined;
  const inner = parseJson(raw);
  return typeof inner === 'string' && isObject(parseJson(inner)) ? inner.trim() : undefined;
}

/** Whether there is anything to render: at least one track with a segment. */
export function isExportable(reading: DraftReading): boolean {
  return reading.kind === 'tracks' && reading.tracks.some(track => track.segments > 0);
}

/** `Timeline (3 tracks): 1. Video: city timelapse (0-10s) 2. BGM: Lo-fi (0-10s, 35%) 3. Title: "Urban Dreams" (0-3s)` */
export function summarise(reading: DraftReading, maxLength = Number.POSITIVE_INFINITY): Sentence {
  if (reading.kind === 'foreign') return say('nemo.timeline-foreign');
  const tracks = reading.kind === 'none' ? [] : reading.tracks;
  if (tracks.length === 0) return say('nemo.timeline-empty');
  const list = tracks.map((track, n) => `${n + 1}. ${describe(track)}`).join(' ');
  const shown = list.length > maxLength ? `${list.slice(0, maxLength - 1)}…` : list;
  return say('nemo.timeline', { count: tracks.length, tracks: shown });
}

/** One track without its number: `BGM: Lo-fi (0-10s, 35%)`. */
export function describe(track: Track): string {
  const name = track.name === undefined ? '' : `: ${track.type === 7 ? `"${track.name}"` : track.name}`;
  if (track.segments === 0) return `${track.label}${name} (empty)`;
  const volume = track.volume === undefined ? '' : `, ${track.volume}%`;
  return `${track.label}${name} (${seconds(track.fromS)}-${seconds(track.toS)}s${volume})`;
}

function draftBody(raw: string | undefined): Parsed | undefined {
  if (raw === undefined) return undefined;
  const body = parseJson(raw);
  if (typeof body !== 'string') return body ?? undefined;
  const inner = parseJson(body);
  return isObject(inner) ? inner : body;
}

function trackOf(value: Parsed): Track {
  const type = pickNumber(value, 'tt', 'type');
  const segments = listOf(isObject(value) ? (value.sg ?? value.segments) : undefined);
  const [fromS, toS] = extent(segments);
  return {
    type,
    label: labelOf(type),
    name: nameOf(value, segments),
    fromS,
    toS,
    volume: segments.map(volumeOf).find(found => found !== undefined),
    segments: segments.length,
  };
}

function labelOf(type: number | undefined): string {
  if (type === 0) return 'Video';
  if (type === 1) return 'BGM';
  if (type === 7) return 'Title';
  return type === undefined ? 'Track' : `Track type ${type}`;
}

const NAME_KEYS = [
  ...['name', 'title', 'text', 'content'],
  ...['m.name', 'm.title', 'm.text', 'm.content'],
  ...['material_name', 'file_name', 'filename'],
];

/** The keys of names are undocumented: the first that is found, in the segments or their metadata, then in the track's. */
function nameOf(track: Parsed, segments: Parsed[]): string | undefined {
  for (const owner of [...segments, track]) {
    const found = pickString(owner, ...NAME_KEYS);
    if (found === undefined) continue;
    const name = sanitizeReply(found).replace(/\s+/g, ' ');
    return name.length > 60 ? `${name.slice(0, 59)}…` : name;
  }
  return undefined;
}

const START_KEYS = ['st', 'start', 's', 'begin', 'from', 'start_time', 'target_start', 'm.start'];

/** From the first start to the last end, seconds; segments without a start follow one another. */
function extent(segments: Parsed[]): [number, number] {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const segment of segments) {
    const start = pickNumber(segment, ...START_KEYS) ?? to;
    from = Math.min(from, start);
    to = Math.max(to, start + (pickNumber(segment, 'd', 'duration', 'm.duration') ?? 0));
  }
  return [Number.isFinite(from) ? from / 1000 : 0, to / 1000];
}

function volumeOf(segment: Parsed): number | undefined {
  const volume = pickNumber(segment, 'v', 'vol', 'volume', 'm.volume');
  if (volume === undefined || volume < 0) return undefined;
  return Math.round(volume <= 1 ? volume * 100 : volume);
}

function longest(tracks: Track[]): number | undefined {
  const to = Math.max(0, ...tracks.map(track => track.toS));
  return to > 0 ? to : undefined;
}

function listOf(value: Parsed | undefined): Parsed[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value as ParsedObject) : [];
}

function seconds(value: number): string {
  return String(Math.round(value * 10) / 10);
}
