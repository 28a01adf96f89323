/** Films over the fleet, with real ffmpeg, a real Redis and the real listener; workers are agents of this process. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import type { Order } from '../../../src/core/job.ts';
import { LocalHands } from '../../../src/engine/local/encode/local-hands.ts';
import { createLocalEngine } from '../../../src/engine/local/engine.ts';
import { NEARLY_FULL } from '../../../src/engine/local/tuning.ts';
import type { HandsFactory } from '../../../src/engine/local/hands.ts';
import type { MakeablePart, Maker, MakeRequest } from '../../../src/fleet/maker.ts';
import { probe } from '../../../src/media/probe/probe.ts';
import { deferred } from '../../../src/platform/async.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { ownFile } from '../../../src/platform/files/files.ts';
import { ReasonedGate } from '../../../src/queue/rest-gate.ts';
import { engineContract, recordingContext } from '../../contract/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type FilmFleet, filmFleet, ssim } from '../../support/film-fleet.ts';
import { footage, footageCopy, realTools } from '../../support/footage.ts';
import { whyNoRedis } from '../../support/redis.ts';
import { withSource } from '../../support/with-source.ts';

/** A maker that is changed before it makes a part, and after. */
function changing(
  before: (request: MakeRequest) => Promise<void>,
  after: (made: Awaited<ReturnType<MakeablePart['make']>>, request: MakeRequest) => Promise<typeof made> = async made =>
    made,
): (maker: Maker) => Maker {
  return maker => ({
    read(order) {
      const part = maker.read(order);
      const make = async (request: MakeRequest) => {
        await before(request);
        return await after(await part.make(request), request);
      };
      return { ...part, make };
    },
  });
}

/** Not seen green yet. `npm run test:fleet-processes` */
const thorough = it.skipIf(process.env['SHRINKBOX_FLEET'] !== 'processes');

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(...given: Parameters<typeof filmFleet>): Promise<FilmFleet & { workDir: string }> {
  const fleet = await filmFleet(...given);
  closing.push(() => fleet.close());
  const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-fleet-work-'));
  closing.push(() => rm(workDir, { recursive: true, force: true }));
  return { ...fleet, workDir };
}

async function orderOf(dir: string, bytes: number, more: Partial<Order> = {}): Promise<Order> {
  const source = await footageCopy('silent', dir);
  return {
    ...{ job: 'film', source, sourceBytes: (await stat(source)).size, ...more },
    target: { size: { kind: 'bytes', bytes }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0.05 },
  };
}

async function framesOf(path: string): Promise<number> {
  const { video } = await probe(ownFile(path), { tools: await realTools(), signal: new AbortController().signal });
  return video.frames;
}

const workersOf = (ends: readonly { worker: string }[]) => new Set(ends.map(({ worker }) => worker));

describe.skipIf(whyNoRedis())('the fleet as an engine', () => {
  describe.skipIf(!process.env['SHRINKBOX_FLEET'])('like every other', () => {
    engineContract('fleet', async () => {
      // One worker: what it was making when the power went off is counted as well.
      const fleet = await filmFleet(['desk']);
      const order = await orderOf(fleet.dir, 90_000, { job: 'contract' });
      return {
        ...{ engine: fleet.engine, order, close: () => fleet.close() },
        costlySteps: () => fleet.journal.ends('delivered').length,
      };
    });
  });

  it('spreads a film over two workers, hits the size and keeps every frame', async () => {
    const fleet = await open(['desk', 'attic']);
    const order = await orderOf(fleet.dir, 90_000);
    const candidate = await fleet.engine.run(order, recordingContext({ workDir: fleet.workDir }).context);
    const made = fleet.journal.ends('delivered');
    expect(new Set(made.map(({ worker }) => worker))).toEqual(new Set(['desk', 'attic']));
    expect(candidate.bytes).toBeLessThanOrEqual(90_000);
    expect(await framesOf(candidate.path)).toBe(await framesOf(order.source));
    expect(fleet.journal.ends('failed')).toEqual([]);
  });

  thorough('lands twelve parts on the size, with every frame, and as good as one piece', async () => {
    const cap = 800_000;
    const fleet = await open(['desk', 'attic'], { longestS: 31, leaseMs: 5_000 });
    const source = await footageCopy('slow', fleet.dir);
    const order = await orderOf(fleet.dir, cap, { source, sourceBytes: (await stat(source)).size });
    const { context, recorded } = recordingContext({ workDir: fleet.workDir });
    const candidate = await fleet.engine.run(order, context);
    expect(Object.keys(recorded.records).filter(key => /^pass-1\/\d+$/.test(key))).toHaveLength(12);
    expect(candidate.bytes).toBeLessThanOrEqual(cap);
    // What the engine settles for after its rounds.
    expect(candidate.bytes).toBeGreaterThanOrEqual(cap * NEARLY_FULL);
    expect(await framesOf(candidate.path)).toBe(await framesOf(source));
    const whole = createLocalEngine({
      ...{ tools: await realTools(), effort: 'fast', clock: systemClock, cutting: { longestS: 1e6 }, threads: 1 },
    });
    const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-fleet-work-'));
    closing.push(() => rm(workDir, { recursive: true, force: true }));
    const piece = await withSource(whole).run(order, recordingContext({ workDir }).context);
    const [ofParts, ofPiece] = [await ssim(candidate.path, source), await ssim(piece.path, source)];
    console.log({ filled: candidate.bytes / cap, ofParts, ofPiece });
    expect(ofParts).toBeGreaterThanOrEqual(ofPiece - 0.3);
  });

  thorough(
    "rejects wrong bytes, an error page and another film's part, benches who sent them, and delivers",
    async () => {
      const lies = [
        async (path: string) => writeFile(path, Buffer.alloc((await stat(path)).size, 7)),
        async (path: string) => writeFile(path, '<html><body>502 Bad Gateway, please try again</body>....'),
        async (path: string) => copyFile(await footage('tiny'), path),
      ];
      let lied = 0;
      const lying = changing(
        async () => {},
        async (result, { dir }) => {
          const lie = lies[lied];
          if (result.file === undefined || !lie) return result;
          lied += 1;
          const path = join(dir, result.file);
          await lie(path);
          // It even says so.
          return { ...result, made: { ...(result.made as object), fileBytes: (await stat(path)).size } };
        },
      );
      const fleet = await open(['desk', 'attic'], {
        ...{ longestS: 31, leaseMs: 5_000 },
        wrap: (maker, worker) => (worker === 'desk' ? lying(maker) : maker),
      });
      const source = await footageCopy('slow', fleet.dir);
      const order = await orderOf(fleet.dir, 800_000, { source, sourceBytes: (await stat(source)).size });
      const candidate = await fleet.engine.run(order, recordingContext({ workDir: fleet.workDir }).context);
      expect(fleet.journal.ends('failed').map(({ worker }) => worker)).toEqual(['desk', 'desk', 'desk']);
      expect(fleet.coordinator.view().workers.find(({ name }) => name === 'desk')?.state).toBe('benched');
      expect(candidate.bytes).toBeLessThanOrEqual(800_000);
      expect(await framesOf(candidate.path)).toBe(await framesOf(source));
    },
  );

  thorough('never mixes two builds of an encoder in a film, and asks nobody for what it cannot write', async () => {
    const fleet = await open(['desk', 'attic', 'cellar'], {
      encoders: { desk: { libx264: '164' }, attic: { libx264: '165' }, cellar: { libsvtav1: '1.4.1' } },
    });
    const run = async (job: string, codec: 'h264' | 'av1') => {
      const order = await orderOf(fleet.dir, 90_000, { job });
      const target = { ...order.target, codec };
      const workDir = join(fleet.workDir, job);
      await mkdir(workDir);
      const candidate = await fleet.engine.run({ ...order, target }, recordingContext({ workDir }).context);
      expect(candidate.bytes).toBeLessThanOrEqual(90_000);
      return workersOf(fleet.journal.ends('delivered').filter(({ task }) => task.startsWith(`${job}.`)));
    };
    const byX264 = await run('plain', 'h264');
    expect([...byX264]).toHaveLength(1);
    expect(byX264.has('cellar')).toBe(false);
    expect(await run('modern', 'av1')).toEqual(new Set(['cellar']));
    expect(fleet.journal.ends('failed')).toEqual([]);
  });

  it('goes on here, from the same checkpoints, when the queue is away for the rest of the film', async () => {
    const fleet = await open(['desk']);
    const order = await orderOf(fleet.dir, 90_000, { fallback: 'local' });
    let parts = 0;
    const { context, recorded } = recordingContext({
      workDir: fleet.workDir,
      afterRecord: key => {
        if (!key.includes('pass-1/')) return;
        parts += 1;
        if (parts === 1) void fleet.redis.down();
      },
    });
    const candidate = await fleet.engine.run(order, context);
    expect(candidate.bytes).toBeLessThanOrEqual(90_000);
    const byFleet = fleet.journal.ends('delivered').length;
    expect(byFleet).toBeGreaterThan(0);
    expect(Object.keys(recorded.records).filter(key => key.includes('pass-2/')).length).toBeGreaterThan(byFleet);
  });

  it('has its workers rest with it, and loses no lease over it', async () => {
    const gate = new ReasonedGate();
    const told: boolean[] = [];
    const begun = deferred();
    const fleet = await open(['desk'], {
      // The first part is begun when its worker was told to rest: a quick machine would be done with it before.
      wrap: changing(async request => {
        begun.resolve();
        if (told.length > 0) return;
        await new Promise<void>(resolve => {
          if (request.gate.closed) return resolve();
          const unlisten = request.gate.onChange(() => {
            unlisten();
            resolve();
          });
        });
        told.push(request.gate.closed);
      }),
    });
    const order = await orderOf(fleet.dir, 90_000);
    const running = fleet.engine.run(order, recordingContext({ workDir: fleet.workDir, gate }).context);
    await begun.promise;
    gate.set('paused', true);
    await eventually(() => told.includes(true), { what: 'the worker to be told' });
    gate.set('paused', false);
    await running;
    expect(fleet.journal.ends('lost')).toEqual([]);
  });

  it('that is cancelled is withdrawn from its workers, and ends at once', async () => {
    const begun = deferred();
    const fleet = await open(['desk'], {
      wrap: changing(async ({ signal }) => {
        begun.resolve();
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
      }),
    });
    const cancel = new AbortController();
    const { context } = recordingContext({ workDir: fleet.workDir, signal: cancel.signal });
    const running = expect(fleet.engine.run(await orderOf(fleet.dir, 90_000), context)).rejects.toThrow('cancelled');
    await begun.promise;
    cancel.abort(new ShrinkError('cancelled', 'cancelled'));
    await running;
    expect(fleet.journal.ends('withdrawn')).toHaveLength(1);
  });

  it('makes of pieces what this machine makes of the whole source', async () => {
    const tools = await realTools();
    const fleet = await open(['desk']);
    const order = await orderOf(fleet.dir, 90_000);
    const one = await fleet.engine.run(order, recordingContext({ workDir: fleet.workDir }).context);
    const hash = async (path: string) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
    const byFleet = await hash(one.path);
    // The same cuts, with one encoder at a time and one thread each.
    const hands: HandsFactory = {
      atOnce: () => 2,
      for: job => new LocalHands({ space: job, input: job.input, width: 1, threads: 1 }),
    };
    const local = createLocalEngine({
      ...{ tools, effort: 'fast', clock: systemClock, cutting: { longestS: 2 }, threads: 1, hands },
    });
    const workDir = await mkdtemp(join(tmpdir(), 'shrinkbox-fleet-work-'));
    closing.push(() => rm(workDir, { recursive: true, force: true }));
    const here = await withSource(local).run(order, recordingContext({ workDir }).context);
    expect(await hash(here.path)).toBe(byFleet);
  });
});
