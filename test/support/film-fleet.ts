/** A fleet in one process that makes real films: ffmpeg, Redis and the listener are real, and workers are agents. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from '../../src/engine/engine.ts';
import { createSliceBook, fleetHands } from '../../src/engine/fleet/hands.ts';
import { createPartMaker } from '../../src/engine/fleet/maker.ts';
import { createLocalEngine } from '../../src/engine/local/engine.ts';
import type { FleetMeter } from '../../src/fleet/coordinator.ts';
import { RedisDoorbells } from '../../src/fleet/doorbells.ts';
import type { Maker } from '../../src/fleet/maker.ts';
import type { Encoders } from '../../src/fleet/protocol.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Agent } from '../../src/worker/agent.ts';
import { Scratch } from '../../src/worker/scratch.ts';
import { eventually } from './eventually.ts';
import { type FleetSide, fleetSide, WORKER } from './fleet.ts';
import { realTools } from './footage.ts';
import { RedisServer } from './redis.ts';
import { withSource } from './with-source.ts';

export interface FilmFleet extends FleetSide {
  engine: Engine;
  redis: RedisServer;
  close(): Promise<void>;
}

export interface FilmFleetOptions {
  leaseMs?: number;
  longestS?: number;
  /** What each worker says it has. */
  encoders?: Record<string, Encoders>;
  wrap?: (maker: Maker, worker: string) => Maker;
  meter?: FleetMeter;
}

export async function filmFleet(
  names: readonly string[],
  { leaseMs = 2_000, longestS = 2, encoders = {}, wrap = maker => maker, meter }: FilmFleetOptions = {},
): Promise<FilmFleet> {
  const tools = await realTools();
  const redis = await RedisServer.start();
  const cluster = randomBytes(4).toString('hex');
  const doorbells = new RedisDoorbells({ access: { url: redis.url }, cluster, clock: systemClock, log: silentLogger });
  const side = await fleetSide({ doorbells, cluster, leaseMs, reconcileMs: 300, queue: { url: redis.url }, meter });
  const { coordinator } = side;
  coordinator.start([]);
  const agents: { agent: Agent; running: Promise<void> }[] = [];
  for (const name of names) {
    const scratch = new Scratch({ dir: join(side.dir, `scratch-${name}`), maxBytes: 1e10 });
    await scratch.open();
    const about = { ...WORKER, ...(encoders[name] && { encoders: encoders[name] }) };
    const maker = wrap(createPartMaker({ tools, threads: 1, clock: systemClock }), name);
    const agent = new Agent({
      ...{ client: await side.invited(name), scratch, about, slots: 1, hours: undefined, clock: systemClock },
      ...{ log: silentLogger, pollMs: 50, maker },
    });
    agents.push({ agent, running: agent.run() });
  }
  await eventually(() => coordinator.slots() === names.length, { what: 'the workers' });
  const slices = createSliceBook({
    ...{ maxBytes: 1e9, slots: () => coordinator.slots(), clock: systemClock },
    isHeld: part => coordinator.isHeld(part),
  });
  const engine = createLocalEngine({
    ...{ tools, effort: 'fast', clock: systemClock, name: 'fleet', cutting: { longestS } },
    hands: fleetHands({ coordinator, slices }),
  });
  return {
    ...side,
    engine: withSource(engine),
    redis,
    async close() {
      for (const { agent } of agents) agent.stop();
      await Promise.all(agents.map(({ running }) => running));
      await side.close();
      await redis.close();
    },
  };
}

/** dB, of every frame at the size of the source against the source's. */
export async function ssim(path: string, source: string): Promise<number> {
  const { ffmpeg } = await realTools();
  const args = [
    '-nostdin',
    '-i',
    path,
    '-i',
    source,
    '-lavfi',
    '[0:v][1:v]scale2ref=flags=bicubic[a][b];[a][b]ssim',
    '-f',
    'null',
    '-',
  ];
  const { stderr } = await promisify(execFile)(ffmpeg, args);
  return Number(/All:[\d.]+ \(([\d.]+)\)/.exec(stderr)?.[1]);
}
