/** Whoever may write into an inbox gets nothing to see that he may not see, and stops nobody else's work. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Explanation } from '../../src/api/types.ts';
import { Box } from '../support/box.ts';
import { exchangeOnce, noNeighbours } from '../support/exchanger.ts';
import { footage } from '../support/footage.ts';
import { DAEMON, dropInto, give, isUpright, stopsInTime, twoUsers } from '../support/two-users.ts';

let box: Box | undefined;
afterEach(() => box?.dispose());

function explain(of: Box, name: string): Promise<Explanation> {
  return of.get<Explanation>(`/api/explain?path=${encodeURIComponent(join(of.inbox, name))}`);
}

// Elsewhere nobody may become another user, and a folder cannot be exchanged in one step.
it.skipIf(noNeighbours)(
  'a folder exchanged for a link at every child start and back: a film its owner shows nobody came out of the outbox',
  async () => {
    const exchange = (made: Box) => exchangeOnce(join(made.inbox, 'd'), join(made.inbox, '.link'));
    ({ box } = await twoUsers({
      ffmpeg: (made, name) =>
        `#!/bin/sh\ncase "$*" in *inbox*|*/fd/3*) ${exchange(made)}; /usr/bin/env ${name} "$@"; code=$?; ${exchange(made)}; echo "$*" >> '${made.dir}/asked'; exit $code;; esac\nexec /usr/bin/env ${name} "$@"\n`,
    }));
    writeFileSync(join(box.dir, 'asked'), '');
    give(join(box.dir, 'asked'), DAEMON, 0o644);
    await box.start();
    dropInto(join(box.inbox, 'd'), await footage('plain'));
    await box.job('d/clip.mp4', 'done');
    expect(readFileSync(join(box.dir, 'asked'), 'utf8').split('\n').length).toBeGreaterThan(3);
    expect(lstatSync(join(box.inbox, 'd')).isDirectory()).toBe(true);
    expect(isUpright(join(box.outbox, 'd/clip.mp4'))).toBe(false);
  },
);

// Skipped where nobody may become another user.
it.skipIf(noNeighbours)(
  'an instruction linked to a file only the daemon may read: explain quoted it, token included',
  async () => {
    ({ box } = await twoUsers());
    const secret = join(box.state, 'identity.json');
    writeFileSync(secret, '{"token":"not-for-the-dropper"}');
    give(secret, DAEMON, 0o600);
    copyFileSync(await footage('tiny'), join(box.inbox, 'clip.mp4'));
    symlinkSync(secret, join(box.inbox, 'clip.mp4.txt'));
    await box.start();
    const explained = await explain(box, 'clip.mp4');
    expect(JSON.stringify(explained)).not.toContain('not-for-the-dropper');
    expect(explained.plan.join('\n')).toMatch(/clip\.mp4\.txt.* is a link/);
    await box.job('clip.mp4', 'done');
    expect(box.logText().match(/instruction beside a file is not read: it is a link/g)).toHaveLength(1);
    expect(box.logText()).not.toContain('not-for-the-dropper');
    rmSync(secret);
  },
);

it('four instructions that are pipes, and four explains: everything stood still, and only kill -9 ended it', async () => {
  const { inbox } = (box = new Box());
  const names = ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4'];
  await box.start();
  for (const name of names) copyFileSync(await footage('tiny'), join(inbox, name));
  execFileSync(
    'mkfifo',
    names.map(name => join(inbox, `${name}.txt`)),
  );
  const answers = await Promise.all(names.map(name => explain(box as Box, name)));
  for (const [n, { plan }] of answers.entries()) expect(plan.join('\n')).toContain(`${names[n]}.txt is a named pipe`);
  await box.job('d.mp4', 'done');
  await stopsInTime(box);
});
