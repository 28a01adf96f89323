import { copyFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createLocalEngine } from '../../../src/engine/local/engine.ts';
import { createLocalHelp } from '../../../src/app/engines.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';
import type { NemoServerOptions } from '../../support/nemo-server/server.ts';
import { setUp, type EngineChanges } from '../../engine/nemo/support.ts';
import { ownFile } from '../../../src/platform/files/files.ts';

vi.setConfig({ testTimeout: 300_000 });

/** A real clip, really rendered by the stand-in, held against what the engine promises of it. */
async function real(changes: EngineChanges['nemo'] = {}, server: NemoServerOptions = {}, seconds?: number) {
  const tools = await realTools();
  const local = createLocalHelp(createLocalEngine({ tools, effort: 'fast', clock: systemClock }), tools);
  const stand = await setUp({
    speed: 20,
    server: { render: 'ffmpeg', ...server },
    engine: { local, nemo: { pollInterval: 5000, ...changes } },
  });
  const whole = await footage('plain');
  await (seconds === undefined ? copyFile(whole, stand.source) : cut(whole, stand.source, { seconds, tools }));
  const sourceBytes = (await stat(stand.source)).size;
  const order = (maxBytes: number, more: object = {}) =>
    stand.order({
      sourceBytes,
      target: {
        size: { kind: 'bytes', bytes: maxBytes },
        resolution: { kind: 'lines', lines: 240 },
        audio: { kind: 'keep' },
        quality: 'auto',
        minSaving: 0,
      },
      ...more,
    });
  return { ...stand, tools, order, sourceBytes };
}

it('a real clip comes back smaller, plays to the end and keeps its length', async () => {
  const { engine, order, job, tools } = await real();
  const candidate = await engine.run(order(200_000), job().context);
  const verified = await verifyCandidate(candidate, { tools });
  expect(verified.evidence).toMatch(/x240 h264/);
  expect(candidate.bytes).toBeLessThanOrEqual(200_000);
  expect(candidate.expect.durationS).toBeCloseTo(6, 0);
});

it('a real clip over the upload limit is sent in parts and comes back whole', async () => {
  const sourceBytes = (await stat(await footage('plain'))).size;
  const { engine, server, order, job, tools, source } = await real({
    oversize: 'split',
    maxUpload: Math.ceil(sourceBytes * 0.6),
  });
  const candidate = await engine.run(order(300_000), job().context);
  expect(server.sessions.size).toBeGreaterThan(1);
  await verifyCandidate(candidate, { tools });
  const [before, after] = await Promise.all([
    probe(ownFile(source), { tools }),
    probe(ownFile(candidate.path), { tools }),
  ]);
  expect(after.durationS).toBeCloseTo(before.durationS, 0);
});

it('a real render that is too large twice is made to fit here', async () => {
  const { engine, server, order, job, tools } = await real();
  server.scripts.push({ oversize: true }, { oversize: true });
  const candidate = await engine.run(order(150_000, { fallback: 'local' }), job().context);
  await verifyCandidate(candidate, { tools });
  expect(candidate.bytes).toBeLessThanOrEqual(150_000);
  expect(candidate.how).toContain('made to fit on this machine');
});

it('a real render whose index comes last is put in order here, without re-encoding', async () => {
  const { engine, server, order, job, tools, dir } = await real();
  const last = join(dir, 'last.mp4');
  // Holds the download back until the render was changed behind the service's back.
  server.fetchFaults.add({ match: { path: /render-result/ }, delayMs: 40_000 });
  const ran = engine.run(order(5_000_000), job().context);
  await eventually(() => [...server.renders.values()].some(({ status }) => status === 'completed'));
  const [render] = server.renders.values();
  const args = ['-v', 'error', '-y', '-i', render?.path ?? '', '-c', 'copy', last];
  await runChild({ command: tools.ffmpeg, args, doing: 'moving the index', cwd: dir });
  await copyFile(last, render?.path ?? '');
  const candidate = await ran;
  expect(candidate.path).toMatch(/in-order\.mp4$/);
  await verifyCandidate(candidate, { tools });
});

it.each(['s', 'ms', 'whole-s'] as const)(
  'the length is what this machine reads, whatever unit the service counts in (was: paid for, then held): %s',
  async durations => {
    // No number of whole seconds.
    const { engine, order, job, tools } = await real({}, { durations }, 3.92);
    const candidate = await engine.run(order(150_000), job().context);
    expect(candidate.expect.durationS).toBeCloseTo(3.9, 0);
    await verifyCandidate(candidate, { tools });
  },
);

describe('a service that codes in H.265', () => {
  it('is asked for H.264, in words of the rule and in those of a person', async () => {
    for (const instruction of [undefined, 'make it under 200kB']) {
      const { engine, order, job, tools } = await real({}, { codec: 'hevc-unless-asked' });
      const candidate = await engine.run(order(200_000, { instruction }), job().context);
      expect((await probe(ownFile(candidate.path), { tools })).video.codec).toBe('h264');
    }
  });

  it('all the same: the result is held with that reason, and nothing is asked again', async () => {
    const { engine, server, order, job } = await real({}, { codec: 'hevc' });
    const work = job({ workDir: 'w' });
    const held = {
      code: 'cannot-fit',
      message: "the cloud's result is not as asked: its picture is H.265 (HEVC), not H.264",
    };
    await expect(engine.run(order(200_000), work.context)).rejects.toMatchObject(held);
    expect(server.messages).toHaveLength(1);
    // The hint: fallback: local in the rule, then retry.
    const again = job({ workDir: 'w', resume: work.records });
    const candidate = await engine.run(order(200_000, { retryCount: 1, fallback: 'local' }), again.context);
    expect(candidate.how).toContain('re-encoded on this machine');
    expect(server.messages).toHaveLength(1);
    expect(server.renders.size).toBe(1);
  });

  it('all the same is re-encoded here where the rule allows it', async () => {
    const { engine, order, job, tools } = await real({}, { codec: 'hevc' });
    const candidate = await engine.run(order(200_000, { fallback: 'local' }), job().context);
    expect((await verifyCandidate(candidate, { tools })).evidence).toMatch(/h264/);
    expect(candidate.notes).toContainEqual(
      "the cloud's result was not as asked: its picture is H.265 (HEVC), not H.264",
    );
  });

  it('is welcome where the rule asks for that', async () => {
    const { engine, order, job, tools } = await real({}, { codec: 'hevc' });
    const { target } = order(200_000);
    const candidate = await engine.run(order(200_000, { target: { ...target, codec: 'h265' } }), job().context);
    expect((await verifyCandidate(candidate, { tools })).evidence).toMatch(/hevc/);
  });
});

it('parts are asked for their share of a size that a person wrote, with one message each (was: two, then held)', async () => {
  const sourceBytes = (await stat(await footage('plain'))).size;
  const { engine, server, order, job, tools } = await real({
    oversize: 'split',
    maxUpload: Math.ceil(sourceBytes * 0.6),
  });
  const candidate = await engine.run(order(300_000, { instruction: 'compress this to under 300kB' }), job().context);
  expect(server.messages).toHaveLength(server.sessions.size);
  expect(server.sessions.size).toBeGreaterThan(1);
  expect(server.messages[0]).toMatch(/^compress this to under \d+(\.\d)?kB; this is part 1 of \d of a longer video/);
  expect(candidate.bytes).toBeLessThanOrEqual(300_000);
  await verifyCandidate(candidate, { tools });
});

async function cut(from: string, to: string, { seconds, tools }: { seconds: number; tools: { ffmpeg: string } }) {
  const args = ['-v', 'error', '-y', '-i', from, '-t', String(seconds), '-preset', 'ultrafast', to];
  await runChild({ command: tools.ffmpeg, args, doing: 'cutting', cwd: dirname(to) });
}
