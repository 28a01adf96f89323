import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { filtersFor, type PicturedJob, Thumbnails } from '../../../src/api/thumbnails.ts';
import { findTools, type Tools } from '../../../src/media/ffmpeg/tools.ts';
import { ask, serving, tempDir } from '../../support/serving.ts';
import { openSource } from '../../support/with-source.ts';

let tools: Tools;
beforeAll(async () => {
  tools = await findTools();
});

/** Every frame is grey and much lighter or darker than its neighbours. */
const FLICKER = "color=gray:size=320x180:rate=30:duration=4,geq=lum='20+mod(N*67,200)':cb=128:cr=128";
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** A source and a worse copy of it, at fewer frames a second where asked for, as a job would leave them. */
async function pair(options: { fps?: string; before?: string[] } = {}): Promise<{ dir: string; job: PicturedJob }> {
  const dir = await tempDir();
  const [source, output] = [join(dir, 'source.mkv'), join(dir, 'result.mp4')];
  const ffmpeg = (...args: string[]) => execFileSync(tools.ffmpeg, ['-v', 'error', ...args]);
  ffmpeg('-f', 'lavfi', '-i', FLICKER, ...H264, '-crf', '12', ...(options.before ?? []), source);
  const rate = options.fps ? ['-vf', `select='not(mod(n,${30 / Number(options.fps)}))'`, '-vsync', 'passthrough'] : [];
  ffmpeg('-i', source, ...rate, ...H264, '-crf', '30', output);
  return { dir, job: jobOf(source, output) };
}

function jobOf(source: string, output: string): PicturedJob {
  const bytes = (path: string) => statSync(path).size;
  return { id: 'abc', source, original: null, output, source_bytes: bytes(source), output_bytes: bytes(output) };
}

/** How light a picture is, 0 to 255. */
function lightness(dir: string, picture: Uint8Array): number {
  writeFileSync(join(dir, 'seen.jpg'), picture);
  const args = ['-v', 'error', '-i', join(dir, 'seen.jpg'), '-vf', 'scale=1:1,format=gray', '-f', 'rawvideo', '-'];
  return execFileSync(tools.ffmpeg, args)[0] ?? Number.NaN;
}

it.each<[string, Parameters<typeof pair>[0]]>([
  ['every frame kept', {}],
  ['every third frame kept', { fps: '10' }],
  ['a source whose clock does not start at zero', { before: ['-output_ts_offset', '1.4'] }],
])('shows the same frame of both: %s', async (_, options) => {
  const { dir, job } = await pair(options);
  const thumbnails = new Thumbnails({ tools, open: openSource, tempDir: dir });
  const [before, after] = [
    await thumbnails.picture(job, { side: 'before' }),
    await thumbnails.picture(job, { side: 'after' }),
  ];
  for (const picture of [before, after]) expect([...picture.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  // The next frame is 67 lighter or darker.
  expect(Math.abs(lightness(dir, before) - lightness(dir, after))).toBeLessThan(10);
  expect(readdirSync(dir).filter(name => name.startsWith('shrinkbox-picture-'))).toEqual([]);
});

it.each([{ from: 1.02 }, { from: -2.5, to: 3 }])(
  'shows the same frame of both where a part was asked for: %j',
  async part => {
    const { dir, job } = await pair();
    const from = part.from < 0 ? 4 + part.from : part.from;
    const output = join(dir, 'part.mp4');
    const cut = ['-vf', `trim=start=${from}:end=3,setpts=PTS-STARTPTS`];
    execFileSync(tools.ffmpeg, ['-v', 'error', '-i', job.source, ...cut, ...H264, '-crf', '12', output]);
    const thumbnails = new Thumbnails({ tools, open: openSource, tempDir: dir });
    const asked = { ...jobOf(job.source, output), part };
    const [before, after] = [
      await thumbnails.picture(asked, { side: 'before' }),
      await thumbnails.picture(asked, { side: 'after' }),
    ];
    expect(Math.abs(lightness(dir, before) - lightness(dir, after))).toBeLessThan(10);
  },
);

const corpus = process.env['SHRINKBOX_CORPUS'];

it.runIf(corpus)('shows real 4:4:4 of an old x264 as it is, not the garbage a seek into it gives', async () => {
  const dir = await tempDir();
  const source = join(corpus ?? '', '12_cockatoo_720p_yuv444_mp3.mp4');
  const picture = await new Thumbnails({ tools, open: openSource, tempDir: dir }).picture(jobOf(source, source), {
    side: 'before',
  });
  writeFileSync(join(dir, 'seen.jpg'), picture);
  const small = (...args: string[]) =>
    execFileSync(tools.ffmpeg, ['-v', 'error', ...args, '-frames:v', '1', '-f', 'rawvideo', '-']);
  const scale = 'format=yuvj420p,scale=16:9,format=gray';
  const seen = small('-i', join(dir, 'seen.jpg'), '-vf', scale);
  const meant = small('-i', source, '-vf', `select='gte(t,4.66)',${scale}`);
  const apart = seen.map((value, i) => Math.abs(value - (meant[i] ?? 0)));
  expect(Math.max(...apart)).toBeLessThan(40);
});

it('is made once, and one at a time', async () => {
  const { dir, job } = await pair();
  const thumbnails = new Thumbnails({ tools, open: openSource, tempDir: dir });
  const [first, again] = await Promise.all([
    thumbnails.picture(job, { side: 'after' }),
    thumbnails.picture(job, { side: 'after' }),
  ]);
  expect(again).toBe(first);
  expect(await thumbnails.picture(job, { side: 'after' })).toBe(first);
});

it('looks for an archived original where it is now', async () => {
  const { dir, job } = await pair();
  const archived = join(dir, 'archive.mp4');
  copyFileSync(job.source, archived);
  rmSync(job.source);
  const thumbnails = new Thumbnails({ tools, open: openSource, tempDir: dir });
  expect([...(await thumbnails.picture({ ...job, original: archived }, { side: 'before' })).subarray(0, 2)]).toEqual([
    0xff, 0xd8,
  ]);
});

it.each<[string, (job: PicturedJob, dir: string) => PicturedJob | void, 'before' | 'after', RegExp]>([
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
  const made = new Thumbnails({ tools, open: openSource, tempDir: dir }).picture(changed, { side: which });
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
  const { server, control } = await serving({ thumbnails: new Thumbnails({ tools, open: openSource, tempDir: dir }) });
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

it('a list has small pictures: of the source until there is a result', async () => {
  const { dir, job } = await pair();
  const { server, control } = await serving({ thumbnails: new Thumbnails({ tools, open: openSource, tempDir: dir }) });
  control.add({ ...job, state: 'done' });
  control.add({ ...job, id: 'queued1', state: 'queued', output: null, output_bytes: null });
  const status = async (path: string) => (await ask(server, path)).status;
  expect(await ask(server, '/api/jobs/abc/thumbnail')).toMatchObject({
    status: 200,
    headers: { 'content-type': 'image/jpeg' },
  });
  expect(await status('/api/jobs/abc/thumbnail?of=before')).toBe(200);
  expect(await status('/api/jobs/queued1/thumbnail')).toBe(200);
  expect(await status('/api/jobs/queued1/thumbnail?of=after')).toBe(404);
  expect(await status('/api/jobs/queued1/thumbnail?of=during')).toBe(400);
  rmSync(job.source);
  expect(await status('/api/jobs/queued1/thumbnail')).toBe(200);
  expect(await status('/api/jobs/zzz/thumbnail')).toBe(404);
});

it('a file that cannot be shown starts nothing again', async () => {
  const { dir, job } = await pair();
  writeFileSync(job.source, 'no video');
  const broken = { ...job, source_bytes: 8 };
  const thumbnails = new Thumbnails({ tools, open: openSource, tempDir: dir });
  await expect(thumbnails.thumbnail(broken, 'before')).rejects.toMatchObject({ code: 'not-media' });
  rmSync(job.source);
  await expect(thumbnails.thumbnail(broken, 'before')).rejects.toMatchObject({ code: 'not-media' });
});
