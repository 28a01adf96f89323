/**
 * The daemon and three workers on four machines with lines between them: network namespaces, in which nothing is loopback. A line is
 * cut by taking its interface down. As root: `npm run test:fleet-processes`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../src/fleet/certificate.ts';
import { eventually } from '../../support/eventually.ts';
import { FleetBox, type WorkerProcess } from '../../support/fleet-box.ts';
import { footage } from '../../support/footage.ts';
import { RedisServer, whyNoRedis } from '../../support/redis.ts';

const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });

function whyNoNamespaces(): string | undefined {
  const name = `sb-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'delete', name);
    return undefined;
  } catch {
    return 'network namespaces need root and iproute2';
  }
}

/** Machines that see each other: the first is called `nas`, and has the address at which the others find it. */
class Machines {
  readonly #id = `sb${process.pid}`;
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = ['nas', ...names];
    for (const name of this.#names) {
      ip('netns', 'add', this.#of(name));
      this.#in(name, 'link', 'set', 'lo', 'up');
      // `ip netns exec` puts it over /etc/hosts.
      mkdirSync(join('/etc/netns', this.#of(name)), { recursive: true });
      writeFileSync(join('/etc/netns', this.#of(name), 'hosts'), '127.0.0.1 localhost\n10.77.0.1 nas\n');
    }
    this.#in('nas', 'link', 'add', 'br0', 'type', 'bridge');
    this.#in('nas', 'addr', 'add', '10.77.0.1/24', 'dev', 'br0');
    this.#in('nas', 'link', 'set', 'br0', 'up');
    for (const [at, name] of names.entries()) {
      this.#in('nas', 'link', 'add', `to-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#of(name));
      this.#in('nas', 'link', 'set', `to-${name}`, 'master', 'br0', 'up');
      this.#in(name, 'addr', 'add', `10.77.0.${at + 2}/24`, 'dev', 'eth0');
      this.#in(name, 'link', 'set', 'eth0', 'up');
    }
  }

  on(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#of(name)];
  }

  cut(name: string): void {
    this.#in('nas', 'link', 'set', `to-${name}`, 'down');
  }

  join(name: string): void {
    this.#in('nas', 'link', 'set', `to-${name}`, 'up');
  }

  remove(): void {
    for (const name of this.#names) {
      ip('netns', 'delete', this.#of(name));
      rmSync(join('/etc/netns', this.#of(name)), { recursive: true, force: true });
    }
  }

  #in(name: string, ...words: string[]): void {
    ip('-n', this.#of(name), ...words);
  }

  #of(name: string): string {
    return `${this.#id}-${name}`;
  }
}

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const ALL = ['desk', 'attic', 'cellar'];

async function fleetOfMachines(): Promise<{ machines: Machines; box: FleetBox; workers: Map<string, WorkerProcess> }> {
  const machines = new Machines(ALL);
  closing.push(() => machines.remove());
  const redis = await RedisServer.start({ wrap: machines.on('nas'), tls: makeCertificate('nas') });
  const box = await FleetBox.open({
    ...{ redis, wrap: machines.on('nas'), lease: '5s', env: { NODE_EXTRA_CA_CERTS: redis.cert } },
    fleet: { queue: `rediss://nas:${redis.port}`, listen: '0.0.0.0:8789' },
  });
  closing.push(() => box.dispose());
  await box.start();
  const workers = new Map<string, WorkerProcess>();
  for (const name of ALL) {
    const options = { host: 'nas', through: 8789, wrap: machines.on(name), env: { NODE_EXTRA_CA_CERTS: redis.cert } };
    workers.set(name, await box.worker(name, options));
  }
  return { machines, box, workers };
}

const why = whyNoRedis() ?? whyNoNamespaces();

describe.skipIf(why || process.env['SHRINKBOX_FLEET'] !== 'processes')('with lines that are cut', () => {
  it('a worker ends its part before another gets it, all of them come back, and the film is delivered once', async () => {
    const { machines, box, workers } = await fleetOfMachines();
    const desk = workers.get('desk') as WorkerProcess;
    box.drop(await footage('slow'), 'film.mp4');

    await desk.encodes('-pass', '1');
    const cutMs = performance.now();
    machines.cut('desk');
    await eventually(() => desk.encoders().length === 0, { what: 'the worker to stop by itself', everyMs: 5 });
    const stoppedMs = performance.now() - cutMs;
    // What it was making belongs to nobody else yet.
    expect(box.leaseEnds('lost')).toEqual([]);
    await eventually(() => box.leaseEnds('lost').length > 0, { what: 'its lease to be given away', everyMs: 5 });
    const lostMs = performance.now() - cutMs;
    expect(box.leaseEnds('lost')).toMatchObject([{ worker: 'desk' }]);
    machines.join('desk');
    const joinedMs = performance.now();
    await box.sees('desk');
    console.log({ stoppedMs, lostMs, backMs: performance.now() - joinedMs });

    const attic = workers.get('attic') as WorkerProcess;
    await attic.encodes('-pass', '2');
    for (const name of ALL) machines.cut(name);
    await eventually(() => ALL.every(name => workers.get(name)?.encoders().length === 0), { what: 'all to stop' });
    await eventually(async () => (await box.status()).fleet?.leased === 0, { what: 'all leases to be lost' });
    for (const name of ALL) machines.join(name);

    const job = await box.job('film.mp4', 'done');
    expect(statSync(join(box.outbox, 'film.mp4')).size).toBe(job.output_bytes);
    expect(box.journal().filter(({ event }) => event === 'published')).toHaveLength(1);
    const wants = box.leaseEnds('delivered').map(({ task, n }) => {
      const lease = box.leased().find(one => one.task === task && one.n === n);
      return `${task} ${lease?.want}`;
    });
    expect(wants.filter((want, at) => wants.indexOf(want) !== at)).toEqual([]);
  });
});
