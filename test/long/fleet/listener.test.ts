import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../src/core/errors.ts';
import type { NotByFleet } from '../../../src/fleet/part.ts';
import { DaemonClient, type Granted, SaysNo } from '../../../src/worker/client.ts';
import {
  FINGERPRINT,
  type FakeDoorbells,
  fakePart,
  type FleetSide,
  fleetSide,
  helloOf,
  reversed,
} from '../../support/fleet.ts';

const signal = new AbortController().signal;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function side(...more: Parameters<typeof fleetSide>): Promise<FleetSide> {
  const made = await fleetSide(...more);
  closing.push(() => made.close());
  return made;
}

/** What the daemon says no with. */
async function no(asked: Promise<unknown>): Promise<[number, string]> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SaysNo)) throw error ?? new Error('it was allowed');
  return [error.status, error.code];
}

const asked = (want = 'h264-a') => ({ want, fingerprint: FINGERPRINT, scratch_free: 1e9 });
const beat = { fraction: 0.5, fps: 25, step: 'pass-1' };

async function deliver(
  of: FleetSide,
  client: DaemonClient,
  lease: Granted,
  change = (made: Buffer) => made,
): Promise<void> {
  const source = join(of.dir, `${lease.task}.${lease.n}.source`);
  while ((await client.slice(lease, { path: source, known: undefined }, signal)).state === 'part');
  const path = join(of.dir, `${lease.task}.${lease.n}.result`);
  await reversed(source, path);
  const made = change(await readFile(path));
  await writeFile(path, made);
  const sha256 = createHash('sha256').update(made).digest('hex');
  await client.upload(lease, { path, bytes: made.length, sha256, made: {} }, signal);
}

describe('a part', () => {
  it('goes out, comes back and counts once, and what rings is only that there is one', async () => {
    const fleet = await side();
    const desk = await fleet.invited('desk');
    await desk.hello(helloOf(), signal);
    const part = fakePart(fleet, 0);
    const made = fleet.coordinator.make(part.spec, signal);
    await fleet.coordinator.reconcile();
    expect((fleet.doorbells as FakeDoorbells).rings).toEqual([
      { task: 'film.0', want: 'h264-a', queue: 'h264', id: 'film.0-1' },
    ]);
    const lease = await desk.lease('film.0', asked(), signal);
    expect(await desk.beat(lease, beat, signal)).toEqual({ pause: false, cancel: false });
    await deliver(fleet, desk, lease);
    expect(await made).toEqual({ worker: 'desk', fingerprint: FINGERPRINT });
    expect(await part.kept()).toHaveLength(50_000);
    expect(fleet.journal.events).toHaveLength(2);
    expect(fleet.journal.ends('delivered')).toHaveLength(1);
  });

  it('is told to wait while the film rests, and to stop once nobody wants it', async () => {
    const fleet = await side();
    const desk = await fleet.invited('desk');
    await desk.hello(helloOf(), signal);
    const stop = new AbortController();
    let isPaused = true;
    const made = fleet.coordinator.make(fakePart(fleet, 0, { isPaused: () => isPaused }).spec, stop.signal);
    expect(await no(desk.lease('film.0', asked(), signal))).toEqual([423, 'held']);
    isPaused = false;
    const lease = await desk.lease('film.0', asked(), signal);
    isPaused = true;
    expect(await desk.beat(lease, beat, signal)).toEqual({ pause: true, cancel: false });
    stop.abort(new Error('cancelled'));
    await expect(made).rejects.toThrow('cancelled');
    expect(await no(desk.beat(lease, beat, signal))).toEqual([409, 'lease-lost']);
    expect(await no(desk.lease('film.0', asked(), signal))).toEqual([410, 'gone']);
  });

  it('of a film that was begun with another encoder is refused, whatever a worker claims', async () => {
    const fleet = await side();
    const [desk, attic] = [await fleet.invited('desk'), await fleet.invited('attic')];
    await desk.hello(helloOf(), signal);
    await attic.hello(helloOf({ encoders: { libx264: '165' } }), signal);
    const makes = [0, 1].map(n => fleet.coordinator.make(fakePart(fleet, n).spec, signal));
    const lease = await desk.lease('film.0', asked(), signal);
    const other = { ...asked(), fingerprint: 'h264-f5-165-p1' };
    expect(await no(attic.lease('film.1', other, signal))).toEqual([412, 'wrong-encoder']);
    expect(await no(attic.lease('film.1', asked(), signal))).toEqual([412, 'wrong-encoder']);
    await deliver(fleet, desk, lease);
    await deliver(fleet, desk, await desk.lease('film.1', asked(), signal));
    await Promise.all(makes);
  });

  it('that nobody can make is given up where this machine may do it, once a lease has passed', async () => {
    const fleet = await side({ leaseMs: 200, reconcileMs: 50 });
    fleet.coordinator.start([]);
    const made = fleet.coordinator.make(fakePart(fleet, 0, { mayGiveUp: true }).spec, signal);
    await expect(made).rejects.toMatchObject({ why: 'absent' } satisfies Partial<NotByFleet>);
  });

  it('whose piece the daemon cannot cut fails the film with its reason, and does not go round the workers', async () => {
    const fleet = await side();
    const desk = await fleet.invited('desk');
    await desk.hello(helloOf(), signal);
    const full = new ShrinkError('no-space', 'the disk is full');
    const made = fleet.coordinator.make(fakePart(fleet, 0, { slice: () => Promise.reject(full) }).spec, signal);
    const ended = expect(made).rejects.toBe(full);
    const lease = await desk.lease('film.0', asked(), signal);
    const there = { path: join(fleet.dir, 'source'), known: undefined };
    expect(await no(desk.slice(lease, there, signal))).toEqual([410, 'gone']);
    await ended;
  });

  it('that fails on two workers is given up, and not before', async () => {
    const fleet = await side();
    const [desk, attic] = [await fleet.invited('desk'), await fleet.invited('attic')];
    for (const one of [desk, attic]) await one.hello(helloOf(), signal);
    const made = fleet.coordinator.make(fakePart(fleet, 0).spec, signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    const first = await desk.lease('film.0', asked(), signal);
    await desk.failed(first, { code: 'out-of-memory', text: 'ran out of memory' }, signal);
    expect(await no(desk.lease('film.0', asked(), signal))).toEqual([423, 'held']);
    const second = await attic.lease('film.0', asked(), signal);
    await attic.failed(second, { code: 'out-of-memory', text: 'ran out of memory' }, signal);
    expect(await made).toMatchObject({ why: 'failed' });
  });
});

describe('a worker that lies', () => {
  const lies: [string, (made: Buffer) => Buffer][] = [
    ['wrong bytes', made => Buffer.from(made).fill(7)],
    ['a short file', made => made.subarray(0, 1000)],
    ['55 bytes of an error page', () => Buffer.from('<html><body>502 Bad Gateway, please try again</body>....')],
  ];

  it('is rejected each time, and sent away after the third', async () => {
    const fleet = await side();
    const [desk, attic] = [await fleet.invited('desk'), await fleet.invited('attic')];
    for (const one of [desk, attic]) await one.hello(helloOf(), signal);
    const parts = [0, 1, 2, 3].map(n => fakePart(fleet, n));
    const makes = parts.map(part => fleet.coordinator.make(part.spec, signal));
    for (const [at, [, lie]] of lies.entries()) {
      const lease = await desk.lease(`film.${at}`, asked(), signal);
      expect(await no(deliver(fleet, desk, lease, lie))).toEqual([422, 'rejected']);
    }
    expect(await no(desk.lease('film.3', asked(), signal))).toEqual([403, 'benched']);
    expect(fleet.coordinator.view().workers.find(({ name }) => name === 'desk')?.state).toBe('benched');
    for (const at of parts.keys()) await deliver(fleet, attic, await attic.lease(`film.${at}`, asked(), signal));
    await Promise.all(makes);
    expect(fleet.journal.ends('delivered')).toHaveLength(4);
  });

  it("cannot deliver another part's result, nor more than was asked for", async () => {
    const fleet = await side();
    const desk = await fleet.invited('desk');
    const attic = await fleet.invited('attic');
    for (const one of [desk, attic]) await one.hello(helloOf(), signal);
    void fleet.coordinator.make(fakePart(fleet, 0, { maxBytes: 10_000 }).spec, signal).catch(() => {});
    const lease = await desk.lease('film.0', asked(), signal);
    expect(await no(deliver(fleet, desk, lease))).toEqual([413, 'too-large']);
    expect(await no(deliver(fleet, desk, lease, made => made.subarray(0, 10)))).toEqual([422, 'rejected']);
  });
});

describe('whoever shows', () => {
  it('no token, a forged or a revoked one gets 401, and so does the lease of another', async () => {
    const fleet = await side();
    const [desk, attic] = [await fleet.invited('desk'), await fleet.invited('attic')];
    for (const one of [desk, attic]) await one.hello(helloOf(), signal);
    void fleet.coordinator.make(fakePart(fleet, 0).spec, signal).catch(() => {});
    void fleet.coordinator.make(fakePart(fleet, 1).spec, signal).catch(() => {});
    const lease = await desk.lease('film.0', asked(), signal);
    const forged = new DaemonClient({ url: fleet.url, pin: fleet.pin, secret: 'desk.0123456789abcdef0123' });
    closing.push(() => forged.close());
    expect(await no(forged.hello(helloOf(), signal))).toEqual([401, 'unauthorized']);
    const theirs = { path: join(fleet.dir, 'stolen'), known: undefined };
    expect(await no(attic.slice(lease, theirs, signal))).toEqual([401, 'not-yours']);
    expect(await no(desk.slice({ ...lease, task: 'film.1' }, theirs, signal))).toEqual([401, 'not-yours']);
    expect(await no(desk.slice({ ...lease, n: 2 }, theirs, signal))).toEqual([401, 'not-yours']);
    await fleet.roster.revoke('desk');
    expect(await no(desk.beat(lease, beat, signal))).toEqual([401, 'unauthorized']);
  });

  it('an old protocol is told what to update, before anything else of it is read', async () => {
    const fleet = await side();
    const desk = await fleet.invited('desk');
    await desk.hello(helloOf({ protocol: 0 }), signal);
    const old = { protocol: -1, whatever: true } as never;
    await expect(desk.hello(old, signal)).rejects.toMatchObject({
      status: 426,
      message: 'this worker speaks protocol -1, the daemon 1 and 0: the daemon is newer, so update the worker',
    });
    expect(await no(desk.hello(helloOf({ protocol: 2 }), signal))).toEqual([426, 'protocol']);
  });

  it('the token of the fleet joins under a free name, and an invitation once', async () => {
    const fleet = await side({ sharedToken: 'a-token-of-the-whole-fleet' });
    const anybody = new DaemonClient({ url: fleet.url, pin: fleet.pin, secret: 'a-token-of-the-whole-fleet' });
    closing.push(() => anybody.close());
    expect((await anybody.join({ name: 'box-1' }, signal)).name).toBe('box-1');
    expect(await no(anybody.join({ name: 'box-1' }, signal))).toEqual([409, 'name-taken']);
    const code = await fleet.roster.invite('desk', Date.now());
    const invited = new DaemonClient({ url: fleet.url, pin: fleet.pin, secret: code });
    closing.push(() => invited.close());
    expect((await invited.join({}, signal)).name).toBe('desk');
    expect(await no(invited.join({}, signal))).toEqual([401, 'unauthorized']);
  });

  it('another key than the one that was pinned gets no token', async () => {
    const fleet = await side();
    const wary = new DaemonClient({ url: fleet.url, pin: 'another', secret: 'desk.0123456789abcdef0123' });
    closing.push(() => wary.close());
    await expect(wary.hello(helloOf(), signal)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a daemon that has started again', () => {
  it('asks for a hello, renews what was leased before, and has its upload wait until the film is begun', async () => {
    const before = { task: 'film.0', want: 'h264-a', n: 3, worker: 'desk' };
    const fleet = await side();
    fleet.coordinator.start([{ last: { 'film.0': 3 }, open: [before] }]);
    const desk = await fleet.invited('desk');
    expect(await no(desk.lease('film.0', asked(), signal))).toEqual([428, 'hello-first']);
    await desk.hello(helloOf(), signal);
    const { leaseMac } = await import('../../../src/fleet/protocol.ts');
    const { key } = await fleet.roster.cluster('test');
    const lease = { task: 'film.0', n: 3, mac: leaseMac(key, before), order: {} };
    expect(await desk.beat(lease, beat, signal)).toEqual({ pause: false, cancel: false });
    const early = { path: undefined, bytes: 0, sha256: createHash('sha256').digest('hex'), made: {} };
    expect(await no(desk.upload(lease, early, signal))).toEqual([503, 'unknown']);
    const part = fakePart(fleet, 0);
    const made = fleet.coordinator.make(part.spec, signal);
    await deliver(fleet, desk, lease);
    expect((await made).worker).toBe('desk');
  });
});

/** Cuts every connection after so many bytes in either direction. */
async function cuttingProxy(to: number, afterBytes: number): Promise<number> {
  const open = new Set<Socket>();
  const server: Server = createServer(near => {
    const far = connect(to, '127.0.0.1');
    let left = afterBytes;
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => {});
      from.on('close', () => into.destroy());
      from.on('data', piece => {
        into.write(piece.subarray(0, Math.max(0, left)));
        left -= piece.length;
        if (left <= 0) into.end(() => near.destroy());
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

it('over a line that is cut after every 200 kB, a slice and a result of 1.5 MB arrive whole', async () => {
  const fleet = await side();
  const desk = await fleet.invited('desk', await cuttingProxy(fleet.port, 200_000));
  await desk.hello(helloOf(), signal);
  const part = fakePart(fleet, 0, { bytes: 1_500_000 });
  const made = fleet.coordinator.make(part.spec, signal);
  const again = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (error instanceof SaysNo && error.status !== 416) throw error;
      }
    }
  };
  const lease = await again(() => desk.lease('film.0', asked(), signal));
  const source = join(fleet.dir, 'source');
  while ((await again(() => desk.slice(lease, { path: source, known: undefined }, signal))).state === 'part');
  const path = join(fleet.dir, 'result');
  const result = await reversed(source, path);
  await again(() => desk.upload(lease, { path, ...result, made: {} }, signal));
  expect((await made).worker).toBe('desk');
  expect(
    createHash('sha256')
      .update((await part.kept()) ?? '')
      .digest('hex'),
  ).toBe(result.sha256);
});
