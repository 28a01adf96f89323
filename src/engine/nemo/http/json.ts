import { createHash } from 'node:crypto';

/**
 * JSON as the service wrote it. `JSON.parse` loses what must be kept: integers over 2^53 (session ids, draft ids) and, with
 * integer-like keys, their order. So values are read with `JSON.parse` but passed on as slices of the original text.
 */

export type Parsed = null | boolean | number | string | Parsed[] | { [key: string]: Parsed };
export type ParsedObject = { [key: string]: Parsed };

/** The parsed text, or `undefined` if it is not JSON. */
export function parseJson(text: string): Parsed | undefined {
  try {
    return JSON.parse(text) as Parsed;
  } catch {
    return undefined;
  }
}

export function isObject(value: Parsed | undefined): value is ParsedObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first of `names` that the object has with a non-null value; a name may be a path (`output.url`). */
export function pick(value: Parsed | undefined, ...names: string[]): Parsed | undefined {
  for (const name of names) {
    let found: Parsed | undefined = value;
    for (const part of name.split('.')) found = isObject(found) ? found[part] : undefined;
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

export function pickString(value: Parsed | undefined, ...names: string[]): string | undefined {
  for (const name of names) {
    const found = pick(value, name);
    if (typeof found === 'string' && found !== '') return found;
  }
  return undefined;
}

export function pickNumber(value: Parsed | undefined, ...names: string[]): number | undefined {
  for (const name of names) {
    const found = pick(value, name);
    if (typeof found === 'number' && Number.isFinite(found)) return found;
    if (typeof found === 'string' && /^-?\d+(\.\d+)?$/.test(found.trim())) return Number(found);
  }
  return undefined;
}

/**
 * The text of the value at `path` (object keys) in valid JSON `text`, exactly as written; `undefined` if there is none.
 * Of repeated keys the last one counts, as with `JSON.parse`.
 */
export function sliceAt(text: string, path: readonly string[]): string | undefined {
  let from = skipSpace(text, 0);
  for (const key of path) {
    const at = valueOf(text, from, key);
    if (at === undefined) return undefined;
    from = at;
  }
  return text.slice(from, endOfValue(text, from));
}

/** Ids go into addresses, file names, headers and the journal: plain characters and a limited length. */
export function isId(text: string): boolean {
  return /^[\w.:~@+=-]{1,200}$/.test(text) && !/^\.+$/.test(text);
}

/** An id as a string: one that came as a bare number keeps every digit. `undefined` for anything that cannot be an id. */
export function idAt(text: string, ...paths: string[]): string | undefined {
  for (const path of paths) {
    const slice = sliceAt(text, path.split('.'));
    if (slice === undefined) continue;
    if (slice.startsWith('"')) {
      const id = parseJson(slice);
      if (typeof id === 'string' && isId(id)) return id;
    }
    if (/^-?\d{1,200}$/.test(slice)) return slice;
  }
  return undefined;
}

/** The texts of at most the first `most` values of a list or map in valid JSON `text`, exactly as written; empty for anything else. */
export function entriesOf(text: string, most: number): string[] {
  const from = skipSpace(text, 0);
  const found: string[] = [];
  const take = (at: number) => {
    const end = endOfValue(text, at);
    if (found.length < most) found.push(text.slice(at, end));
    return end;
  };
  if (text[from] === '[') eachElement(text, from, take);
  else if (text[from] === '{') eachMember(text, from, (_, at) => take(at));
  return found;
}

/** Keys that change between readings although nothing happened. */
const RESTLESS =
  /^(timestamp|ts|version|revision|etag|request_?id|trace_?id|server_?time|(created|updated|modified|last_?\w*|expires?)_?(at|time|on|ms)?|\w+_?(timestamp))$/i;

/** Equal text for equal content: keys sorted, numbers as written, restless keys and URL signatures left out. */
export function canonical(text: string): string {
  const out: string[] = [];
  writeCanonical(text, skipSpace(text, 0), out);
  return out.join('');
}

/** Short hash of the canonical text. */
export function hashOf(text: string): string {
  return createHash('sha256').update(canonical(text)).digest('hex').slice(0, 32);
}

/** Deeper than any draft; anything below is taken as written, so that no answer can exhaust the stack. */
const MAX_DEPTH = 200;

function writeCanonical(text: string, from: number, out: string[], depth = 0): number {
  const first = depth < MAX_DEPTH ? text[from] : '';
  if (first === '{') {
    const parts: [string, string][] = [];
    const end = eachMember(text, from, (key, at) => {
      const part: string[] = [];
      const next = writeCanonical(text, at, part, depth + 1);
      if (!RESTLESS.test(key)) parts.push([key, part.join('')]);
      return next;
    });
    parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    out.push('{', parts.map(([key, part]) => `${JSON.stringify(key)}:${part}`).join(','), '}');
    return end;
  }
  if (first === '[') {
    out.push('[');
    let n = 0;
    const end = eachElement(text, from, at => {
      if (n > 0) out.push(',');
      n += 1;
      return writeCanonical(text, at, out, depth + 1);
    });
    out.push(']');
    return end;
  }
  const end = endOfValue(text, from);
  const slice = text.slice(from, end);
  if (first !== '"') {
    out.push(slice);
    return end;
  }
  const value = JSON.parse(slice) as string;
  // A signed address is signed again at every reading; its target is the part before the question mark.
  out.push(JSON.stringify(/^https?:\/\//.test(value) ? value.replace(/[?#].*$/s, '') : value));
  return end;
}

function valueOf(text: string, from: number, wanted: string): number | undefined {
  if (text[from] !== '{') return undefined;
  let found: number | undefined;
  eachMember(text, from, (key, at) => {
    if (key === wanted) found = at;
    return endOfValue(text, at);
  });
  return found;
}

/** Calls back with each member's key and the position of its value; the callback returns the position after the value. */
function eachMember(text: string, from: number, visit: (key: string, at: number) => number): number {
  let at = skipSpace(text, from + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const colon = skipSpace(text, keyEnd);
    at = skipSpace(text, visit(key, skipSpace(text, colon + 1)));
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return at + 1;
}

function eachElement(text: string, from: number, visit: (at: number) => number): number {
  let at = skipSpace(text, from + 1);
  while (at < text.length && text[at] !== ']') {
    at = skipSpace(text, visit(at));
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return at + 1;
}

/** Position after the value that starts at `from`; brackets are counted, so depth needs no stack. */
export function endOfValue(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return endOfString(text, from);
  if (first !== '{' && first !== '[') {
    let at = from;
    while (at < text.length && !/[\s,\]}]/.test(text[at] ?? '')) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\s\uFEFF]/.test(text[at] ?? '')) at += 1;
  return at;
}
