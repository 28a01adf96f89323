import { ShrinkError } from '../../../core/errors.ts';
import type { Neighbour } from '../../../core/job.ts';
import { say } from '../../../messages/say.ts';
import type { SessionTask } from '../context.ts';
import { isObject, type Parsed, parseJson } from '../http/json.ts';
import { summarise } from './draft.ts';
import type { Snapshot } from './state.ts';

/**
 * A session that several files use has one timeline, which is about one of them at a time. A job knows its own by the hash of what it
 * left there, and any other by the names on it.
 */

/** A name for a file in a session where `taken` are known already: the agent can only tell files apart by their names. */
export function freeName(name: string, taken: readonly string[]): string {
  const dot = name.lastIndexOf('.');
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  let free = name;
  for (let n = 2; taken.includes(free); n += 1) free = `${stem}-${n}${ending}`;
  return free;
}

/** Those of `others` that are on the timeline of a draft as received, by name or by an address that ends in it. */
export function filesOnTimeline(draft: string | undefined, others: readonly string[]): string[] {
  if (draft === undefined || others.length === 0) return [];
  const body = parseJson(draft);
  const found = new Set<string>();
  collectNames(typeof body === 'string' ? (parseJson(body) ?? body) : body, found);
  return others.filter(name => found.has(name));
}

/**
 * Nothing of another file is delivered under this one's name.
 * @throws ShrinkError `cannot-do` if the timeline shows a file of another job that the instruction does not name.
 */
export function mustBeOwnTimeline({ session, order, context }: SessionTask, snapshot: Snapshot): void {
  const { file, id } = session;
  if (file === undefined) return;
  const instruction = order.instruction ?? '';
  const neighbours = context.neighbours?.(id) ?? [];
  const others = neighbours.filter(other => other.file !== file && !instruction.includes(other.file));
  const names = others.map(other => other.file);
  if (filesOnTimeline(snapshot.draft, names).length > 0) throw timelineOfAnother(file, snapshot, others);
}

/** Whose timeline it is: of the job that left it like this, or else of the newest whose file is on it. */
function ownerOf({ draft, draftHash }: Snapshot, neighbours: readonly Neighbour[]): Neighbour | undefined {
  const left = neighbours.findLast(other => other.draft === draftHash);
  if (left) return left;
  const shown = filesOnTimeline(
    draft,
    neighbours.map(({ file }) => file),
  );
  return neighbours.findLast(({ file }) => shown.includes(file));
}

/** The refusal to show, change or export a timeline under the name of a file that it is not about; it says whose it is, if known. */
export function timelineOfAnother(file: string, snapshot: Snapshot, neighbours: readonly Neighbour[]): ShrinkError {
  const timeline = summarise(snapshot.reading);
  const owner = ownerOf(snapshot, neighbours);
  const message = owner
    ? say('nemo.timeline-of-job', { file, other: owner.file, job: owner.job, timeline })
    : say('nemo.timeline-of-another', { file, timeline });
  return new ShrinkError('cannot-do', message, {
    doing: say('nemo.doing-state'),
    hint: say('nemo.timeline-of-another-hint', { file }),
  });
}

/** Deeper than any draft. */
const MAX_DEPTH = 200;

function collectNames(value: Parsed | undefined, into: Set<string>, depth = 0): void {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'string') into.add(value).add(lastPart(value));
  else if (Array.isArray(value)) for (const one of value) collectNames(one, into, depth + 1);
  else if (isObject(value)) for (const one of Object.values(value)) collectNames(one, into, depth + 1);
}

/** `a b.mp4` for `https://cdn.example/x/a%20b.mp4?sig=1` and for `/mnt/userdata/a b.mp4`. */
function lastPart(text: string): string {
  const part = text.replace(/[?#].*$/s, '').replace(/^.*\//s, '');
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
