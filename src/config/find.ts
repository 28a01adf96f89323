import { join } from 'node:path';
import { isShrinkError } from '../core/errors.ts';
import { defaultConfig } from './defaults.ts';
import type { Config, ParseContext } from './load.ts';
import { ConfigError } from './problems.ts';
import type { ReadFile } from './read.ts';
import { pathResolver } from './resolve-path.ts';

/** Everything loading depends on; it reads nothing else. */
export interface LoadContext extends Omit<ParseContext, 'source'> {
  /** `--config FILE`. */
  path?: string;
  readFile: ReadFile;
}

/** Environment variables that override keys of the file. */
const OVERRIDES = ['NEMO_API_URL', 'NEMO_WEB_URL', 'NEMO_CLIENT_ID', 'SKILL_SOURCE'];

/** More than any hand-written configuration has. */
const MAX_BYTES = 1_000_000;

/**
 * Finds, reads and checks the configuration: `--config`, else `$SHRINKBOX_CONFIG`, else the first of `./config.yaml`,
 * `~/.config/shrinkbox/config.yaml` and `/etc/shrinkbox/config.yaml` that exists, else the built-in defaults.
 *
 * @throws ConfigError with every problem at once.
 */
export async function loadConfig(context: LoadContext): Promise<Config> {
  const { env, cwd, home } = context;
  const found = findFile(context);
  if (!found && OVERRIDES.every(name => !env[name])) return defaultConfig(pathResolver(cwd, home));
  const { parseConfig } = await import('./load.ts');
  return parseConfig(found?.text, { env, cwd, home, source: found?.path ?? null });
}

function findFile(from: LoadContext): { path: string; text: string } | undefined {
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
  const usual = ['config.yaml', join(from.home, '.config/shrinkbox/config.yaml'), '/etc/shrinkbox/config.yaml'];
  for (const path of usual.map(resolve)) {
    const text = readOptional(path, from.readFile);
    if (text !== undefined) return { path, text };
  }
  return undefined;
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
