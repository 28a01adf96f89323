import { spawnSync } from 'node:child_process';
import type { BoxOptions } from '../../../support/box.ts';
import { isRoot } from '../arena.ts';
import type { Case } from '../suite.ts';

/** Everything fits as it is: a copy is quick, and what is tried here is what happens to files, not to pictures. */
export const COPYING: BoxOptions = {
  config: {
    folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '2s' }],
    rules: [{ name: 'fits', size: '50MB' }],
    limits: { local: 2 },
  },
};

/** Where a case needs mounts of its own. */
export const MOUNTING: Pick<Case, 'cannot'> =
  isRoot && spawnSync('unshare', ['-m', 'true']).status === 0 ? {} : { cannot: 'mounting needs root' };
