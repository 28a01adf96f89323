import { createHash } from 'node:crypto';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pruneArchive, restoreOriginal } from '../../src/deliver/archive.ts';
import { disposeOriginal } from '../../src/deliver/originals.ts';
import { type Files, nodeFiles, pinOf, sha256OfOpen } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { filesBelow, pattern, read } from '../support/delivery.ts';
import { FailingFiles } from '../support/failing-files.ts';

let root: string;
let source: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'shrinkbox-archive-'));
  for (const dir of ['inbox/trip', 'archive']) mkdirSync(join(root, dir), { recursive: true });
  source = join(root, 'inbox/trip/clip.mov');
  writeFileSync(source, pattern(5000, 'original'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Archives the original, and removes the folder it was in. */
async function archive(): Promise<void> {
  await disposeOriginal({
    job: 'job1',
    inbox: join(root, 'inbox'),
    pin: await pinOf(source),
    relative: 'trip/clip.mov',
    policy: 'archive',
    archiveDir: join(root, 'archive'),
    beforeMove: async () => {},
    files: nodeFiles,
    log: silentLogger,
  });
  rmSync(join(root, 'inbox/trip'), { recursive: true });
}

describe('an archived original', () => {
  let archived: string;
  let content: string;
  beforeEach(async () => {
    await archive();
    archived = join(root, 'archive/trip/clip.mov');
    content = createHash('sha256').update(readFileSync(archived)).digest('hex');
  });
  const restore = (files: Files = nodeFiles) =>
    restoreOriginal({
      job: 'job1',
      archived,
      inbox: join(root, 'inbox'),
      relative: 'trip/clip.mov',
      sizeBytes: 5000,
      isOriginal: async file => (await sha256OfOpen(file)) === content,
      files,
      log: silentLogger,
    });

  // Was: "back", for whatever somebody had put in its place in the archive.
  test('that somebody exchanged for another file of its size does not come back, and is said', async () => {
    rmSync(archived);
    writeFileSync(archived, pattern(5000, 'another'));
    await expect(restore()).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('is another') });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000']);
  });

  test('comes back to where it was', async () => {
    expect(await restore()).toBe(source);
    expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
  });

  test('does not replace what is there now', async () => {
    mkdirSync(join(root, 'inbox/trip'));
    writeFileSync(source, 'new');
    await expect(restore()).rejects.toMatchObject({ code: 'denied', hint: 'Move or rename that file and try again.' });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000', 'inbox/trip/clip.mov: 3']);
  });

  // Was: "restored", the archived original was removed, and the stranger could empty the only copy that was left.
  test.skipIf(process.geteuid?.() !== 0)('does not make way for an equal file of a stranger (needs root)', async () => {
    chownSync(archived, 1234, 1234);
    mkdirSync(join(root, 'inbox/trip'));
    copyFileSync(archived, source);
    chownSync(source, 4321, 4321);
    await expect(restore()).rejects.toMatchObject({ code: 'denied', hint: 'Move or rename that file and try again.' });
    expect(filesBelow(root)).toEqual(['archive/trip/clip.mov: 5000', 'inbox/trip/clip.mov: 5000']);
  });

  // Was: "restored", for any file of its size.
  test('that is gone from the archive is not back because another file of its size has its place', async () => {
    rmSync(archived);
    mkdirSync(join(root, 'inbox/trip'));
    writeFileSync(source, pattern(5000, 'another'));
    await expect(restore()).rejects.toMatchObject({ code: 'gone' });
  });

  // Was: "change the output template", which has nothing to do with it.
  test('is told what stands in the way of its folder, and nothing of output templates', async () => {
    writeFileSync(join(root, 'inbox/trip'), 'a file');
    await expect(restore()).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('trip'),
      hint: 'Move or rename what is there, then restore again.',
    });
  });

  test('that is gone from the archive cannot', async () => {
    rmSync(archived);
    await expect(restore()).rejects.toMatchObject({ code: 'gone' });
  });

  test('comes back although the first try was cut short anywhere', async () => {
    for (let at = 1; ; at++) {
      const files = new FailingFiles().crashAt(at);
      const isThrough = await restore(files).then(
        () => true,
        () => false,
      );
      expect(await restore()).toBe(source);
      expect(filesBelow(root)).toEqual(['inbox/trip/clip.mov: 5000']);
      if (isThrough) break;
      await archive();
    }
  });
});

describe('pruning the archive', () => {
  const NOW = 100 * 86_400_000;
  const prune = (records: { path: string; at: number; sizeBytes: number }[], files: Files = nodeFiles) =>
    pruneArchive(records, { archiveDir: join(root, 'archive'), days: 30, now: NOW, files, log: silentLogger });
  const anArchived = (name: string, at = 0) => {
    const path = join(root, 'archive', name);
    writeFileSync(path, 'old');
    return { path, at, sizeBytes: 3 };
  };

  test('deletes what is old and ours, and nothing else', async () => {
    const old = anArchived('old.mov');
    const justOld = anArchived('just-old.mov', NOW - 30 * 86_400_000);
    const young = anArchived('young.mov', NOW - 30 * 86_400_000 + 1);
    anArchived('not in the journal.mov');
    const gone = { path: join(root, 'archive/gone.mov'), at: 0, sizeBytes: 3 };
    const outside = { path: source, at: 0, sizeBytes: 5000 };
    const sneaky = { path: `${root}/archive/../inbox/trip/clip.mov`, at: 0, sizeBytes: 5000 };
    expect(await prune([old, justOld, young, gone, outside, sneaky])).toEqual([old.path, justOld.path, gone.path]);
    expect(filesBelow(join(root, 'archive'))).toEqual(['not in the journal.mov: 3', 'young.mov: 3']);
    expect(existsSync(source)).toBe(true);
  });

  test('leaves alone what somebody put in its place', async () => {
    const replaced = anArchived('a.mov');
    writeFileSync(replaced.path, 'mine now');
    const folder = anArchived('b.mov');
    rmSync(folder.path);
    mkdirSync(folder.path);
    expect(await prune([replaced, folder])).toEqual([]);
    expect(read(replaced.path).toString()).toBe('mine now');
  });

  test('continues after one that cannot be deleted', async () => {
    const [stuck, old] = [anArchived('stuck.mov'), anArchived('old.mov')];
    const files = new FailingFiles().fail('unlink', 'EACCES', { on: 'stuck.mov' });
    expect(await prune([stuck, old], files)).toEqual([old.path]);
  });
});
