import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box } from '../support/box.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';
import { NemoServer } from '../support/nemo-server/server.ts';

/** Quick enough for a test; the order and number of requests are those of the real timings. */
const QUICK = {
  poll_interval: '100ms',
  poll_limit: '10m',
  message_timeout: '5m',
  heartbeat_timeout: '3m',
  recovery: { first: '100ms', every: '100ms', checks: 5 },
  retry_after: '200ms',
};

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
  box = new Box({
    env,
    config: {
      engine: 'nemo',
      rules: [{ name: 'cloud', size: '300kB', instruction: 'compress this video to under 300kB', ...rule }],
      nemo: { api_url: server.url, ...QUICK },
      ...extra,
    },
  });
  return box;
}

const messagesTo = () => server.messages.length;

describe('a dropped file through the cloud', () => {
  it('is uploaded, asked for, rendered, verified and delivered, with every request attributed and no token left anywhere', async () => {
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'done');
    expect(job).toMatchObject({ engine: 'nemo', output: join(box.outbox, 'clip.mp4') });
    expect(job.output_bytes).toBeLessThanOrEqual(300_000);
    expect(server.messages).toEqual(['compress this video to under 300kB']);
    expect(server.unattributed).toEqual([]);
    const tokens = [...server.accounts.keys()];
    expect(tokens.length).toBe(1);
    const said = [
      box.logText(),
      JSON.stringify(box.journal()),
      JSON.stringify(await box.jobs()),
      JSON.stringify(job),
    ].join('\n');
    for (const token of tokens) expect(said).not.toContain(token);
    expect(said).toContain('connected and ready');
    expect(statSync(join(box.state, 'identity.json')).mode & 0o777).toBe(0o600);
  });

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

  it('told to stop once is not told twice: what is under way is noted, and the lock let go of', async () => {
    server.options.renderMs = 600_000;
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    await eventually(() => server.renders.size === 1, { what: 'the render to be asked for', withinMs: PATIENCE_MS });
    expect(await box.kill('SIGTERM')).toBe(0);
    expect(existsSync(join(box.state, 'lock'))).toBe(false);
    expect(box.journal().at(-1)?.event).toBe('queued');
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

const KILLER = pathToFileURL(join(import.meta.dirname, '../support/kill-at-record.mjs')).href;

/** Runs one job, killed with SIGKILL the moment the journal has `n` records, to its end; `n` 0 is left alone. */
async function killedAfter(n: number) {
  await server.stop();
  server = new NemoServer({ render: 'ffmpeg', renderMs: 200 });
  await server.start();
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-kill-'));
  const killAt = join(dir, 'at.json');
  cloudBox({}, {}, { NODE_OPTIONS: `--import ${KILLER}`, SHRINKBOX_KILL_AT: killAt });
  if (n > 0) writeFileSync(killAt, JSON.stringify({ journal: join(box.state, 'journal'), records: n }));
  await box.start();
  box.drop(await footage('plain'), 'clip.mp4');
  if (n > 0) {
    await box.kill(0);
    await box.start();
  }
  rmSync(dir, { recursive: true });
  const among = (...states: string[]) =>
    eventually(
      async () => {
        const jobs = await box.jobs();
        const found = jobs.find(job => states.includes(job.state));
        if (!found) throw new Error(`record ${n}: ${JSON.stringify(jobs)}`);
        return found;
      },
      { what: states.join(', '), withinMs: PATIENCE_MS },
    );
  let job = await among('done', 'held', 'failed');
  if (job.state === 'held') {
    // Killed between the intent and the request: nobody can know, and a person decides. Until then nothing is sent again.
    expect({ n, reason: job.reason, messages: server.messages.length }).toMatchObject({ messages: 0 });
    expect(await box.run('retry', job.id)).toMatchObject({ code: 0, stderr: '' });
    job = await among('done', 'failed');
  }
  const bytes = createHash('sha256')
    .update(readFileSync(job.output ?? ''))
    .digest('hex');
  // The report of a hold goes soon after.
  await eventually(() => box.outputs().every(name => name.endsWith('.mp4')), {
    what: 'the results alone',
    withinMs: PATIENCE_MS,
  });
  return {
    state: job.state,
    messages: server.messages.length,
    renders: server.renders.size,
    outputs: box.outputs(),
    bytes,
  };
}

describe('kill -9 during a cloud job', () => {
  // Every record by `npm run test:kill`; here one of each kind: before the session, around the message, in the render.
  const every = process.env['SHRINKBOX_EVERY_RECORD'] !== undefined;

  it('leaves one message, one render paid attention to, and one output with the same bytes', async () => {
    const undisturbed = await killedAfter(0);
    const records = box.journal();
    await box.dispose();
    const at = (key: string) =>
      records.findIndex(({ event, data }) => event === 'checkpoint' && String(data['key']).startsWith(key)) + 1;
    const points = every ? records.map((_, n) => n + 1) : [at('message'), at('render')];
    expect(points.every(n => n > 0)).toBe(true);
    for (const n of points) {
      expect({ n, ...(await killedAfter(n)) }).toEqual({ n, ...undisturbed });
      await box.dispose();
    }
  }, 7_200_000);
});
