/**
 * A library's exchange with its power switched off at every change of the disk and every record of the journal. Three cases in
 * `npm run test:full`; all of them, twice in a row and with every error at every call with `npm run test:library`.
 */
import { statSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import { nodeFiles } from '../../../src/platform/files/files.ts';
import { CASES, checkDone, LibraryFixture, type LibraryOptions } from '../../library/support.ts';
import { FailingFiles } from '../../support/failing-files.ts';

const IS_THOROUGH = process.env['SHRINKBOX_THOROUGH'] !== undefined;
const tried = IS_THOROUGH ? CASES : CASES.filter(([what]) => /the same disk$|extension, no links/.test(what));

const open: LibraryFixture[] = [];
afterEach(() => {
  for (const fixture of open.splice(0)) fixture.close();
});

function newLibrary(options: LibraryOptions = {}): LibraryFixture {
  const fixture = new LibraryFixture(options);
  open.push(fixture);
  return fixture;
}

/** Whether it came through; a crash leaves everything as it was at that moment. */
async function survives(act: Promise<void>, files: FailingFiles): Promise<boolean> {
  try {
    await act;
    return true;
  } catch (error) {
    if (!isShrinkError(error) && !files.hasCrashed) throw error;
    return false;
  }
}

/** Whether anything is there besides the original alone, or the result and the archived original, each with one name. */
function hasTraces(library: LibraryFixture): boolean {
  const [seen, kept] = [library.seen(), library.inArchive()];
  const isOriginal = seen.length === 1 && library.has(library.path, library.original);
  if (isOriginal) return kept.length > 0 || statSync(library.path).nlink > 1;
  return seen.length !== 1 || kept.length !== (library.archive === undefined ? 0 : 1);
}

describe.each(tried)('%s', (_what, options, disk) => {
  test('a crash at any step: never neither, and the next start goes on', async () => {
    for (let at = 1; ; at += 1) {
      const library = newLibrary(options);
      const files = new FailingFiles(disk()).crashAt(at);
      const isThrough = await survives(
        library.run(files, event => files.note('journal', event)),
        files,
      );
      if (isThrough) {
        expect(at).toBeGreaterThan(9);
        break;
      }
      const when = `crash at change ${at}, ${files.changes[at - 1]?.operation} ${files.changes[at - 1]?.path}`;
      expect(library.isSafe, when).toBe(true);
      await library.run(disk());
      checkDone(library, when);
      library.close();
    }
  });

  test.skipIf(options.replaces)(
    'restored, with a crash at any step: every byte as it was, and the result gone',
    async () => {
      for (let at = 1; ; at += 1) {
        const library = newLibrary(options);
        const before = library.facts(library.path);
        await library.run(disk());
        const files = new FailingFiles(disk()).crashAt(at);
        const isThrough = await survives(
          library.restore(files, event => files.note('journal', event)),
          files,
        );
        const when = `crash at change ${at}, ${files.changes[at - 1]?.operation} ${files.changes[at - 1]?.path}`;
        expect(library.isSafe, when).toBe(true);
        await library.restore(disk());
        expect(library.seen(), when).toEqual([library.relative]);
        expect(library.has(library.path, library.original), when).toBe(true);
        expect(library.facts(library.path), when).toEqual(before);
        expect(library.inArchive(), when).toEqual([]);
        library.close();
        if (isThrough) break;
      }
    },
  );

  test.each(['run', 'restore'] as const)(
    '%s, a crash at any step and the journal lost: one name of the film is left',
    async act => {
      if (act === 'restore' && options.replaces) return;
      for (let at = 1; ; at += 1) {
        const library = await newLibrary(options).mark();
        if (act === 'restore') await library.run(disk());
        const files = new FailingFiles(disk()).crashAt(at);
        const isThrough = await survives(
          library[act](files, event => files.note('journal', event)),
          files,
        );
        const when = `crash at change ${at}, ${files.changes[at - 1]?.operation} ${files.changes[at - 1]?.path}`;
        const [seen, kept] = [library.seen(), library.inArchive()];
        const found = await library.settleLeftovers(disk(), false);
        expect([library.seen(), library.inArchive()], when).toEqual([seen, kept]);
        expect(found.length > 0, when).toBe(!isThrough && hasTraces(library));
        expect(
          (await library.settleLeftovers(disk())).every(({ isSettled }) => isSettled),
          when,
        ).toBe(true);
        expect(library.isSafe, when).toBe(true);
        expect(hasTraces(library), when).toBe(false);
        expect(await library.settleLeftovers(disk()), when).toEqual([]);
        library.close();
        if (isThrough) break;
      }
    },
  );

  test.runIf(IS_THOROUGH)('a second crash at any step of the next start: the same', async () => {
    const clean = new FailingFiles(disk());
    await newLibrary(options).run(clean, event => clean.note('journal', event));
    for (let first = 1; first <= clean.changes.length; first += 1) {
      for (let second = 1; ; second += 1) {
        const library = newLibrary(options);
        for (const at of [first, second]) {
          const files = new FailingFiles(disk()).crashAt(at);
          await survives(
            library.run(files, event => files.note('journal', event)),
            files,
          );
          expect(library.isSafe, `crash at change ${first}, then at ${second}: ${at}`).toBe(true);
        }
        const isThrough = library.journal.done === true;
        await library.run(disk());
        checkDone(library, `crash at change ${first}, then at ${second}`);
        library.close();
        if (isThrough) break;
      }
    }
  });
});

describe.runIf(IS_THOROUGH)('an error at any call', () => {
  test.each(['ENOSPC', 'EIO', 'EROFS', 'EDQUOT'])('%s at any call: the film is in its place or safe', async errno => {
    for (const operation of ['write', 'sync', 'sync folder', 'link', 'rename', 'mkdir', 'open'] as const) {
      for (let nth = 1; ; nth += 1) {
        const library = newLibrary({ name: 'trips/clip.mp4', archiveUnder: '/dev/shm' });
        const files = new FailingFiles().fail(operation, errno, { nth });
        const error = await library.run(files).then(
          () => undefined,
          thrown => thrown,
        );
        expect(library.isSafe, `${errno} at ${operation} ${nth}`).toBe(true);
        if (error !== undefined) expect(isShrinkError(error), `${errno} at ${operation} ${nth}: ${error}`).toBe(true);
        await library.run(nodeFiles);
        checkDone(library, `${errno} at ${operation} ${nth}`);
        library.close();
        if (error === undefined) break;
      }
    }
  });
});
