/** What to say about an unknown key: which one was probably meant, where it belongs, or why it is not allowed. */
import { z } from 'zod';
import { formatPath, type KeyPath } from './problems.ts';
import { show } from './redact.ts';
import { either, saidBy, tell } from './told.ts';

/** Keys people try to put secrets under. */
const SECRET_KEY = /^(?:\w+[_-])?(?:token|api[_-]?key|key|secret|password|passwd|bearer|authorization|credentials?)$/i;

/** A sentence about `key`, found in the map at `path`; never shows its value. */
export function unknownKeyMessage(schema: z.ZodType, path: KeyPath, key: string): string {
  const word = show(key);
  if (SECRET_KEY.test(key)) {
    return tell(path[0] === 'http' ? 'config.secret-key-http' : 'config.secret-key', { word });
  }
  const known = knownKeys(schema, path);
  const near = closest(key, known);
  if (near !== undefined) return tell('config.unknown-key-but', { word, near });
  const homes = homesOf(schema, key);
  if (homes.length > 0) return tell('config.unknown-key-home', { word, homes: saidBy(either(homes)) });
  return tell('config.unknown-key', { word, keys: known.join(', ') });
}

function knownKeys(schema: z.ZodType, path: KeyPath): string[] {
  let at: z.ZodType | undefined = schema;
  for (const part of path) at = at && child(at, part);
  const found = at && bare(at);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The maps that have this key, as a person would write their path. */
function homesOf(schema: z.ZodType, key: string): string[] {
  const homes: string[] = [];
  const walk = (at: z.ZodType, path: KeyPath) => {
    const found = bare(at);
    if (found instanceof z.ZodArray)
      walk(found.element as z.ZodType, [...path.slice(0, -1), `${String(path.at(-1))}[]`]);
    if (!(found instanceof z.ZodObject)) return;
    const keys = Object.keys(found.shape);
    if (keys.includes(key)) homes.push(formatPath(path));
    for (const name of keys) walk(found.shape[name] as z.ZodType, [...path, name]);
  };
  walk(schema, []);
  return homes.filter(home => home !== '');
}

function child(schema: z.ZodType, part: PropertyKey): z.ZodType | undefined {
  const at = bare(schema);
  if (at instanceof z.ZodObject) return at.shape[String(part)] as z.ZodType | undefined;
  return at instanceof z.ZodArray ? (at.element as z.ZodType) : undefined;
}

/** The schema inside the wrappers for defaults and the like. */
function bare(schema: z.ZodType): z.ZodType {
  let at = schema;
  while (at instanceof z.ZodOptional || at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
    at = at.unwrap() as z.ZodType;
  }
  return at;
}

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours each count one. */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let oneBack = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j - 1] ?? 0) + 1, (oneBack[j] ?? 0) + 1, (oneBack[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (twoBack[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    twoBack = oneBack;
    oneBack = row;
  }
  return oneBack[b.length] ?? 0;
}

/** A longer word is not a misspelling of one of our keys. */
const MAX_WORD_LENGTH = 60;

/**
 * The known word a person most likely meant, or `undefined` when none is near: at most a third of the letters wrong, case,
 * hyphens and camelCase not counted (`stateDir` and `state-dir` are `state_dir`).
 */
export function closest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD_LENGTH) return undefined;
  const plain = (text: string) => text.toLowerCase().replace(/[\s_-]/g, '');
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < least) [least, found] = [distance, candidate];
  }
  return least <= Math.max(1, Math.floor(word.length / 3)) ? found : undefined;
}
