/** Where the log and the answers go to is full. The real program as its own process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
let box: Box;
afterEach(() => box.dispose());

async function ends(args: string[], stdio: ['ignore', number | 'ignore', number]): Promise<number> {
  const child = spawn(process.execPath, [CLI, ...args, '--config', join(box.dir, 'config.yaml')], { stdio });
  const [code] = (await once(child, 'close')) as [number];
  return code;
}

describe.runIf(existsSync('/dev/full'))('a full disk for the log', () => {
  it('ended the daemon with a stack trace; it works on', async () => {
    box = new Box();
    box.drop(await footage('plain'), 'clip.mp4');
    const full = openSync('/dev/full', 'w');
    try {
      expect(await ends(['run', '--once'], ['ignore', 'ignore', full])).toBe(0);
      expect(existsSync(join(box.outbox, 'clip.mp4'))).toBe(true);
      // Here not the log is lost but the answer, and whoever asked has to know.
      expect(await ends(['jobs', '--json'], ['ignore', full, full])).toBe(1);
    } finally {
      closeSync(full);
    }
  });
});
