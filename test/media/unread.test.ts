import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unreadBytes } from '../../src/media/unread.ts';
import { ownFile } from '../../src/platform/files/files.ts';
import { inWorkDir } from '../engine/local/support.ts';
import { footage } from '../support/footage.ts';

const FILM = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=d=1:r=5:s=64x48'];

async function unreadOf(content: Buffer): Promise<number> {
  let found = Number.NaN;
  await inWorkDir(async dir => {
    const path = join(dir, 'film');
    await writeFile(path, content);
    found = await unreadBytes(ownFile(path), content.length);
  });
  return found;
}

it('what a camera keeps behind its film is unread; padding is not', async () => {
  const film = await readFile(await footage('silent'));
  const words = Buffer.from('gyroscope '.repeat(50));
  expect(await unreadOf(Buffer.concat([film, words]))).toBe(500);
  const padding = Buffer.alloc(5000);
  expect(await unreadOf(Buffer.concat([film, padding]))).toBe(0);
  expect(await unreadOf(Buffer.concat([film, padding, Buffer.from('gyroscope '.repeat(50))]))).toBe(5500);
});

it('what follows a WMV is unread', async () => {
  await inWorkDir(async dir => {
    const path = join(dir, 'film');
    execFileSync('ffmpeg', [...FILM, '-f', 'asf', path]);
    const whole = await readFile(path);
    expect(await unreadOf(whole)).toBe(0);
    expect(await unreadOf(Buffer.concat([whole, Buffer.from('gyroscope '.repeat(50))]))).toBe(500);
  });
});
