/** The built daemon with its own timings, fifty small files, and a service that refuses everything for a minute. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';
import { NemoServer } from '../../support/nemo-server/server.ts';

const FILES = 50;
const SLOTS = 4;
const MINUTE = 60_000;
const names = Array.from({ length: FILES }, (_, n) => `clip-${String(n).padStart(2, '0')}.mp4`);

/** The same second of film in each; the title tells them apart. */
async function dropAll(box: Box): Promise<void> {
  const { ffmpeg } = await realTools();
  const plain = await footage('plain');
  for (const name of names) {
    const to = join(box.dir, name);
    const args = ['-v', 'error', '-i', plain, '-t', '1', '-c', 'copy', '-metadata', `title=${name}`, to];
    await runChild({ command: ffmpeg, args, doing: 'cutting', cwd: box.dir });
    box.drop(to, name);
  }
}

// Two and a half minutes of waiting; test/long/nemo/storm.test.ts holds the same in virtual time.
it.runIf(process.env['SHRINKBOX_STORM'])(
  'fifty files and a minute of 429 without Retry-After: full speed afterwards (was: four files a minute)',
  async () => {
    const service = new NemoServer({ render: 'ffmpeg', renderMs: 1500 });
    const url = await service.start();
    const box = new Box({
      config: {
        engine: 'nemo',
        rules: [{ name: 'cloud', size: '150kB' }],
        limits: { nemo: SLOTS },
        nemo: { api_url: url, poll_interval: '2s' },
      },
    });
    try {
      await dropAll(box);
      await box.start();
      const finished = async () => (await box.jobs()).filter(({ state }) => state === 'done');
      await eventually(async () => (await finished()).length >= 5, { withinMs: 2 * MINUTE, everyMs: 100 });
      const from = Date.now();
      service.storm({ status: 429, forMs: MINUTE });
      await eventually(async () => (await finished()).length === FILES, { withinMs: 8 * MINUTE, everyMs: 500 });
      const all = (await finished()).toSorted((a, b) => a.updated_at - b.updated_at);
      const line = all.toSorted((a, b) => a.created_at - b.created_at);
      const overtaken = Math.max(...all.map((job, place) => place - line.indexOf(job)));
      const refused = service.requests.filter(({ status }) => status === 429);
      const after = service.requests
        .filter(({ at, status }) => at >= from + MINUTE && status < 300)
        .map(({ at }) => at);
      const back = after[0] ?? Number.NaN;
      const standstillMs = Math.max(...after.slice(1).map((at, n) => at - (after[n] ?? at)));
      const seconds = (ms: number) => (ms / 1000).toFixed(0);
      process.stdout.write(
        `${refused.length} requests refused; one accepted ${seconds(back - from - MINUTE)} s after the storm, ` +
          `all done ${seconds(Date.now() - back)} s later; longest standstill ${seconds(standstillMs)} s; ` +
          `overtaken by ${overtaken} at most; ${service.messages.length} messages\n`,
      );
      expect(service.messages.length).toBe(FILES);
      expect(service.renders.size).toBe(FILES);
      // Those under way, then one at a time after 30 s and 60 s more.
      expect(refused.length).toBeLessThanOrEqual(2 * SLOTS);
      // Renders are asked about every 2 s: only the limiter could hold everything for so long.
      expect(standstillMs).toBeLessThan(25_000);
      expect(overtaken).toBeLessThanOrEqual(2 * SLOTS);
    } finally {
      await box.dispose();
      await service.stop();
    }
  },
  900_000,
);
