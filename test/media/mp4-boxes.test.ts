import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sampleEntries } from '../../src/media/mp4-boxes.ts';
import { ownFile } from '../../src/platform/files/files.ts';
import { inWorkDir } from '../engine/local/support.ts';
import { footage } from '../support/footage.ts';

it('headers left from a longer film made 3 seconds 6 in silence: its samples are not longer than their table says', async () => {
  await inWorkDir(async dir => {
    const path = join(dir, 'stale.mp4');
    const bytes = await readFile(await footage('silent'));
    for (const [box, at] of [
      ['tkhd', 24],
      ['mdhd', 20],
    ] as const) {
      const header = bytes.indexOf(box) + at;
      bytes.writeUInt32BE(2 * bytes.readUInt32BE(header), header);
    }
    await writeFile(path, bytes);
    const { lengths } = await sampleEntries(ownFile(path));
    expect([...lengths.values()]).toEqual([{ endS: 6, mediaS: 3 }]);
  });
});
