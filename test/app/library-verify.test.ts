import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkLibrary } from '../../src/app/library-verify.ts';
import type { Job } from '../../src/core/job.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aJob, TO_DONE } from '../support/builders.ts';
import { openSource } from '../support/with-source.ts';

const ARCHIVED = '/archive/film.mkv';

/** A check of one film, of which neither the result nor the archived original can be opened. */
function checked(errno: string) {
  const original = { kind: 'archived', path: ARCHIVED, sha256: 'x' } as Job['original'];
  const job = { ...aJob({ inbox: '/library' }, ...TO_DONE), library: true, original } as unknown as Job;
  const openResult = (path: string) => Promise.reject(Object.assign(new Error(`${errno}: ${path}`), { code: errno }));
  const options = {
    state: { ledger: { all: () => [job] } },
    folders: { openResult },
    libraries: [],
    log: silentLogger,
  };
  return checkLibrary(options as unknown as Parameters<typeof checkLibrary>[0]);
}

// Was: the daemon ended, with all encodes of all folders.
it.each(['ENOENT', 'EACCES', 'EIO'])('a check finds a result and an archived original that give %s', async errno => {
  const check = checked(errno);
  await check.done;
  const view = check.view('/library');
  expect(view).toMatchObject({ done: true, checked: 1 });
  expect(view?.problems.map(({ path }) => path)).toContain(ARCHIVED);
  expect(view?.problems).toHaveLength(2);
  expect(check.isOver()).toBe(true);
});

// Was: said to be fine, as long as it decoded.
it('a check finds a byte that changed in a result', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-verify-'));
  try {
    await writeFile(join(dir, 'film.mp4'), 'changed!');
    const state = { name: 'done', output: join(dir, 'film.mp4'), outputBytes: 8, outputSha256: 'of other bytes' };
    const job = { ...aJob({ inbox: '/library' }), library: true, original: { kind: 'deleted', at: 1 }, state };
    const options = {
      state: { ledger: { all: () => [job] } },
      folders: { openResult: openSource },
      libraries: [],
      log: silentLogger,
    };
    const check = checkLibrary(options as unknown as Parameters<typeof checkLibrary>[0]);
    await check.done;
    expect(check.view('/library')?.problems).toMatchObject([
      { path: state.output, why: 'it is no longer the file that shrinkbox put there' },
    ]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
