import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/api/types.ts';
import { Box, type BoxOptions, listing } from '../support/box.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';

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

describe('a dropped video comes out smaller', () => {
  it('and the original stays as it was, with nothing left behind', async () => {
    const box = await started();
    const clip = await footage('plain');
    const source = box.drop(clip, 'clip.mp4');
    const old = new Date('2021-05-06T07:08:09Z');
    utimesSync(source, old, old);
    const before = readFileSync(source);
    const job = await box.job('clip.mp4', 'done');
    const output = join(box.outbox, 'clip.mp4');
    expect(job).toMatchObject({
      output,
      rule: 'small',
      engine: 'local',
      target_bytes: 200_000,
      progress: 1,
      reason: null,
    });
    expect(statSync(output).size).toBe(job.output_bytes);
    expect(job.output_bytes).toBeLessThanOrEqual(200_000);
    expect(statSync(output).mtime).toEqual(old);
    expect(probe(output).streams.map(stream => stream.codec_name)).toEqual(['h264', 'aac']);
    expect(Math.abs(Number(probe(output).format.duration) - Number(probe(source).format.duration))).toBeLessThan(0.1);
    expect(readFileSync(source).equals(before)).toBe(true);
    expect(box.outputs()).toEqual(['clip.mp4']);
    await eventually(() => !existsSync(join(box.state, 'work', job.id)), { what: 'the work folder to be gone' });
    const events = box
      .journal()
      .filter(record => record.job === job.id)
      .map(record => record.event);
    expect(events.filter(event => !['step', 'checkpoint'].includes(event))).toEqual([
      'admitted',
      'started',
      'candidate',
      'verified',
      'publishing',
      'published',
      'done',
    ]);
  });

  it('in the sub-folder it came from, and beside a foreign file of the same name', async () => {
    const box = await started();
    const clip = await footage('plain');
    box.drop(clip, 'holiday/day 1/clip.mov');
    await box.job('holiday/day 1/clip.mov', 'done');
    writeFileSync(join(box.outbox, 'other.mp4'), 'somebody else put this here');
    box.drop(await footage('rotated'), 'other.mp4');
    const job = await box.job('other.mp4', 'done');
    expect(job.output).toBe(join(box.outbox, 'other (2).mp4'));
    expect(readFileSync(join(box.outbox, 'other.mp4'), 'utf8')).toBe('somebody else put this here');
    expect(box.outputs()).toEqual(['holiday/day 1/clip.mp4', 'other (2).mp4', 'other.mp4']);
  });

  it('as a lossless remux when it fits already', async () => {
    const box = await started({ config: { rules: [{ name: 'big', size: '500MB' }] } });
    const source = box.drop(await footage('plain'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'done');
    expect(job.how).toMatch(/fit/);
    const hash = (path: string) =>
      execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:v', '-c', 'copy', '-f', 'md5', '-'], {
        encoding: 'utf8',
      });
    expect(hash(job.output ?? '')).toBe(hash(source));
  });

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

  it('with run --once, which ends when all is done', async () => {
    const box = new Box();
    boxes.push(box);
    box.drop(await footage('plain'), 'one.mp4');
    box.drop(await footage('rotated'), 'two.mp4');
    const { code } = await box.run('run', '--once');
    expect(code).toBe(0);
    expect(box.outputs()).toEqual(['one.mp4', 'two.mp4']);
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

const folder = { inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s' };

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

describe('originals', () => {
  it('are archived after delivery, and restored on request', async () => {
    const box = await started({ config: { folders: [{ ...folder, originals: 'archive', archive: 'archive' }] } });
    const source = box.drop(await footage('plain'), 'sub/clip.mp4');
    const before = readFileSync(source);
    const job = await box.job('sub/clip.mp4', 'done');
    const archived = join(box.dir, 'archive/sub/clip.mp4');
    expect(existsSync(source)).toBe(false);
    expect(readFileSync(archived).equals(before)).toBe(true);
    const { code, stderr } = await box.run('restore', job.id);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readFileSync(source).equals(before)).toBe(true);
    expect(listing(join(box.dir, 'archive'))).toEqual([]);
  });

  it('are deleted only when the folder says so, and only after delivery', async () => {
    const box = await started({ config: { folders: [{ ...folder, originals: 'delete' }] } });
    const source = box.drop(await footage('plain'), 'clip.mp4');
    const bad = join(box.inbox, 'bad.mp4');
    writeFileSync(`${bad}.part`, 'this is no video at all, whatever its name says');
    renameSync(`${bad}.part`, bad);
    await box.job('clip.mp4', 'done');
    await box.job('bad.mp4', 'failed');
    expect(existsSync(source)).toBe(false);
    expect(existsSync(bad)).toBe(true);
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
    expect(stderr).toContain(`Another shrinkbox (pid ${box.pid}, state ${box.state}) is already watching ${box.inbox}`);
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
    expect(listing(box.dir)).toEqual(['config.yaml', 'log.jsonl', 'mail.mp4']);
  });
});
