/** Every crash point of a film over the fleet: the daemon at each record of its journal, both sides at each call. `npm run test:fleet-processes` */
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { FleetBox } from '../../support/fleet-box.ts';
import { footage } from '../../support/footage.ts';
import { whyNoRedis } from '../../support/redis.ts';

const SUPPORT = join(import.meta.dirname, '../../support');
const CAP = 1_000_000;

const CALLS = ['POST hello', 'POST lease', 'GET slice', 'POST beat', 'HEAD result', 'PATCH result'] as const;
const POINTS = CALLS.flatMap(call => (['before', 'after'] as const).map(when => ({ call, when })));

/** What a start writes by itself is none. */
const PROGRESS: readonly string[] = [
  ...['checkpoint', 'leased', 'lease-ended', 'candidate', 'verified', 'publishing', 'published', 'disposing'],
];

let box: FleetBox;
let dir: string;
afterEach(async () => {
  await box.dispose();
  rmSync(dir, { recursive: true, force: true });
});

/** Where a process with this environment is told when to die. */
function killer(kind: 'record' | 'request'): { at: string; env: Record<string, string> } {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-kill-'));
  const at = join(dir, 'at.json');
  const { href } = pathToFileURL(join(SUPPORT, `kill-at-${kind}.mjs`));
  const name = kind === 'record' ? 'SHRINKBOX_KILL_AT' : 'SHRINKBOX_KILL_AT_REQUEST';
  return { at, env: { NODE_OPTIONS: `--import ${href}`, [name]: at } };
}

function mustBeWhole(): void {
  expect(box.outputs()).toEqual(['film.mp4']);
  expect(statSync(join(box.outbox, 'film.mp4')).size).toBeLessThanOrEqual(CAP);
  const events = box.journal();
  expect(events.filter(({ event }) => event === 'published')).toHaveLength(1);
  // A number is given once, and ends at most once in a result.
  const numbers = box.leased().map(({ task, n }) => `${task}-${n}`);
  expect(new Set(numbers).size).toBe(numbers.length);
  const delivered = box.leaseEnds('delivered').map(({ task, n }) => `${task}-${n}`);
  expect(new Set(delivered).size).toBe(delivered.length);
  expect(delivered.filter(number => !numbers.includes(number))).toEqual([]);
}

describe.skipIf(whyNoRedis() || process.env['SHRINKBOX_FLEET'] !== 'processes')(
  'a film over the fleet ends well',
  () => {
    it('with the daemon killed after each record of its journal', async () => {
      const { at, env } = killer('record');
      box = await FleetBox.open({ env });
      await box.start();
      await Promise.all(['desk', 'attic'].map(name => box.worker(name)));
      box.drop(await footage('slow'), 'film.mp4');
      await box.job('film.mp4', 'running');
      const survived = new Set<string | undefined>();
      let lives = 0;
      for (let more = 1, isOver = false; !isOver; lives += 1) {
        await box.kill();
        const before = box.journal().length;
        writeFileSync(at, JSON.stringify({ journal: join(box.state, 'journal'), records: before + more }));
        isOver = await livesToTheEnd();
        const fresh = box.journal().slice(before);
        survived.add(fresh.at(-1)?.event);
        more = fresh.some(({ event }) => PROGRESS.includes(event)) ? 1 : more + 1;
      }
      console.log({ lives, records: box.journal().length, survived: [...survived] });
      mustBeWhole();
      for (const event of PROGRESS.slice(0, 5)) expect(survived).toContain(event);
    });

    it('with the daemon killed at each call of its workers', async () => {
      const { at, env } = killer('request');
      box = await FleetBox.open({ env });
      await box.start();
      await Promise.all(['desk', 'attic'].map(name => box.worker(name)));
      box.drop(await footage('slow'), 'film.mp4');
      for (const point of POINTS) {
        await box.kill();
        writeFileSync(at, JSON.stringify(point));
        const ended = once(box.launch(), 'exit');
        await Promise.race([ended, rejectsAfter(120_000, point)]);
      }
      await box.kill();
      await box.start();
      await box.job('film.mp4', 'done');
      mustBeWhole();
    });

    it('with a worker killed as it joins, before and after the daemon has heard of it: one invitation is enough', async () => {
      const { at, env } = killer('request');
      box = await FleetBox.open();
      await box.start();
      const desk = await box.invited('desk', { env });
      for (const when of ['before', 'after']) {
        writeFileSync(at, JSON.stringify({ call: 'POST join', when }));
        desk.start();
        await eventually(() => !desk.isAlive, { what: `the worker to die ${when} it has joined` });
      }
      desk.start();
      await box.sees('desk');
      box.drop(await footage('slow'), 'film.mp4');
      await box.job('film.mp4', 'done');
      mustBeWhole();
    });

    it('with a worker killed at each of its calls, and nothing of it stays on its scratch', async () => {
      const { at, env } = killer('request');
      box = await FleetBox.open({ lease: '3s' });
      await box.start();
      const desk = await box.worker('desk', { env });
      await desk.kill('SIGKILL');
      box.drop(await footage('slow'), 'film.mp4');
      for (const point of POINTS) {
        writeFileSync(at, JSON.stringify(point));
        desk.start();
        await eventually(() => !desk.isAlive, { what: `the worker to die ${point.when} ${point.call}` });
      }
      desk.start();
      await box.job('film.mp4', 'done');
      mustBeWhole();
      await eventually(() => desk.films().length === 0, { what: 'the scratch to be empty' });
    });
  },
);

/** False if the daemon was killed before the film was done. */
async function livesToTheEnd(): Promise<boolean> {
  const ended = once(box.launch(), 'exit').then(() => false);
  const done = eventually(async () => (await box.jobs()).some(({ state }) => state === 'done'), {
    what: 'the film to be done',
  });
  done.catch(() => {});
  return await Promise.race([ended, done.then(() => true)]);
}

async function rejectsAfter(ms: number, point: (typeof POINTS)[number]): Promise<never> {
  await new Promise(resolve => setTimeout(resolve, ms).unref());
  throw new Error(`the daemon was not killed ${point.when} ${point.call}`);
}
