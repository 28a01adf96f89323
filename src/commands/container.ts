/**
 * `container`: what the image's entrypoint does before `run`: config.yaml from the environment, and the token of the page. Hidden,
 * because nobody calls it by hand.
 */
import { chmod, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import type { Context, Define } from './support/context.ts';
import { fileErrorOf } from './support/error-output.ts';
import { EXIT } from './support/exit-codes.ts';

export const defineContainer: Define = (program, action) => {
  program
    .command('container', { hidden: true })
    .description('prepare the first start in a container')
    .option('--root <dir>', 'the folder that has /config, /state and /videos', '/')
    .action(action((context, options: { root: string }) => prepare(context, options.root)));
};

async function prepare(context: Context, root: string): Promise<number> {
  const { CONTAINER } = await import('../config/environment.ts');
  const { env } = context.io;
  await mustBeMounted(join(root, CONTAINER.stateDir), '-v ./state:/state');
  const named = env['SHRINKBOX_CONFIG'] || CONTAINER.config;
  if (named === CONTAINER.config) await seedConfig(context, root);
  const tokenFile = join(root, CONTAINER.tokenFile);
  const { makeToken } = await import('./support/lan.ts');
  // A page that other machines reach does not go without.
  await makeToken(tokenFile, { hint: writeHint(dirname(tokenFile)) });
  await showLink(context, tokenFile);
  return EXIT.fine;
}

async function seedConfig(context: Context, root: string): Promise<void> {
  const { CONTAINER, seeding } = await import('../config/environment.ts');
  const path = join(root, CONTAINER.config);
  const decided = seeding(await existing(path), context.io.env);
  if (decided.kind === 'own') {
    if (decided.ignored.length > 0) context.warn([ignoredRemark(decided.ignored)]);
    return;
  }
  await mustBeMounted(join(root, CONTAINER.videos), '-v /your/videos:/videos');
  // The address of notifications may hold a password; folders below ./config are often shared.
  const mode = context.io.env['SHRINKBOX_NOTIFY']?.trim() ? 0o600 : 0o666;
  if (decided.kind === 'keep') {
    if (mode === 0o600) await chmod(path, mode).catch(() => {});
    return;
  }
  await mustBeMounted(dirname(path), '-v ./config:/config');
  const [{ replaceDurably }, { nodeFiles }, { silentLogger }] = await Promise.all([
    import('../platform/files/durable.ts'),
    import('../platform/files/files.ts'),
    import('../platform/log.ts'),
  ]);
  try {
    await replaceDurably(path, decided.text, { files: nodeFiles, log: silentLogger, mode });
  } catch (error) {
    throw await fileErrorOf(error, `writing ${path}`, path, writeHint(dirname(path)));
  }
  context.print(`wrote ${path} from the environment of the container`);
}

function ignoredRemark(names: readonly string[]): string {
  return `config.yaml was edited, so ${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no effect; delete the file to have it written from the environment again`;
}

async function existing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw await fileErrorOf(error, `reading ${path}`, path, writeHint(dirname(path)));
  }
}

/** The image has none of these folders: what is written to a place that nobody mounted would be gone with the container. */
async function mustBeMounted(dir: string, option: string): Promise<void> {
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new ShrinkError('gone', `nothing is mounted at ${dir}`, {
    subject: dir,
    hint: `Give the container a volume for it, as compose.yaml does (${option}).`,
  });
}

/** At each start, because forms of NAS systems show a log and no shell. The token itself stays out of it: a log is kept, and read by others. */
async function showLink(context: Context, tokenFile: string): Promise<void> {
  const [{ CONTAINER }, { issueCode, pairingLink }, { UNKNOWN_HOST }] = await Promise.all([
    import('../config/environment.ts'),
    import('../api/pairing.ts'),
    import('../api/page-address.ts'),
  ]);
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const page = context.io.env['SHRINKBOX_URL']?.trim() || `http://${UNKNOWN_HOST}:${CONTAINER.port}/`;
  context.print(`open the page    ${pairingLink(page, issueCode(token, context.io.clock.now()))}`);
  context.print('                 good once, for ten minutes; a restart shows another link, and so does');
  context.print('                 docker exec -it shrinkbox shrinkbox link');
}

function writeHint(dir: string): string {
  const { getuid = () => 0, getgid = () => 0 } = process;
  return `The user of the container must be able to write there: chown ${getuid()}:${getgid()} the folder mounted at ${dir}.`;
}
