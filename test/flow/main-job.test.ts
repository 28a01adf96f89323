import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Box, type BoxOptions, listing } from '../support/box.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';

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
