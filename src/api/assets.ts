/** The built page: a handful of small files, read once and kept. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const gzipped = promisify(gzip);

export interface Asset {
  type: string;
  body: Uint8Array<ArrayBuffer>;
  /** For browsers that take it: a third of the bytes, and a phone's network is slow. */
  gzipped: Uint8Array<ArrayBuffer>;
}

export interface BuiltPage {
  index: Asset;
  /** By name, hash included: a name never gets different bytes. */
  assets: ReadonlyMap<string, Asset>;
  /** What has to stand beside the page under its own name. */
  beside: ReadonlyMap<string, Asset>;
}

/** What makes an app of the page, for phones. */
export const BESIDE = ['manifest.webmanifest', 'sw.js', 'app-icon.svg'] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** The output of `npm run build` in `dir`; `undefined` if nothing was built. */
export async function loadPage(dir: string): Promise<BuiltPage | undefined> {
  const folder = join(dir, 'assets');
  try {
    const names = (await readdir(folder)).filter(name => TYPES[extname(name)] !== undefined);
    const assets = await Promise.all(names.map(async name => [name, await load(join(folder, name))] as const));
    const there = await readdir(dir);
    const shown = BESIDE.filter(name => there.includes(name));
    const beside = await Promise.all(shown.map(async name => [name, await load(join(dir, name))] as const));
    return { index: await load(join(dir, 'index.html')), assets: new Map(assets), beside: new Map(beside) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function load(path: string): Promise<Asset> {
  const bytes = await readFile(path);
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  return { type, body: new Uint8Array(bytes), gzipped: new Uint8Array(await gzipped(bytes)) };
}
