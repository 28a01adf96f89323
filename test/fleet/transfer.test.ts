import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { takeUpload, uploadedBytes } from '../../src/fleet/transfer.ts';
import { deferred } from '../../src/platform/async.ts';
import { DaemonClient, type Granted, type SaysNo } from '../../src/worker/client.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FINGERPRINT, fakePart, type FleetSide, fleetSide, helloOf, reversed } from '../support/fleet.ts';

const { signal } = new AbortController();
const asked = { want: 'h264-a', fingerprint: FINGERPRINT, scratch_free: 1e9 };
let fleet: FleetSide;
let desk: DaemonClient;
beforeEach(async () => {
  fleet = await fleetSide({ leaseMs: 60_000 });
  desk = await fleet.invited('desk');
  await desk.hello(helloOf(), signal);
});
afterEach(() => fleet.close());

async function madeOf(lease: Granted) {
  const source = join(fleet.dir, 'fetched');
  while ((await desk.slice(lease, { path: source, known: undefined }, signal)).state === 'part');
  const path = join(fleet.dir, 'result');
  return { path, made: {}, ...(await reversed(source, path)) };
}

it('a result that is sent again while the daemon looks at it is not taken from under it, nor sent twice', async () => {
  const looks = deferred();
  const goOn = deferred();
  const { spec, kept } = fakePart(fleet, 0);
  const moved: number[] = [];
  const making = fleet.coordinator.make(
    {
      ...spec,
      async inspect(made, uploaded) {
        looks.resolve();
        await goOn.promise;
        moved.push((await readFile(uploaded.path)).length);
        return await spec.inspect(made, uploaded);
      },
    },
    signal,
  );
  const lease = await desk.lease('film.0', asked, signal);
  const result = await madeOf(lease);
  const impatient = new AbortController();
  const first = desk.upload(lease, result, impatient.signal).catch(() => 'gave up');
  await looks.promise;
  impatient.abort();
  expect(await first).toBe('gave up');
  const again = desk.upload(lease, result, signal);
  // The second try has come as far as it can: what it would do to the file, it has done.
  await desk.beat(lease, { fraction: 1, fps: 0, step: 'send' }, signal);
  await desk.speed(0, signal);
  goOn.resolve();
  await again;
  expect(await making).toMatchObject({ worker: 'desk' });
  expect(moved).toEqual([result.bytes]);
  expect(await kept()).toHaveLength(result.bytes);
});

it('what a worker had uploaded when it lost its lease goes at once, and the rest with the part', async () => {
  const stop = new AbortController();
  // With nobody else there the part would be given up.
  await (await fleet.invited('attic')).hello(helloOf(), signal);
  const part = fakePart(fleet, 0);
  const names = async () => (await readdir(fleet.dir)).filter(name => name.includes('.upload.'));
  // Of before a restart.
  await writeFile(`${part.spec.uploadTo}.7`, 'old');
  const making = fleet.coordinator.make(part.spec, stop.signal).catch(() => 'stopped');
  const lease = await desk.lease('film.0', asked, signal);
  expect(await names()).toEqual([]);
  await writeFile(`${part.spec.uploadTo}.${lease.n}`, 'a begin');
  await desk.failed(lease, { code: 'no-space', text: 'the disk is full' }, signal);
  await eventually(async () => (await names()).length === 0, { what: 'the upload to be removed' });
  await writeFile(`${part.spec.uploadTo}.9`, 'what came late');
  stop.abort(new Error('cancelled'));
  await making;
  expect(await names()).toEqual([]);
});

// Was: the film failed with ECONNRESET, though the worker only tries again.
it.each([false, true])(
  'an upload that is cut off is no failure of the daemon, whether all of it had come: %s',
  async complete => {
    const headers = { 'upload-length': '100', 'upload-offset': '0' };
    const request = Object.assign(new Readable({ read() {} }), { headers, complete });
    const path = join(fleet.dir, 'cut');
    const taking = takeUpload(path, request as unknown as IncomingMessage, 1_000);
    request.push(Buffer.alloc(40));
    await eventually(async () => (await uploadedBytes(path)) === 40, { what: 'the first bytes' });
    request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    expect(await taking).toEqual({ offset: 40 });
  },
);

it('a piece that is longer on the scratch than at the daemon is fetched anew', async () => {
  void fleet.coordinator.make(fakePart(fleet, 0, { bytes: 1_000 }).spec, signal).catch(() => {});
  const lease = await desk.lease('film.0', asked, signal);
  const path = join(fleet.dir, 'fetched');
  await writeFile(path, Buffer.alloc(2_000));
  expect(await desk.slice(lease, { path, known: undefined }, signal)).toMatchObject({ state: 'part' });
  const { sha256 } = await desk.slice(lease, { path, known: undefined }, signal);
  expect(
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
  ).toBe(sha256);
});

it('a result that the daemon cannot write fails the film with the reason, and not the worker', async () => {
  const uploadTo = join(fleet.dir, 'no-folder', 'upload');
  const making = fleet.coordinator.make(fakePart(fleet, 0, { uploadTo }).spec, signal);
  const failed = expect(making).rejects.toMatchObject({ name: 'ShrinkError', subject: `${uploadTo}.1` });
  const lease = await desk.lease('film.0', asked, signal);
  const refused = await desk.upload(lease, await madeOf(lease), signal).catch((error: SaysNo) => error.status);
  expect(refused).toBe(410);
  await failed;
  expect(fleet.coordinator.view().workers).toMatchObject([{ failures: 0 }]);
});

it('a request for what is no path is answered like one for nothing', async () => {
  const status = await new Promise(resolve =>
    request({ host: '127.0.0.1', port: fleet.port, path: '//', rejectUnauthorized: false }, answer => {
      answer.resume();
      resolve(answer.statusCode);
    }).end(),
  );
  expect(status).toBe(404);
});

it('who sends no end of a request loses the connection, token or none', async () => {
  const clock = new FakeClock();
  const side = await fleetSide({ clock });
  onTestFinished(() => side.close());
  const where = { host: '127.0.0.1', port: side.port, path: '/fleet/v1/join', rejectUnauthorized: false };
  const sent = request({ ...where, method: 'POST', headers: { 'content-length': '100' } });
  const ended = new Promise<string | undefined>(resolve =>
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
  );
  sent.write('{');
  await eventually(() => clock.timers > 0, { what: 'the daemon to read it' });
  await clock.advance(30_000);
  expect(await ended).toBe('ECONNRESET');
});
