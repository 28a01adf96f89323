import type { Scenario } from '../crash/scenario.ts';
import { failEverywhere, quotaEverywhere } from '../disk/failing.ts';
import { cannotMount } from '../disk/mounts.ts';
import {
  noDescriptors,
  outboxAway,
  outboxFull,
  powerCuts,
  stateAway,
  stateFull,
  stateReadOnly,
  writebackFails,
} from '../disk/real.ts';
import type { Suite } from '../suite.ts';

const local: Scenario = { name: 'local', engine: 'local', folder: { originals: 'archive', archive: 'archive' } };
const nemo: Scenario = { name: 'nemo', engine: 'nemo' };
/** Large enough that it is put on the disk while the rest of it still comes. */
const large: Scenario = { name: 'large', engine: 'nemo', grownBy: 100_000_000, only: /sync state\/work/ };

/** One point alone, as in the suite `crash`. */
const { CRASH_POINT } = process.env;
const given = CRASH_POINT === undefined ? undefined : [CRASH_POINT];

export const disk: Suite = {
  name: 'disk',
  about: 'full, failing, torn and vanished disks: nothing lost, nothing half, no failed sync tried again',
  cases: [
    {
      name: 'every write, sync and name of a job on this machine fails once',
      keeps: '45, 47, 60',
      run: trial => failEverywhere(local, trial, given),
    },
    {
      name: 'every write, sync and name of a cloud job fails once',
      keeps: '45, 47, 60',
      run: trial => failEverywhere(nemo, trial, given),
    },
    {
      name: 'a piece of a large download is lost by the disk',
      keeps: '45, 46',
      run: trial => failEverywhere(large, trial),
    },
    { name: 'no room for the working files', keeps: '60', ...cannotMount(), run: stateFull },
    { name: 'the outbox filled by somebody else meanwhile', keeps: '60', ...cannotMount(), run: outboxFull },
    { name: 'the outbox unmounted meanwhile', keeps: '61', ...cannotMount('mkfs.ext4'), run: outboxAway },
    { name: 'the state directory unmounted meanwhile', keeps: '61', ...cannotMount('mkfs.ext4'), run: stateAway },
    { name: 'the state disk becomes read-only', keeps: '53', ...cannotMount('mkfs.ext4'), run: stateReadOnly },
    { name: 'a sync that fails once and then says yes', keeps: '46', ...cannotMount('mkfs.ext4'), run: writebackFails },
    {
      name: 'the power cut, twenty times',
      keeps: '49, 50',
      ...cannotMount('mkfs.ext4', 'xfs_io'),
      run: ({ random }) => powerCuts(20, random),
    },
    { name: 'no file descriptors for a while', keeps: '54', run: noDescriptors },
    {
      // No file system with quotas can be mounted on kernels without them: the act itself fails with EDQUOT.
      name: 'a quota is used up at every act that needs room, and raised',
      keeps: '47, 60',
      run: trial => quotaEverywhere({ ...local, name: 'quota', only: /state\/work|outbox|archive/ }, trial),
    },
  ],
};
