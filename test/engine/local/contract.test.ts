import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalEngine } from '../../../src/engine/local/engine.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { engineContract } from '../../contract/engine.ts';
import { footageCopy, realTools } from '../../support/footage.ts';
import { withSource } from '../../support/with-source.ts';

engineContract('local', async () => {
  const found = await realTools();
  const directory = await mkdtemp(join(tmpdir(), 'shrinkbox-local-'));
  const source = await footageCopy('silent', directory);
  // An ffmpeg that keeps a list of its encodes.
  const list = join(directory, 'encodes.list');
  const counting = join(await mkdtemp(join(directory, 'bin-')), 'ffmpeg');
  await writeFile(list, '');
  await writeFile(
    counting,
    `#!/bin/sh\ncase "$*" in *"-pass "*) echo pass >> '${list}';; esac\nexec '${found.ffmpeg}' "$@"\n`,
  );
  await chmod(counting, 0o755);
  const sourceBytes = (await stat(source)).size;
  return {
    engine: withSource(
      createLocalEngine({
        tools: { ...found, ffmpeg: counting },
        effort: 'fast',
        clock: systemClock,
        cutting: { longestS: 2 },
        // The order of its steps is part of what is counted.
        machine: { cores: 1, memoryBytes: 4e9 },
      }),
    ),
    order: {
      job: 'contract',
      source,
      sourceBytes,
      target: { size: { kind: 'bytes', bytes: 90_000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 },
    },
    costlySteps: () => readFileSync(list, 'utf8').split('\n').length - 1,
    close: async () => await rm(directory, { recursive: true }),
  };
});
