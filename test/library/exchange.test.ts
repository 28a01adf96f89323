import {
  appendFileSync,
  chownSync,
  closeSync,
  linkSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { FailingFiles } from '../support/failing-files.ts';
import { CASES, checkDone, LibraryFixture, type LibraryOptions, withLinks, withoutLinks } from './support.ts';

const open: LibraryFixture[] = [];
afterEach(() => {
  for (const fixture of open.splice(0)) fixture.close();
});

function newLibrary(options: LibraryOptions = {}): LibraryFixture {
  const fixture = new LibraryFixture(options);
  open.push(fixture);
  return fixture;
}

describe.each(CASES)('%s', (_what, options, disk) => {
  test('the result has the place, the dates, the owner and the mode of its original', async () => {
    const library = newLibrary(options);
    const before = library.facts(library.path);
    await library.run(disk());
    checkDone(library, 'at the end');
    expect(library.facts(library.resultPath)).toEqual(before);
  });
});

describe('somebody who is at work in the library meanwhile', () => {
  const at = (event: string, act: () => void) => async (now: string) => {
    if (now === event) act();
  };

  test.each(['archiving', 'archived', 'publishing'])('who writes to the film at "%s" keeps it', async event => {
    const library = newLibrary({ name: 'clip.mp4' });
    const write = at(event, () => appendFileSync(library.path, 'more'));
    await expect(library.run(nodeFiles, write)).rejects.toMatchObject({ code: 'changed-underneath' });
    expect(library.seen()).toEqual(['clip.mp4']);
    expect(statSync(library.path).size).toBe(library.original.length + 4);
  });

  test.each([
    ['clip.mp4', withLinks],
    ['clip.mov', withLinks],
    ['clip.mov', withoutLinks],
  ])('who still writes to %s when the result is there gets it back', async (name, disk) => {
    const library = newLibrary({ name });
    const held = openSync(library.path, 'a');
    const write = at('published', () => void writeSync(held, 'more'));
    await expect(library.run(disk(), write)).rejects.toMatchObject({ code: 'changed-underneath' });
    closeSync(held);
    expect(library.seen()).toEqual([name]);
    expect(statSync(library.path).size).toBe(library.original.length + 4);
  });

  // Was: the archived original and that name were one file, and whoever changed it there spoilt the archive.
  test.each([
    ...['archiving', 'archived', 'publishing'].map(event => [event, 'clip.mp4']),
    ...['archived', 'published'].map(event => [event, 'clip.mov']),
  ])('who gives the film a second name at "%s" keeps both, and nothing is archived: %s', async (event, name) => {
    const library = newLibrary({ name });
    const link = at(event, () => linkSync(library.path, `${library.root}/other`));
    await expect(library.run(withLinks(), link)).rejects.toMatchObject({
      ...{ code: 'cannot-do', message: expect.stringContaining('2 names') },
    });
    await library.abandon(nodeFiles);
    expect(library.seen()).toEqual([name]);
    expect(library.has(library.path, library.original)).toBe(true);
    expect(library.has(`${library.root}/other`, library.original)).toBe(true);
    expect(library.inArchive()).toEqual([]);
  });

  // Was: "unavailable", with a minute's wait for the whole library, and a hint to look who writes there.
  test('who replaces the film before it is archived has another film', async () => {
    const library = newLibrary({ name: 'clip.mp4' });
    const replace = at('archiving', () => {
      writeFileSync(`${library.root}/newer`, 'another film');
      renameSync(`${library.root}/newer`, library.path);
    });
    await expect(library.run(withLinks(), replace)).rejects.toMatchObject({ code: 'changed-underneath' });
    expect(library.inArchive()).toEqual([]);
    expect(library.has(library.path, Buffer.from('another film'))).toBe(true);
  });

  test('who puts another film in its place keeps both', async () => {
    const library = newLibrary({ name: 'clip.mov' });
    const replace = at('published', () => {
      renameSync(library.path, `${library.root}/elsewhere`);
      writeFileSync(library.path, 'another film');
    });
    await library.run(nodeFiles, replace);
    expect(library.seen()).toEqual(['clip.mov', 'clip.mp4']);
    expect(library.has(library.path, Buffer.from('another film'))).toBe(true);
    expect(library.inArchive()).toHaveLength(1);
  });

  test('who takes the name of the result keeps it, and the film stays', async () => {
    const library = newLibrary({ name: 'clip.mov' });
    const take = at('publishing', () => writeFileSync(library.resultPath, 'mine'));
    await expect(library.run(nodeFiles, take)).rejects.toMatchObject({ code: 'cannot-do' });
    expect(library.seen()).toEqual(['clip.mov', 'clip.mp4']);
    expect(library.has(library.path, library.original)).toBe(true);
  });

  test('who moves the film away finds it where it is', async () => {
    const library = newLibrary({ name: 'clip.mp4' });
    const move = at('publishing', () => renameSync(library.path, `${library.root}/moved.mp4`));
    await expect(library.run(nodeFiles, move)).rejects.toMatchObject({ name: 'ShrinkError' });
    expect(library.seen()).toEqual([]);
    expect(library.has(`${library.root}/moved.mp4`, library.original)).toBe(true);
  });
});

describe('what cannot be done', () => {
  test.each(['Clip.MP4', 'clip.mp4'])('a file beside it named %s: the film is left alone', async taken => {
    const library = newLibrary({ name: 'clip.mov' });
    writeFileSync(`${library.library}/${taken}`, 'there before');
    await expect(library.run(nodeFiles)).rejects.toMatchObject({ code: 'cannot-do' });
    expect(library.seen()).toEqual([taken, 'clip.mov'].sort());
    expect(library.inArchive()).toEqual([]);
  });

  test('an archive whose copy no longer has its bytes is not restored from, and nothing is touched', async () => {
    const library = newLibrary({ name: 'clip.mov' });
    await library.run(nodeFiles);
    const [kept = ''] = library.inArchive();
    writeFileSync(kept, Buffer.alloc(library.original.length, 'x'));
    await expect(library.restore(nodeFiles)).rejects.toMatchObject({ code: 'denied' });
    expect(library.seen()).toEqual(['clip.mp4']);
  });

  // Was: the archived original was removed, and the stranger could empty the only copy that was left.
  test.skipIf(process.geteuid?.() !== 0)('an equal file of a stranger is not the original (needs root)', async () => {
    const library = newLibrary({ name: 'clip.mov' });
    await library.run(nodeFiles);
    const [kept = ''] = library.inArchive();
    chownSync(kept, 1234, 1234);
    writeFileSync(library.path, library.original);
    chownSync(library.path, 4321, 4321);
    await expect(library.restore(nodeFiles)).rejects.toMatchObject({ code: 'denied' });
    expect(library.inArchive()).toEqual([kept]);
    expect(library.seen()).toEqual(['clip.mov', 'clip.mp4']);
  });

  test('a result that somebody replaced is not overwritten by its original', async () => {
    const library = newLibrary({ name: 'clip.mp4' });
    await library.run(nodeFiles);
    writeFileSync(`${library.root}/other`, 'an edited film');
    renameSync(`${library.root}/other`, library.path);
    await expect(library.restore(nodeFiles)).rejects.toMatchObject({ code: 'denied' });
    expect(library.has(library.path, Buffer.from('an edited film'))).toBe(true);
    expect(library.inArchive()).toHaveLength(1);
  });
});

describe('an exchange that comes to nothing', () => {
  test.each([
    ['the same disk', undefined, 'clip.mov', withLinks],
    ['another disk', '/dev/shm', 'clip.mp4', withLinks],
    ['a disk without links', undefined, 'clip.mov', withoutLinks],
  ])(
    'with the archive on %s leaves only the original, with the one name it had',
    async (_what, archiveUnder, name, disk) => {
      const library = newLibrary({ name, ...(archiveUnder !== undefined && { archiveUnder }) });
      const files = new FailingFiles(disk());
      const crash = async (event: string) => {
        if (event === 'publishing') files.crashAt(files.changes.length);
      };
      await expect(library.run(files, crash)).rejects.toThrow();
      expect(library.inArchive()).toHaveLength(1);
      expect(library.seen().length).toBeGreaterThan(1);
      await library.abandon(disk());
      expect(library.seen()).toEqual([name]);
      expect(library.has(library.path, library.original)).toBe(true);
      expect(library.inArchive()).toEqual([]);
      expect(statSync(library.path).nlink).toBe(1);
    },
  );

  test('is left alone where its result has the place after all', async () => {
    const library = newLibrary({ name: 'clip.mp4' });
    const files = new FailingFiles();
    const crash = async (event: string) => {
      if (event === 'published') files.crashAt(files.changes.length);
    };
    await library.run(files, crash).catch(() => {});
    const before = library.seen();
    await library.abandon(nodeFiles);
    expect(library.seen()).toEqual(before);
    expect(library.has(library.path, library.result)).toBe(true);
    expect(library.inArchive()).toHaveLength(1);
  });
});
