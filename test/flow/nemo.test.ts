import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Box } from '../support/box.ts';
import { cloudConfig } from '../support/cloud-config.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';
import { NemoServer } from '../support/nemo-server/server.ts';

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

describe('a dropped file through the cloud', () => {
  it('is uploaded, asked for, rendered, verified and delivered, with every request attributed and no token left anywhere', async () => {
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    const job = await box.job('clip.mp4', 'done');
    expect(job).toMatchObject({ engine: 'nemo', output: join(box.outbox, 'clip.mp4') });
    expect(job.output_bytes).toBeLessThanOrEqual(300_000);
    expect(server.messages).toEqual(['compress this video to under 300kB; output MP4 (H.264)']);
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

  it('stops at the first signal: the work in progress is recorded, and the lock released', async () => {
    server.options.renderMs = 600_000;
    await cloudBox().start();
    box.drop(await footage('plain'), 'clip.mp4');
    await eventually(() => server.renders.size === 1, { what: 'the render to be asked for', withinMs: PATIENCE_MS });
    expect(await box.kill('SIGTERM')).toBe(0);
    expect(readFileSync(join(box.state, 'lock'), 'utf8')).toBe('');
    expect(box.journal().at(-1)?.event).toBe('queued');
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
