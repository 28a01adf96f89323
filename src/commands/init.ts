import { access, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShrinkError } from '../core/errors.ts';
import type { Context, Define } from './support/context.ts';
import { fileErrorOf } from './support/error-output.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineInit: Define = (program, action) => {
  program
    .command('init')
    .description('write a commented config.yaml and create the folders it names; overwrites nothing')
    .argument('[dir]', 'the folder to write it to', '.')
    .option(
      '--lan [url]',
      'open the page to your network, with an access token; of a config.yaml that is there, only http is changed. URL: the address people type, if it is a name or a proxy',
    )
    .action(
      action((context, dir: string, { lan }: { lan?: true | string }) => {
        const file = join(resolve(context.io.cwd, dir), 'config.yaml');
        return lan === undefined ? init(context, file) : initOpen(context, file, lan === true ? undefined : lan);
      }),
    );
};

interface Written {
  config: string;
  created: string[];
}

async function init(context: Context, file: string): Promise<number> {
  const written = await writeAll(context, file);
  if (context.json) context.printJson(written);
  else {
    printWritten(context, written);
    context.print(`Start with: shrinkbox run --config ${escapeForTerminal(file)}`);
    context.print('To open the page on a phone, too: shrinkbox init --lan');
  }
  return EXIT.fine;
}

/** Opens the page to the network, of a new configuration or of the one that is there. */
async function initOpen(context: Context, dirFile: string, url: string | undefined): Promise<number> {
  const file = context.namedConfig ?? dirFile;
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const written = isThere ? undefined : await writeAll(context, file);
  const { openToNetwork } = await import('./support/lan.ts');
  const { said, config } = await openToNetwork(context, file, { url });
  if (context.json) {
    context.printJson({ config: file, created: written?.created ?? [], http: { token_file: config.http.tokenFile } });
    return EXIT.fine;
  }
  if (written) printWritten(context, written);
  for (const line of said) context.print(escapeForTerminal(line));
  const option = `--config ${escapeForTerminal(file)}`;
  context.print(isThere ? 'Restart shrinkbox for it.' : `Start with: shrinkbox run ${option}`);
  context.print(`Then open it on a phone: shrinkbox link ${option}`);
  return EXIT.fine;
}

async function writeAll(context: Context, file: string): Promise<Written> {
  const dir = dirname(file);
  const example = await readFile(EXAMPLE, 'utf8');
  const isNew = await makeFolder(dir);
  await writeNew(file, example);
  const config = await context.loadConfig(file);
  const folders = config.folders.flatMap(({ inbox, outbox, archive }) => [
    inbox,
    outbox,
    ...(archive ? [archive] : []),
  ]);
  const created = isNew ? [dir] : [];
  // A folder elsewhere may be on a disk or share that is not mounted now; creating it would hide that.
  for (const folder of folders) if (folder.startsWith(`${dir}/`) && (await makeFolder(folder))) created.push(folder);
  return { config: file, created };
}

function printWritten(context: Context, { config, created }: Written): void {
  context.print(`wrote ${escapeForTerminal(config)}`);
  for (const folder of created) context.print(`created ${escapeForTerminal(folder)}`);
}

/** Beside package.json, two folders up in both src and dist. */
const EXAMPLE = fileURLToPath(new URL('../../config.example.yaml', import.meta.url));

async function makeFolder(path: string): Promise<boolean> {
  try {
    return (await mkdir(path, { recursive: true })) !== undefined;
  } catch (error) {
    throw await fileErrorOf(error, `creating ${path}`, path);
  }
}

/** @throws ShrinkError `usage` when the file exists already. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(text).finally(() => file.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw await fileErrorOf(error, `writing ${path}`, path);
    throw new ShrinkError('usage', `${path} already exists and was not changed`, {
      subject: path,
      hint: `Choose another folder than ${dirname(path)}, or remove that file first.`,
    });
  }
}
