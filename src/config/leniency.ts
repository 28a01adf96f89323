/** What a file still tells that is not a valid configuration: whether it is meant as one, and where its state is. Pure. */
import { configSchema } from './schema.ts';
import { closest } from './unknown-keys.ts';
import { parseYaml } from './yaml.ts';

const KEYS: readonly string[] = Object.keys(configSchema(path => path).shape);

/**
 * Whether a `config.yaml` found in the working directory is meant for shrinkbox: it has one of our top-level keys, or at
 * least half of its keys look like misspelt ones. Many programs call their file that.
 */
export function isOurs(text: string): boolean {
  const keys = Object.keys(topLevel(text));
  if (keys.some(key => KEYS.includes(key))) return true;
  return keys.length > 0 && keys.filter(key => closest(key, KEYS)).length * 2 >= keys.length;
}

/** `state_dir` as written, its key misspelt or not; `undefined` where there is none, and the default counts. */
export function writtenStateDir(text: string): string | undefined {
  const written = topLevel(text);
  const key = 'state_dir' in written ? 'state_dir' : Object.keys(written).find(each => isStateDir(each));
  const value = key === undefined ? undefined : written[key];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function isStateDir(key: string): boolean {
  return closest(key, KEYS) === 'state_dir';
}

/** The values by top-level key: from the parser, or line by line where the syntax is broken. */
function topLevel(text: string): Readonly<Record<string, unknown>> {
  const { value } = parseYaml('', text);
  if (value === undefined) return byLine(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** `key: value` at the start of a line, the key quoted or not. */
const LINE = /^(["']?)([\w-]+)\1\s*:(?:\s+(.*))?$/;

function byLine(text: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const [, , key, value = ''] = LINE.exec(line) ?? [];
    if (key !== undefined) found[key] ??= unquoted(value);
  }
  return found;
}

/** The scalar without its quotes, or without a comment after it. */
function unquoted(value: string): string {
  const quoted = /^(["'])(.*?)\1/.exec(value.trim());
  return quoted ? (quoted[2] ?? '') : value.replace(/(?:^|\s)#.*$/, '').trim();
}
