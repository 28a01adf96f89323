/** What somebody is changing of the rules and settings: everything as text, as it is typed. Pure. */
import { worded } from '../language.ts';
import type { Language } from '../words.ts';
import type { ConfigChange, ConfigEditAsked, ConfigView } from '../../api/types.ts';

type Rule = ConfigView['rules'][number];
type EditedRule = NonNullable<ConfigEditAsked['rules']>[number];
export type RuleKey = keyof EditedRule['values'];
type Written = Rule['values'][string];
export type Outcome = ConfigView['notify'][number]['on'][number];

export interface DraftRule {
  /** Tells rules apart while they move. */
  id: number;
  was: number | null;
  values: Readonly<Partial<Record<RuleKey, string>>>;
}

export interface Draft {
  rules: readonly DraftRule[];
  folders: readonly (readonly string[] | null)[];
  hours: string;
  notify: readonly (readonly Outcome[])[];
}

/** What the parts of the view share. */
export interface Editing {
  view: ConfigView;
  draft: Draft;
  problems: ConfigChange['problems'];
  change(next: Draft): void;
}

let nextId = 1;

export function draftOf(view: ConfigView): Draft {
  return {
    rules: view.rules.map(({ name, values }, was) => ({
      id: nextId++,
      was,
      values: { name, ...mapped(values, textOf) },
    })),
    folders: view.folders.map(({ rules }) => rules),
    hours: view.hours ?? '',
    notify: view.notify.map(({ on }) => on),
  };
}

function mapped<T, U>(map: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/** Patterns stand one a line. */
function textOf(value: Written): string {
  return typeof value === 'object' ? value.join('\n') : String(value);
}

/** What differs from the file; `undefined` if nothing does. */
export function editOf(view: ConfigView, draft: Draft): ConfigEditAsked | undefined {
  const rules = draft.rules.map(rule => editedRule(view, rule));
  const asRead = view.rules.map(({ values }, was) => ({ was, values }));
  const edit = {
    ...changed('rules', rules, asRead),
    ...changed(
      'folders',
      draft.folders,
      view.folders.map(each => each.rules),
    ),
    ...changed('hours', draft.hours.trim() || null, view.hours),
    ...changed(
      'notify',
      draft.notify,
      view.notify.map(({ on }) => on),
    ),
  };
  if (Object.keys(edit).length === 0) return undefined;
  return { version: view.version ?? '', ...edit } as ConfigEditAsked;
}

function changed(key: string, now: unknown, before: unknown): Record<string, unknown> {
  return JSON.stringify(now) === JSON.stringify(before) ? {} : { [key]: now };
}

/** In the order of the file, as it was written there where the text is the same. */
function editedRule(view: ConfigView, { was, values }: DraftRule): EditedRule {
  const before = was === null ? undefined : view.rules[was];
  const written = before?.values ?? {};
  const keys = [...Object.keys(written), ...Object.keys(values).filter(key => !(key in written))] as RuleKey[];
  const entries = keys.flatMap((key): [RuleKey, Written][] => {
    const text = values[key]?.trim() ?? '';
    const old = written[key];
    // A rule without a name has one by its place.
    if (text === '' || (key === 'name' && old === undefined && text === before?.name)) return [];
    return [[key, old !== undefined && textOf(old) === text ? old : writtenAs(key, text)]];
  });
  return { was, values: Object.fromEntries(entries) };
}

function writtenAs(key: RuleKey, text: string): Written {
  if (key === 'skip') return text === 'true';
  if (key === 'fps' && /^\d+(\.\d+)?$/.test(text)) return Number(text);
  const lines = text.split('\n').flatMap(line => line.trim() || []);
  return key === 'match' && lines.length > 1 ? lines : text;
}

export function withValue(draft: Draft, index: number, key: RuleKey, text: string): Draft {
  const before = draft.rules[index]?.values.name;
  const rules = draft.rules.map((rule, at) =>
    at === index ? { ...rule, values: { ...rule.values, [key]: text } } : rule,
  );
  if (key !== 'name' || before === undefined) return { ...draft, rules };
  // Folders name their rules.
  const renamed = (names: readonly string[] | null) => names?.map(name => (name === before ? text : name)) ?? null;
  return { ...draft, rules, folders: draft.folders.map(renamed) };
}

/** A new rule comes first: after one that takes everything it would get nothing. */
export function withNewRule(draft: Draft, name: string): Draft {
  const taken = new Set(draft.rules.map(rule => rule.values.name));
  let free = name;
  for (let n = 2; taken.has(free); n += 1) free = `${name} ${n}`;
  const rule = { id: nextId++, was: null, values: { name: free, match: '*.mov', size: '50%' } };
  const folders = draft.folders.map(names => names && [free, ...names]);
  return { ...draft, rules: [rule, ...draft.rules], folders };
}

export function withoutRule(draft: Draft, index: number): Draft {
  const name = draft.rules[index]?.values.name;
  const folders = draft.folders.map(names => names?.filter(each => each !== name) ?? null);
  return { ...draft, rules: draft.rules.filter((_, at) => at !== index), folders };
}

/** @param by -1 for up, 1 for down */
export function moved(draft: Draft, index: number, by: -1 | 1): Draft {
  const rules = [...draft.rules];
  const [rule] = rules.splice(index, 1);
  if (rule) rules.splice(index + by, 0, rule);
  return { ...draft, rules };
}

/** Whether a rule applies in a folder; where it comes between others follows the list of rules. */
export function withRuleIn(draft: Draft, folder: number, name: string, applies: boolean): Draft {
  const all = draft.rules.flatMap(rule => rule.values.name ?? []);
  const before = draft.folders[folder] ?? all;
  const next = applies ? insertedBy(all, before, name) : before.filter(each => each !== name);
  const isAll = next.length === all.length && next.every((each, at) => each === all[at]);
  const folders = draft.folders.map((names, at) => (at === folder ? (isAll ? null : next) : names));
  return { ...draft, folders };
}

function insertedBy(all: readonly string[], names: readonly string[], name: string): string[] {
  const after = all.slice(all.indexOf(name) + 1);
  const at = names.findIndex(each => after.includes(each));
  return at < 0 ? [...names, name] : [...names.slice(0, at), name, ...names.slice(at)];
}

export function withOutcome(draft: Draft, index: number, outcome: Outcome, told: boolean): Draft {
  const notify = draft.notify.map((on, at) => {
    if (at !== index) return on;
    return told ? [...on, outcome] : on.filter(each => each !== outcome);
  });
  return { ...draft, notify };
}

/** What `check` says of one value, and of what no field shows. */
export function problemsAt(problems: ConfigChange['problems'], path: string, language: Language): string[] {
  const isHere = (at: string) => at === path || at.startsWith(`${path}[`);
  return problems
    .filter(problem => isHere(problem.path))
    .map(({ message, messages }) => worded(language, message, messages.message));
}
