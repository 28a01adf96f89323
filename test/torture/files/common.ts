import type { BoxOptions } from '../../support/box.ts';

/** Everything fits as it is: a copy is quick, and what is tried here is what happens to files, not to pictures. */
export const COPYING: BoxOptions = {
  config: {
    folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '2s' }],
    rules: [{ name: 'fits', size: '50MB' }],
    limits: { local: 2 },
  },
};
