/** What a person does with jobs, and what words beside a file ask for. The real program as its own process. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  openSync,
  renameSync,
  utimesSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/api/types.ts';
import { Box, type BoxOptions, listing } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';

const folder = { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s' };
const boxes: Box[] = [];

async function started(options?: BoxOptions): Promise<Box> {
  const box = new Box(options);
  boxes.push(box);
  await box.start();
  return box;
}

afterEach(async () => {
  for (const box of boxes.splice(0)) await box.dispose();
});

function probe(path: string): {
  streams: { codec_type: string; codec_name: string; width?: number; height?: number }[];
  format: { size: string; duration: string };
} {
  const args = ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', path];
  return JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' }));
}

describe('a file is done', () => {
  it('once, however often its file is touched, renamed or seen', async () => {
    const box = await started();
    const source = box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    const jobs = await box.jobs();
    utimesSync(source, new Date(), new Date());
    renameSync(source, join(box.inbox, 'renamed.mp4'));
    const renamed = await box.job('renamed.mp4', 'done');
    expect(renamed.id).toBe(jobs[0]?.id);
    await box.kill('SIGTERM');
    await box.start();
    await box.get('/api/status');
    expect(await box.jobs()).toHaveLength(1);
    expect(box.outputs()).toEqual(['clip.mp4']);
  });

  it('again when it is a copy under another name that a person put beside it', async () => {
    const box = await started();
    const source = box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    copyFileSync(source, join(box.inbox, 'copy.mp4'));
    await box.job('copy.mp4', 'done');
    expect(box.outputs()).toEqual(['clip.mp4', 'copy.mp4']);
  });
});

describe('words beside a file', () => {
  it('win over the rule', async () => {
    const box = await started();
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'please make it 180p without sound');
    box.drop(await footage('plain'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'done');
    const { streams } = probe(job.output ?? '');
    expect(streams.map(stream => stream.codec_type)).toEqual(['video']);
    expect(streams[0]).toMatchObject({ width: 320, height: 180 });
  });

  it('that this machine cannot do hold the job, and new words free it', async () => {
    const box = await started();
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'add background music');
    box.drop(await footage('plain'), 'clip.mp4');
    const held = await box.job('clip.mp4', 'held');
    expect(held.reason).toMatch(/background music/);
    await box.holds('clip.failed.txt');
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'at most 150 kB');
    const done = await box.job('clip.mp4', 'done');
    expect(done.id).toBe(held.id);
    expect(done.output_bytes).toBeLessThanOrEqual(150_000);
    await box.holds('clip.mp4');
  });

  it('that cannot be done leave no report once the job is cancelled', async () => {
    const box = await started();
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'add background music');
    box.drop(await footage('plain'), 'clip.mp4');
    const { id } = await box.job('clip.mp4', 'held');
    await box.holds('clip.failed.txt');
    expect((await box.run('cancel', id)).code).toBe(0);
    await box.holds();
    expect(await box.job('clip.mp4', 'cancelled')).toMatchObject({ report: null });
  });

  it('changed after delivery ask for a second version, each with a report of its own', async () => {
    const box = await started({ config: { folders: [{ ...folder, reports: 'always' }] } });
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'under 100 kB');
    await box.holds('clip.mp4', 'clip.report.txt', 'clip.v2.mp4', 'clip.v2.report.txt');
    expect(statSync(join(box.outbox, 'clip.v2.mp4')).size).toBeLessThanOrEqual(100_000);
  });
});

describe('reports', () => {
  it.each([
    ['never', ['clip.mp4']],
    ['on-failure', ['bad.failed.txt', 'clip.mp4']],
    ['always', ['bad.failed.txt', 'clip.mp4', 'clip.report.txt']],
  ])('%s leaves %j in the outbox', async (reports, names) => {
    const box = await started({ config: { folders: [{ ...folder, reports }] } });
    writeFileSync(join(box.inbox, 'bad.mp4'), 'this is no video at all, whatever its name says');
    await box.job('bad.mp4', 'failed');
    // Reports are written in the slot of their job: a later one that is done has waited for it.
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    await box.holds(...names);
  });
});

describe('a source that changes', () => {
  it('before its turn is done as it is now', async () => {
    const box = await started();
    await box.post('/api/pause');
    box.drop(await footage('plain'), 'clip.mp4');
    const first = await box.job('clip.mp4', 'queued');
    box.drop(await footage('rotated'), 'clip.mp4');
    const second = await eventually(async () => (await box.jobs()).find(job => job.id !== first.id));
    expect((await box.get<JobView>(`/api/jobs/${first.id}`)).state).toBe('cancelled');
    await box.post('/api/resume');
    await eventually(async () => (await box.get<JobView>(`/api/jobs/${second.id}`)).state === 'done');
    expect(box.outputs()).toEqual(['clip.mp4']);
  });

  it('deleted before its turn ends with a reason', async () => {
    const box = await started();
    await box.post('/api/pause');
    const source = box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'queued');
    rmSync(source);
    await box.post('/api/resume');
    const job = await box.job('clip.mp4', 'cancelled');
    expect(job.reason).toMatch(/removed/);
  });
});

describe('a person', () => {
  it('pauses, sees the queue kept over a restart, and resumes', async () => {
    const box = await started();
    expect((await box.run('pause')).code).toBe(0);
    box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'queued');
    await box.kill('SIGTERM');
    await box.start();
    expect((await box.status()).mode).toBe('paused');
    expect((await box.job('clip.mp4', 'queued')).attempts).toBe(0);
    expect((await box.run('resume')).code).toBe(0);
    await box.job('clip.mp4', 'done');
  });

  it('cancels, retries and forgets', async () => {
    const box = await started();
    await box.post('/api/pause');
    box.drop(await footage('plain'), 'clip.mp4');
    const { id } = await box.job('clip.mp4', 'queued');
    expect((await box.run('cancel', id)).code).toBe(0);
    expect((await box.job('clip.mp4', 'cancelled')).reason).toMatch(/person/);
    await box.post('/api/resume');
    expect((await box.run('retry', id)).code).toBe(0);
    await box.job('clip.mp4', 'done');
    expect((await box.run('retry', id)).code).not.toBe(0);
    expect((await box.run('forget', id)).code).toBe(0);
    const again = await eventually(async () => (await box.jobs()).find(job => job.id !== id && job.state === 'done'));
    // Where the same bytes came out as before, that file is there already and needs no second name. (They were others once in some
    // hundred times, with the machine at its limit; why is not known.)
    const first = readFileSync(join(box.outbox, 'clip.mp4'));
    const isTwin = again.output === join(box.outbox, 'clip.mp4') || readFileSync(again.output ?? '').equals(first);
    expect(box.outputs()).toEqual(isTwin ? ['clip.mp4'] : ['clip (2).mp4', 'clip.mp4']);
  });

  it('starts a second daemon on the same state and is told so', async () => {
    const box = await started();
    const { code, stderr } = await box.run('run');
    expect(code).toBe(11);
    expect(stderr).toMatch(new RegExp(`${box.pid}|another`));
    expect((await box.status()).running).toBe(true);
  });

  it('starts another on the same inbox with a state of its own, and is told so', async () => {
    const box = await started();
    const other = new Box({ config: { folders: [{ ...folder, inbox: box.inbox }] } });
    boxes.push(other);
    const { code, stderr } = await other.run('run');
    expect(code).toBe(11);
    expect(stderr).toContain(`another shrinkbox (pid ${box.pid}, state ${box.state}) is already watching ${box.inbox}`);
    expect((await box.status()).running).toBe(true);
  });

  it('asks why', async () => {
    const box = await started();
    const source = box.drop(await footage('plain'), 'clip.mp4');
    await box.job('clip.mp4', 'done');
    const { code, stdout } = await box.run('explain', source);
    expect(code).toBe(0);
    expect(stdout).toMatch(/small/);
    expect(stdout).toMatch(/done/);
  });

  it('asks why a file that is still being written is not taken', async () => {
    const box = await started();
    const path = join(box.inbox, 'clip.mp4');
    const upload = openSync(path, 'w');
    try {
      writeSync(upload, readFileSync(await footage('plain')));
      const why = /node.* \(pid \d+\) has it open for writing/;
      await eventually(async () => why.test((await box.run('status')).stdout), { what: 'status to say why' });
      expect((await box.run('explain', path)).stdout).toMatch(new RegExp(`not queued yet: ${why.source}`));
    } finally {
      closeSync(upload);
    }
    await box.job('clip.mp4', 'done');
    expect((await box.run('explain', path)).stdout).not.toContain('not queued yet');
  });

  it('compresses one file without a daemon', async () => {
    const box = new Box();
    boxes.push(box);
    const out = join(box.dir, 'mail.mp4');
    const { code, stderr } = await box.run('compress', await footage('plain'), '--size', '150kB', '-o', out);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(statSync(out).size).toBeLessThanOrEqual(150_000);
    expect(listing(box.dir)).toEqual([
      '.cache/shrinkbox/ffmpeg-abilities.json',
      'config.yaml',
      'log.jsonl',
      'mail.mp4',
    ]);
  });
});
