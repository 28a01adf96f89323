import { expect, it } from 'vitest';
import { Libraries, type LibrariesOptions } from '../../src/app/library.ts';
import type { ShrinkError } from '../../src/core/errors.ts';

const LIBRARY = '/mnt/films-that-are-away';

/** Of a daemon with one library, whose disk is away. */
function libraries() {
  const cancelled: (string | undefined)[] = [];
  const ledger = {
    confirmedPlan: () => undefined,
    counts: () => ({ queued: 0, waiting: 0, running: 0, verifying: 0, delivering: 0, held: 0 }),
    setLibrary: async (library: string) => void cancelled.push(library),
  };
  const live = { current: { libraries: [{ library: LIBRARY, originals: 'archive', minAge: 0, rules: [] }] } };
  return { all: new Libraries({ live, state: { ledger } } as unknown as LibrariesOptions), cancelled };
}

it.each(['/etc', '/no/such/folder', '/etc/passwd'])(
  'nothing is said of what is at %s, which is in no library',
  async dir => {
    const { all, cancelled } = libraries();
    const said = await Promise.all(
      [async () => all.plan(dir), () => all.confirm(dir), () => all.stop(dir)].map(ask =>
        ask().then(
          () => 'fine',
          (error: ShrinkError) => error.message,
        ),
      ),
    );
    expect(said).toEqual(Array(3).fill(`${dir} is no library of the configuration`));
    expect(cancelled).toEqual([]);
  },
);

it('a library whose disk is away can be stopped, and not planned', async () => {
  const { all, cancelled } = libraries();
  expect(() => all.plan(`${LIBRARY}/new`)).toThrow(`there is no folder ${LIBRARY}/new`);
  await all.stop(LIBRARY);
  expect(cancelled).toEqual([LIBRARY]);
});
