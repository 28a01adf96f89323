import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OneShotOptions } from '../../src/app/one-shot.ts';
import { CLI, type CliOptions, runCli, spawnCli } from '../support/cli.ts';
import { detailLike } from '../support/fake-control.ts';
import { footageCopy } from '../support/footage.ts';
import { privateMounts } from '../support/private-mounts.ts';
import { tempDir } from '../support/serving.ts';

const DONE = detailLike({
  id: 'abc',
  state: 'done',
  output: '/v/clip.small.mp4',
  output_bytes: 1_000_000,
  how: 'two passes',
  notes: ['telemetry was left out'],
});
const FAILED = detailLike({ id: 'def', state: 'failed', reason: 'it is a text file', hint: 'Take a video.' });

/** Stands in for the engine: makes what it is told, and notes what it was asked. */
function engine(job = DONE) {
  const asked: OneShotOptions[] = [];
  const compressFiles = async (options: OneShotOptions) => {
    asked.push(options);
    const jobs = options.files.map(file => {
      options.events.progress(file, { step: 'pass 1 of 2', fraction: 0.25, etaMs: 90_000, note: '2.1x' });
      options.events.progress(file, { step: 'pass 1 of 2', fraction: 0.26 });
      options.events.progress(file, { step: 'pass 2 of 2', fraction: 0.75 });
      options.events.finished(file, job);
      return job;
    });
    return { jobs, refused: [] };
  };
  return { asked, parts: { compressFiles } };
}

const run = (argv: string[], options: CliOptions) => runCli(['compress', ...argv], { ...options });

it.each<[string[], object]>([
  [['a.mp4'], { files: ['a.mp4'], request: {} }],
  [['a.mp4', 'b.mov'], { files: ['a.mp4', 'b.mov'] }],
  [['a.mp4', '--size', '50MB'], { request: { size: { kind: 'bytes', bytes: 50_000_000 } } }],
  [['a.mp4', '--size', '10MiB'], { request: { size: { kind: 'bytes', bytes: 10_485_760 } } }],
  [['a.mp4', '--size=25%'], { request: { size: { kind: 'share', share: 0.25 } } }],
  [['a.mp4', '--from', '0:10', '--to', '1:02:03'], { request: { trim: { from: 10, to: 3723 } } }],
  [['a.mp4', '--from', '0:00', '--to=90s'], { request: { trim: { to: 90 } } }],
  [['a.mp4', '--resolution', '720p'], { request: { resolution: { kind: 'lines', lines: 720 } } }],
  [['a.mp4', '--resolution', '1280x720'], { request: { resolution: { kind: 'box', width: 1280, height: 720 } } }],
  [['a.mp4', '--engine', 'nemo', '--ask', '720p, no sound'], { request: { engine: 'nemo', ask: '720p, no sound' } }],
  [['-o', 'out.mp4', 'a.mp4'], { output: 'out.mp4', files: ['a.mp4'] }],
  [['--', '-leading-dash.mp4'], { files: ['-leading-dash.mp4'] }],
  [['a.mp4', '--ask', '--json is a nice word'], { request: { ask: '--json is a nice word' } }],
])('%j is understood', async (argv, understood) => {
  const { asked, parts } = engine();
  expect((await run(argv, { parts })).code).toBe(0);
  expect(asked[0]).toMatchObject(understood);
  expect(asked[0]?.config.source).toBeNull();
});

it('says what came out on stdout, and how it went on stderr', async () => {
  const { code, out, err } = await run(['clip.mov'], { parts: engine().parts });
  expect(code).toBe(0);
  expect(out).toMatch(/^clip\.mov: 4\.00 MB -> 1\.00 MB \(75 % smaller\) in \d.*s: \/v\/clip\.small\.mp4\n$/);
  expect(err).toContain('clip.mov: pass 1 of 2, 25 %, 2.1x, 1m 30s left\n');
  expect(err).toContain('clip.mov: pass 2 of 2, 75 %\n');
  expect(err).not.toContain('26 %');
  for (const said of ['two passes', 'telemetry was left out']) expect(err).toContain(said);
});

it('draws a bar on a terminal, within its width, and takes it away again', async () => {
  const { err } = await run([`${'long-'.repeat(30)}name.mov`], { parts: engine().parts, columns: 70 });
  expect(err).toContain('[#####---------------]');
  for (const drawn of err.split('\r').slice(1)) expect(drawn.split('\u001b')[0]?.length).toBeLessThan(70);
  expect(err).toContain('\r\u001b[K');
});

it('ends with 3 and a reason when a file could not be done', async () => {
  const { code, out, err } = await run(['notes.mp4'], { parts: engine(FAILED).parts });
  expect([code, out]).toEqual([3, '']);
  expect(err).toContain('notes.mp4: failed: it is a text file. Take a video.\n');
});

it('gives programs an array of jobs', async () => {
  const { code, out } = await run(['a.mp4', '--json'], { parts: engine(FAILED).parts });
  expect(code).toBe(3);
  expect(JSON.parse(out)).toMatchObject([{ id: 'def', state: 'failed', reason: 'it is a text file' }]);
});

// Was: "waiting: (...) shrinkbox then continues by itself", from a command that had ended.
it('onto a full disk says what to do, and promises nothing', async ({ skip }) => {
  const mounts = await privateMounts(1_000_000);
  if (!mounts) return skip('this machine lets nobody mount anything');
  const dir = await tempDir();
  const clip = await footageCopy('tiny', dir, 'a.mp4');
  try {
    const { code, err } = await spawnCli(['compress', clip, '-o', `${mounts.root}/`], { cwd: dir });
    expect(code).toBe(3);
    expect(err).toMatch(/a\.mp4: not done: .* short\. Free some space there, then run the command again\.\n/);
  } finally {
    await mounts.close();
  }
});

it('makes hostile names safe', async () => {
  const { out, err } = await run(['\u001b[2J\nclip.mov'], { parts: engine().parts });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  expect(out + err).not.toMatch(/\u001b/);
  expect(out).toContain('\\u{1b}[2J\\nclip.mov');
});

it('ends its work on Ctrl-C with 130, and at once on the second', async () => {
  const signals = new EventEmitter();
  const compressFiles = ({ signal }: OneShotOptions) =>
    new Promise<{ jobs: []; refused: [] }>(resolve => {
      signal.addEventListener('abort', () => resolve({ jobs: [], refused: [] }));
      signals.emit('SIGINT', 'SIGINT');
    });
  expect((await run(['a.mp4'], { signals, parts: { compressFiles } })).code).toBe(130);
  const deaf = () => {
    signals.emit('SIGINT', 'SIGINT');
    setImmediate(() => signals.emit('SIGINT', 'SIGINT'));
    return new Promise<never>(() => {});
  };
  expect((await run(['a.mp4'], { signals, parts: { compressFiles: deaf } })).code).toBe(130);
  expect(signals.eventNames()).toEqual([]);
});

it('one name that is not UTF-8, missing or a folder does not keep the others from being done', async () => {
  const dir = await tempDir();
  await mkdir(join(dir, 'folder.mp4'));
  await footageCopy('tiny', dir, 'b.mp4');
  const bad = Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9]), Buffer.from('.mp4')]);
  await copyFile(join(dir, 'b.mp4'), bad);
  const ran = spawnSync('sh', ['-c', '"$0" "$1" compress *.mp4 none.mp4', process.execPath, CLI], {
    cwd: dir,
    env: { PATH: process.env['PATH'] },
  });
  const err = String(ran.stderr);
  expect([ran.status, String(ran.stdout)]).toEqual([3, expect.stringMatching(/^b\.mp4: /)]);
  expect(err).toContain('caf\ufffd.mp4: its name is not UTF-8');
  expect(err).toContain('folder.mp4 is not a file');
  expect(err).toContain('none.mp4: there is no such file');
  const json = await spawnCli(['compress', 'none.mp4', 'b.mp4', '--json'], { cwd: dir });
  expect([json.code, JSON.parse(json.out)]).toMatchObject([
    3,
    [{ state: 'done' }, { id: null, source: 'none.mp4', state: 'failed', reason: 'none.mp4: there is no such file' }],
  ]);
});

it('files of which none can be used end with 2, as one does', async () => {
  const dir = await tempDir();
  expect((await spawnCli(['compress', 'a.mp4', 'b.mp4'], { cwd: dir })).code).toBe(2);
  expect((await spawnCli(['compress', 'a.mp4'], { cwd: dir })).code).toBe(2);
});
