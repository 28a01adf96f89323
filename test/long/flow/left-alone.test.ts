import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

it('hundreds of .nfo files and a link beside a film leave the journal and the jobs as they were', async () => {
  box = new Box();
  for (let n = 0; n < 300; n += 1) writeFileSync(join(box.inbox, `film${n}.nfo`), `<movie>${n}</movie>`);
  symlinkSync('/etc/passwd', join(box.inbox, 'secret.mp4'));
  await box.start();
  box.drop(await footage('tiny'), 'clip.mp4');
  expect(await box.job('clip.mp4')).toMatchObject({ state: 'done' });
  expect(new Set(box.journal().flatMap(({ job }) => job ?? [])).size).toBe(1);
  expect((await box.status()).folders[0]?.left_alone).toEqual([
    { kind: 'nfo', files: 300 },
    { kind: 'symbolic link', files: 1 },
  ]);
  expect((await box.run('explain', join(box.inbox, 'secret.mp4'))).stdout).toContain('it is a link that leads out');
  const { stdout } = await box.run('explain', join(box.inbox, 'film7.nfo'));
  expect(stdout).toContain('film7.nfo does not have the name of a video');
  expect((await box.run('status')).stdout).toContain('300 .nfo, 1 symbolic link');
});
