import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cloudRefsOf, type Order } from '../../../src/core/job.ts';
import type { TimelineQuestion } from '../../../src/engine/engine.ts';
import type { NemoServerOptions } from '../../support/nemo-server/server.ts';
import { setUp, type TestJob } from './support.ts';

/** About the timeline of a job that is done. */
export function questionAbout(work: TestJob): TimelineQuestion {
  const refs = cloudRefsOf(work.facts) ?? {};
  return {
    ...{ job: 'job1', refs, isDone: true, signal: new AbortController().signal },
    neighbours: async () => work.neighbours(refs.session),
  };
}

/** Two files of one folder in one session, a.mp4 first; what is asked for then is about a.mp4. */
export async function batch(options: { server?: NemoServerOptions; speed?: number } = {}) {
  const stand = await setUp({ ...options, name: 'a.mp4' });
  const perFolder = { nemo: { session: 'per-folder' as const } };
  const folder = '/inbox';
  const other = join(stand.dir, 'b.mp4');
  await writeFile(other, Buffer.alloc(6000, 'w'));
  const orderB: Partial<Order> = { job: 'b', folder, source: other, sourceBytes: (await stat(other)).size };
  const engine = stand.restart(perFolder);
  const a = stand.job({ about: 'a' });
  await engine.run(stand.order({ job: 'a', folder, instruction: 'compress it to under 4kB' }), a.context);
  return {
    ...stand,
    a,
    /** Every call is a new engine: nothing is remembered but what is on the disk and in the jobs. */
    runB: (work: TestJob = stand.job({ about: 'b' })) =>
      stand
        .restart(perFolder)
        .run(stand.order(orderB), work.context)
        .then(() => work),
    runA: (instruction: string, changes: Partial<Order> = {}, work = stand.job({ about: 'a' })) =>
      stand
        .restart(perFolder)
        .run(
          stand.order({
            ...{ job: 'a2', folder, instruction },
            previous: { cloud: cloudRefsOf(a.facts), words: ['compress it to under 4kB'] },
            ...changes,
          }),
          work.context,
        )
        .then(() => work),
    timeline: (work: TestJob) => stand.restart(perFolder).timeline(questionAbout(work)),
    cannotExport: (work: TestJob) => stand.restart(perFolder).cannotExport(questionAbout(work)),
    /** Names of the files that each render was of, in order. */
    rendered: () =>
      stand.server.requests
        .filter(({ path }) => path.endsWith('/lambda'))
        .map(({ body }) => /"name":"([^"]+)"/.exec(body)?.[1]),
  };
}
