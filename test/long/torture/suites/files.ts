/** What happens to files in an inbox, by everybody's hands and at any time. What watchers alone can show stands in test/watch. */
import { changing } from '../files/changing.ts';
import { hung, hungServer } from '../files/hangs.ts';
import { clockSteps, overflow, tenThousand } from '../files/many.ts';
import { kindsOfDisk, names } from '../files/places.ts';
import { allWriters, overSamba } from '../files/writers.ts';
import type { Suite } from '../suite.ts';

export const files: Suite = {
  name: 'files',
  about: 'files written, replaced, renamed and deleted in every way, in every stage, on every kind of disk',
  cases: [allWriters, overSamba, ...changing, names, kindsOfDisk, hung, hungServer, clockSteps, tenThousand, overflow],
};
