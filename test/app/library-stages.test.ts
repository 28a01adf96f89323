import { expect, it } from 'vitest';
import type { Folders } from '../../src/app/folders.ts';
import { LibraryStages } from '../../src/app/library-stages.ts';
import type { Candidate } from '../../src/core/job.ts';
import { nodeFiles } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { aJob } from '../support/builders.ts';

const stages = new LibraryStages({ folders: {} as Folders, files: nodeFiles, forbidden: () => [], log: silentLogger });

it.each([['may look worse', 'local.differences-visible', 'differences may be visible']])(
  'a result that %s took the place of its film',
  async (_, code, why) => {
    const job = aJob();
    const bytes = Math.floor(job.pin.sizeBytes / 2);
    const candidate = {
      ...{ path: '/gone/out.mp4', isSource: false, bytes, expect: {}, how: '', notes: ['a note'] },
      messages: { notes: [{ code, params: {} }] },
    } as unknown as Candidate;
    const refused = { code: 'cannot-fit', message: expect.stringContaining(why) };
    await expect(stages.prepare(job, candidate)).rejects.toMatchObject(refused);
  },
);
