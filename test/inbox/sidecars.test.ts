import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drop, tempDir, watching } from './support.ts';

const extensions = ['mp4'];

/** What the watcher reports of these files (name to content): the name and words of each one's instruction. */
async function instructionsIn(files: Record<string, string>) {
  const inbox = join(await tempDir(), 'inbox');
  for (const [name, content] of Object.entries(files)) await drop(inbox, name, content);
  const { allSighted, sightings } = await watching({ inbox, extensions });
  await allSighted(Object.keys(files).filter(name => /mp4$/i.test(name)));
  return Object.fromEntries(
    sightings.map(({ relative, sidecar }) => [
      relative,
      sidecar && [sidecar.path.slice(inbox.length + 1), sidecar.text],
    ]),
  );
}

describe('an instruction in another case than its file', () => {
  // Was: not read, and the file was encoded by the rule alone.
  it.each(['CLIP.MP4.TXT', 'clip.mp4.TXT', 'Clip.mp4.txt'])('%s is read, under its own name', async name => {
    expect(await instructionsIn({ 'clip.mp4': 'x', [name]: 'no sound' })).toEqual({ 'clip.mp4': [name, 'no sound'] });
  });

  it('gives way to the one in the very case of the file', async () => {
    const files = { 'clip.mp4': 'x', 'CLIP.MP4.TXT': 'no sound', 'clip.mp4.txt': 'for Discord' };
    expect(await instructionsIn(files)).toEqual({ 'clip.mp4': ['clip.mp4.txt', 'for Discord'] });
  });

  it('is not taken from the file whose case it has', async () => {
    const files = { 'clip.mp4': 'x', 'CLIP.MP4': 'y', 'CLIP.MP4.TXT': 'no sound' };
    expect(await instructionsIn(files)).toEqual({ 'clip.mp4': undefined, 'CLIP.MP4': ['CLIP.MP4.TXT', 'no sound'] });
  });

  it('counts when it comes later, changes, or leaves the place to another', async () => {
    const { inbox, sighted } = await watching({ extensions });
    await writeFile(join(inbox, 'clip.mp4'), 'x');
    await sighted('clip.mp4');
    const words = async (text: string) =>
      (await sighted('clip.mp4', ({ sidecar }) => sidecar?.text === text)).sidecar?.path;
    await writeFile(join(inbox, 'CLIP.MP4.TXT'), 'no sound');
    expect(await words('no sound')).toBe(join(inbox, 'CLIP.MP4.TXT'));
    await writeFile(join(inbox, 'CLIP.MP4.TXT'), 'no sound, 480p');
    expect(await words('no sound, 480p')).toBe(join(inbox, 'CLIP.MP4.TXT'));
    await writeFile(join(inbox, 'clip.mp4.txt'), 'for Discord');
    expect(await words('for Discord')).toBe(join(inbox, 'clip.mp4.txt'));
    await writeFile(join(inbox, 'CLIP.MP4.TXT'), 'half the size');
    await rm(join(inbox, 'clip.mp4.txt'));
    expect(await words('half the size')).toBe(join(inbox, 'CLIP.MP4.TXT'));
  });
});
