/** What to say about a key nobody knows: what was meant, where it belongs, or why it has no place here. */
import { z } from 'zod';
import { formatPath, type KeyPath } from './problems.ts';
import { show } from './redact.ts';
import { didYouMean } from './suggest.ts';

/** Keys people try to put secrets under. */
const SECRET_KEY = /^(?:\w+[_-])?(?:token|api[_-]?key|key|secret|password|passwd|bearer|authorization|credentials?)$/i;

/** A sentence about `key`, found in the map at `path`; never shows its value. */
export function unknownKeyMessage(schema: z.ZodType, path: KeyPath, key: string): string {
  const word = show(key);
  if (SECRET_KEY.test(key)) {
    const where = path[0] === 'http' ? 'http.token_file' : 'nemo.token_file';
    const variable = path[0] === 'http' ? '' : ', or set NEMO_TOKEN in the environment';
    return `${word} would be a secret, and secrets do not stand in this file: put it alone into a file only the service can read and name that in ${where}${variable}`;
  }
  const known = knownKeys(schema, path);
  const meant = didYouMean(key, known);
  if (meant) return `unknown key ${word}${meant}`;
  const homes = homesOf(schema, key);
  if (homes.length > 0) return `unknown key ${word} here; it belongs under ${homes.join(' or ')}`;
  return `unknown key ${word}; there is ${known.join(', ')}`;
}

function knownKeys(schema: z.ZodType, path: KeyPath): string[] {
  let at: z.ZodType | undefined = schema;
  for (const part of path) at = at && child(at, part);
  const found = at && bare(at);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The maps that do know the key, as a person would write their path. */
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

/** Without the wrappers for defaults and the like. */
function bare(schema: z.ZodType): z.ZodType {
  let at = schema;
  while (at instanceof z.ZodOptional || at instanceof z.ZodDefault || at instanceof z.ZodPrefault) {
    at = at.unwrap() as z.ZodType;
  }
  return at;
}
