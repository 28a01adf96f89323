import { mkdir, open, readFile } from 'node:fs/promises';
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
    .action(action((context, dir: string) => init(context, resolve(context.io.cwd, dir))));
};

async function init(context: Context, dir: string): Promise<number> {
  const file = join(dir, 'config.yaml');
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
  if (context.json) context.printJson({ config: file, created });
  else {
    context.print(`wrote ${escapeForTerminal(file)}`);
    for (const folder of created) context.print(`created ${escapeForTerminal(folder)}`);
    context.print(`Start with: shrinkbox run --config ${escapeForTerminal(file)}`);
  }
  return EXIT.fine;
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
