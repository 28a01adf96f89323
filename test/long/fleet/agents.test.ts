/** Workers of this process on a real Redis; their parts need no ffmpeg. What needs processes of its own is in processes.test.ts. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import { RedisDoorbells } from '../../../src/fleet/doorbells.ts';
import { systemClock, sleep } from '../../../src/platform/clock.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { Agent } from '../../../src/worker/agent.ts';
import { WelcomeDesk } from '../../../src/fleet/welcome.ts';
import type { MakeRequest } from '../../../src/fleet/maker.ts';
import { Scratch } from '../../../src/worker/scratch.ts';
import { eventually } from '../../support/eventually.ts';
import { fakePart, type FleetSide, fleetSide, reversed, WORKER } from '../../support/fleet.ts';
import { RedisServer, whyNoRedis } from '../../support/redis.ts';

const signal = new AbortController().signal;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Fleet extends FleetSide {
  redis: RedisServer;
}

async function fleetOn(more: Parameters<typeof fleetSide>[0] = {}): Promise<Fleet> {
  const redis = await RedisServer.start();
  closing.push(() => redis.close());
  const cluster = randomBytes(4).toString('hex');
  const doorbells = new RedisDoorbells({ access: { url: redis.url }, cluster, clock: systemClock, log: silentLogger });
  const side = await fleetSide({ ...more, doorbells, queue: { url: redis.url }, cluster });
  closing.push(() => side.close());
  side.coordinator.start([]);
  await eventually(() => doorbells.state().up, { what: 'the queue' });
  return { ...side, redis };
}

const runs = new WeakMap<Agent, Promise<void>>();

/** Makes a part, at its own pace. */
type Pace = (request: MakeRequest, nth: number) => Promise<void>;

async function worker(fleet: Fleet, name: string, pace: Pace, { slots = 1, scratchMax = 1e9 } = {}): Promise<Agent> {
  const client = await fleet.invited(name);
  const dir = join(fleet.dir, `scratch-${name}`);
  const scratch = new Scratch({ dir, maxBytes: scratchMax });
  await scratch.open();
  let made = 0;
  const agent = new Agent({
    ...{ client, scratch, about: WORKER, slots, hours: undefined, clock: systemClock, log: silentLogger, pollMs: 100 },
    maker: {
      read(order) {
        const { film, part } = order as { film: string; part: number };
        return {
          ...{ film, source: String(part), needsBytes: 1000 },
          async make(request) {
            const nth = made;
            made += 1;
            await pace(request, nth);
            const file = `made-${part}`;
            await reversed(request.source, join(request.dir, file));
            return { made: {}, file };
          },
        };
      },
    },
  });
  const running = agent.run();
  runs.set(agent, running);
  closing.push(async () => {
    agent.stop();
    await running.catch(() => {});
  });
  return agent;
}

const at =
  (ms: number): Pace =>
  async ({ signal: ended }) =>
    await sleep(systemClock, ms, ended);

describe.skipIf(whyNoRedis())('workers on a real queue', () => {
  it('share the parts of a film, and each counts once', async () => {
    const fleet = await fleetOn();
    await Promise.all([worker(fleet, 'desk', at(20)), worker(fleet, 'attic', at(20))]);
    const parts = Array.from({ length: 12 }, (_, n) => fakePart(fleet, n));
    const by = await Promise.all(parts.map(({ spec }) => fleet.coordinator.make(spec, signal)));
    expect(new Set(by.map(one => one.worker))).toEqual(new Set(['desk', 'attic']));
    expect(fleet.journal.ends('delivered')).toHaveLength(12);
    for (const part of parts) expect(await part.kept()).toHaveLength(50_000);
  });

  it('lose nothing when the queue is emptied, and when its server dies and comes back empty', async () => {
    // On a busy machine, a beat may be late.
    const fleet = await fleetOn({ reconcileMs: 300, leaseMs: 20_000 });
    await worker(fleet, 'desk', at(150));
    const parts = Array.from({ length: 10 }, (_, n) => fakePart(fleet, n));
    const making = Promise.all(parts.map(({ spec }) => fleet.coordinator.make(spec, signal)));
    await eventually(() => fleet.journal.ends('delivered').length >= 2, { what: 'the first parts' });
    await fleet.redis.ask('FLUSHALL');
    await eventually(() => fleet.journal.ends('delivered').length >= 4, { what: 'parts after the queue was emptied' });
    await fleet.redis.down();
    await eventually(() => !fleet.doorbells.state().up, { what: 'the loss of the queue to be noticed' });
    await fleet.redis.up();
    await making;
    expect(
      fleet.journal
        .ends('delivered')
        .map(({ task }) => task)
        .toSorted(),
    ).toHaveLength(10);
    expect(new Set(fleet.journal.ends('delivered').map(({ task }) => task)).size).toBe(10);
    expect(fleet.journal.ends('lost')).toEqual([]);
  });

  it('hand a part that failed to another, which makes it', async () => {
    const fleet = await fleetOn({ reconcileMs: 300 });
    const failing: Pace = async () => {
      throw new ShrinkError('out-of-memory', 'ran out of memory');
    };
    await worker(fleet, 'desk', failing);
    const part = fakePart(fleet, 0);
    // With nobody else there the part would be given up.
    const attic = await fleet.invited('attic');
    const { helloOf } = await import('../../support/fleet.ts');
    await attic.hello(helloOf(), signal);
    const making = fleet.coordinator.make(part.spec, signal);
    await eventually(() => fleet.journal.ends('failed').length === 1, { what: 'the failure' });
    await worker(fleet, 'cellar', at(0));
    expect((await making).worker).toBe('cellar');
  });

  it('say so when the daemon does not take what they made', async () => {
    const fleet = await fleetOn();
    await worker(fleet, 'desk', at(0));
    const making = fleet.coordinator.make(fakePart(fleet, 0, { maxBytes: 100 }).spec, signal);
    await expect(making).rejects.toMatchObject({ why: 'failed' });
    expect(fleet.journal.ends('failed')).toHaveLength(1);
  });

  it('give a straggler a second holder, and the first result wins', async () => {
    const fleet = await fleetOn({ reconcileMs: 200 });
    await worker(fleet, 'desk', async ({ signal: ended, progress }, nth) => {
      progress(0.05, 1, 'pass-1');
      await sleep(systemClock, nth < 2 ? 50 : 60_000, ended);
    });
    const parts = Array.from({ length: 3 }, (_, n) => fakePart(fleet, n));
    const making = Promise.all(parts.map(({ spec }) => fleet.coordinator.make(spec, signal)));
    await eventually(() => fleet.journal.ends('delivered').length === 2, { what: 'the quick parts' });
    await worker(fleet, 'attic', at(0));
    const by = await making;
    expect(by.map(one => one.worker).toSorted()).toEqual(['attic', 'desk', 'desk']);
    expect(fleet.journal.ends('delivered')).toHaveLength(3);
    expect(fleet.journal.ends('withdrawn')).toMatchObject([{ worker: 'desk' }]);
  });

  it('without room refuse a part, which another takes; a film that is over leaves nothing behind', async () => {
    const fleet = await fleetOn({ reconcileMs: 300 });
    await worker(fleet, 'desk', at(0), { scratchMax: 500 });
    const part = fakePart(fleet, 0);
    const making = fleet.coordinator.make(part.spec, signal);
    await sleep(systemClock, 1_000);
    expect(fleet.journal.events).toEqual([]);
    await worker(fleet, 'attic', at(0));
    expect((await making).worker).toBe('attic');
    for (const name of ['desk', 'attic']) {
      await eventually(async () => (await readdir(join(fleet.dir, `scratch-${name}`))).length === 0, {
        what: `the scratch of ${name} to be empty`,
      });
    }
  });

  // Was: an uncaught exception from a timer, with its parts still being made.
  it('end with the reason once they were revoked, and drop what they make', async () => {
    const fleet = await fleetOn({ leaseMs: 400 });
    let made: 'not yet' | 'begun' | 'dropped' = 'not yet';
    const pace: Pace = async ({ signal: ended }) => {
      made = 'begun';
      await sleep(systemClock, 60_000, ended).finally(() => {
        made = 'dropped';
      });
    };
    const agent = await worker(fleet, 'desk', pace);
    const over = new AbortController();
    const making = fleet.coordinator.make(fakePart(fleet, 0).spec, over.signal).catch(() => {});
    await eventually(() => made === 'begun', { what: 'the part to be made' });
    await fleet.roster.revoke('desk');
    await expect(runs.get(agent)).rejects.toMatchObject({ code: 'auth-missing' });
    await eventually(() => made === 'dropped', { what: 'the part to be dropped' });
    over.abort();
    await making;
  });

  it('see nothing of what else is in that Redis, and keep nobody from it', async () => {
    const server = await RedisServer.start();
    const redis = new Redis(server.url);
    closing.push(
      () => server.close(),
      async () => redis.disconnect(),
    );
    await once(redis, 'ready');
    const desk = new WelcomeDesk({
      ...{ cluster: 'test', access: { url: server.url }, redis, leaseMs: 1000, films: () => [], log: silentLogger },
    });
    const entry = { name: 'desk', password: 'secret' } as Parameters<WelcomeDesk['welcome']>[0];
    const user = (await desk.welcome(entry)).queue.username ?? '';
    const may = async (...command: string[]) => (await server.ask('ACL', 'DRYRUN', user, ...command)) === 'OK';
    const refused = [
      ['SCAN', '0'],
      ['RANDOMKEY'],
      ['DBSIZE'],
      ['CLIENT', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['CLIENT', 'PAUSE', '1000000'],
      ['SCRIPT', 'FLUSH'],
      ['FUNCTION', 'LIST'],
    ];
    for (const command of refused) expect(await may(...command), command.join(' ')).toBe(false);
    expect(await may('EVAL', 'return 1', '0')).toBe(true);
  });

  it('stop making what is not wanted any more', async () => {
    const fleet = await fleetOn();
    let [began, ended] = [false, false];
    await worker(fleet, 'desk', async request => {
      began = true;
      await sleep(systemClock, 60_000, request.signal).finally(() => {
        ended = true;
      });
    });
    const stop = new AbortController();
    const making = fleet.coordinator.make(fakePart(fleet, 0).spec, stop.signal).catch(() => 'stopped');
    // With the lease alone, the part may be taken back before it was fetched, and is never begun.
    await eventually(() => began, { what: 'the part to be begun' });
    stop.abort(new Error('cancelled'));
    expect(await making).toBe('stopped');
    await eventually(() => ended, { what: 'the worker to stop' });
  });

  it.skipIf(!process.env['SHRINKBOX_FLEET'])(
    '1,000 parts over 50 workers: all done, evenly, and quickly asked',
    async () => {
      const fleet = await fleetOn();
      // From the end of what a worker made to the beginning of its next part: upload, doorbell, lease and slice.
      const waits: number[] = [];
      const last = new Map<string, number>();
      const timed = (name: string): Pace => {
        return async request => {
          const before = last.get(name);
          if (before !== undefined) waits.push(performance.now() - before);
          await at(200)(request, 0);
          last.set(name, performance.now());
        };
      };
      await Promise.all(Array.from({ length: 50 }, (_, n) => worker(fleet, `box-${n}`, timed(`box-${n}`))));
      await eventually(() => fleet.coordinator.view().workers.length === 50, { what: 'fifty workers' });
      const parts = Array.from({ length: 1000 }, (_, n) => fakePart(fleet, n, { bytes: 100, job: 'many' }));
      const by = await Promise.all(parts.map(({ spec }) => fleet.coordinator.make(spec, signal)));
      const counts = new Map<string, number>();
      for (const { worker: name } of by) counts.set(name, (counts.get(name) ?? 0) + 1);
      const sorted = waits.toSorted((a, b) => a - b);
      const [median = 0, p95 = 0] = [0.5, 0.95].map(share => sorted[Math.floor(sorted.length * share)] ?? 0);
      console.log({ most: Math.max(...counts.values()), least: Math.min(...counts.values()), median, p95 });
      expect(counts.size).toBe(50);
      expect(Math.max(...counts.values()) / Math.min(...counts.values())).toBeLessThanOrEqual(2);
      expect(p95).toBeLessThan(1_000);
    },
  );
});
