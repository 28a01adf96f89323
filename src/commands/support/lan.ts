/** Opens the page of a configuration to the network: a strong token in a file of its own, and the keys of `http`. */
import { randomBytes } from 'node:crypto';
import { chown, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/load.ts';
import { isLoopback } from '../../config/loopback.ts';
import { ShrinkError } from '../../core/errors.ts';
import type { Context } from './context.ts';
import { fileErrorOf } from './error-output.ts';

export interface Opened {
  /** What was done, a line each. */
  said: string[];
  config: Config;
}

/** The token's file beside the configuration. */
const TOKEN_FILE = 'http-token';
const EVERYWHERE = '0.0.0.0';
const DEFAULT_PORT = 8788;

/**
 * @param owner who the daemon runs as, by its id; by default the owner of the state directory
 * @throws ShrinkError `usage` where the file's `http` cannot be added to
 */
export async function openToNetwork(
  context: Context,
  file: string,
  { url, owner }: { url?: string | undefined; owner?: number } = {},
): Promise<Opened> {
  const config = await context.loadConfig(file);
  const { listen, tokenFile, publicUrl } = config.http;
  const port = listen === 'off' ? DEFAULT_PORT : listen.port;
  const keys = {
    ...(listen !== 'off' && !isLoopback(listen.host) ? {} : { listen: `${EVERYWHERE}:${port}` }),
    ...(tokenFile ? {} : { token_file: `./${TOKEN_FILE}` }),
    ...(url === undefined || url === publicUrl ? {} : { public_url: url }),
  };
  const rewrite = await rewriting(context, file, keys);
  const path = tokenFile ?? join(dirname(file), TOKEN_FILE);
  const wasMade = await makeToken(path, { owner: owner ?? (await ownerOf(config.stateDir)) });
  if (Object.keys(keys).length > 0) await rewrite();
  const said = [
    ...(wasMade ? [`wrote ${path}: the access token of the page, readable to its owner only`] : []),
    Object.keys(keys).length === 0
      ? `the page is open to your network already (http in ${file})`
      : `the page is open to your network, on port ${port} (http in ${file})`,
  ];
  return { said, config: await context.loadConfig(file) };
}

/**
 * What adds the keys to the file.
 * @throws ShrinkError `usage`; ConfigError where a value is wrong: nothing was changed then
 */
async function rewriting(context: Context, file: string, keys: Record<string, string>): Promise<() => Promise<void>> {
  const [{ ConfigFile }, { editConfig }, { parseConfig }, { silentLogger }] = await Promise.all([
    import('../../app/config-file.ts'),
    import('../../config/edit.ts'),
    import('../../config/load.ts'),
    import('../../platform/log.ts'),
  ]);
  const configFile = new ConfigFile(file, silentLogger);
  const { text, version } = configFile.read();
  const changed = editConfig(text, { http: keys });
  if (changed === undefined) throw cannotChange(file, keys);
  const { env, home } = context.io;
  parseConfig(changed, { env, cwd: dirname(file), home, source: file });
  return () => configFile.replace(changed, version);
}

function cannotChange(file: string, keys: Record<string, string>): ShrinkError {
  const lines = Object.entries(keys).map(([key, value]) => `${key}: ${value}`);
  return new ShrinkError('usage', `http in ${file} is written in a way that is not changed by a program`, {
    subject: file,
    hint: `Write there yourself: ${lines.join(', ')}.`,
  });
}

/** A token that is there stays. @returns whether one was made */
export async function makeToken(path: string, { owner, hint }: { owner?: number | undefined; hint?: string } = {}) {
  const [{ createDurably, newFile }, { nodeFiles }, { silentLogger }] = await Promise.all([
    import('../../platform/files/durable.ts'),
    import('../../platform/files/files.ts'),
    import('../../platform/log.ts'),
  ]);
  try {
    const token = `${randomBytes(24).toString('hex')}\n`;
    await createDurably(newFile(path, nodeFiles), token, { log: silentLogger, mode: 0o600 });
    if (owner !== undefined && process.getuid?.() === 0) await chown(path, owner, -1);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw await fileErrorOf(error, `writing ${path}`, path, hint);
  }
}

async function ownerOf(dir: string): Promise<number | undefined> {
  return stat(dir).then(
    ({ uid }) => uid,
    () => undefined,
  );
}
