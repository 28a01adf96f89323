import { dirname, join } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { defaultConfig } from './defaults.ts';
import type { Config, ParseContext } from './load.ts';
import { ConfigError } from './problems.ts';
import type { ReadFile } from './read.ts';
import { pathResolver } from './resolve-path.ts';
import type { Ownership } from './trust.ts';

/** Everything loading depends on; it reads nothing else. */
export interface LoadContext extends Omit<ParseContext, 'source'> {
  /** `--config FILE`. */
  path?: string;
  /** The file that an earlier look found: read again, and no more trusted than then. */
  foundBefore?: string;
  readFile: ReadFile;
  /** Whether the folders on the way to a path may be entered; absent where all may. */
  isInReach?(path: string): boolean;
  /** Why other users may have written a file that nobody named, as the end of a sentence; absent where nobody else can. */
  whyNotTrusted?(path: string, opened: Ownership): string | undefined;
  /** Whether `./config.yaml` is passed over unless it is named. */
  notHere?: boolean;
  /** Hears of a `./config.yaml` that is not used: a sentence. */
  onNotOurs?(remark: string): void;
}

/** Environment variables that override keys of the file. */
const OVERRIDES = ['NEMO_API_URL', 'NEMO_WEB_URL', 'NEMO_CLIENT_ID', 'SKILL_SOURCE'];

/** More than any hand-written configuration has. */
const MAX_BYTES = 1_000_000;

/**
 * Finds, reads and checks the configuration: `--config`, else `$SHRINKBOX_CONFIG`, else the first of `./config.yaml` (if it
 * is ours), `~/.config/shrinkbox/config.yaml` and `/etc/shrinkbox/config.yaml` that exists, else the built-in defaults.
 *
 * @throws ConfigError with every problem at once; ShrinkError config-invalid for a found file others may have written.
 */
export async function loadConfig(context: LoadContext): Promise<Config> {
  return parseFound(await findFile(context), context);
}

/** A configuration, or what is left of one with mistakes. */
export interface LenientConfig {
  /** Where it is broken: the defaults, without any folder, and with the `state_dir` of the file. */
  config: Config;
  broken?: ConfigError;
  /** Where a daemon of a broken configuration may be, likeliest first, if the file could not even be read. */
  guesses?: string[];
}

/**
 * The same for commands that only ask the daemon, which runs on while its file has mistakes. Of such a file only `state_dir`
 * counts: read line by line where it is not even YAML; the default where it is not written.
 *
 * @throws ShrinkError config-invalid for a found file others may have written: its `state_dir` is not to be believed either.
 */
export async function loadConfigLeniently(context: LoadContext): Promise<LenientConfig> {
  let found: FoundFile | undefined;
  try {
    found = await findFile(context);
    return { config: await parseFound(found, context) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const source = found?.path ?? error.problems[0]?.file ?? 'config.yaml';
    const resolve = pathResolver(found ? dirname(found.path) : dirname(source), context.home);
    const left = { ...defaultConfig(resolve), folders: [], source };
    if (!found) return { config: left, broken: error, guesses: [left.stateDir, ...(STATE_OF[source] ?? [])] };
    const { writtenStateDir } = await import('./leniency.ts');
    const written = writtenStateDir(found.text);
    return { config: { ...left, stateDir: resolve(written ?? './state') }, broken: error };
  }
}

/** Where the service that comes with the program keeps its state. */
const STATE_OF: Readonly<Record<string, string[]>> = { '/etc/shrinkbox/config.yaml': ['/var/lib/shrinkbox'] };

/** Whether a file was named, on the command line or in the environment; one that was only found is less certain to be meant. */
export function isConfigNamed({ path, env }: Pick<LoadContext, 'path' | 'env'>): boolean {
  return Boolean(path || env['SHRINKBOX_CONFIG']);
}

interface FoundFile {
  path: string;
  text: string;
}

async function parseFound(found: FoundFile | undefined, { env, cwd, home }: LoadContext): Promise<Config> {
  if (!found && OVERRIDES.every(name => !env[name])) return defaultConfig(pathResolver(cwd, home));
  const { parseConfig } = await import('./load.ts');
  return parseConfig(found?.text, { env, cwd, home, source: found?.path ?? null });
}

async function findFile(from: LoadContext): Promise<FoundFile | undefined> {
  const named = from.path
    ? { path: from.path, by: '--config' }
    : from.env['SHRINKBOX_CONFIG']
      ? { path: from.env['SHRINKBOX_CONFIG'], by: 'SHRINKBOX_CONFIG' }
      : undefined;
  const resolve = pathResolver(from.cwd, from.home);
  if (named) {
    const path = resolve(named.path);
    const text = readOptional(path, from.readFile);
    if (text !== undefined) return { path, text };
    throw failed(path, `does not exist, but ${named.by} names it`);
  }
  if (from.foundBefore !== undefined) {
    const found = look(from.foundBefore, from);
    if (found) return trusted(found, from);
    throw failed(from.foundBefore, 'no longer exists');
  }
  const here = await findHere(resolve('config.yaml'), from);
  if (here) return here;
  for (const path of [join(from.home, '.config/shrinkbox/config.yaml'), '/etc/shrinkbox/config.yaml'].map(resolve)) {
    const found = look(path, from);
    if (found) return trusted(found, from);
  }
  return undefined;
}

async function findHere(path: string, from: LoadContext): Promise<FoundFile | undefined> {
  const found = from.notHere ? lookOrPassOver(path, from) : look(path, from);
  if (!found) return undefined;
  const { isOurs } = await import('./leniency.ts');
  const isEmpty = found.text.trim() === '';
  if (isOurs(found.text)) {
    if (!from.notHere) return trusted(found, from);
    from.onNotOurs?.(
      `${path} is not used: this command takes none that was only found here; --config ${path} takes it`,
    );
  } else from.onNotOurs?.(`${path} is not used: ${isEmpty ? 'it is empty' : 'it has none of the keys of shrinkbox'}`);
  return undefined;
}

interface Looked extends FoundFile {
  owner?: Ownership;
}

/** What lies in a folder that the caller may not enter, as with the HOME of somebody else, is no configuration of the caller's. */
function look(path: string, { readFile, isInReach }: LoadContext): Looked | undefined {
  if (isInReach?.(path) === false) return undefined;
  let owner: Ownership | undefined;
  const text = readOptional(path, (name, maxBytes) =>
    readFile(name, maxBytes, file => {
      owner = file;
    }),
  );
  return text === undefined ? undefined : { path, text, owner };
}

/** What is not used anyway need not be readable. */
function lookOrPassOver(path: string, from: LoadContext): Looked | undefined {
  try {
    return look(path, from);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
}

/** @throws ShrinkError config-invalid unless only the caller and root can have written it */
function trusted({ path, text, owner }: Looked, from: LoadContext): FoundFile {
  const why = owner && from.whyNotTrusted?.(path, owner);
  if (why === undefined) return { path, text };
  throw new ShrinkError('config-invalid', `${path} was found, not named, and is not used: ${why}`, {
    doing: 'reading the configuration',
    subject: path,
    hint: `A configuration runs programs and says where tokens are sent. If you trust this one, --config ${path} takes it all the same.`,
  });
}

/** A file that exists but cannot be read is an error: skipping it would run with another configuration. */
function readOptional(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path, MAX_BYTES);
  } catch (error) {
    if (isShrinkError(error)) throw failed(path, error.message);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES' || code === 'EPERM') {
      throw failed(path, 'cannot be read: permission denied; give read access to the user shrinkbox runs as');
    }
    throw failed(path, `cannot be read: ${message}`);
  }
}

function failed(file: string, message: string): ConfigError {
  return new ConfigError(
    [{ file, line: 0, column: 0, path: '', message }],
    '`shrinkbox init` writes a configuration to start from.',
  );
}
