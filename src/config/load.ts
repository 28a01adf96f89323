import { dirname } from 'node:path';
import { z } from 'zod';
import type { Trim } from '../core/trim.ts';
import { crossCheck, defaultRuleName } from './checks.ts';
import { NOTHING_WRITTEN, parseYaml, type YamlFile } from './yaml.ts';
import { ConfigError, formatPath, type KeyPath, type Problem } from './problems.ts';
import { configSchema, headerProblem, type ParsedConfig } from './schema.ts';
import { show } from './redact.ts';
import { pathResolver } from './resolve-path.ts';
import { saidBy, shown, tell } from './told.ts';
import { unknownKeyMessage } from './unknown-keys.ts';

/** `poll_interval` in the file is `pollInterval` in the code: derived, so that no key is written twice. */
type CamelCase<Key> = Key extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Key;

type CamelKeys<Value> = Value extends readonly (infer Item)[]
  ? CamelKeys<Item>[]
  : Value extends object
    ? { [Key in keyof Value as CamelCase<Key>]: CamelKeys<Value[Key]> }
    : Value;

type Parsed = CamelKeys<ParsedConfig>;

/** One entry of `rules`, its name filled in. */
export type Rule = Omit<Parsed['rules'][number], 'name'> & {
  name: string;
  /** The part asked for on the command line. */
  trim?: Trim;
};

type ParsedFolder = Parsed['folders'][number];

/** An entry of `folders` with an inbox and an outbox, the names of its rules filled in. */
export type Folder = Omit<
  ParsedFolder,
  'rules' | 'inbox' | 'outbox' | 'originals' | 'library' | 'iHaveABackup' | 'minAge'
> & {
  inbox: string;
  outbox: string;
  originals: 'keep' | 'archive' | 'delete';
  rules: string[];
  /** Present where it is no inbox, but a library: then both are that folder. */
  library?: Library;
};

/** An entry of `folders` that is worked on in place. */
export interface Library extends Pick<ParsedFolder, 'archive' | 'archiveDays'> {
  library: string;
  /** Without `archive`, nothing is left of an original. */
  originals: 'archive' | 'replace';
  /** Milliseconds. */
  minAge: number;
  /** None where the file has no rules at all: then LIBRARY_RULE counts. */
  rules: string[];
}

/**
 * The configuration as the code uses it: durations in milliseconds, sizes in bytes, percentages as shares of 1, paths
 * absolute. Holds no secret (see secrets.ts), so it may be printed.
 */
export type Config = Omit<Parsed, 'rules' | 'folders' | 'nemo'> & {
  rules: Rule[];
  folders: Folder[];
  libraries: Library[];
  nemo: Parsed['nemo'] & {
    /** From SKILL_SOURCE: where this program was installed from, as reported to the service. */
    skillSource?: string;
  };
  /** The file it came from; null for the built-in defaults. */
  source: string | null;
};

/** What the meaning of a configuration depends on besides its text. */
export interface ParseContext {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  home: string;
  /** The file: names it in messages and anchors its relative paths. Null if there is none. */
  source: string | null;
}

/** So that a file of another program does not fill the screen with problems. */
const MAX_PROBLEMS = 50;

/**
 * Checks the text of a configuration file (`undefined`: there is none) and turns it into values.
 *
 * @throws ConfigError with every problem at once.
 */
export function parseConfig(text: string | undefined, from: ParseContext): Config {
  const file = from.source ?? 'built-in defaults';
  const resolve = pathResolver(from.source === null ? from.cwd : dirname(from.source), from.home);
  const yaml = text === undefined ? NOTHING_WRITTEN : parseYaml(file, text);
  const problems: Problem[] = [...yaml.problems];
  const schema = configSchema(resolve);
  let parsed: ParsedConfig | undefined;
  if (yaml.value !== undefined) {
    const value = withoutEmptySections(yaml.value);
    const shape = shapeProblem(value);
    if (shape) problems.push({ file, line: 1, column: 1, path: '', message: shape });
    else {
      const result = schema.safeParse(value, { reportInput: true });
      parsed = result.data;
      problems.push(...(result.error?.issues ?? []).flatMap(issue => issueProblems(file, yaml, schema, issue)));
      const conflicts = crossCheck(value, resolve).map(({ path, message }) => ({
        file,
        ...yaml.place(path),
        path: formatPath(path),
        message,
      }));
      problems.push(...conflicts);
    }
  }
  const overrides = readOverrides(from.env);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  problems.push(...overrides.problems);
  if (problems.length > 0 || !parsed) throw new ConfigError(shortened(file, problems));
  return finish(parsed, { overrides: overrides.values, source: from.source, hasRules: hasRules(yaml.value) });
}

function hasRules(written: unknown): boolean {
  return typeof written === 'object' && written !== null && 'rules' in written;
}

function shapeProblem(value: unknown): string | undefined {
  if (value === null) {
    return tell('config.empty-file');
  }
  if (typeof value === 'object' && !Array.isArray(value)) return undefined;
  return tell('config.not-lines', { value: shown(value) });
}

/** A section such as `limits:` with all its lines commented out is not a mistake. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const isSection = (key: string) =>
    ['limits', 'nemo', 'local', 'fleet', 'worker', 'http', 'notify', 'after', 'log'].includes(key);
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => inner !== null || !isSection(key)));
}

function issueProblems(file: string, yaml: YamlFile, schema: z.ZodType, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_PROBLEMS + 1).map(key => ({
      file,
      ...yaml.place([...issue.path, key], 'key'),
      path: formatPath(issue.path),
      message: unknownKeyMessage(schema, issue.path, key),
    }));
  }
  const path: KeyPath = issue.path;
  if (issue.code === 'invalid_union') {
    // Either a list or a single value (oneOrMore in fields.ts): report the branch that was written.
    const branch = issue.errors[Array.isArray(issue.input) ? 0 : 1] ?? [];
    return branch.flatMap(inner =>
      issueProblems(file, yaml, schema, { ...inner, path: [...path, ...inner.path] } as z.core.$ZodIssue),
    );
  }
  return [{ file, ...yaml.place(path), path: formatPath(path), message: issue.message }];
}

function shortened(file: string, problems: Problem[]): Problem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  const message = tell('config.more-problems', { count: problems.length - MAX_PROBLEMS });
  return [...problems.slice(0, MAX_PROBLEMS), { file, line: 0, column: 0, path: '', message }];
}

interface Overrides {
  apiUrl?: string;
  webUrl?: string;
  clientId?: string;
  skillSource?: string;
}

/** Environment variables that override the file (OVERRIDES in find.ts lists them); an empty one counts as not set. */
function readOverrides(env: ParseContext['env']): { values: Overrides; problems: Problem[] } {
  const values: Overrides = {};
  const problems: Problem[] = [];
  const take = (name: string, key: keyof Overrides, check: (written: string) => string | undefined) => {
    const written = env[name]?.trim();
    if (!written) return;
    const message = check(written);
    if (message === undefined) values[key] = written.replace(/\/+$/, '');
    else problems.push({ file: 'environment', line: 0, column: 0, path: name, message });
  };
  take('NEMO_API_URL', 'apiUrl', written => urlProblem('api_url', written));
  take('NEMO_WEB_URL', 'webUrl', written => urlProblem('web_url', written));
  const header = (written: string) => {
    const problem = headerProblem(written);
    return problem && tell('config.wrong', { value: show(written), wrong: saidBy(problem) });
  };
  take('NEMO_CLIENT_ID', 'clientId', header);
  take('SKILL_SOURCE', 'skillSource', header);
  return { values, problems };
}

/** Checks a variable with the schema of the key it overrides. */
function urlProblem(key: 'api_url' | 'web_url', written: string): string | undefined {
  const result = configSchema(path => path).shape.nemo.safeParse({ [key]: written });
  return result.error?.issues[0]?.message;
}

interface Finish {
  overrides: Overrides;
  source: string | null;
  /** Whether the file has rules of its own. */
  hasRules: boolean;
}

function finish(parsed: ParsedConfig, { overrides, source, hasRules }: Finish): Config {
  const config = camelKeys(parsed);
  const rules = config.rules.map((rule, index) => ({ ...rule, name: rule.name ?? defaultRuleName(index) }));
  const all = rules.map(({ name }) => name);
  const folders = config.folders.flatMap(folder => folderOf(folder, all) ?? []);
  const libraries = config.folders.flatMap(folder => libraryOf(folder, hasRules ? all : []) ?? []);
  return { ...config, rules, folders, libraries, nemo: { ...config.nemo, ...overrides }, source };
}

function folderOf(folder: ParsedFolder, all: string[]): Folder | undefined {
  const { library: _library, iHaveABackup: _backup, minAge: _age, inbox, outbox, ...others } = folder;
  if (inbox === undefined || outbox === undefined) return undefined;
  const originals = folder.originals === 'replace' ? 'keep' : folder.originals;
  return { ...others, inbox, outbox, originals, rules: folder.rules ?? all };
}

const MIN_AGE_MS = 7 * 86_400_000;

function libraryOf(folder: ParsedFolder, all: string[]): Library | undefined {
  const { library, archive, archiveDays, minAge = MIN_AGE_MS, rules = all } = folder;
  if (library === undefined) return undefined;
  const kept = folder.originals === 'replace' ? {} : { archive, archiveDays };
  return { library, ...kept, originals: folder.originals === 'replace' ? 'replace' : 'archive', minAge, rules };
}

/** Renames the keys of maps at every depth; leaves everything else as it is. */
function camelKeys<Value>(value: Value): CamelKeys<Value> {
  if (Array.isArray(value)) return value.map(camelKeys) as CamelKeys<Value>;
  if (typeof value !== 'object' || value === null) return value as CamelKeys<Value>;
  const entries = Object.entries(value).map(([key, inner]) => [
    key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    camelKeys(inner),
  ]);
  return Object.fromEntries(entries) as CamelKeys<Value>;
}
