import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import type { Mark } from '../checkpoints.ts';
import { entriesOf, hashOf, idAt, isObject, type Parsed, parseJson, pickString, sliceAt } from '../http/json.ts';
import { sanitizeLine } from '../http/sanitize.ts';
import { type DraftReading, describe, readDraft, summarise } from './draft.ts';

/** One reading of a session's state: enough to see later whether anything happened, and to render. */
export interface Snapshot extends Mark {
  /** Text of the draft as received; absent if there is none. */
  draft: string | undefined;
  /** Hash of the draft alone; empty if there is none. */
  draftHash: string;
  reading: DraftReading;
  /** Names of what was uploaded and of what the service made, for people. */
  media: { files: string[]; made: string[] };
  userId: string | undefined;
  taskId: string | undefined;
}

/** What an untouched session looks like; also used for a state that does not exist yet. */
export function emptySnapshot(): Snapshot {
  return snapshotOf('{"data":{"state":{}}}');
}

/** The parts that change when something was done; timestamps, versions and signatures are left out of the hash. */
const PARTS = ['draft', 'video_infos', 'generated_media', 'canvas_config', 'video_analyses'];
const CAMEL: Readonly<Record<string, string>> = {
  video_infos: 'videoInfos',
  generated_media: 'generatedMedia',
  canvas_config: 'canvasConfig',
  video_analyses: 'videoAnalyses',
};

/** The first tracks of a long timeline are enough for a person. */
const MAX_TRACKS = 50;

/** Whether an answer can be a state: what it has under the known names has a shape that may stand there. Nothing at all is an empty one. */
export function isState(text: string): boolean {
  const body = parseJson(text);
  if (!isObject(body)) return false;
  const data = body['data'] ?? body;
  if (!isObject(data)) return isNothing(data);
  const state = data['state'] ?? data;
  if (!isObject(state)) return isNothing(state);
  return PARTS.every(name => {
    const part = state[name] ?? state[CAMEL[name] ?? name] ?? null;
    return typeof part === 'object' || part === '' || (name === 'draft' && isDraftText(part));
  });
}

function isDraftText(draft: Parsed): boolean {
  return typeof draft === 'string' && (draft.trimStart().startsWith('<draft') || isObject(parseJson(draft)));
}

function isNothing(value: Parsed): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Reads a state answer; accepts `data.state`, `data` and a bare state. */
export function snapshotOf(text: string): Snapshot {
  const root = ['data.state', 'state', 'data'].map(path => path.split('.')).find(path => isObjectAt(text, path)) ?? [];
  const part = (name: string) => {
    const slice = sliceAt(text, [...root, name]) ?? (CAMEL[name] ? sliceAt(text, [...root, CAMEL[name]]) : undefined);
    return slice === undefined || /^(null|\{\s*\}|\[\s*\]|"")$/.test(slice) ? undefined : slice;
  };
  const draft = part('draft');
  const known = PARTS.flatMap(name => {
    const slice = part(name);
    // A draft inside a string is compared by its content as well.
    return slice === undefined ? [] : [`${JSON.stringify(name)}:${name === 'draft' ? unwrapped(slice) : slice}`];
  });
  const reading = readDraft(draft);
  return {
    hash: hashOf(`{${known.join(',')}}`),
    tracks: reading.kind === 'tracks' ? reading.tracks.slice(0, MAX_TRACKS).map(describe) : [],
    draft,
    draftHash: draft === undefined ? '' : hashOf(unwrapped(draft)),
    reading,
    media: { files: namesIn(part('video_infos')), made: namesIn(part('generated_media')) },
    assets: assetsOf(part('video_infos')),
    userId: idAt(text, 'data.user_id', 'data.userId', 'data.state.user_id', 'user_id', 'userId'),
    taskId: idAt(text, 'data.task_id', 'data.taskId', 'data.state.task_id', 'task_id', 'taskId'),
  };
}

export function markOf({ hash, assets, tracks }: Snapshot): Mark {
  return { hash, assets, tracks };
}

/** What changed; empty if nothing did. */
export function differences(before: Mark, after: Mark): Sentence[] {
  if (before.hash === after.hash) return [];
  const count = after.assets.filter(asset => !before.assets.includes(asset)).length;
  const assets = count > 0 ? [say('nemo.new-assets', { count })] : [];
  const found = [...assets, ...trackDifferences(before.tracks, after.tracks)];
  return found.length > 0 ? found : [say('nemo.details-changed')];
}

/** The outcome of a message, for a person: the differences, and the timeline as it is now, in about `maxLength` characters. */
export function changeReport(before: Mark, after: Snapshot, maxLength = Number.POSITIVE_INFINITY): Sentence {
  const timeline = summarise(after.reading, maxLength);
  const changes = differences(before, after);
  if (changes.length === 0) return timeline;
  const report = say('nemo.change-report', { changes, timeline });
  return report.text.length <= maxLength ? report : timeline;
}

/** Whether any asset was added to those in `before`; uploads into one session happen one at a time. */
export function hasArrived(before: readonly string[], { assets }: Pick<Mark, 'assets'>): boolean {
  return assets.some(asset => !before.includes(asset));
}

/** Uploads do not vanish: a session that had some and shows nothing at all was read badly. */
export function lostEverything(before: Mark, after: Snapshot): boolean {
  return before.assets.length > 0 && after.assets.length === 0 && after.draft === undefined;
}

function trackDifferences(before: string[], after: string[]): Sentence[] {
  const found: Sentence[] = [];
  for (let n = 0; n < Math.max(before.length, after.length); n += 1) {
    const was = before[n];
    const is = after[n];
    if (was === undefined && is !== undefined) found.push(say('nemo.track-added', { track: is }));
    else if (was !== undefined && is === undefined) found.push(say('nemo.track-removed', { track: was }));
    else if (was !== undefined && is !== undefined && was !== is) found.push(say('nemo.track-changed', { was, is }));
  }
  return found;
}

/** More assets than anybody uploads; beyond these only the hash of the whole shows a change. */
const MAX_ASSETS = 1000;

/** Entries of a list or a map, each as a hash of its text, so that they can be kept and compared. */
function assetsOf(slice: string | undefined): string[] {
  return slice === undefined ? [] : entriesOf(slice, MAX_ASSETS).map(entry => hashOf(entry).slice(0, 12));
}

/** As many as a person wants to read. */
const MAX_NAMES = 20;
const NAME_KEYS = ['filename', 'file_name', 'fileName', 'name', 'title', 'original_name', 'id', 'url'];

/** The shapes of these entries are undocumented; one without a name shows its id or address. */
function namesIn(slice: string | undefined): string[] {
  if (slice === undefined) return [];
  return entriesOf(slice, MAX_NAMES).flatMap(entry => {
    const value = parseJson(entry);
    const name = typeof value === 'string' ? value : (pickString(value, ...NAME_KEYS) ?? idAt(entry, 'id'));
    return name === undefined ? [] : [sanitizeLine(name.replace(/[?#].*$/s, ''))];
  });
}

/** What the session holds beside its timeline: what was uploaded, and what the service made. */
export function mediaLines({ files, made }: Snapshot['media']): Sentence[] {
  return [
    ...(files.length > 0 ? [say('nemo.session-files', { files: files.join(', ') })] : []),
    ...(made.length > 0 ? [say('nemo.session-made', { made: made.join(', ') })] : []),
  ];
}

/** The answer to "status": the timeline, and what there is beside it. */
export function stateSentence({ reading, media }: Snapshot): Sentence {
  const beside = mediaLines(media);
  const timeline = summarise(reading);
  return beside.length === 0 ? timeline : say('nemo.session-state', { timeline, beside });
}

function unwrapped(slice: string): string {
  const body = slice.startsWith('"') ? parseJson(slice) : undefined;
  return typeof body === 'string' && isObject(parseJson(body)) ? body : slice;
}

function isObjectAt(text: string, path: string[]): boolean {
  const slice = sliceAt(text, path);
  return slice !== undefined && isObject(parseJson(slice));
}
