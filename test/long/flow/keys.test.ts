/** Keys of the configuration whose effect no other test sees from outside: the real program, with each of them set. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

describe('a key of the configuration', () => {
  it('local.ffmpeg, effort and threads: that program, that preset, so many threads', async () => {
    box = new Box();
    const ffmpeg = join(box.dir, 'my-ffmpeg');
    const calls = join(box.dir, 'calls');
    writeFileSync(ffmpeg, `#!/bin/sh\necho "$@" >> '${calls}'\nexec '${(await realTools()).ffmpeg}' "$@"\n`);
    chmodSync(ffmpeg, 0o755);
    box.configure({ local: { ffmpeg, effort: 'best', threads: 1 } });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    expect((await box.job('clip.mp4')).state).toBe('done');
    const encodes = readFileSync(calls, 'utf8')
      .split('\n')
      .filter(call => call.includes('-pass '));
    expect(encodes.length).toBeGreaterThanOrEqual(2);
    for (const call of encodes) expect(call).toMatch(/-threads 1 .*-preset slow/);
  });

  it('limits.min_free: a job waits, and says how much is missing', async () => {
    box = new Box({ config: { limits: { min_free: '900000GB' } } });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const waiting = await box.job('clip.mp4', 'waiting');
    expect(waiting.reason).toMatch(/needs .* of free space and is .* short/);
    expect(box.outputs()).toEqual([]);
  });

  it('rules.min_saving: a result that saves too little gives way to the original', async () => {
    const rule = { name: 'barely', resolution: '1080p', quality: 'max' };
    box = new Box({ config: { rules: [{ ...rule, min_saving: '90%' }] } });
    await box.start();
    box.drop(await footage('plain'), 'clip.mp4');
    const done = await box.job('clip.mp4', 'done');
    expect(done.how).toMatch(/copied without loss|as it was|unchanged/);
  });

  it('folders.scan: a file no event tells of is found that quickly', async () => {
    const folder = { inbox: 'inbox', outbox: 'outbox', settle: '300ms' };
    box = new Box({ config: { folders: [{ ...folder, scan: '1h' }], rules: [{ name: 'x', skip: true }] } });
    await box.start();
    const age = async () => (await box.status()).folders[0]?.last_scan_age_ms ?? 0;
    await eventually(async () => (await age()) > 2500, { what: 'an hourly scan not to come' });
    await box.kill('SIGTERM');
    box.configure({ folders: [{ ...folder, scan: '1s' }], rules: [{ name: 'x', skip: true }] });
    await box.start();
    await eventually(async () => (await age()) > 500, { what: 'time to pass' });
    await eventually(async () => (await age()) < 500, { what: 'the next scan' });
  });
});
