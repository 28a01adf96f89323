/** Very many files at once, more than the kernel's queue of events holds, and clocks that jump meanwhile. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, onlyResult, seconds, sleep, starts, upload } from '../arena.ts';
import { readFileSync } from 'node:fs';
import { costsOf } from '../process.ts';
import type { Case } from '../suite.ts';
import { COPYING } from './common.ts';

/** What a rule leaves alone is seen, made sure to be complete, fingerprinted and journaled like any other. */
const LEFT_ALONE = {
  config: {
    folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '5s' }],
    rules: [{ name: 'none', skip: true }],
    log: { level: 'info' },
  },
};

async function allKnown(box: Box, many: number): Promise<{ tookS: number; peakMb: number }> {
  const startedAt = performance.now();
  let peak = 0;
  await eventually(
    async () => {
      await sleep(500);
      peak = Math.max(peak, costsOf(box.pid).rssBytes);
      const { counts } = await box.status();
      if (counts.skipped >= many) return true;
      throw new Error(JSON.stringify(counts));
    },
    { what: `${many} files to be known`, withinMs: 1_800_000 },
  );
  const jobs = await box.jobs();
  demand(jobs.length === many, `${jobs.length} jobs for ${many} files`);
  demand(new Set(jobs.map(job => job.source)).size === many, 'a file with two jobs');
  return { tookS: (performance.now() - startedAt) / 1000, peakMb: peak / 1e6 };
}

export const tenThousand: Case = {
  name: '10,000 dropped at once in one folder',
  keeps: 'watch 16',
  run: () =>
    inBox(LEFT_ALONE, async box => {
      await box.start();
      for (let n = 0; n < 10_000; n += 1) writeFileSync(join(box.inbox, `${n}.mp4`), `film ${n}`);
      const { tookS, peakMb } = await allKnown(box, 10_000);
      return `10,000 jobs, none twice, in ${tookS.toFixed(0)} s; RSS ${peakMb.toFixed(0)} MB at most`;
    }),
};

export const overflow: Case = {
  name: '20,000 dropped in 20 folders while it was stopped (SIGSTOP): more events than the kernel keeps',
  keeps: 'watch 6, 35',
  run: () =>
    inBox(LEFT_ALONE, async box => {
      for (let dir = 0; dir < 20; dir += 1) mkdirSync(join(box.inbox, `d${dir}`));
      await box.start();
      process.kill(box.pid, 'SIGSTOP');
      for (let n = 0; n < 20_000; n += 1) writeFileSync(join(box.inbox, `d${n % 20}`, `${n}.mp4`), `film ${n}`);
      await sleep(2000);
      process.kill(box.pid, 'SIGCONT');
      const { tookS, peakMb } = await allKnown(box, 20_000);
      return `20,000 found, none twice, ${tookS.toFixed(0)} s after it went on; RSS ${peakMb.toFixed(0)} MB at most`;
    }),
};

const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find(path => existsSync(path));

export const clockSteps: Case = {
  name: 'the wall clock steps two days forward and back, and it is stopped, while an upload stalls',
  keeps: 'watch 34, 35',
  ...(FAKETIME ? {} : { cannot: 'libfaketime is not installed' }),
  run: async () => {
    const rc = join(process.env['TMPDIR'] ?? '/tmp', `shrinkbox-faketime-${process.pid}`);
    const step = (to: string) => writeFileSync(rc, `${to}\n`);
    step('+0');
    const env = {
      LD_PRELOAD: FAKETIME ?? '',
      FAKETIME_TIMESTAMP_FILE: rc,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    try {
      return await inBox({ ...COPYING, env }, async box => {
        await box.start();
        const plain = await footage('plain');
        const bytes = readFileSync(plain);
        const said: string[] = [];
        for (const [n, to] of ['+2d', '-2d', '+0'].entries()) {
          const name = `step ${n}.mp4`;
          // The stall is shorter than the quiet time by real time, and days longer or negative by the wall's.
          const writing = upload(join(box.inbox, name), bytes, {
            overMs: 1000,
            stallAt: 0.5,
            stallMs: 700,
            held: false,
          });
          await sleep(600);
          step(to);
          process.kill(box.pid, 'SIGSTOP');
          await sleep(1200);
          process.kill(box.pid, 'SIGCONT');
          await writing;
          await onlyResult(box, name, name, seconds(plain));
          demand(starts(box, name) === 1, `${name} was begun ${starts(box, name)} times`);
          said.push(to);
        }
        return `clock ${said.join(', ')}: each film whole, begun once`;
      });
    } finally {
      rmSync(rc, { force: true });
    }
  },
};
