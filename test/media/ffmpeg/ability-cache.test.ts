import { chmod, chown, copyFile, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Abilities, AbilityCache } from '../../../src/media/ffmpeg/ability-cache.ts';
import { findTools } from '../../../src/media/ffmpeg/tools.ts';

let dir: string;
let cacheDir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-abilities-'));
  cacheDir = join(dir, 'cache');
  file = join(cacheDir, 'ffmpeg-abilities.json');
});
afterEach(async () => await rm(dir, { recursive: true }));

const ABILITIES: Abilities = {
  version: '5.1',
  encoders: new Set(['libx264', 'aac']),
  decodable: new Set(['h264']),
  filters: new Set(['scale']),
  demuxers: new Set(['mov']),
  options: new Set(['fps_mode']),
  svtAv1: '2.3.0',
};

async function program(name = 'ffmpeg', content = '\x7fELF one'): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, content);
  return path;
}

describe('answers of ffmpeg', () => {
  it('are kept for the same programs, for us alone', async () => {
    const ffmpeg = await program();
    await new AbilityCache(cacheDir, [ffmpeg]).write(ABILITIES);
    expect(await new AbilityCache(cacheDir, [ffmpeg]).read()).toEqual(ABILITIES);
    expect((await stat(cacheDir)).mode & 0o777).toBe(0o700);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (ffmpeg: string) => Promise<unknown>]>([
    ['another size', async ffmpeg => await writeFile(ffmpeg, '\x7fELF another')],
    ['another time', async ffmpeg => await utimes(ffmpeg, 1_000, 1_000)],
    ['a file that others may write', async () => await chmod(file, 0o666)],
    ['a file cut short', async () => await writeFile(file, (await readFile(file)).subarray(0, 50))],
    ['a file that lacks something', async () => await rewrite(content => ({ ...content, filters: undefined }))],
    ['a file of another shape', async () => await writeFile(file, '[]')],
  ])('are asked for again after %s', async (_name, change) => {
    const ffmpeg = await program();
    const cache = new AbilityCache(cacheDir, [ffmpeg]);
    await cache.write(ABILITIES);
    await change(ffmpeg);
    expect(await cache.read()).toBeUndefined();
  });

  // Only root can give a file away.
  it.runIf(process.getuid?.() === 0)('are not believed from a file of somebody else', async () => {
    const cache = new AbilityCache(cacheDir, [await program()]);
    await cache.write(ABILITIES);
    await chown(file, 12_345, 12_345);
    expect(await cache.read()).toBeUndefined();
  });

  it('are not read through a link', async () => {
    const cache = new AbilityCache(cacheDir, [await program()]);
    await cache.write(ABILITIES);
    await copyFile(file, join(dir, 'elsewhere'));
    await rm(file);
    await symlink(join(dir, 'elsewhere'), file);
    expect(await cache.read()).toBeUndefined();
  });

  it('of a script, or of a launcher under another name, are not kept: it may run anything', async () => {
    const launcher = join(dir, 'ffprobe');
    await symlink(await program('snap'), launcher);
    for (const path of [await program('ffmpeg', '#!/bin/sh\n'), launcher]) {
      const cache = new AbilityCache(cacheDir, [path]);
      await cache.write(ABILITIES);
      expect(await cache.read()).toBeUndefined();
    }
  });

  it('that cannot be kept are no error', async () => {
    await writeFile(cacheDir, 'a file where the folder should be');
    const cache = new AbilityCache(cacheDir, [await program()]);
    await cache.write(ABILITIES);
    expect(await cache.read()).toBeUndefined();
  });

  /** PATH, but of a launcher in ffmpeg's place, as in `npm run test:ffmpegs`, nothing is kept. */
  async function withoutScripts(): Promise<string> {
    const found: string[] = [];
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const start = await readFile(join(folder, 'ffmpeg'), 'latin1').then(
        text => text.slice(0, 2),
        () => '',
      );
      if (start !== '#!') found.push(folder);
    }
    return found.join(delimiter);
  }

  async function rewrite(change: (content: Record<string, unknown>) => Record<string, unknown>) {
    const content = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify(change(content)));
  }

  it('are asked for once: the next start takes what was kept, until the program is another one', async () => {
    const real = await findTools({ path: await withoutScripts() });
    const options = { ffmpeg: join(dir, 'ffmpeg'), ffprobe: join(dir, 'ffprobe'), cacheDir };
    await copyFile(real.ffmpeg, options.ffmpeg);
    await copyFile(real.ffprobe, options.ffprobe);
    const asked = await findTools(options);
    expect({ ...asked, ...real }).toEqual(real);
    await rewrite(content => ({ ...content, version: 'as kept' }));
    expect((await findTools(options)).version).toBe('as kept');
    await utimes(options.ffprobe, 1_000, 1_000);
    expect(await findTools(options)).toEqual(asked);
  });
});
