import { clockMoved } from '../crash/clock.ts';
import { killEverywhere, killInARow, killTwice } from '../crash/enumerate.ts';
import { ffmpegKilled } from '../crash/ffmpeg.ts';
import { longJournal, OLD_JOB } from '../crash/long-journal.ts';
import type { Scenario } from '../crash/scenario.ts';
import type { Suite, Trial } from '../suite.ts';
import { needs } from '../facts.ts';

const archived = { originals: 'archive', archive: 'archive' };
const local: Scenario = { name: 'local', engine: 'local', folder: archived };
const deleted: Scenario = {
  name: 'deleted',
  engine: 'local',
  folder: { originals: 'delete' },
  // Up to there it is the same as the other.
  only: /outbox|inbox|\[(published|disposing|disposed done|reported)\]/,
};
const nemo: Scenario = { name: 'nemo', engine: 'nemo' };
const compacting: Scenario = {
  name: 'compacting',
  engine: 'local',
  prepare: longJournal,
  keeps: [OLD_JOB],
  only: /journal\/0{5}[2-9]|unlink state\/journal/,
};

/** Stopped while it encodes, calls the cloud and delivers. */
const stopping: Scenario[] = [
  { ...local, stopAt: 'after spawn ffmpeg #10' },
  { ...local, stopAt: 'after create outbox/trip/.shrinkbox-JOB.part #1' },
  { ...nemo, stopAt: 'after sending POST /run_sse #1' },
  { ...nemo, stopAt: 'after sending GET /api/render/proxy/lambda/ID #1' },
];

/** One point alone, to look at it again: `CRASH_POINT='after rename a -> b #1' npm run torture -- --suite crash --case cloud`. */
const { CRASH_POINT } = process.env;
const given = CRASH_POINT === undefined ? undefined : [CRASH_POINT];

export const crash: Suite = {
  name: 'crash',
  about:
    'kill -9 at every act of the process, started again: once, the same bytes, nothing left over, nothing paid twice',
  cases: [
    {
      name: 'at every point of a job on this machine',
      keeps: '39-41, 56',
      run: trial => killEverywhere(local, trial, given),
    },
    { name: 'at every point of a cloud job', keeps: '39-41, 56', run: trial => killEverywhere(nemo, trial, given) },
    {
      name: 'while the original is being deleted',
      keeps: '56, I4',
      run: trial => killEverywhere(deleted, trial, given),
    },
    { name: 'while the journal is compacted', keeps: '48', run: trial => killEverywhere(compacting, trial, given) },
    ...stopping.map(scenario => ({
      name: `while it stops, told so ${scenario.stopAt}`,
      keeps: '65, 66',
      run: (trial: Trial) => killEverywhere(scenario, trial),
    })),
    { name: 'twice in a row, on this machine', keeps: '40', run: trial => killTwice(local, 40, trial) },
    { name: 'twice in a row, in the cloud', keeps: '40', run: trial => killTwice(nemo, 40, trial) },
    { name: 'twenty times in a row, on this machine', keeps: '40', run: trial => killInARow(local, 20, trial) },
    { name: 'twenty times in a row, in the cloud', keeps: '40', run: trial => killInARow(nemo, 20, trial) },
    { name: 'ffmpeg killed under it', keeps: '54', run: ({ random }) => ffmpegKilled(random) },
    {
      name: 'the clock moved two days on and back',
      keeps: '34',
      ...needs('faketime'),
      run: () => clockMoved(),
    },
  ],
};
