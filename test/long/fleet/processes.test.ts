/**
 * The built daemon and built workers on a real Redis, and what becomes of a film when one of them is killed, stopped or told to rest.
 * `npm run test:fleet-processes`
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { FleetBox, type FleetBoxOptions, stateOf, type WorkerProcess } from '../../support/fleet-box.ts';
import { footage } from '../../support/footage.ts';
import { whyNoRedis } from '../../support/redis.ts';

const thorough = it.skipIf(process.env['SHRINKBOX_FLEET'] !== 'processes');
const CAP = 1_000_000;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A daemon with these workers, and a film of four parts. */
async function filmWith(names: readonly string[], options: FleetBoxOptions = {}) {
  const box = await FleetBox.open(options);
  closing.push(() => box.dispose());
  await box.start();
  const workers = await Promise.all(names.map(name => box.worker(name)));
  box.drop(await footage('slow'), 'film.mp4');
  return { box, workers, desk: workers[0] as WorkerProcess, attic: workers[1] as WorkerProcess };
}

/** Delivered once, within its size, and no work on any part was accepted twice. */
async function mustBeDelivered(box: FleetBox): Promise<void> {
  const job = await box.job('film.mp4', 'done');
  expect(box.outputs()).toEqual(['film.mp4']);
  const { size } = statSync(join(box.outbox, 'film.mp4'));
  expect(size).toBe(job.output_bytes);
  expect(size).toBeLessThanOrEqual(CAP);
  expect(box.journal().filter(({ event }) => event === 'published')).toHaveLength(1);
  const leased = box.leased();
  expect(new Set(leased.map(({ task, n }) => `${task}-${n}`)).size).toBe(leased.length);
  const wants = box.leaseEnds('delivered').map(({ task, n }) => {
    const lease = leased.find(one => one.task === task && one.n === n);
    return `${task} ${lease?.want}`;
  });
  expect(wants.filter((want, at) => wants.indexOf(want) !== at)).toEqual([]);
}

describe.skipIf(whyNoRedis())('a worker that is killed', () => {
  thorough('in the first pass and in the second costs one part each time', async () => {
    const { box, desk } = await filmWith(['desk', 'attic']);
    for (const pass of ['1', '2']) {
      await desk.encodes('-pass', pass);
      await desk.kill('SIGKILL');
      // Or the other has made everything before it is back.
      await box.post('/api/pause');
      await desk.restart();
      await box.post('/api/resume');
    }
    await mustBeDelivered(box);
    const lost = box.leaseEnds('lost');
    expect(lost.filter(({ worker }) => worker === 'desk').length).toBeLessThanOrEqual(2);
    expect(box.leased().length).toBe(box.leaseEnds('delivered').length + lost.length);
  });

  thorough('in the middle of its upload: another makes the part, and nothing of the half result counts', async () => {
    const box = await FleetBox.open();
    closing.push(() => box.dispose());
    await box.start();
    const proxy = await new ChaosProxy(`http://127.0.0.1:${box.port}`).start();
    closing.push(() => proxy.stop());
    const desk = await box.worker('desk', { through: Number(new URL(proxy.url).port) });
    box.drop(await footage('slow'), 'film.mp4');
    await desk.encodes('-pass', '2');
    proxy.toxics = { bytesPerSecond: 20_000 };
    const work = join(box.state, 'work');
    const job = await box.job('film.mp4', 'running');
    await eventually(
      () => {
        const name = readdirSync(join(work, job.id)).find(each => each.startsWith('upload-'));
        return name !== undefined && statSync(join(work, job.id, name)).size > 0;
      },
      { what: 'some of a result', everyMs: 5 },
    );
    await desk.kill('SIGKILL');
    await box.worker('attic');
    await mustBeDelivered(box);
    expect(box.leaseEnds('lost')).toMatchObject([{ worker: 'desk' }]);
  });
});

describe.skipIf(whyNoRedis())('a worker', () => {
  thorough('that is stopped for three leases and continued drops its part, and works on', async () => {
    const { box, desk } = await filmWith(['desk', 'attic'], { lease: '3s' });
    await desk.encodes('-pass', '1');
    desk.signal('SIGSTOP');
    const [lost] = await eventually(() => box.leaseEnds('lost').length > 0 && box.leaseEnds('lost'), {
      what: 'the lease to be lost',
    });
    expect(lost?.worker).toBe('desk');
    // Two more: the first was up to here.
    await new Promise(resolve => setTimeout(resolve, 6_000));
    desk.signal('SIGCONT');
    await mustBeDelivered(box);
    expect(desk.log()).toContain('part dropped');
    expect(box.leaseEnds('delivered').some(({ task, n }) => task === lost?.task && n === lost.n)).toBe(false);
  });

  thorough('has its ffmpeg stopped by pause, keeps its part and goes on', async () => {
    const { box, desk } = await filmWith(['desk'], { lease: '8s' });
    const pid = await desk.encodes('-pass');
    await box.post('/api/pause');
    await eventually(() => stateOf(pid) === 'T', { what: 'ffmpeg to rest' });
    await box.post('/api/resume');
    await eventually(() => stateOf(pid) !== 'T', { what: 'ffmpeg to go on' });
    await mustBeDelivered(box);
    expect(box.leaseEnds('lost')).toEqual([]);
  });

  thorough(
    'has nothing on its scratch once the film is cancelled, nor after it was killed and started again',
    async () => {
      const { box, desk } = await filmWith(['desk']);
      await desk.encodes('-pass', '1');
      expect(desk.films()).toHaveLength(1);
      const { id } = await box.job('film.mp4', 'running');
      await box.post(`/api/jobs/${id}/cancel`);
      await eventually(() => desk.films().length === 0, { what: 'the scratch to be empty after the cancel' });
      box.drop(await footage('slow'), 'again.mp4');
      await desk.encodes('-pass', '1');
      await desk.kill('SIGKILL');
      expect(desk.films()).toHaveLength(1);
      const again = await box.job('again.mp4', 'running');
      await box.post(`/api/jobs/${again.id}/cancel`);
      desk.start();
      await eventually(() => desk.films().length === 0, { what: 'the scratch to be empty after the start' });
    },
  );

  thorough('may neither flush the queue nor list its keys, and makes the film', async () => {
    const { box } = await filmWith(['desk']);
    await mustBeDelivered(box);
    const fleet = join(box.state, 'fleet');
    const read = (name: string) => JSON.parse(readFileSync(join(fleet, name), 'utf8')) as Record<string, string>;
    const { id } = read('cluster.json');
    const redis = new Redis(box.redis.url, {
      ...{ username: `sb-${id}-desk`, password: read('workers/desk.json')['password'] ?? '', lazyConnect: true },
    });
    closing.push(async () => redis.disconnect());
    await redis.connect();
    expect(await redis.get(`sb:${id}:cluster`)).toBe(id);
    for (const command of ['FLUSHALL', 'FLUSHDB', 'SWAPDB', 'KEYS', 'CONFIG', 'ACL', 'SHUTDOWN', 'DEBUG', 'SUBSCRIBE'])
      await expect(redis.call(command, ...(ARGUMENTS[command] ?? [])), command).rejects.toThrow(/NOPERM|not allowed/);
    await expect(redis.set('theirs', '1')).rejects.toThrow(/NOPERM/);
    expect(box.journal().filter(({ event }) => event === 'leased').length).toBeGreaterThan(0);
  });
});

const ARGUMENTS: Readonly<Record<string, string[]>> = {
  SWAPDB: ['0', '1'],
  KEYS: ['*'],
  CONFIG: ['GET', 'requirepass'],
  ACL: ['LIST'],
  DEBUG: ['SLEEP', '0'],
  SUBSCRIBE: ['anything'],
};
