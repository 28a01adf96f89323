/**
 * Changes of a configuration file that leave everything else in it as it is: comments, order, spacing. The library finds where
 * each value stands, and only those characters are exchanged. Pure.
 */
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import type { Document, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';

const library = () => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** A value as it is written in the file. */
export type Written = string | number | boolean | readonly string[];

/** Keys of a rule that may be changed by whoever may open the page: none runs a program, or sends a file anywhere. */
export const RULE_KEYS = [
  'name',
  'match',
  'min_size',
  'size',
  'resolution',
  'fps',
  'audio',
  'codec',
  'quality',
  'instruction',
  'output',
  'min_saving',
  'floor',
  'below_floor',
  'skip',
] as const;

export type RuleKey = (typeof RULE_KEYS)[number];

/** What is wanted; whatever is left out stays. */
export interface ConfigEdit {
  /** All rules in their order. */
  rules?: readonly RuleEdit[] | undefined;
  /** Names of the rules of each folder; null for all of them. */
  folders?: readonly (readonly string[] | null)[] | undefined;
  /** `22:00-07:00`; null for always. */
  hours?: string | null | undefined;
  /** What each address of `notify` hears of. */
  notify?: readonly (readonly string[])[] | undefined;
  /** For commands only: nobody on the page decides who reaches it. */
  http?: Readonly<Partial<Record<'listen' | 'token_file' | 'public_url', string>>> | undefined;
}

export interface RuleEdit {
  /** Its place in the file; null for a new one. */
  was: number | null;
  /** A key that is missing is removed. Keys that are not in RULE_KEYS stay as they are. */
  values: Readonly<Partial<Record<RuleKey, Written>>>;
}

type Plain = Record<string, unknown>;
type Values = Readonly<Record<string, Written | undefined>>;

/** @returns the new text; `undefined` where the file says things in a way that only a person can change, such as aliases. */
export function editConfig(text: string, edit: ConfigEdit): string | undefined {
  const wanted = editedValue(valueOf(text), edit);
  if (wanted === undefined) return undefined;
  const splices = new Splices(text);
  if (edit.rules) editRules(splices, edit.rules);
  for (const [index, names] of (edit.folders ?? []).entries()) {
    splices.set(splices.mapAt('folders', index), ['rules'], { rules: names ?? undefined });
  }
  for (const [index, on] of (edit.notify ?? []).entries()) splices.set(splices.mapAt('notify', index), ['on'], { on });
  if (edit.hours !== undefined) editHours(splices, edit.hours ?? undefined);
  if (edit.http) editHttp(splices, edit.http);
  const made = splices.apply();
  return isDeepStrictEqual(valueOf(made), wanted) ? made : undefined;
}

function valueOf(text: string): unknown {
  const document = library().parseDocument(text, { merge: true, uniqueKeys: false });
  return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
}

/** What the new text has to mean; `undefined` where the edit does not fit the file. */
function editedValue(value: unknown, edit: ConfigEdit): Plain | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const next: Plain = structuredClone(value) as Plain;
  const listOf = (key: string) => (Array.isArray(next[key]) ? (next[key] as Plain[]) : []);
  if (edit.rules) {
    const before = listOf('rules');
    const rules = edit.rules.map(({ was, values }) => {
      const kept = was === null ? {} : before[was];
      return kept && withKeys(kept, RULE_KEYS, values);
    });
    if (rules.includes(undefined)) return undefined;
    next['rules'] = rules;
  }
  const fits = (key: string, given: readonly unknown[] | undefined) => !given || listOf(key).length === given.length;
  if (!fits('folders', edit.folders) || !fits('notify', edit.notify)) return undefined;
  if (edit.folders && next['folders']) {
    const names = edit.folders;
    next['folders'] = listOf('folders').map((folder, i) =>
      withKeys(folder, ['rules'], { rules: names[i] ?? undefined }),
    );
  }
  if (edit.notify && next['notify']) {
    const on = edit.notify;
    next['notify'] = listOf('notify').map((each, i) => withKeys(each, ['on'], { on: on[i] }));
  }
  if (edit.hours !== undefined && (edit.hours !== null || next['limits'])) {
    const limits = (next['limits'] ?? {}) as Plain;
    next['limits'] = orNothing(withKeys(limits, ['local_hours'], { local_hours: edit.hours ?? undefined }));
  }
  if (edit.http) next['http'] = withKeys((next['http'] ?? {}) as Plain, Object.keys(edit.http), edit.http);
  return next;
}

function withKeys(map: Plain, keys: readonly string[], values: Readonly<Record<string, unknown>>): Plain {
  const others = Object.entries(map).filter(([key]) => !keys.includes(key));
  const given = Object.entries(values).filter(([key, value]) => keys.includes(key) && value !== undefined);
  return Object.fromEntries([...others, ...given]);
}

/** A map without keys stands in the file as nothing. */
function orNothing(map: Plain): Plain | null {
  return Object.keys(map).length === 0 ? null : map;
}

function editRules(splices: Splices, rules: readonly RuleEdit[]): void {
  const list = splices.seqAt('rules');
  const fresh = ({ values }: RuleEdit): Values =>
    Object.fromEntries(RULE_KEYS.filter(key => key in values).map(key => [key, values[key]]));
  if (!list) return splices.append(`rules:\n${rules.map(rule => itemText(fresh(rule), '  ')).join('\n')}`);
  for (const { was, values } of rules) {
    if (was !== null) splices.set(splices.mapAt('rules', was), RULE_KEYS, values);
  }
  splices.arrange(
    { list, under: 'rules' },
    rules.map(rule => rule.was ?? fresh(rule)),
  );
}

function editHours(splices: Splices, hours: string | undefined): void {
  const limits = splices.mapAt('limits');
  if (limits) splices.set(limits, ['local_hours'], { local_hours: hours });
  else if (hours !== undefined) splices.addSection('limits', `  local_hours: ${written(hours)}`);
}

function editHttp(splices: Splices, values: NonNullable<ConfigEdit['http']>): void {
  const http = splices.mapAt('http');
  if (http) return splices.set(http, Object.keys(values), values);
  const lines = Object.entries(values).map(([key, value]) => `  ${lineOf(key, value)}`);
  if (lines.length > 0) splices.addSection('http', lines.join('\n'));
}

/** An entry of a list, on lines of its own. */
function itemText(values: Values, indent: string): string {
  const lines = Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [lineOf(key, value)]));
  return `${indent}- ${lines.join(`\n${indent}  `)}\n`;
}

function lineOf(key: string, value: Written): string {
  return `${key}: ${written(value)}`;
}

/** A value on one line. */
function written(value: unknown): string {
  if (typeof value === 'string' && value.includes('\n')) return JSON.stringify(value);
  const { Document, isCollection } = library();
  const document = new Document(value);
  if (isCollection(document.contents)) document.contents.flow = true;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false, singleQuote: true }).trimEnd();
}

interface Splice {
  from: number;
  to: number;
  text: string;
}

interface Key {
  pair: Pair;
  name: string;
  /** Where the key begins, and where its value ends. */
  from: number;
  to: number;
}

/** Lines of one entry of a list, with the comments above it. */
interface Block {
  from: number;
  to: number;
}

interface List {
  list: YAMLSeq;
  /** The key of the first level whose value it is. */
  under: string;
}

/** Exchanges of characters, planned on the text as it is. */
class Splices {
  readonly #text: string;
  readonly #document: Document.Parsed;
  readonly #all: Splice[] = [];
  #arranged: { from: number; to: number; blocks: (Block | string)[] } | undefined;
  #appended = '';

  constructor(text: string) {
    this.#text = ended(text);
    this.#document = library().parseDocument(this.#text, { merge: true, uniqueKeys: false });
  }

  mapAt(...path: (string | number)[]): YAMLMap | undefined {
    const node = this.#document.getIn(path, true);
    return library().isMap(node) ? node : undefined;
  }

  seqAt(key: string): YAMLSeq | undefined {
    const node = this.#document.get(key, true);
    return library().isSeq(node) ? node : undefined;
  }

  /** Lines after all others. */
  append(lines: string): void {
    this.#appended += lines;
  }

  /** A section whose value is nothing yet, or which is not there yet. */
  addSection(key: string, lines: string): void {
    const found = this.#section(key);
    if (found) this.#add(this.#lineEnd(found.to), `${lines}\n`);
    else this.append(`${key}:\n${lines}\n`);
  }

  /** Gives these keys of a map the values, and removes those without one. */
  set(map: YAMLMap | undefined, names: readonly string[], values: Values): void {
    if (!map) return;
    const keys = keysOf(map);
    const changed = names.filter(name => !isDeepStrictEqual(plainOf(keys, name), values[name]));
    if (changed.length === 0) return;
    const isGone = ({ name }: Key) => changed.includes(name) && values[name] === undefined;
    const kept = keys.filter(key => !isGone(key));
    const fresh = changed.filter(name => values[name] !== undefined && !keys.some(key => key.name === name));
    const [first, last] = [keys[0], keys.at(-1)];
    const isMoved = fresh.length > 0 || kept.length < keys.length;
    if (!first || !last || !kept[0] || (map.flow && isMoved)) return this.#rewrite(map, keys, { names, values });
    // The first key stands behind the dash of its list: what follows moves up to it.
    if (kept[0] !== first) this.#all.push({ from: first.from, to: kept[0].from, text: '' });
    for (const key of keys) {
      const value = values[key.name];
      if (isGone(key)) {
        if (key.from > kept[0].from) this.#all.push({ ...this.#linesOf(key), text: '' });
      } else if (changed.includes(key.name) && value !== undefined) this.#exchange(key, value);
    }
    const indent = ' '.repeat(this.#columnOf(first.from));
    for (const name of fresh) this.#add(this.#lineEnd(last.to), `${indent}${lineOf(name, values[name] ?? '')}\n`);
  }

  /** Of a map in braces nothing can be kept but its values. */
  #rewrite(map: YAMLMap, keys: readonly Key[], { names, values }: { names: readonly string[]; values: Values }): void {
    const all = Object.fromEntries(keys.map(({ name, pair }) => [name, plain(pair.value)]));
    const [from = 0, to = 0] = map.range ?? [];
    this.#all.push({ from, to, text: written(withKeys(all, names, values)) + (map.flow ? '' : '\n') });
  }

  #exchange({ pair, to }: Key, value: Written): void {
    const keyEnd = rangeOf(pair.key)?.[1] ?? to;
    const from = rangeOf(pair.value)?.[0] ?? to;
    const isBelow = this.#text.slice(keyEnd, from).includes('\n');
    if (!isBelow) return void this.#all.push({ from, to, text: written(value) });
    // A list on lines of its own becomes one line.
    const colon = this.#text.indexOf(':', keyEnd) + 1;
    this.#all.push({ from: colon, to: this.#lineEnd(to), text: ` ${written(value)}\n` });
  }

  #add(place: number, text: string): void {
    this.#all.push({ from: place, to: place, text });
  }

  /** Puts the entries of a list in another order; those that are not named go, and new ones come. */
  arrange(where: List, order: readonly (number | Values)[]): void {
    const { items, flow } = where.list;
    if (flow || (order.length === items.length && order.every((each, index) => each === index))) return;
    const blocks = this.#blocksOf(where);
    const [first, last] = [blocks[0], blocks.at(-1)];
    if (!first || !last) return;
    const indent = ' '.repeat(this.#columnOf(this.#dashOf(where.list, 0)));
    const next = order.flatMap((each): (Block | string)[] => {
      if (typeof each !== 'number') return [itemText(each, indent)];
      const block = blocks[each];
      return block ? [block] : [];
    });
    this.#arranged = { from: first.from, to: last.to, blocks: next };
  }

  /** Comments above an entry are about it; those further in than its dash belong to the one before. */
  #blocksOf({ list, under }: List): Block[] {
    const dashes = list.items.map((_, index) => this.#dashOf(list, index));
    const column = this.#columnOf(dashes[0] ?? 0);
    const ends = list.items.map((item, index) => {
      let end = this.#lineEnd(rangeOf(item)?.[1] ?? 0);
      const limit = dashes[index + 1] ?? this.#text.length;
      for (let next = end; next < limit; ) {
        const line = this.#text.slice(next, this.#nextLine(next));
        next = this.#nextLine(next);
        if (line.trim() !== '' && line.search(/\S/) <= column) break;
        if (line.trim() !== '') end = next;
      }
      return end;
    });
    const top = this.#nextLine(this.#section(under)?.from ?? 0);
    return ends.map((to, index) => ({ from: ends[index - 1] ?? top, to }));
  }

  #dashOf(list: YAMLSeq, index: number): number {
    return this.#text.lastIndexOf('-', (rangeOf(list.items[index])?.[0] ?? 1) - 1);
  }

  #section(key: string): Key | undefined {
    const top = this.#document.contents;
    return library().isMap(top) ? keysOf(top).find(({ name }) => name === key) : undefined;
  }

  #linesOf({ from, to }: Key): { from: number; to: number } {
    return { from: this.#text.lastIndexOf('\n', from - 1) + 1, to: this.#lineEnd(to) };
  }

  /** Where the line ends on which something ends; a value of several lines ends with its last one. */
  #lineEnd(offset: number): number {
    return this.#text[offset - 1] === '\n' ? offset : this.#nextLine(offset);
  }

  #nextLine(offset: number): number {
    const found = this.#text.indexOf('\n', offset);
    return found < 0 ? this.#text.length : found + 1;
  }

  #columnOf(offset: number): number {
    return offset - (this.#text.lastIndexOf('\n', offset - 1) + 1);
  }

  apply(): string {
    const made = this.#arranged;
    const end = this.#text.length;
    if (!made) return this.#part(0, end) + this.#appended;
    const blocks = made.blocks.map(each => (typeof each === 'string' ? each : this.#part(each.from, each.to)));
    return this.#part(0, made.from) + blocks.join('') + this.#part(made.to, end) + this.#appended;
  }

  /** What is added at the end of a part belongs to it, not to the next one. */
  #part(from: number, to: number): string {
    const isWithin = (each: Splice) => (each.from === each.to ? each.from > from : each.from >= from) && each.to <= to;
    const inside = this.#all.filter(isWithin).toSorted((a, b) => a.from - b.from);
    return inside.reduceRight(
      (text, each) => text.slice(0, each.from - from) + each.text + text.slice(each.to - from),
      this.#text.slice(from, to),
    );
  }
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function keysOf(map: YAMLMap): Key[] {
  return map.items.flatMap(pair => {
    const key = rangeOf(pair.key);
    if (!key) return [];
    const to = Math.max(rangeOf(pair.value)?.[1] ?? 0, key[1]);
    return [{ pair, name: String(plain(pair.key)), from: key[0], to }];
  });
}

function plainOf(keys: readonly Key[], name: string): unknown {
  const found = keys.find(key => key.name === name);
  return found && plain(found.pair.value);
}

function plain(node: unknown): unknown {
  const { isNode } = library();
  return isNode(node) && !library().isAlias(node) ? (node.toJSON() as unknown) : node;
}

function rangeOf(node: unknown): Node['range'] {
  return library().isNode(node) ? node.range : null;
}
