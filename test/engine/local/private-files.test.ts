import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Codec } from '../../../src/engine/local/plan/crf.ts';
import { footage, realTools } from '../../support/footage.ts';
import { recordingContext } from '../../contract/engine.ts';
import { bytes, engineFor, inWorkDir, orderFor } from './support.ts';

const CODECS: [Codec, encoder: string][] = [
  ['h264', 'libx264'],
  ['h265', 'libx265'],
  ['av1', 'libsvtav1'],
];

describe.each(CODECS)('what is written on the way to %s', (codec, encoder) => {
  it('is for its owner alone, whatever the umask', async () => {
    if (!(await realTools()).encoders.has(encoder)) return; // this ffmpeg cannot make it
    const before = process.umask(0);
    try {
      await inWorkDir(async workDir => {
        const { context } = recordingContext({ workDir });
        const seen = new Map<string, string>();
        const look = () => {
          for (const name of readdirSync(workDir)) {
            const mode = statSync(join(workDir, name), { throwIfNoEntry: false })?.mode;
            if (mode !== undefined) seen.set(name, (mode & 0o777).toString(8));
          }
        };
        const engine = await engineFor();
        const order = await orderFor(await footage('plain'), { ...bytes(60_000), codec });
        const looking = setInterval(look, 5);
        const candidate = await engine.run(order, context).finally(() => clearInterval(looking));
        look();
        expect(candidate.bytes).toBeLessThanOrEqual(60_000);
        expect(Object.fromEntries([...seen].filter(([, mode]) => mode !== '600'))).toEqual({});
        expect(seen.size).toBeGreaterThan(2);
      });
    } finally {
      process.umask(before);
    }
  });
});
