import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pruneArchives } from '../../src/app/archive.ts';
import { parseConfig } from '../../src/config/load.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { Ledger } from '../../src/queue/ledger.ts';
import { aDecision, aPin, TO_DONE } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const DAY_MS = 86_400_000;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-archive-'));
});
afterEach(async () => await rm(dir, { recursive: true }));

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
    await pruneArchives(config, ledger, clock.now(), { files: nodeFiles, log: silentLogger });
    return (await readdir(dir)).sort();
  };
  expect(await prune({})).toEqual(['mine.mp4', 'old.mp4', 'young.mp4']);
  expect(await prune({ archive_days: 30 })).toEqual(['mine.mp4', 'young.mp4']);
  expect([ledger.get('old')?.original?.kind, ledger.get('young')?.original?.kind]).toEqual(['deleted', 'archived']);
});
