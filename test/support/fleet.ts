/** A fleet in one process: the daemon's side with a real listener, and parts that need no ffmpeg. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShrinkError } from '../../src/core/errors.ts';
import { type LeaseEnd, type LeaseRef, type Leases, withLease, withoutLease } from '../../src/core/lease.ts';
import { pinOf } from '../../src/fleet/certificate.ts';
import { Coordinator, type CoordinatorOptions } from '../../src/fleet/coordinator.ts';
import type { PartSpec, Slice } from '../../src/fleet/part.ts';
import type { Doorbells } from '../../src/fleet/doorbells.ts';
import { Listener } from '../../src/fleet/listener.ts';
import { type Encoders, type Hello, PROTOCOL } from '../../src/fleet/protocol.ts';
import { Roster } from '../../src/fleet/roster.ts';
import { dropUploads } from '../../src/fleet/transfer.ts';
import type { Ring } from '../../src/fleet/rules.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { DaemonClient } from '../../src/worker/client.ts';

/** Remembers what would ring. */
export class FakeDoorbells implements Doorbells {
  rings: Ring[] = [];
  up = true;
  async ringAll(rings: readonly Ring[]): Promise<number> {
    const fresh = rings.filter(({ id }) => !this.rings.some(ring => ring.id === id));
    this.rings.push(...fresh);
    return fresh.length;
  }
  state() {
    return { up: this.up, since: 0, why: null };
  }
  async close(): Promise<void> {}
}

/** The journal of jobs, as far as leases go. */
export class FakeJournal {
  readonly events: ({ lease: LeaseRef } | { end: LeaseEnd })[] = [];
  readonly jobs = new Map<string, Leases>();

  async commit(job: string, { lease, ends }: { lease?: LeaseRef; ends: readonly LeaseEnd[] }): Promise<void> {
    let leases = this.jobs.get(job);
    if (lease) {
      this.events.push({ lease });
      leases = withLease(leases, lease);
    }
    for (const end of ends) {
      this.events.push({ end });
      leases = withoutLease(leases, end);
    }
    if (leases) this.jobs.set(job, leases);
  }

  ends(how: LeaseEnd['how']): LeaseEnd[] {
    return this.events.flatMap(event => ('end' in event && event.end.how === how ? [event.end] : []));
  }
}

export const WORKER: Pick<Hello, 'version' | 'ffmpeg' | 'encoders'> = {
  version: '0.1.0',
  ffmpeg: '5.1.9',
  encoders: { libx264: '164' },
};
export const FINGERPRINT = 'h264-f5-164-p1';

export function helloOf(more: Partial<Hello> & { encoders?: Encoders } = {}): Hello {
  return { ...WORKER, name: 'worker', protocol: PROTOCOL, scratch_free: 1e9, cores: 2, slots: 1, ...more };
}

export interface FleetSide {
  dir: string;
  roster: Roster;
  coordinator: Coordinator;
  doorbells: Doorbells;
  journal: FakeJournal;
  url: string;
  pin: string;
  port: number;
  /** A client that was invited and has joined. */
  invited(name: string, port?: number): Promise<DaemonClient>;
  close(): Promise<void>;
}

export async function fleetSide(
  more: Partial<CoordinatorOptions> & { sharedToken?: string; cluster?: string; queue?: { url: string } } = {},
): Promise<FleetSide> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-fleet-'));
  const roster = new Roster(dir, silentLogger);
  const cluster = await roster.cluster('test');
  const journal = new FakeJournal();
  const doorbells = more.doorbells ?? new FakeDoorbells();
  const { leaseMs = 2_000 } = more;
  const coordinator = new Coordinator({
    ...{ clusterKey: cluster.key, leaseMs: 2_000, clock: systemClock, log: silentLogger, doorbells },
    commit: (job, events) => journal.commit(job, events),
    isActive: () => true,
    ...more,
  });
  const listener = new Listener({
    ...{ listen: { host: '127.0.0.1', port: 0 }, tls: cluster.tls, roster, coordinator },
    ...{ sharedToken: more.sharedToken, meter: more.meter, clock: more.clock ?? systemClock, log: silentLogger },
    welcome: async ({ name }) => ({
      ...{ cluster: more.cluster ?? cluster.id, worker: name, films: [], lease_ms: leaseMs, beat_ms: leaseMs / 4 },
      queue: more.queue ?? { url: 'redis://127.0.0.1:1' },
    }),
  });
  const { port } = await listener.open();
  const url = `https://127.0.0.1:${port}`;
  const pin = pinOf(cluster.tls.cert);
  const clients: DaemonClient[] = [];
  return {
    ...{ dir, roster, coordinator, doorbells, journal, url, pin, port },
    async invited(name, through = port) {
      const code = await roster.invite(name, systemClock.now());
      const { token } = (await roster.redeem(code, systemClock.now())) ?? { token: '' };
      const client = new DaemonClient(
        { url: `https://127.0.0.1:${through}`, pin, secret: token },
        { silenceMs: 5_000 },
      );
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map(client => client.close()));
      await listener.close();
      await coordinator.stop();
      await doorbells.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface FakePart {
  spec: PartSpec;
  /** What was accepted. */
  kept(): Promise<Buffer | undefined>;
}

/** A part whose result must be the reverse of its slice. */
export function fakePart(
  side: Pick<FleetSide, 'dir'>,
  part: number,
  more: Partial<PartSpec> & { bytes?: number } = {},
): FakePart {
  const { bytes = 50_000, ...changes } = more;
  const job = changes.job ?? 'film';
  const source = randomBytes(bytes);
  const path = join(side.dir, `${job}-${part}.slice`);
  const final = join(side.dir, `${job}-${part}.made`);
  let slicing: Promise<Slice> | undefined;
  const spec: PartSpec = {
    ...{
      job,
      part,
      of: 12,
      want: 'h264-a',
      codec: 'h264',
      work: 'measure',
      fingerprint: undefined,
      preferred: undefined,
      needsBytes: 1000,
    },
    ...{ frames: 100, order: { film: job, part }, uploadTo: join(side.dir, `${job}-${part}.upload`), maxBytes: 1e9 },
    mayGiveUp: false,
    slice: () =>
      (slicing ??= writeFile(path, source).then(() => ({
        ...{ path, bytes, sha256: createHash('sha256').update(source).digest('hex') },
      }))),
    async inspect(_made, uploaded) {
      const got = await readFile(uploaded.path).catch(() => Buffer.alloc(0));
      if (!got.equals(Buffer.from(source).reverse())) throw new ShrinkError('bad-answer', 'wrong bytes');
      return () => rename(uploaded.path, final);
    },
    pin: async () => {},
    checkSource: async () => {},
    dropUploads: which => dropUploads(spec.uploadTo, which),
    isPaused: () => false,
    onBeat: () => {},
    ...changes,
  };
  return { spec, kept: () => readFile(final).catch(() => undefined) };
}

/** Makes what fakePart wants. */
export async function reversed(source: string, to: string): Promise<{ bytes: number; sha256: string }> {
  const made = Buffer.from(await readFile(source)).reverse();
  await writeFile(to, made);
  return { bytes: made.length, sha256: createHash('sha256').update(made).digest('hex') };
}
