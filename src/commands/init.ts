import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShrinkError } from '../core/errors.ts';
import type { Context, Define } from './support/context.ts';
import { fileErrorOf } from './support/error-output.ts';
import { EXIT } from './support/exit-codes.ts';
import { safe } from './support/terminal.ts';

export const defineInit: Define = (program, action) => {
  program
    .command('init')
    .description('write a commented config.yaml and make the folders it names; changes nothing that is there')
    .argument('[dir]', 'where to', '.')
    .action(action((context, dir: string) => init(context, resolve(context.io.cwd, dir))));
};

async function init(context: Context, dir: string): Promise<number> {
  const file = join(dir, 'config.yaml');
  const example = await readFile(EXAMPLE, 'utf8');
  const made = await makeFolder(dir);
  await writeNew(file, example);
  const config = await context.loadConfig(file);
  const folders = config.folders.flatMap(({ inbox, outbox, archive }) => [
    inbox,
    outbox,
    ...(archive ? [archive] : []),
  ]);
  const created = made ? [dir] : [];
  // A folder elsewhere belongs to a disk or a share; making it there could hide that one is not mounted.
  for (const folder of folders) if (folder.startsWith(`${dir}/`) && (await makeFolder(folder))) created.push(folder);
  if (context.json) context.printJson({ config: file, created });
  else {
    context.print(`wrote ${safe(file)}`);
    for (const folder of created) context.print(`made ${safe(folder)}`);
    context.print(`Start with: shrinkbox run --config ${safe(file)}`);
  }
  return EXIT.fine;
}

/** Beside package.json, two folders up from here in the sources and in dist alike. */
const EXAMPLE = fileURLToPath(new URL('../../config.example.yaml', import.meta.url));

async function makeFolder(path: string): Promise<boolean> {
  try {
    return (await mkdir(path, { recursive: true })) !== undefined;
  } catch (error) {
    throw await fileErrorOf(error, `making ${path}`, path);
  }
}

/** @throws ShrinkError usage when there is one already. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(text).finally(() => file.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw await fileErrorOf(error, `writing ${path}`, path);
    throw new ShrinkError('usage', `${path} is there already, and is left as it is`, {
      subject: path,
      hint: `Name another folder than ${dirname(path)}, or remove that file first.`,
    });
  }
}
