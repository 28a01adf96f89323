import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box } from '../../support/box.ts';
import { cloudConfig } from '../../support/cloud-config.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';
import { NemoServer } from '../../support/nemo-server/server.ts';

/** Whole daemons with real encodes: seconds on a quiet machine, and nothing to hold against a busy one. */
const PATIENCE_MS = 200_000;
vi.setConfig({ testTimeout: 300_000 });

let server: NemoServer;
let box: Box;

beforeEach(async () => {
  server = new NemoServer({ render: 'ffmpeg', renderMs: 200 });
  await server.start();
});
afterEach(async () => {
  await box.dispose();
  await server.stop();
});

function cloudBox(
  extra: Record<string, unknown> = {},
  rule: Record<string, unknown> = {},
  env: Record<string, string> = {},
): Box {
  box = new Box({ env, config: cloudConfig(server.url, extra, rule) });
  return box;
}

async function lengthOf(path: string): Promise<number> {
  const { ffprobe } = await realTools();
  const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path];
  return Number(execFileSync(ffprobe, args).toString());
}

const messagesTo = () => server.messages.length;

describe('what a person must do', () => {
  it('stands in status, jobs, --json, the report and the state of the engine, with its link, also after a restart', async () => {
    await server.stop();
    server = new NemoServer({ render: 'ffmpeg', credits: 0, costPerMessage: 50 });
    await server.start();
    await cloudBox().start();
    const droppedAt = Date.now();
    box.drop(await footage('tiny'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'waiting');
    const link = job.action?.link ?? 'none';
    expect(job.action).toMatchObject({ code: 'register', link: expect.stringMatching(/register\?bind=anon_/) });
    const report = await eventually(() => box.outputs().find(name => name === 'clip.failed.txt'), {
      what: 'the report',
    });
    expect(readFileSync(join(box.outbox, report), 'utf8')).toContain(link);
    for (const restarts of [0, 1]) {
      if (restarts > 0) {
        await box.kill('SIGTERM');
        expect((await box.run('status')).stdout).toContain(link);
        await box.start();
      }
      for (const command of ['status', 'jobs']) {
        expect((await box.run(command)).stdout).toContain(link);
        expect((await box.run(command, '--json')).stdout).toContain(link);
      }
      const engine = (await box.status()).engines.find(({ name }) => name === 'nemo');
      expect(engine?.action).toMatchObject({ code: 'register', link });
      // Since the service said so, also after a restart.
      expect(engine?.action?.since).toBeGreaterThanOrEqual(droppedAt);
      expect(Math.abs((engine?.action?.since ?? 0) - (job.action?.since ?? 0))).toBeLessThan(restarts > 0 ? 1 : 5_000);
    }
    for (const account of server.accounts.values()) account.available = 100;
    expect((await box.run('resume')).code).toBe(0);
    expect((await box.run('retry', job.id)).stderr).toBe('');
    await box.job('clip.mp4', 'done');
    await box.holds('clip.mp4');
    expect((await box.status()).engines.find(({ name }) => name === 'nemo')?.action).toBeNull();
  });
});

it('a held version that is retried after another took its number gets the next (was: clip.v2 (2).mp4)', async () => {
  await cloudBox().start();
  box.drop(await footage('plain'), 'clip.mp4');
  await box.job('clip.mp4', 'done');
  const idOf = async (words: string) => JSON.parse((await box.run('ask', words, '--json')).stdout).job.id as string;
  const rested = (id: string, state: string) =>
    eventually(async () => (await box.jobs()).find(job => job.id === id && job.state === state), {
      what: `${id} to be ${state}`,
      withinMs: PATIENCE_MS,
    });
  // Its outcome is never known.
  server.scripts.push({ apply: false, events: [], end: 'cut' });
  const first = await idOf('brighter, under 150kB');
  await rested(first, 'held');
  const second = await idOf('darker, under 250kB');
  await rested(second, 'done');
  expect((await box.run('retry', first)).stderr).toBe('');
  const late = await rested(first, 'done');
  expect(late?.output).toBe(join(box.outbox, 'clip.v3.mp4'));
  expect(late?.output_bytes).toBeLessThanOrEqual(150_000);
  expect(server.messages.filter(text => text.startsWith('brighter'))).toHaveLength(2);
  await box.holds('clip.mp4', 'clip.v2.mp4', 'clip.v3.mp4');
});

it('run --once without credits ends with 3 and what to do, and goes on when it is run again (was: it waited for an hour)', async () => {
  await server.stop();
  server = new NemoServer({ render: 'ffmpeg', renderMs: 200, credits: 0, costPerMessage: 50 });
  await server.start();
  cloudBox();
  for (const name of ['a.mp4', 'b.mp4']) box.drop(await footage('tiny'), name);
  const { code, stdout, stderr } = await box.run('run', '--once');
  expect([code, stderr]).toEqual([3, expect.stringMatching(/needs? attention/)]);
  expect(stdout).toMatch(/Register at https:\S+register\?bind=anon_\S+ to get more, then run the command again\./);
  for (const account of server.accounts.values()) account.available = 1000;
  expect((await box.run('run', '--once')).code).toBe(0);
  expect(box.outputs()).toEqual(['a.mp4', 'b.mp4']);
});

describe('several files in one session', () => {
  const perFolder = () => cloudConfig(server.url)['nemo'] as Record<string, unknown>;

  it('keep their own timelines, also after a restart (was: the picture of b.mp4 as a.v2.mp4)', async () => {
    await cloudBox({ nemo: { ...perFolder(), session: 'per-folder' } }).start();
    box.drop(await footage('tiny'), 'a.mp4');
    const a = await box.job('a.mp4', 'done');
    box.drop(await footage('silent'), 'b.mp4');
    const b = await box.job('b.mp4', 'done');
    await box.kill('SIGTERM');
    await box.start();
    const timeline = await box.run('timeline', '--job', a.id);
    expect([timeline.code, timeline.stderr]).toEqual([1, expect.stringContaining('no longer the one of a.mp4')]);
    expect((await box.run('timeline', '--job', b.id)).stdout).toContain('b.mp4');
    // Was: queued, then held, and the next result was a.v3.mp4.
    const refused = await box.run('export', '--job', a.id);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no longer the one of a.mp4')]);
    expect(refused.stderr).toContain(`the timeline of b.mp4 (job ${b.id})`);
    expect(server.messages).toHaveLength(2);
    expect((await box.run('ask', 'compress it to under 250kB', '--job', a.id)).code).toBe(0);
    await eventually(() => box.outputs().includes('a.v2.mp4'), { what: 'a.v2.mp4', withinMs: PATIENCE_MS });
    // The clips differ in length: one second and three.
    expect(await lengthOf(join(box.outbox, 'a.v2.mp4'))).toBeCloseTo(1, 0);
    expect(server.sessions.size).toBe(1);
  });
});

describe('a file of 60 frames a second', () => {
  it('comes back with all of them', async () => {
    const { ffmpeg } = await realTools();
    await cloudBox().start();
    const source = join(box.dir, 'sixty.mp4');
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=60:duration=2'];
    execFileSync(ffmpeg, ['-v', 'error', ...picture, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', source]);
    box.drop(source, 'sixty.mp4');
    const job = await box.job('sixty.mp4', 'done');
    expect(job.evidence).toContain('decoded 120 frames, 2.00 s');
  });
});

describe('a dropped file through the cloud', () => {
  it('asks for one token in its life, however often it is started', async () => {
    await cloudBox().start();
    box.drop(await footage('plain'), 'one.mp4');
    await box.job('one.mp4', 'done');
    await box.kill('SIGTERM');
    await box.start();
    box.drop(await footage('rotated'), 'two.mp4');
    await box.job('two.mp4', 'done');
    expect(server.count('POST', /anonymous-token/)).toBe(1);
  });

  it('is refined in the session it was made in when the words change, and asked about at the command line', async () => {
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    const first = await box.job('clip.mp4', 'done');
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'compress this video to under 200kB');
    await eventually(() => box.outputs().includes('clip.v2.mp4'), {
      what: 'the second version',
      withinMs: PATIENCE_MS,
    });
    expect(server.sessions.size).toBe(1);
    expect(server.messages).toHaveLength(2);
    const credits = await box.run('credits');
    expect({ ...credits, code: credits.code }).toMatchObject({ code: 0 });
    expect(credits.stdout).toMatch(/\d+ credits left/);
    const timeline = await box.run('ask', 'show tracks', '--job', first.id);
    expect(timeline.stdout).toMatch(/Timeline \(\d+ tracks?\)/);
    expect(messagesTo()).toBe(2);
    expect((await box.run('ask', 'compress it to under 150kB', '--job', first.id)).code).toBe(0);
    await eventually(() => box.outputs().includes('clip.v3.mp4'), { what: 'the third version', withinMs: PATIENCE_MS });
    expect(messagesTo()).toBe(3);
    expect(server.sessions.size).toBe(1);
  });

  it('without credits pauses the engine once, and this machine does what it may instead (was: each file was uploaded first)', async () => {
    await server.stop();
    server = new NemoServer({ render: 'ffmpeg', credits: 0, costPerMessage: 50 });
    await server.start();
    const rules = [
      { name: 'either', match: 'either*', size: '300kB', fallback: 'local' },
      { name: 'cloud', size: '300kB' },
    ];
    await cloudBox({ rules, limits: { nemo: 1 } }).start();
    box.drop(await footage('plain'), 'either-1.mp4');
    const job = await box.job('either-1.mp4', 'done');
    expect(job.engine).toBe('local');
    expect(job.output_bytes).toBeLessThanOrEqual(300_000);
    const paused = (await box.status()).engines.find(({ name }) => name === 'nemo');
    expect(paused).toMatchObject({ ready: false, reason: expect.stringContaining('no credits left') });
    box.drop(await footage('plain'), 'either-2.mp4');
    expect(await box.job('either-2.mp4', 'done')).toMatchObject({ engine: 'local' });
    box.drop(await footage('plain'), 'cloud.mp4');
    await box.job('cloud.mp4', 'queued');
    expect(server.count('POST', /upload-video/)).toBe(1);
    // Topped up: the hint in the reason says what to do then.
    for (const account of server.accounts.values()) account.available = 100;
    expect((await box.run('resume')).code).toBe(0);
    expect(await box.job('cloud.mp4', 'done')).toMatchObject({ engine: 'nemo' });
  });

  it('given as a link is fetched by the service, and the report says where to look at it', async () => {
    const folders = [{ inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s', reports: 'always' }];
    await server.stop();
    server = new NemoServer({ render: 'copy' });
    await server.start();
    const clip = await footage('plain');
    server.linked = clip;
    await cloudBox({ folders }, { size: '50MB', instruction: undefined }).start();
    writeFileSync(join(box.inbox, 'trip.url'), '[InternetShortcut]\r\nURL=https://example.com/trip.mp4\r\n');
    const job = await box.job('trip.url', 'done');
    expect(readFileSync(job.output ?? '').length).toBeGreaterThan(0);
    const link = job.facts['claim link'] ?? 'none';
    expect(link).toMatch(/workspace\/claim\?ct=clm_/);
    const report = await eventually(() => box.outputs().find(name => name.endsWith('.txt')), {
      what: 'the report',
      withinMs: PATIENCE_MS,
    });
    expect(readFileSync(join(box.outbox, report), 'utf8')).toContain(link);
  });
});
