import { cutsNeverInvent, flipsNeverInvent, historiesAgree } from '../model/check.ts';
import { journalCrashes } from '../model/journal-crashes.ts';
import type { Suite } from '../suite.ts';

export const model: Suite = {
  name: 'model',
  about: 'random histories of jobs and crashes against a small model; journals cut and spoilt say less or are refused',
  cases: [
    { name: 'histories with crashes and restarts', keeps: '39, I3', run: ({ random }) => historiesAgree(3000, random) },
    { name: 'journals cut at every byte', keeps: '42', run: ({ random }) => cutsNeverInvent(10, 1, random) },
    { name: 'journals with a bit turned over', keeps: '43', run: ({ random }) => flipsNeverInvent(200, 300, random) },
    {
      name: 'a disk that keeps only what was synced, stopped at every operation, and at every one of the next start',
      keeps: '39, 42, 44, 48',
      run: async () => {
        const { crashes, disks, refused } = await journalCrashes(4, true);
        return `${crashes} crashes, ${disks} disks, ${refused} of them refused (sectors out of order)`;
      },
    },
  ],
};
