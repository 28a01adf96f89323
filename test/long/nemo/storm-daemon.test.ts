/** The built daemon with its own timings, fifty small files, and a service that refuses everything for a minute. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChild } from '../../../src/platform/process/run-child.ts';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage, realTools } from '../../support/footage.ts';
import { NemoServer } from '../../support/nemo-server/server.ts';

const FILES = 50;
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

it('fifty files and a minute of 429 without Retry-After: full speed afterwards (was: four files a minute)', async () => {
  const service = new NemoServer({ render: 'ffmpeg', renderMs: 1500 });
  const url = await service.start();
  const box = new Box({
    config: {
      engine: 'nemo',
      rules: [{ name: 'cloud', size: '60kB' }],
      limits: { nemo: 4 },
      nemo: { api_url: url, poll_interval: '2s' },
      folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '300ms', scan: '1s' }],
    },
  });
  try {
    await dropAll(box);
    await box.start();
    const finished = async () => (await box.jobs()).filter(({ state }) => state === 'done');
    await eventually(async () => (await finished()).length >= 5, { withinMs: 2 * MINUTE, everyMs: 100 });
    const from = Date.now();
    const before = (await finished()).length;
    service.storm({ status: 429, forMs: MINUTE });
    await eventually(async () => (await finished()).length === FILES, { withinMs: 8 * MINUTE, everyMs: 500 });
    const doneAt = box.journal().filter(({ event }) => event === 'published' || event === 'done');
    const during = service.requests.filter(({ at }) => at >= from && at < from + MINUTE);
    const back = service.requests.find(({ at, status }) => at >= from + MINUTE && status < 300)?.at ?? Number.NaN;
    const order = (await finished()).toSorted((a, b) => a.updated_at - b.updated_at).map(({ source }) => source);
    console.log({
      before,
      doneAt: doneAt.length,
      during: during.length,
      refused: service.requests.filter(({ status }) => status === 429).length,
      backAfterStormS: (back - from - MINUTE) / 1000,
      allDoneAfterBackS: (Date.now() - back) / 1000,
      allDoneAfterStormBeganS: (Date.now() - from) / 1000,
      messages: service.messages.length,
      order: order.map(source => source.slice(-6, -4)).join(' '),
    });
    expect(service.messages.length).toBe(FILES);
  } finally {
    await box.dispose();
    await service.stop();
  }
}, 900_000);
