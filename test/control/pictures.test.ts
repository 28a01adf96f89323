import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { createPictures, filtersFor, type PictureJob } from '../../src/control/pictures.ts';
import { findTools, type Tools } from '../../src/platform/ffmpeg/tools.ts';
import { footage } from '../support/footage.ts';
import { ask, serving, tempDir } from '../support/serving.ts';

let tools: Tools;
beforeAll(async () => {
  tools = await findTools();
});

/** A source and a worse, smaller copy of it with half the frames, as a job would leave them. */
async function pair(options: { fps?: string } = {}): Promise<{ dir: string; job: PictureJob }> {
  const dir = await tempDir();
  const [source, output] = [join(dir, 'source.mp4'), join(dir, 'result.mp4')];
  copyFileSync(await footage('plain'), source);
  const filters = options.fps ? ['-r', options.fps] : [];
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '30', '-c:a', 'copy', ...filters];
  execFileSync(tools.ffmpeg, ['-v', 'error', '-i', source, ...encode, output]);
  return { dir, job: jobOf(source, output) };
}

function jobOf(source: string, output: string): PictureJob {
  const bytes = (path: string) => statSync(path).size;
  return { id: 'abc', source, original: null, output, source_bytes: bytes(source), output_bytes: bytes(output) };
}

/** Structural similarity of two pictures of the same size, 1 where they are equal. */
function likeness(dir: string, a: Uint8Array, b: Uint8Array): number {
  writeFileSync(join(dir, 'a.jpg'), a);
  writeFileSync(join(dir, 'b.jpg'), b);
  const inputs = ['-i', join(dir, 'a.jpg'), '-i', join(dir, 'b.jpg')];
  const args = ['-hide_banner', ...inputs, '-lavfi', 'ssim=stats_file=-', '-f', 'null', '-'];
  const said = execFileSync(tools.ffmpeg, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(/All:([\d.]+)/.exec(said)?.[1]);
}

it.each([[{}], [{ fps: '10' }]])('shows the same frame of both, also where frames were dropped: %o', async options => {
  const { dir, job } = await pair(options);
  const pictures = createPictures({ tools, tempDir: dir });
  const [before, after] = [await pictures.picture(job, 'before'), await pictures.picture(job, 'after')];
  for (const picture of [before, after]) expect([...picture.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  const same = likeness(dir, before, after);
  // A frame counter runs through the clip: a neighbouring frame is less alike than this one.
  expect(same).toBeGreaterThan(0.8);
  expect(readdirSync(dir).filter(name => name.startsWith('shrinkbox-picture-'))).toEqual([]);
});

it('is made once, and one at a time', async () => {
  const { dir, job } = await pair();
  const pictures = createPictures({ tools, tempDir: dir });
  const [first, again] = await Promise.all([pictures.picture(job, 'after'), pictures.picture(job, 'after')]);
  expect(again).toBe(first);
  expect(await pictures.picture(job, 'after')).toBe(first);
});

it('looks for an archived original where it is now', async () => {
  const { dir, job } = await pair();
  const archived = join(dir, 'archive.mp4');
  copyFileSync(job.source, archived);
  rmSync(job.source);
  const pictures = createPictures({ tools, tempDir: dir });
  expect((await pictures.picture({ ...job, original: archived }, 'before')).length).toBeGreaterThan(1000);
});

it.each<[string, (job: PictureJob, dir: string) => PictureJob | void, 'before' | 'after', RegExp]>([
  ['a deleted original', job => ({ ...job, original: 'deleted' }), 'before', /original is no longer/],
  ['an original that went away', job => rmSync(job.source), 'before', /original is no longer/],
  ['another file in its place', job => writeFileSync(job.source, 'other'), 'before', /original is no longer/],
  ['a result that went away', job => rmSync(job.output ?? ''), 'after', /result is no longer/],
  ['a result that went away, before', job => rmSync(job.output ?? ''), 'before', /result is no longer/],
  [
    'a link in its place',
    (job, dir) => {
      copyFileSync(job.source, join(dir, 'elsewhere'));
      rmSync(job.source);
      symlinkSync(join(dir, 'elsewhere'), job.source);
    },
    'before',
    /original is no longer/,
  ],
])('has no picture of %s', async (_, happens, which, message) => {
  const { dir, job } = await pair();
  const changed = happens(job, dir) ?? job;
  const made = createPictures({ tools, tempDir: dir }).picture(changed, which);
  await expect(made).rejects.toMatchObject({ code: 'gone', message: expect.stringMatching(message) });
});

it('makes HDR look as a screen shows it, where ffmpeg can', () => {
  const can = { filters: new Set(['zscale', 'tonemap']) };
  expect(filtersFor({ color_transfer: 'smpte2084' }, can).join()).toContain('tonemap');
  expect(filtersFor({ color_transfer: 'bt709' }, can).join()).not.toContain('tonemap');
  expect(filtersFor({ color_transfer: 'smpte2084' }, { filters: new Set() }).join()).not.toContain('tonemap');
});

it('is offered of jobs that are done, and of nothing else', async () => {
  const { dir, job } = await pair();
  const { server, control } = await serving({ pictures: createPictures({ tools, tempDir: dir }) });
  control.add({ ...job, state: 'done' });
  control.add({ id: 'failed1', state: 'failed' });
  const answer = await ask(server, '/api/jobs/abc/picture/after');
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'image/jpeg' } });
  expect(answer.headers['cache-control']).toMatch(/^private/);
  for (const path of [
    '/api/jobs/abc/picture/during',
    '/api/jobs/failed1/picture/after',
    '/api/jobs/zzz/picture/after',
  ]) {
    expect((await ask(server, path)).status).toBe(404);
  }
  rmSync(job.source);
  expect(await ask(server, '/api/jobs/abc/picture/before')).toMatchObject({
    status: 404,
    json: { error: { code: 'gone', message: 'the original is no longer there' } },
  });
});
