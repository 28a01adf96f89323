import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import { ensureFolder } from '../../../src/deliver/output-folder.ts';
import { callsUnderWay } from '../../../src/platform/files/calls-under-way.ts';
import { type Files, HAS_DESCRIPTOR_PATHS, nodeFiles, throughDescriptor } from '../../../src/platform/files/files.ts';
import { guardedFiles, MountGuard, sparedThreads, ThreadBudget } from '../../../src/platform/files/hang-guard.ts';
import { silentLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ANSWER_MS = 5_000;

/** Mounts of one server, all asked at once; none answers before it is told to. */
function server(mounts: number, threads: number) {
  const clock = new FakeClock();
  const budget = new ThreadBudget(threads);
  const gate = (name: string) => new MountGuard(`/mnt/${name}`, clock, ANSWER_MS, budget);
  const answers: (() => void)[] = [];
  const calls = Array.from({ length: mounts }, (_, n) =>
    gate(`nas-${n}`).call(() => new Promise<void>(resolve => answers.push(resolve))),
  );
  return { clock, budget, gate, answers, outcome: Promise.allSettled(calls) };
}

async function hungServer(mounts: number, threads: number) {
  const all = server(mounts, threads);
  await eventually(() => all.answers.length === threads, { what: 'the first mounts to be asked' });
  await all.clock.advance(ANSWER_MS);
  return { ...all, outcome: await all.outcome };
}

// Was: two shares that hung at once stopped the other folders, and more of them the journal.
it('five shares of one server that hang at once hold two threads, and each caller learns of it', async () => {
  const { outcome, answers, clock } = await hungServer(5, 2);
  expect(answers).toHaveLength(2);
  const told = outcome.map(each => (each.status === 'rejected' ? String(each.reason.message) : 'an answer'));
  expect(told.toSorted()).toEqual([
    '/mnt/nas-0 does not answer',
    '/mnt/nas-1 does not answer',
    ...[2, 3, 4].map(n => `/mnt/nas-${n} cannot be used at the moment: other mounts do not answer`),
  ]);
  expect(outcome.every(each => each.status === 'rejected' && isShrinkError(each.reason, 'unavailable'))).toBe(true);
  expect(clock.timers).toBe(0);
});

it('a mount that answers is asked again as soon as one of those that hung is back', async () => {
  const { gate, answers } = await hungServer(3, 2);
  const healthy = gate('healthy');
  await expect(healthy.call(async () => 'a list')).rejects.toThrow('/mnt/healthy cannot be used at the moment');
  answers[0]?.();
  await new Promise(resolve => setImmediate(resolve));
  await expect(healthy.call(async () => 'a list')).resolves.toBe('a list');
});

it('what must be done some time is done once a thread is free, and until then nobody spins', async () => {
  const { gate, answers } = await hungServer(2, 2);
  let closed = 0;
  const closing = gate('healthy').whenBack(async () => void (closed += 1));
  // A loop of promises would never let this turn come.
  await new Promise(resolve => setImmediate(resolve));
  expect(closed).toBe(0);
  answers[1]?.();
  await closing;
  expect(closed).toBe(1);
});

it('who waits for a thread that works for a long time is told so, and leaves its place to others', async () => {
  const { clock, gate } = server(0, 1);
  let copied: () => void = () => {};
  const copy = gate('slow').call(() => new Promise<void>(resolve => (copied = resolve)), { answerMs: 300_000 });
  await new Promise(resolve => setImmediate(resolve));
  const waiting = expect(gate('other').call(async () => 'a list')).rejects.toThrow(
    '/mnt/other cannot be used at the moment',
  );
  await eventually(() => clock.timers === 2, { what: 'the other to wait' });
  await clock.advance(ANSWER_MS);
  await waiting;
  copied();
  await copy;
  await expect(gate('other').call(async () => 'a list')).resolves.toBe('a list');
});

it('a watcher that stops is not held back by waiting for a thread', async () => {
  const { clock, gate } = server(0, 1);
  void gate('slow').call(() => new Promise(() => {}), { answerMs: 300_000 });
  await new Promise(resolve => setImmediate(resolve));
  const other = gate('other');
  const waiting = expect(other.call(async () => 'a list')).rejects.toThrow('does not answer');
  await eventually(() => clock.timers === 2, { what: 'the other to wait' });
  other.abandon();
  await waiting;
  expect(clock.timers).toBe(1);
});

it.each([
  [{}, 2],
  [{ UV_THREADPOOL_SIZE: '16' }, 14],
  [{ UV_THREADPOOL_SIZE: '2' }, 1],
  [{ UV_THREADPOOL_SIZE: 'many' }, 2],
])('the environment %j spares %i threads', (environment, threads) => {
  expect(sparedThreads(environment)).toBe(threads);
});

let dir: string;
let share: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shrinkbox-guarded-'));
  share = join(dir, 'share');
  await mkdir(share);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Files below `share` answer only after `release`; what was asked meanwhile is counted. */
function hanging() {
  const state = { asked: [] as string[], held: [] as (() => void)[], isBack: false };
  const answer = async (what: string): Promise<void> => {
    state.asked.push(what);
    if (!state.isBack) await new Promise<void>(resolve => state.held.push(resolve));
  };
  const below = (path: string) => path.startsWith(share) || path.startsWith(join(dir, 'link'));
  const files: Files = {
    ...nodeFiles,
    stat: async path => {
      if (below(path)) await answer('stat');
      return nodeFiles.stat(path);
    },
    statfs: async path => {
      if (below(path)) await answer('statfs');
      return nodeFiles.statfs(path);
    },
    async open(path, flags, mode) {
      if (below(path)) await answer('open');
      return nodeFiles.open(path, flags, mode);
    },
  };
  const release = () => {
    state.isBack = true;
    for (const each of state.held.splice(0)) each();
  };
  const clock = new FakeClock();
  const mounts = () => [
    { point: '/', type: 'ext4', source: 'disk', device: '8:1' },
    { point: share, type: 'nfs4', source: 'nas:/films', device: '0:60' },
  ];
  return {
    state,
    release,
    clock,
    files: guardedFiles(files, { clock, mounts, answerMs: 5_000, budget: new ThreadBudget(2) }),
  };
}

/** Lets the time pass in which the share should have answered. */
async function giveUp(clock: FakeClock): Promise<void> {
  await eventually(() => clock.timers > 0, { what: 'somebody to wait for the share' });
  await clock.advance(5_000);
}

describe('a share that hangs', () => {
  it('as an inbox does not hold up what is delivered elsewhere', async () => {
    const { files, clock } = hanging();
    const outbox = join(dir, 'outbox');
    await mkdir(outbox);
    const folder = ensureFolder({ path: outbox }, ['trip'], { files, log: silentLogger, forbidden: [share] });
    await giveUp(clock);
    await expect(folder).resolves.toMatchObject({ path: join(outbox, 'trip') });
    await (await folder).close();
  });

  it('as an outbox is asked by one at a time, and said to be unavailable', async () => {
    const { files, clock, state, release } = hanging();
    const asked = [1, 2, 3, 4, 5].map(() => files.statfs(share));
    const outcome = Promise.allSettled(asked);
    await giveUp(clock);
    expect((await outcome).map(one => one.status === 'rejected' && String(one.reason.code))).toEqual(
      Array.from({ length: 5 }, () => 'unavailable'),
    );
    expect(state.asked).toEqual(['statfs']);
    await expect(files.stat(dir)).resolves.toBeDefined();
    release();
    await eventually(() => files.statfs(share).then(() => true), { what: 'the share to be asked again' });
    expect(clock.timers).toBe(0);
  });

  it('is asked by one at a time through a link as well', async () => {
    const { files, clock, state } = hanging();
    await mkdir(join(share, 'films'));
    await symlink('share/films', join(dir, 'link'));
    const asked = [share, join(dir, 'link'), join(dir, 'link/trip')].map(path => files.statfs(path));
    const outcome = Promise.allSettled(asked);
    await giveUp(clock);
    expect((await outcome).map(one => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(state.asked).toEqual(['statfs']);
  });

  it('does not leave an empty file under the last name when it comes back', async () => {
    const { files, clock, release } = hanging();
    const reserved = files.open(join(share, 'clip.mp4'), 'wx', 0o666);
    const outcome = Promise.allSettled([reserved]);
    await giveUp(clock);
    expect((await outcome)[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    release();
    const names = await eventually(() => files.readdir(share), { what: 'the share to be asked again' });
    expect(names).toEqual([]);
  });

  it('while a file is copied to it: the file is closed once it is back', async () => {
    const { files, clock, state, release } = hanging();
    state.isBack = true;
    const file = await files.open(join(share, 'clip.mp4'), 'wx', 0o666);
    state.isBack = false;
    const asked = Promise.allSettled([files.stat(share)]);
    await giveUp(clock);
    await asked;
    await expect(file.close()).rejects.toMatchObject({ code: 'unavailable' });
    release();
    await eventually(
      () =>
        file.stat().then(
          () => false,
          (error: NodeJS.ErrnoException) => error.code === 'EBADF',
        ),
      { what: 'the file to be closed' },
    );
  });
});

// Was: "/proc does not answer" of local folders at the end, and one call at a time for all of them before.
it.runIf(HAS_DESCRIPTOR_PATHS)(
  'a file that is closed twice takes nothing from the one that has its number by then',
  async () => {
    const mounts = ['/', '/proc'].map((point, id) => ({
      ...{ id, point, type: point === '/' ? 'ext4' : 'proc', source: 'x', device: `0:${id}` },
    }));
    const stop = new AbortController();
    const files = guardedFiles(nodeFiles, { clock: new FakeClock(), mounts: () => mounts, giveUp: stop.signal });
    const first = await files.open(tmpdir(), 'folder');
    await first.close();
    const folder = await files.open(tmpdir(), 'folder');
    try {
      expect(folder.fd).toBe(first.fd);
      await first.close().catch(() => {});
      stop.abort();
      expect((await files.stat(`${throughDescriptor(folder.fd)}/.`)).isDirectory()).toBe(true);
    } finally {
      await folder.close();
    }
  },
);

describe('a guard', () => {
  it('fails at once while it hangs, holds one call only, and works again when that comes back', async () => {
    const clock = new FakeClock();
    const guard = new MountGuard('/mnt/nas', clock, 5_000, new ThreadBudget(2));
    const before = callsUnderWay();
    let answer: (value: string) => void = () => {};
    let calls = 0;
    const late: string[] = [];
    const slow = guard.call(
      () => {
        calls += 1;
        return new Promise<string>(resolve => {
          answer = resolve;
        });
      },
      { onLate: value => void late.push(value) },
    );
    const queued = guard.call(async () => 'never asked');
    const outcome = Promise.allSettled([slow, queued]);
    await new Promise(resolve => setImmediate(resolve));
    await clock.advance(5_000);
    const results = await outcome;
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(results.every(each => each.status === 'rejected' && isShrinkError(each.reason, 'unavailable'))).toBe(true);
    await expect(guard.call(async () => 'still hung')).rejects.toThrow('/mnt/nas does not answer');
    // Whoever wants to end must not wait for it.
    expect(callsUnderWay()).toBe(before + 1);
    expect(calls).toBe(1);
    answer('a file handle');
    await eventually(() => late.length === 1, { what: 'the late answer to be handed over' });
    await expect(guard.call(async () => 'fine')).resolves.toBe('fine');
    expect(callsUnderWay()).toBe(before);
    expect(clock.timers).toBe(0);
  });

  it('does not hold back who stops watching', async () => {
    const guard = new MountGuard('/mnt/nas', new FakeClock(), 60_000, new ThreadBudget(1));
    const stuck = guard.call(() => new Promise(() => {}));
    guard.abandon();
    await expect(stuck).rejects.toThrow('does not answer');
    await expect(guard.call(async () => 'anything')).rejects.toThrow('does not answer');
  });
});
