/**
 * `npm run sim:fleet -- [--workers 200] [--films 1000] [--at-once 8] [--losses 1]`: the real coordinator (leases, doorbells' rings,
 * stragglers, benches) in virtual time, with workers, a queue and a line that are arithmetic. Says how much of the ideal the fleet
 * makes, and what share of the daemon that takes. What a minute of film costs was measured: docs/benchmarks.md, A fleet.
 */
import { parseArgs } from 'node:util';
import { Coordinator } from '../../../../src/fleet/coordinator.ts';
import type { PartSpec } from '../../../../src/fleet/part.ts';
import { Refused } from '../../../../src/fleet/refused.ts';
import type { Doorbells } from '../../../../src/fleet/doorbells.ts';
import { type Hello, PROTOCOL, queueAt } from '../../../../src/fleet/protocol.ts';
import type { Ring } from '../../../../src/fleet/rules.ts';
import { type Deferred, deferred, Semaphore } from '../../../../src/platform/async.ts';
import { sleep } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/log.ts';
import { VirtualClock } from './virtual-clock.ts';

const { values } = parseArgs({
  // After the runner and this file.
  args: process.argv.slice(3),
  options: {
    workers: { type: 'string', default: '200' },
    films: { type: 'string', default: '1000' },
    'at-once': { type: 'string', default: '8' },
    /** Workers lost in an hour, each back after ten minutes. */
    losses: { type: 'string', default: '1' },
    /** Bits a second the daemon can send. */
    line: { type: 'string', default: '1e9' },
    /** Cores of the daemon for what it does itself with a film; 0 leaves that out. */
    cores: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
});
const N = Number(values.workers);
const FILMS = Number(values.films);
const AT_ONCE = Number(values['at-once']);
const LOSSES = Number(values.losses);
const LINE = Number(values.line) / 8;
const CORES = Number(values.cores);

/** Core seconds for a minute of 1080p at 25 frames a second, and bytes of it. */
const PASS_1_S = 60;
const PASS_2_S = 120;
const VERIFY_S = 12;
const PROBE_S = 2;
const SLICE_BYTES = 30e6;
const RESULT_BYTES = 8e6;
const WORKER_CORES = 4;

const LEASE_MS = 60_000;
const BEAT_MS = 15_000;
const AWAY_MS = 10 * 60_000;
/** Of an idle worker for its queues: half of what agent.ts waits between two looks. */
const POLL_MS = 250;

const clock = new VirtualClock();
const random = mulberry(Number(values.seed));

/** Who rings where, as Redis would know it: an entry is there until whoever took it has done with it. */
class VirtualBells implements Doorbells {
  readonly #known = new Set<string>();
  readonly #queues = new Map<string, Ring[]>();
  readonly #waiting = new Map<string, Deferred<Ring>>();
  readonly #listens = new Map<string, string[]>();
  rung = 0;
  asked = 0;

  async ringAll(rings: readonly Ring[]): Promise<number> {
    this.asked += rings.length;
    const fresh = rings.filter(ring => !this.#known.has(`${ring.queue}:${ring.id}`));
    for (const ring of fresh) this.#ring(ring);
    this.rung += fresh.length;
    return fresh.length;
  }

  /** The next entry in one of the queues; waits for it. */
  next(worker: string, queues: string[]): Promise<Ring> {
    for (const name of queues) {
      const ring = this.#queues.get(name)?.shift();
      if (ring) return Promise.resolve(ring);
    }
    const waits = deferred<Ring>();
    this.#waiting.set(worker, waits);
    this.#listens.set(worker, queues);
    return waits.promise;
  }

  /** A worker that died waits for nothing. */
  gone(worker: string): void {
    this.#waiting.delete(worker);
  }

  usedUp({ queue, id }: Ring): void {
    this.#known.delete(`${queue}:${id}`);
  }

  #ring(ring: Ring): void {
    this.#known.add(`${ring.queue}:${ring.id}`);
    for (const [worker, waits] of this.#waiting) {
      if (!this.#listens.get(worker)?.includes(ring.queue)) continue;
      this.#waiting.delete(worker);
      return waits.resolve(ring);
    }
    const queue = this.#queues.get(ring.queue) ?? [];
    this.#queues.set(ring.queue, queue);
    queue.push(ring);
  }

  state() {
    return { up: true, since: 0, why: null };
  }
  async close(): Promise<void> {}
}

/** The daemon's line: whoever comes later waits. */
const line = {
  freeAtMs: 0,
  busyMs: 0,
  async send(bytes: number): Promise<void> {
    const takesMs = (bytes / LINE) * 1000;
    this.freeAtMs = Math.max(this.freeAtMs, clock.monotonic()) + takesMs;
    this.busyMs += takesMs;
    await sleep(clock, this.freeAtMs - clock.monotonic());
  },
};

const bells = new VirtualBells();
let [leases, lost] = [0, 0];
const coordinator = new Coordinator({
  ...{ clusterKey: Buffer.alloc(32), leaseMs: LEASE_MS, clock, log: silentLogger, doorbells: bells },
  commit: async (_job, { lease, ends }) => {
    if (lease) leases += 1;
    lost += ends.filter(({ how }) => how === 'lost').length;
  },
  isActive: () => true,
});

const specs = new Map<string, { spec: PartSpec; coreS: number; frames: number }>();
const daemonCores = CORES > 0 ? new Semaphore(CORES) : undefined;
let [usefulCoreS, daemonCoreS, bytesOut] = [0, 0, 0];

async function atHome(coreS: number): Promise<void> {
  daemonCoreS += coreS;
  await daemonCores?.run(() => sleep(clock, coreS * 1000));
}

/** Both passes of every part, one set made again in half of the films, and what the daemon does itself. */
async function film(nth: number): Promise<void> {
  const job = `film${nth}`;
  const minutes = Math.round(20 + random() * 100);
  await atHome(PROBE_S * minutes);
  const makers: string[] = [];
  const pass = async (name: string, coreS: number, parts: number[]) =>
    await Promise.all(
      parts.map(async part => {
        const task = `${job}.${part}`;
        const spec = specOf({ job, part, want: `h264-${name}`, preferred: makers[part] });
        specs.set(task, { spec, coreS, frames: 1500 });
        usefulCoreS += coreS;
        const { worker } = await coordinator.make(spec, new AbortController().signal);
        makers[part] = worker;
      }),
    );
  const all = Array.from({ length: minutes }, (_, part) => part);
  await pass('first', PASS_1_S, all);
  await pass('second', PASS_2_S, all);
  if (random() < 0.5) await pass('again', PASS_2_S, all.slice(0, Math.ceil(minutes / 10)));
  await atHome(VERIFY_S * minutes);
  for (const part of all) specs.delete(`${job}.${part}`);
  coordinator.forget(job);
}

function specOf(wanted: Pick<PartSpec, 'job' | 'part' | 'want' | 'preferred'>): PartSpec {
  return {
    ...wanted,
    of: 1,
    ...{ codec: 'h264', fingerprint: undefined, needsBytes: 1, frames: 1500, order: {}, uploadTo: '', maxBytes: 1e9 },
    // Whether it is the first pass or the second.
    work: wanted.want,
    mayGiveUp: false,
    slice: async () => ({ path: '', bytes: 0, sha256: '' }),
    inspect: async () => async () => {},
    pin: async () => {},
    checkSource: async () => {},
    dropUploads: async () => {},
    isPaused: () => false,
    onBeat: () => {},
  };
}

const HELLO: Omit<Hello, 'name'> = {
  ...{ protocol: PROTOCOL, version: '0', ffmpeg: '5', encoders: { libx264: '164' }, scratch_free: 1e12 },
  ...{ cores: WORKER_CORES, slots: 1 },
};
const PRINT = `h264-f5-164-p${PROTOCOL}`;

class SimWorker {
  readonly name: string;
  readonly speed: number;
  /** Grows with each death: what an earlier life still waits for is nothing to it. */
  #life = 0;
  #had = new Set<string>();
  busyMs = 0;

  constructor(nth: number) {
    this.name = `box-${nth}`;
    this.speed = 0.5 + random();
  }

  start(): void {
    this.#life += 1;
    this.#had = new Set();
    void this.#report(this.#life);
    void this.#work(this.#life);
  }

  die(): void {
    this.#life += 1;
    bells.gone(this.name);
    void sleep(clock, AWAY_MS).then(() => this.start());
  }

  async #report(life: number): Promise<void> {
    for (; life === this.#life; await sleep(clock, BEAT_MS))
      coordinator.hello(this.name, { ...HELLO, name: this.name });
  }

  async #work(life: number): Promise<void> {
    while (life === this.#life) {
      const began = clock.monotonic();
      const ring = await bells.next(this.name, [queueAt(this.name), PRINT, 'h264']);
      if (clock.monotonic() > began) await sleep(clock, random() * 2 * POLL_MS);
      if (life !== this.#life) return;
      await this.#answer(ring, life);
      bells.usedUp(ring);
    }
  }

  async #answer({ task, want }: Ring, life: number): Promise<void> {
    const part = specs.get(task);
    const lease = await coordinator
      .lease(this.name, task, { want, fingerprint: PRINT, scratch_free: 1e12 })
      .catch((error: unknown) => {
        if (!(error instanceof Refused)) throw error;
      });
    if (!lease || !part) return;
    const began = clock.monotonic();
    // The piece of the source stays for the second pass.
    if (!this.#had.has(task)) {
      bytesOut += SLICE_BYTES;
      await line.send(SLICE_BYTES);
      this.#had.add(task);
    }
    const endMs = clock.monotonic() + (part.coreS / WORKER_CORES / this.speed) * 1000;
    const ref = { task, n: lease.n, worker: this.name };
    for (;;) {
      const leftMs = endMs - clock.monotonic();
      await sleep(clock, Math.min(BEAT_MS, Math.max(0, leftMs)));
      if (life !== this.#life) return;
      if (clock.monotonic() >= endMs) break;
      const fraction = 1 - (endMs - clock.monotonic()) / Math.max(1, endMs - began);
      try {
        if (coordinator.beat(ref, { fraction, fps: 25, step: 'pass' }).cancel) return;
      } catch {
        return;
      }
    }
    this.busyMs += clock.monotonic() - began;
    await coordinator.deliver(ref, {}, { path: '', bytes: RESULT_BYTES, sha256: '' }).catch(() => {});
  }
}

const workers = Array.from({ length: N }, (_, nth) => new SimWorker(nth));
coordinator.start([]);
for (const worker of workers) worker.start();

async function lose(): Promise<void> {
  for (;;) {
    await sleep(clock, (3_600_000 / LOSSES) * (0.5 + random()));
    workers[Math.floor(random() * N)]?.die();
  }
}
if (LOSSES > 0) void lose();

const queue = new Semaphore(AT_ONCE);
const cpu = process.cpuUsage();
await clock.runUntil(Promise.all(Array.from({ length: FILMS }, (_, n) => queue.run(() => film(n)))));
await coordinator.stop();
const { user, system } = process.cpuUsage(cpu);

const speed = workers.reduce((sum, worker) => sum + worker.speed, 0) * WORKER_CORES;
const tookS = clock.monotonic() / 1000;
const round = (value: number, digits = 1) => Number(value.toFixed(digits));
console.log({
  ...{ workers: N, films: FILMS, atOnce: AT_ONCE, lossesAnHour: LOSSES },
  hours: round(tookS / 3600, 2),
  ideal: round(usefulCoreS / speed / 3600, 2),
  ofIdeal: `${round((usefulCoreS / speed / tookS) * 100)} %`,
  busy: `${round((workers.reduce((sum, { busyMs }) => sum + busyMs, 0) / (N * tookS * 1000)) * 100)} %`,
  ...{ leases, lost, rung: bells.rung, askedOfTheQueue: bells.asked },
  schedulerCoreSeconds: round((user + system) / 1e6),
  msALease: round((user + system) / 1e3 / leases, 2),
  schedulerShareOfACore: `${round(((user + system) / 1e6 / tookS) * 100, 2)} %`,
  line: `${round((line.busyMs / 1000 / tookS) * 100)} %`,
  daemonCores: round(daemonCoreS / tookS, 2),
});
/** The same numbers each time. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
