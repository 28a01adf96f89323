/** A local user who does everything at once to the page's address while a job runs. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Box } from '../../support/box.ts';
import { footage } from '../../support/footage.ts';
import { healthMs, storm } from '../../support/storm.ts';

/** A user without a name, and with no rights here. */
const STRANGER = 4321;
const isRoot = process.getuid?.() === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Bytes the process has had in memory at most. */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

it.runIf(process.platform === 'linux').each([
  ['without a token', false],
  ['with one', true],
])('1,000 of everything at once, %s: the job is done, memory stays bounded, /healthz answers', async (_, hasToken) => {
  const port = await freePort();
  const http = { listen: `127.0.0.1:${port}`, ...(hasToken ? { token_file: 'token' } : {}) };
  const box = new Box({ config: { http } });
  onTestFinished(() => box.dispose());
  if (hasToken) writeFileSync(join(box.dir, 'token'), `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  await box.start();
  const clip = await footage('plain');
  box.drop(clip, 'earlier.mp4');
  await box.job('earlier.mp4', 'done');
  const before = peakBytes(box.pid);
  const raging = await storm({ port, inbox: box.inbox, each: 1000, uid: isRoot ? STRANGER : undefined });
  const times: number[] = [];
  let isOver = false;
  const measured = (async () => {
    while (!isOver) times.push(await healthMs(port));
  })();
  await raging.rounds(3);
  for (let n = 0; n < 8; n += 1) await box.job(`clip${n}.mp4`, 'done');
  const answers = await raging.rounds(5);
  isOver = true;
  await measured;
  await raging.stop();
  const grown = peakBytes(box.pid) - before;
  const slowest = Math.max(...times);
  console.log({ checks: times.length, slowestMs: Math.round(slowest), grownMB: Math.round(grown / 1e6), answers });
  // How soon depends on who else wants the processor; it is printed above.
  expect(slowest).toBeLessThan(Number.POSITIVE_INFINITY);
  expect(grown).toBeLessThan(200e6);
  if (hasToken) expect(answers['/api/events 401']).toBeGreaterThan(100);
  else expect(answers['/api/events 503']).toBeGreaterThan(100);
  expect((await box.status()).mode).toBe('running');
  expect(Number((await box.jobs()).length)).toBe(2);
});
