/** A daemon that is killed or stopped at work: the next start finishes the job, once. Every moment: `test/long/crash`. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../support/box.ts';
import { descendants } from '../support/descendants.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

it('killed after "checkpoint" and after "published": the job is finished, once, and the original is whole', async () => {
  box = new Box();
  const clip = await footage('plain');
  await box.start();
  box.drop(clip, 'clip.mp4');
  for (const moment of ['checkpoint', 'published']) {
    await eventually(() => box.journal().some(record => record.event === moment), {
      what: `"${moment}" in the journal`,
    });
    await box.kill('SIGKILL');
    await box.start();
  }
  const job = await box.job('clip.mp4', 'done');
  expect(await box.jobs()).toHaveLength(1);
  expect(box.outputs()).toEqual(['clip.mp4']);
  expect(statSync(join(box.outbox, 'clip.mp4')).size).toBe(job.output_bytes);
  expect(readFileSync(join(box.inbox, 'clip.mp4')).equals(readFileSync(clip))).toBe(true);
  expect(box.journal().filter(record => record.event === 'published')).toHaveLength(1);
});

it('killed: no ffmpeg keeps running', async () => {
  box = new Box({ config: { local: { effort: 'best' } } });
  await box.start();
  box.drop(await footage('plain'), 'clip.mp4');
  const children = () => descendants(box.pid);
  const running = await eventually(() => children().length > 0 && children(), { what: 'ffmpeg to run' });
  await box.kill('SIGKILL');
  await eventually(() => running.every(pid => !isAlive(pid)), { what: 'ffmpeg to be gone' });
});

it('stopped: ends children, keeps what was reached and exits 0; the next start finishes the job', async () => {
  box = new Box({ config: { local: { effort: 'best' } } });
  await box.start();
  box.drop(await footage('plain'), 'clip.mp4');
  await box.job('clip.mp4', 'running');
  const running = await eventually(() => descendants(box.pid).length > 0 && descendants(box.pid), {
    what: 'ffmpeg to run',
  });
  expect(await box.kill('SIGTERM')).toBe(0);
  expect(running.filter(isAlive)).toEqual([]);
  await box.start();
  await box.job('clip.mp4', 'done');
  expect(box.outputs()).toEqual(['clip.mp4']);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
