import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { longJournal, OLD_JOB } from '../torture/crash/long-journal.ts';

let box: Box;

afterEach(() => box.dispose());

/** Journal events after which the daemon is killed: one in each state a job passes through. */
const MOMENTS = [
  'admitted',
  'started',
  'checkpoint',
  'candidate',
  'verified',
  'publishing',
  'published',
  'disposing',
] as const;

it('a start clears what a crash left, and compacts a journal of very many records without forgetting a job', async () => {
  box = new Box();
  await longJournal(box);
  const left = ['state/work/unknown2/out.mp4', 'state/identity.json.tmp-1f2e', `outbox/.shrinkbox-${OLD_JOB}.part`];
  for (const path of [...left, 'outbox/.theirs.part']) {
    mkdirSync(dirname(join(box.dir, path)), { recursive: true });
    writeFileSync(join(box.dir, path), 'x');
  }
  await box.start();
  expect(left.filter(path => existsSync(join(box.dir, path)))).toEqual([]);
  expect(existsSync(join(box.outbox, '.theirs.part'))).toBe(true);
  await eventually(() => readdirSync(join(box.state, 'journal')).join() === '000002.jsonl', {
    what: 'the journal to be one snapshot',
  });
  expect((await box.jobs()).map(({ id, state }) => [id, state])).toEqual([[OLD_JOB, 'skipped']]);
  await box.kill('SIGKILL');
  await box.start();
  expect((await box.jobs()).map(({ id, state }) => [id, state])).toEqual([[OLD_JOB, 'skipped']]);
});

describe('kill -9 and start again', () => {
  it.each(MOMENTS)('after "%s": the job is finished, once, and nothing is left over', async moment => {
    box = new Box({
      config: {
        folders: [
          { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s', originals: 'archive', archive: 'archive' },
        ],
      },
    });
    await box.start();
    const before = readFileSync(await footage('plain'));
    box.drop(await footage('plain'), 'clip.mp4');
    await eventually(() => box.journal().some(record => record.event === moment), {
      what: `"${moment}" in the journal`,
    });
    await box.kill('SIGKILL');
    await box.start();
    const job = await eventually(async () => (await box.jobs()).find(found => found.state === 'done'), {
      what: 'the job to be done',
    });
    expect(await box.jobs()).toHaveLength(1);
    expect(box.outputs()).toEqual(['clip.mp4']);
    expect(statSync(join(box.outbox, 'clip.mp4')).size).toBe(job.output_bytes);
    expect(readFileSync(join(box.dir, 'archive/clip.mp4')).equals(before)).toBe(true);
    const published = box.journal().filter(record => record.event === 'published');
    expect(published).toHaveLength(1);
  });

  it('ten times in a row: the job is finished, once', async () => {
    box = new Box();
    box.drop(await footage('plain'), 'clip.mp4');
    for (let n = 0; n < 10; n += 1) {
      await box.start();
      const seen = box.journal().length;
      await eventually(() => box.journal().length > seen || box.outputs().includes('clip.mp4'), {
        what: 'the journal to grow',
      });
      await box.kill('SIGKILL');
    }
    await box.start();
    await box.job('clip.mp4', 'done');
    expect(box.outputs()).toEqual(['clip.mp4']);
  });
});
