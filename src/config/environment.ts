/**
 * The configuration a container makes of its environment: forms of NAS systems give variables and nothing else. It is written
 * down as a file people can read and take over. Pure.
 */
import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { say } from '../messages/say.ts';
import { type ParseContext, parseConfig } from './load.ts';
import { ConfigError, formatPath, type KeyPath, type Problem } from './problems.ts';
import { tell } from './told.ts';
import { closest } from './unknown-keys.ts';

type Environment = ParseContext['env'];

/** Where the variables of the image's documentation go. */
const VARIABLES: Readonly<Record<string, KeyPath>> = {
  SHRINKBOX_SIZE: ['rules', 0, 'size'],
  SHRINKBOX_RESOLUTION: ['rules', 0, 'resolution'],
  SHRINKBOX_FPS: ['rules', 0, 'fps'],
  SHRINKBOX_AUDIO: ['rules', 0, 'audio'],
  SHRINKBOX_CODEC: ['rules', 0, 'codec'],
  SHRINKBOX_ORIGINALS: ['folders', 0, 'originals'],
  SHRINKBOX_ARCHIVE_DAYS: ['folders', 0, 'archive_days'],
  SHRINKBOX_HOURS: ['limits', 'local_hours'],
  SHRINKBOX_THREADS: ['local', 'threads'],
  SHRINKBOX_EFFORT: ['local', 'effort'],
  SHRINKBOX_ENGINE: ['engine'],
  SHRINKBOX_URL: ['http', 'public_url'],
  SHRINKBOX_NOTIFY: ['notify', 0, 'url'],
  SHRINKBOX_LOG: ['log', 'level'],
};

/** Where the image has its volumes, and where it listens. */
export const CONTAINER = {
  videos: '/videos',
  stateDir: '/state',
  tokenFile: '/state/http.token',
  config: '/config/config.yaml',
  port: 8788,
} as const;

/** The variables that are set, in the order of the documentation; an empty one counts as not set. */
export function variablesSet(env: Environment): string[] {
  return Object.keys(VARIABLES).filter(name => env[name]?.trim());
}

/**
 * The text of config.yaml that these variables ask for.
 * @throws ConfigError that names the variables instead of keys; every mistake at once.
 */
export function configFromEnvironment(env: Environment): string {
  const value = structureOf(env);
  const body = stringify(value, { lineWidth: 0 });
  const problems = [...unknownVariables(env), ...problemsIn(body)];
  if (problems.length > 0) throw new ConfigError(problems, say('config.correct-variables'));
  return `${MARK} ${hashOf(ABOUT + body)}\n${ABOUT}${body}`;
}

function structureOf(env: Environment): Record<string, unknown> {
  const { videos, stateDir, tokenFile, port } = CONTAINER;
  const value: Record<string, unknown> = {
    state_dir: stateDir,
    folders: [{ inbox: `${videos}/inbox`, outbox: `${videos}/outbox` }],
    rules: [{ name: 'default', size: '50MB', resolution: '1080p', ...floorOf(env) }],
    http: { listen: `0.0.0.0:${port}`, token_file: tokenFile },
    log: { format: 'pretty' },
  };
  for (const name of variablesSet(env)) put(value, VARIABLES[name] ?? [], scalar(env[name]?.trim() ?? ''));
  const [folder] = value['folders'] as [Record<string, unknown>];
  if (folder['originals'] === 'archive') folder['archive'] = `${videos}/originals`;
  return value;
}

/** As the built-in rule has it for a size that nobody asked for. */
function floorOf(env: Environment): Record<string, string> {
  return env['SHRINKBOX_SIZE']?.trim() ? {} : { floor: 'good', below_floor: 'keep-quality' };
}

function put(into: Record<string, unknown>, path: KeyPath, value: unknown): void {
  let at = into as Record<PropertyKey, unknown>;
  for (const [index, part] of path.entries()) {
    if (index === path.length - 1) at[part] = value;
    else at = (at[part] ??= typeof path[index + 1] === 'number' ? [] : {}) as Record<PropertyKey, unknown>;
  }
}

/** A number where YAML would read one; any other text stays text, whatever it looks like. */
function scalar(written: string): string | number {
  if (!/^\d+(\.\d+)?$/.test(written)) return written;
  return parse(written) as number;
}

/** In the words of the environment: nobody wrote the file these mistakes would be in. */
function problemsIn(body: string): Problem[] {
  try {
    parseConfig(body, { env: {}, cwd: '/', home: '/', source: CONTAINER.config });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => environmentProblem(variableOf(path), message));
  }
}

function variableOf(path: string): string {
  const found = Object.entries(VARIABLES).find(([, key]) => path === formatPath(key));
  return found?.[0] ?? path;
}

/** A misspelt variable would do nothing, and nobody would know why. */
function unknownVariables(env: Environment): Problem[] {
  const known = Object.keys(VARIABLES);
  const unknown = Object.keys(env).filter(name => /^SHRINKBOX_/i.test(name) && env[name]?.trim());
  return unknown
    .filter(name => !known.includes(name) && name !== 'SHRINKBOX_CONFIG')
    .map(name => environmentProblem(name, unknownMessage(name, known)));
}

function unknownMessage(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  if (near !== undefined) return tell('config.unknown-variable-but', { near });
  return tell('config.unknown-variable', { known: known.join(', ') });
}

function environmentProblem(path: string, message: string): Problem {
  return { file: 'environment', line: 0, column: 0, path, message };
}

/** The first line of a file that was made of variables, with the hash of the lines after it. */
const MARK = '# made from the environment of the container';
const ABOUT = `#
# It is written again when the SHRINKBOX_ variables change. Once you edit it, it is yours: it stays as it is, and the variables
# no longer count. All keys: docs/configuration.md, or "shrinkbox check --schema".
`;

export type Seeding =
  /** There is no file, or an older one that nobody touched. */
  | { kind: 'write'; text: string }
  /** It is what the variables ask for. */
  | { kind: 'keep' }
  /** A person's file, and variables that have no effect because of it. */
  | { kind: 'own'; ignored: string[] };

/** What to do with the file that is there (`undefined`: none). @throws ConfigError as `configFromEnvironment`, where it counts */
export function seeding(existing: string | undefined, env: Environment): Seeding {
  if (existing !== undefined && !isUntouched(existing)) return { kind: 'own', ignored: variablesSet(env) };
  const text = configFromEnvironment(env);
  return text === existing ? { kind: 'keep' } : { kind: 'write', text };
}

function isUntouched(text: string): boolean {
  const end = text.indexOf('\n');
  return text.slice(0, end) === `${MARK} ${hashOf(text.slice(end + 1))}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
