/** The built page: a handful of small files, read once and kept. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export interface Asset {
  type: string;
  body: Uint8Array<ArrayBuffer>;
}

export interface BuiltPage {
  index: Asset;
  /** By name, hash included: a name never gets different bytes. */
  assets: ReadonlyMap<string, Asset>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The output of `npm run build` in `dir`; `undefined` if nothing was built. */
export async function loadPage(dir: string): Promise<BuiltPage | undefined> {
  const folder = join(dir, 'assets');
  try {
    const names = (await readdir(folder)).filter(name => TYPES[extname(name)] !== undefined);
    const assets = await Promise.all(names.map(async name => [name, await load(join(folder, name))] as const));
    return { index: await load(join(dir, 'index.html')), assets: new Map(assets) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function load(path: string): Promise<Asset> {
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', body: new Uint8Array(await readFile(path)) };
}
