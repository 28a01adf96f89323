import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createLocalEngine } from '../../../src/engine/local/engine.ts';
import { createLocalHelp } from '../../../src/app/engines.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';
import { setUp, type EngineChanges } from '../../engine/nemo/support.ts';

vi.setConfig({ testTimeout: 300_000 });

/** A real clip, really rendered by the stand-in, held against what the engine promises of it. */
async function real(changes: EngineChanges['nemo'] = {}) {
  const tools = await realTools();
  const local = createLocalHelp(createLocalEngine({ tools, effort: 'fast', clock: systemClock }), tools);
  const stand = await setUp({
    speed: 20,
    server: { render: 'ffmpeg' },
    engine: { local, nemo: { pollInterval: 5000, ...changes } },
  });
  await copyFile(await footage('plain'), stand.source);
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
  const [before, after] = await Promise.all([probe(source, { tools }), probe(candidate.path, { tools })]);
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
