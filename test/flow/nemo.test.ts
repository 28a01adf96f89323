import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Box } from '../support/box.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';
import { NemoServer } from '../support/nemo-server/server.ts';

/** Quick enough for a test; the order and number of requests are those of the real timings. */
const QUICK = {
  poll_interval: '100ms',
  poll_limit: '30s',
  message_timeout: '20s',
  heartbeat_timeout: '10s',
  recovery: { first: '100ms', every: '100ms', checks: 5 },
  retry_after: '200ms',
};

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

function cloudBox(extra: Record<string, unknown> = {}, rule: Record<string, unknown> = {}): Box {
  box = new Box({
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

  it('is refined in the session it was made in when the words change, and asked about at the command line', async () => {
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    const first = await box.job('clip.mp4', 'done');
    writeFileSync(join(box.inbox, 'clip.mp4.txt'), 'compress this video to under 200kB');
    await eventually(() => box.outputs().includes('clip.v2.mp4'), { what: 'the second version' });
    expect(server.sessions.size).toBe(1);
    expect(server.messages).toHaveLength(2);
    const credits = await box.run('credits');
    expect({ ...credits, code: credits.code }).toMatchObject({ code: 0 });
    expect(credits.stdout).toMatch(/\d+ credits left/);
    const timeline = await box.run('ask', 'show tracks', '--job', first.id);
    expect(timeline.stdout).toMatch(/Timeline \(\d+ tracks?\)/);
    expect(messagesTo()).toBe(2);
    expect((await box.run('ask', 'compress it to under 150kB', '--job', first.id)).code).toBe(0);
    await eventually(() => box.outputs().includes('clip.v3.mp4'), { what: 'the third version' });
    expect(messagesTo()).toBe(3);
    expect(server.sessions.size).toBe(1);
  });

  it('without credits pauses the engine once and falls back to this machine where the rule allows', async () => {
    await server.stop();
    server = new NemoServer({ render: 'ffmpeg', credits: 0, costPerMessage: 50 });
    await server.start();
    await cloudBox({}, { fallback: 'local', instruction: undefined }).start();
    box.drop(await footage('plain'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'done');
    expect(job.engine).toBe('local');
    expect(job.output_bytes).toBeLessThanOrEqual(300_000);
  });
});

/** Runs one job, killed with SIGKILL once the journal has `n` records, to its end; `n` 0 is left alone. */
async function killedAfter(n: number): Promise<{ state: string; messages: number; outputs: string[]; bytes: string }> {
  await server.stop();
  server = new NemoServer({ render: 'ffmpeg', renderMs: 200 });
  await server.start();
  await cloudBox().start();
  box.drop(await footage('plain'), 'clip.mp4');
  if (n > 0) {
    await eventually(() => box.journal().length >= n, { what: `record ${n}` });
    await box.kill('SIGKILL');
    await box.start();
  }
  const among = (...states: string[]) =>
    eventually(
      async () => {
        const jobs = await box.jobs();
        const found = jobs.find(job => states.includes(job.state));
        if (!found) throw new Error(`record ${n}: ${JSON.stringify(jobs)}`);
        return found;
      },
      { what: states.join(', ') },
    );
  let job = await among('done', 'held', 'failed');
  let before = 0;
  if (job.state === 'held') {
    // Killed around the request: the service shows no change, so nobody knows, and a person decides. Until then nothing is
    // sent again, whether or not the first one arrived.
    before = server.messages.length;
    expect({ n, reason: job.reason, before }).toMatchObject({ before: expect.toSatisfy((sent: number) => sent <= 1) });
    expect((await box.run('retry', job.id)).code).toBe(0);
    job = await among('done', 'failed');
  }
  const bytes = createHash('sha256')
    .update(readFileSync(job.output ?? ''))
    .digest('hex');
  // The report of a hold goes soon after.
  await eventually(() => box.outputs().every(name => name.endsWith('.mp4')), { what: 'the results alone' });
  return { state: job.state, messages: server.messages.length - before, outputs: box.outputs(), bytes };
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
    const points = every ? records.slice(1).map((_, n) => n + 1) : [at('message'), at('render')];
    expect(points.every(n => n > 0)).toBe(true);
    for (const n of points) {
      expect({ n, ...(await killedAfter(n)) }).toEqual({ n, ...undisturbed });
      await box.dispose();
    }
  }, 1_800_000);
});
