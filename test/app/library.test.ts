import { mkdirSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { Libraries, type LibrariesOptions } from '../../src/app/library.ts';
import { storeFor } from '../../src/app/library-plan.ts';
import { defaultConfig } from '../../src/config/defaults.ts';
import type { ShrinkError } from '../../src/core/errors.ts';
import type { Job } from '../../src/core/job.ts';
import type { LibraryPlan } from '../../src/library/plan/outcome.ts';
import { aJob } from '../support/builders.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
});

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

it('no other plan is made while a library is at work: what is carried out is what was confirmed', async () => {
  mkdirSync(`${dir}/2019`);
  const confirmed = new Map([[dir, 'key:p']]);
  const live = { current: { libraries: [{ library: dir, originals: 'archive', minAge: 0, rules: [] }] } };
  const ledger = { confirmedPlan: (library: string) => confirmed.get(library) };
  const all = new Libraries({ live, state: { ledger } } as unknown as LibrariesOptions);
  for (const folder of [dir, `${dir}/2019`]) {
    expect(() => all.plan(folder)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringMatching(/is being worked on/),
        hint: expect.stringContaining('library stop'),
      }),
    );
  }
});

const FILMS = ['a.mp4', 'sub/b.mp4'].map(relative => ({ relative, bytes: 10, mtimeNs: '1', expected: 5, seconds: 1 }));

/** A daemon that starts with a plan nobody has confirmed; of its films, these were done. */
async function startedWithPlan(done: readonly string[], under = '') {
  return (await withPlan({ done, under })).view()[0]?.state;
}

interface Given {
  done?: readonly string[];
  under?: string;
  films?: typeof FILMS;
  jobs?: readonly Job[];
}

async function withPlan({ done = [], under = '', films = FILMS, jobs = [] }: Given): Promise<Libraries> {
  const at = (path: string) => `${dir}/${path}`;
  const library = { library: dir, originals: 'archive' as const, archive: at('archive'), minAge: 0, rules: [] };
  const current = { ...defaultConfig(at), stateDir: at('state'), libraries: [library] };
  const store = storeFor({ library, under }, current);
  await store.open();
  const plan = {
    id: 'p',
    library: dir,
    folder: under === '' ? dir : at(under),
    made_at: 1,
    todo: { films: films.length, bytes: 20, expected_bytes: 10, seconds: 2 },
  };
  await store.finish(
    plan as LibraryPlan,
    (async function* () {
      yield* films;
    })(),
  );
  const job = { state: { name: 'done' }, pin: { sizeBytes: 10, mtimeNs: '1' } };
  const ledger = {
    ...{ confirmedPlan: () => (jobs.length > 0 ? 'key:p' : undefined), subscribe: () => () => {}, all: () => jobs },
    counts: () => ({ queued: 0, waiting: 1, running: 0, verifying: 0, delivering: 0, held: 0 }),
    atPlace: (_: string, relative: string) => (done.includes(relative) ? [job] : []),
  };
  const options = {
    ...{ live: { current }, state: { ledger }, clock: new FakeClock(), life: { defer: () => {} } },
    folders: { whyAway: () => undefined },
    queue: { gate: { closed: true }, scheduler: { draining: false } },
  };
  const all = new Libraries(options as unknown as LibrariesOptions);
  await all.start();
  return all;
}

it('a plan in which nothing is to be done was "started, 0 films"', async () => {
  const all = await withPlan({ films: [] });
  await expect(all.confirm(dir)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('nothing is to be done'),
  });
});

it('a plan whose films are all done was "planned, not started"', async () => {
  expect(await startedWithPlan(['a.mp4'])).toBe('planned');
  expect(await startedWithPlan(['a.mp4', 'sub/b.mp4'])).toBe('idle');
  expect(await startedWithPlan(['a.mp4'], 'sub')).toBe('planned');
});

it('a film that waits for room in the archive was "at work", with seconds left', async () => {
  const reason = { code: 'no-space' as const, text: '/archive is 3.22 MB short' };
  const waiting = aJob(
    { library: true, inbox: dir, path: `${dir}/a.mp4` },
    { event: 'waiting', data: { until: 9e12, reason } },
  );
  const [view] = (await withPlan({ jobs: [waiting] })).view();
  expect(view).toMatchObject({ now: null, left_ms: null, reason: `${dir}/a.mp4 waits: /archive is 3.22 MB short` });
});

it('films that were changed or replaced while at work were counted nowhere', async () => {
  const reason = { code: 'replaced' as const, text: 'changed' };
  const jobs = ['a.mp4', 'b.mp4'].map(name =>
    aJob({ library: true, inbox: dir, path: `${dir}/${name}` }, { event: 'cancelled', data: { reason } }),
  );
  expect((await withPlan({ jobs })).view()).toMatchObject([{ done: 0, left_alone: 2 }]);
});
