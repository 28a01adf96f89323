import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import type { SessionTask } from '../context.ts';
import { isObject, type Parsed, parseJson } from '../http/json.ts';
import { type DraftReading, summarise } from './draft.ts';
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
export function mustBeOwnTimeline({ session, order, context }: SessionTask, { draft, reading }: Snapshot): void {
  const { file, id } = session;
  if (file === undefined) return;
  const instruction = order.instruction ?? '';
  const others = (context.filesIn?.(id) ?? []).filter(name => name !== file && !instruction.includes(name));
  const [other] = filesOnTimeline(draft, others);
  if (other !== undefined) throw timelineOfAnother(file, reading);
}

/** The refusal to show, change or export a timeline under the name of a file that it is not about. */
export function timelineOfAnother(file: string, reading: DraftReading): ShrinkError {
  return new ShrinkError('cannot-do', say('nemo.timeline-of-another', { file, timeline: summarise(reading) }), {
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
