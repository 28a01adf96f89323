import type { Scenario } from '../crash/scenario.ts';
import { failEverywhere } from '../disk/failing.ts';
import type { Suite } from '../suite.ts';

const local: Scenario = { name: 'local', engine: 'local', folder: { originals: 'archive', archive: 'archive' } };
const nemo: Scenario = { name: 'nemo', engine: 'nemo' };

export const disk: Suite = {
  name: 'disk',
  about: 'full, failing, torn and vanished disks: nothing lost, nothing half, no failed sync tried again',
  cases: () => [
    {
      name: 'every write, sync and name of a job on this machine fails once',
      keeps: '45, 47, 60',
      run: () => failEverywhere(local),
    },
    {
      name: 'every write, sync and name of a cloud job fails once',
      keeps: '45, 47, 60',
      run: () => failEverywhere(nemo),
    },
  ],
};
