import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Folders } from '../../src/app/folders.ts';
import { Housekeeping, HOUSEKEEPING_MS, pruneArchives, sweepLeftovers } from '../../src/app/housekeeping.ts';
import { Lifetime } from '../../src/app/lifetime.ts';
import { LiveConfig } from '../../src/app/live-config.ts';
import type { State } from '../../src/app/state.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Job } from '../../src/core/job.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { ReasonedGate } from '../../src/queue/rest-gate.ts';
import { aDecision, aJob, aPin, TO_DONE } from '../support/builders.ts';
import { filesBelow } from '../support/delivery.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const DAY_MS = 86_400_000;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-housekeeping-'));
});
afterEach(async () => await rm(dir, { recursive: true }));

function put(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), 'x');
  }
}

it('a start removes what no job owns, keeps what a job continues from, and touches nobody else’s file', async () => {
  put('state/work/going/picture.mp4', 'state/work/over/out.mp4', 'state/work/gone/out.mp4');
  put('state/identity.json', 'state/identity.json.tmp-1f2e', 'state/journal/000001.jsonl', 'state/lock');
  put('out/.shrinkbox-going.part', 'out/a/.shrinkbox-over.part', 'out/.shrinkbox-gone.part', 'out/film.mp4');
  put('out/.film.mp4.part', 'out/.shrinkbox-NOTES.part', 'archive/.shrinkbox-over.part', 'archive/film.mp4');
  put('unmounted/.shrinkbox-gone.part');
  const unmounted = { outbox: join(dir, 'unmounted') };
  const folders = {
    all: [{ outbox: join(dir, 'out'), archive: join(dir, 'archive') }, { outbox: join(dir, 'away') }, unmounted],
    whyAway: (folder: object) => (folder === unmounted ? new Error('not mounted') : undefined),
  };
  const jobs: Readonly<Record<string, Job>> = { going: aJob(), over: aJob({}, ...TO_DONE) };
  const interruptedEnds = await sweepLeftovers({
    stateDir: join(dir, 'state'),
    folders: folders as unknown as Folders,
    ledger: { get: id => jobs[id] },
    files: nodeFiles,
    log: silentLogger,
  });
  expect([...interruptedEnds]).toEqual(['over']);
  expect(filesBelow(dir).map(file => file.replace(/: 1$/, ''))).toEqual([
    'archive/film.mp4',
    'out/.film.mp4.part',
    'out/.shrinkbox-NOTES.part',
    'out/.shrinkbox-going.part',
    'out/film.mp4',
    'state/identity.json',
    'state/journal/000001.jsonl',
    'state/lock',
    'state/work/going/picture.mp4',
    'state/work/over/out.mp4',
    'unmounted/.shrinkbox-gone.part',
  ]);
});

it('archive_days: originals archived longer ago than that go, later ones and files of others stay', async () => {
  const clock = new FakeClock();
  const ledger = new Ledger(new MemoryJournal(), clock);
  const archived = async (id: string) => {
    const path = join(dir, `${id}.mp4`);
    await writeFile(path, 'film');
    const pin = aPin({ sizeBytes: 4 });
    const place = { inbox: '/in', path: `/in/${id}.mp4`, relative: `${id}.mp4` };
    const job = { ...place, arrival: 1, pin, fingerprint: id, version: 1, decision: aDecision() };
    await ledger.commit(id, { event: 'admitted', data: job }, ...TO_DONE.slice(0, -1));
    await ledger.commit(id, { event: 'disposed', data: { kind: 'archived', to: path } }, { event: 'done', data: {} });
  };
  await archived('old');
  await clock.advance(20 * DAY_MS);
  await archived('young');
  await writeFile(join(dir, 'mine.mp4'), 'film');
  await clock.advance(11 * DAY_MS);

  const folder = { inbox: '/in', outbox: '/out', originals: 'archive', archive: dir };
  const prune = async (more: object) => {
    const text = JSON.stringify({ folders: [{ ...folder, ...more }] });
    const config = parseConfig(text, { env: {}, cwd: '/srv', home: '/home/me', source: null });
    await pruneArchives(config.folders, {
      ledger,
      setClock: { now: clock.now(), dated: at => at },
      files: nodeFiles,
      log: silentLogger,
    });
    return (await readdir(dir)).sort();
  };
  expect(await prune({})).toEqual(['mine.mp4', 'old.mp4', 'young.mp4']);
  expect(await prune({ archive_days: 30 })).toEqual(['mine.mp4', 'young.mp4']);
  expect([ledger.get('old')?.original?.kind, ledger.get('young')?.original?.kind]).toEqual(['deleted', 'archived']);
});

it('closes the gate outside local_hours, compacts the journal when it is due, and follows a reload at once', async () => {
  const clock = new FakeClock();
  const configOf = (localHours: string | undefined) =>
    parseConfig(JSON.stringify({ limits: { local_hours: localHours } }), {
      ...{ env: {}, cwd: '/srv', home: '/home/me', source: null },
    });
  const hour = (later: number) => String((new Date(clock.now()).getHours() + later) % 24).padStart(2, '0');
  const live = new LiveConfig(configOf(`${hour(2)}:00-${hour(3)}:00`));
  const life = new Lifetime({ clock, log: silentLogger });
  const gate = new ReasonedGate();
  const compacted: number[] = [];
  let isDue = false;
  const journal = { shouldCompact: () => isDue, compact: async () => void compacted.push(clock.now()) };
  const housekeeping = new Housekeeping({
    state: { journal, ledger: new Ledger(new MemoryJournal(), clock) } as unknown as State,
    folders: { createMissing: async () => {}, whyAway: () => undefined } as unknown as Folders,
    endMissing: async () => {},
    sweepCancelled: async () => {},
    setClock: { look: () => false, save: async () => {}, now: 0, dated: at => at },
    ...{ live, life, gate, clock, files: nodeFiles, log: silentLogger },
  });
  housekeeping.start();
  expect(gate.closed).toBe(true);
  isDue = true;
  await clock.advance(HOUSEKEEPING_MS - 1);
  expect([compacted.length, housekeeping.sinceLastRunMs]).toEqual([0, HOUSEKEEPING_MS - 1]);
  await clock.advance(1);
  expect([compacted.length, housekeeping.sinceLastRunMs]).toEqual([1, 0]);
  await live.reload(configOf(undefined));
  expect([compacted.length, gate.closed]).toEqual([2, false]);
  await life.close();
  expect(clock.timers).toBe(0);
});
