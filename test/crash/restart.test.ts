import { descendants } from '../support/descendants.ts';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../support/box.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';

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

  it('leaves no ffmpeg running', async () => {
    box = new Box({ config: { local: { effort: 'best' } } });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const children = () => descendants(box.pid);
    const running = await eventually(() => children().length > 0 && children(), { what: 'ffmpeg to run' });
    await box.kill('SIGKILL');
    await eventually(() => running.every(pid => !isAlive(pid)), { what: 'ffmpeg to be gone' });
  });
});

describe('a graceful stop', () => {
  it('ends children, keeps what was reached and exits 0; the next start finishes the job', async () => {
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
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
