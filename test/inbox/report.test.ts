import { beforeEach, describe, expect, it } from 'vitest';
import { Sidecars } from '../../src/inbox/sidecars.ts';
import { pino } from 'pino';
import type { Sighting } from '../../src/core/job.ts';
import type { FileStat } from '../../src/inbox/file-id.ts';
import type { Inspection } from '../../src/inbox/inspect.ts';
import { reportFile, whyPending } from '../../src/inbox/report.ts';
import { EMPTY_END_FACTOR, firstSample } from '../../src/inbox/stability.ts';
import type { InboxContext, TrackedFile, Veto } from '../../src/inbox/tracked-file.ts';
import { say } from '../../src/messages/say.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { kindOfType } from '../../src/platform/files/fs-types.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const stat = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n } as FileStat;

let sightings: Sighting[];
let warnings: string[];
let context: InboxContext;
let file: TrackedFile;

beforeEach(() => {
  sightings = [];
  warnings = [];
  context = {
    inbox: '/in',
    settleMs: 5_000,
    incompleteAfterMs: 24 * HOUR,
    maxWaiting: 10,
    clock: systemClock,
    log: pino({ level: 'warn' }, { write: line => void warnings.push(line) }),
    writers: () => new Map(),
    accepts: () => true,
    takesStills: false,
    hasJobFor: () => false,
    onSighting: sighting => void sightings.push(sighting),
  };
  file = {
    dir: {
      rel: '',
      path: '/in',
      identity: '',
      kind: kindOfType('ext4'),
      fs: undefined as never,
      watch: undefined,
      files: new Map(),
      children: new Set(),
      leftAlone: new Map(),
      sidecars: new Sidecars(),
      refused: false,
    },
    name: 'clip.mp4',
    polled: false,
    phase: 'pending',
    settling: firstSample({ key: 1, blocks: 1, ino: 2, sizeBytes: 3 }, { no: 0, at: 0 }),
    sidecarSettling: undefined,
    doubt: undefined,
    veto: undefined,
    reported: undefined,
    since: 0,
  };
});

const WHY = say('completeness.no-index');
const vetoed = (veto: Exclude<Veto['kind'], 'writer'>): Inspection => ({ kind: 'veto', stat, veto, why: WHY });

/** Reports the inspection at `at`, ms. Resolves with the time until the next one. */
async function pauseAfter(inspection: Inspection, at: number): Promise<number | undefined> {
  await reportFile(context, file, inspection, { no: 1, at });
  return file.veto && file.veto.nextCheckAt - at;
}

describe('a vetoed file is inspected again', () => {
  it('after half a minute where it is incomplete, then ever later, up to ten minutes', async () => {
    const pauses: unknown[] = [];
    for (let n = 0; n < 7; n += 1) pauses.push(await pauseAfter(vetoed('incomplete'), 10_000 + n * HOUR));
    expect(pauses).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
  });

  it('when its time to be incomplete is over, at the latest', async () => {
    context.incompleteAfterMs = 25_000;
    expect(await pauseAfter(vetoed('incomplete'), 10_000)).toBe(15_000);
  });

  it.each([
    [1_000, 1_000],
    [20_000, 4_000],
    [100_000, 10_000],
  ])(
    'after a fifth of its quiet time otherwise, from one sample up to ten seconds (%d ms: %d ms)',
    async (at, pause) => {
      expect(await pauseAfter({ kind: 'writing', why: WHY }, at)).toBe(pause);
    },
  );

  it('a quarter of a second later at the earliest', async () => {
    context.settleMs = 100;
    expect(await pauseAfter({ kind: 'writing', why: WHY }, 100)).toBe(250);
  });

  it('from the start where the reason is another one', async () => {
    for (let n = 0; n < 3; n += 1) await pauseAfter(vetoed('incomplete'), n);
    await pauseAfter(vetoed('companion'), HOUR);
    expect(await pauseAfter(vetoed('incomplete'), HOUR)).toBe(30_000);
  });
});

it('a GIF that is a single picture is left alone like any other picture, except where the cloud may take it', async () => {
  await reportFile(context, file, { kind: 'still', stat }, { no: 1, at: 0 });
  expect([sightings, file.phase]).toEqual([[], 'refused']);
  context.takesStills = true;
  await reportFile(context, file, { kind: 'still', stat }, { no: 2, at: 0 });
  expect([sightings.length, file.phase]).toEqual([1, 'reported']);
});

it('is logged once when it is held back for half an hour', async () => {
  await pauseAfter(vetoed('companion'), 0);
  await pauseAfter(vetoed('companion'), 30 * MINUTE - 1);
  expect(warnings).toEqual([]);
  await pauseAfter(vetoed('companion'), 30 * MINUTE);
  expect(warnings).toHaveLength(1);
  await pauseAfter(vetoed('companion'), 30 * MINUTE + 1);
  expect(warnings).toHaveLength(1);
});

describe('a file that stays as it is', () => {
  it.each([
    ['incomplete', 'inbox.file-incomplete'],
    ['empty', 'inbox.file-empty'],
  ] as const)('%s is refused after its time, once', async (veto, code) => {
    context.incompleteAfterMs = MINUTE;
    await pauseAfter(vetoed(veto), MINUTE - 1);
    expect(sightings).toEqual([]);
    await pauseAfter(vetoed(veto), MINUTE);
    expect(file.phase).toBe('refused');
    await pauseAfter(vetoed(veto), MINUTE + 1);
    expect(sightings.map(({ refused }) => refused?.code)).toEqual([code]);
  });

  it.each(['companion', 'unreadable'] as const)('%s is waited for without end', async veto => {
    context.incompleteAfterMs = MINUTE;
    await pauseAfter(vetoed(veto), 24 * HOUR);
    expect(sightings).toEqual([]);
    expect(whyPending(context, file)).toBe(WHY);
  });

  it('in doubt is reported when the longer window is over', async () => {
    const doubt: Inspection = { kind: 'doubt', stat, why: say('inbox.no-end') };
    await pauseAfter(doubt, 5_000);
    expect(sightings).toEqual([]);
    expect(whyPending(context, file).text).toBe(
      'its format does not say where it ends: waiting until it has not changed for 20s',
    );
    await pauseAfter(doubt, 20_000);
    expect(sightings).toMatchObject([{ relative: 'clip.mp4' }]);
  });

  it('with an empty end is waited for as long as any file is, also where it was in doubt before', async () => {
    await pauseAfter({ kind: 'doubt', stat, why: say('inbox.no-end') }, 5_000);
    const doubt: Inspection = { kind: 'doubt', stat, why: say('completeness.empty-end'), factor: EMPTY_END_FACTOR };
    await pauseAfter(doubt, 20_000);
    expect(sightings).toEqual([]);
    expect(whyPending(context, file).text).toBe('its end is empty: waiting until it has not changed for 10m 00s');
    await pauseAfter(doubt, 10 * MINUTE);
    expect(sightings).toMatchObject([{ relative: 'clip.mp4' }]);
  });
});
