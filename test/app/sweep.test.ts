import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Folders } from '../../src/app/folders.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { sweepLeftovers } from '../../src/app/sweep.ts';
import { filesBelow } from '../support/delivery.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-sweep-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), 'x');
  }
}

const STATES: Readonly<Record<string, 'unfinished' | 'finished'>> = { going: 'unfinished', over: 'finished' };

it('at a start what no job owns goes, what a job goes on from stays, and nobody else’s file is touched', async () => {
  put('state/work/going/picture.mp4', 'state/work/over/out.mp4', 'state/work/gone/out.mp4');
  put('state/identity.json', 'state/identity.json.tmp-1f2e', 'state/journal/000001.jsonl', 'state/lock');
  put('out/.shrinkbox-going.part', 'out/a/.shrinkbox-over.part', 'out/.shrinkbox-gone.part', 'out/film.mp4');
  put('out/.film.mp4.part', 'out/.shrinkbox-NOTES.part', 'archive/.shrinkbox-over.part', 'archive/film.mp4');
  const folders = { all: [{ outbox: join(dir, 'out'), archive: join(dir, 'archive') }, { outbox: join(dir, 'away') }] };
  const untidied = await sweepLeftovers(
    join(dir, 'state'),
    folders as unknown as Folders,
    job => STATES[job] ?? 'unknown',
    { files: nodeFiles, log: silentLogger },
  );
  expect([...untidied]).toEqual(['over']);
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
  ]);
});
