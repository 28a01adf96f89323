/** What `explain` costs a daemon that many ask at once, and what is left of it when they hang up. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../support/box.ts';
import { descendants } from '../support/descendants.ts';
import { eventually } from '../support/eventually.ts';
import { footage } from '../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

const FILES = 8;

async function paused(): Promise<string[]> {
  box = new Box();
  await box.start();
  await box.post('/api/pause');
  const clip = await footage('plain');
  return Array.from({ length: FILES }, (_, i) => box.drop(clip, `clip${i}.mp4`));
}

/** Asks without waiting; the answer is an HTTP status. */
function ask(path: string) {
  const asked = request({
    socketPath: join(box.state, 'control.sock'),
    path: `/api/explain?${new URLSearchParams({ path }).toString()}`,
    agent: false,
  });
  const status = once(asked, 'response').then(([response]) => {
    response.resume();
    return response.statusCode as number;
  });
  status.catch(() => {});
  asked.on('error', () => {});
  asked.end();
  return { status, cut: () => asked.destroy() };
}

/** Encoders and probes at work; a child that has just ended and was not reaped yet does not count. */
function children(): number {
  return descendants(box.pid).filter(pid => {
    try {
      return /^ff(mpeg|probe)/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'));
    } catch {
      return false;
    }
  }).length;
}

const seesChildren = process.platform === 'linux';

it.runIf(seesChildren)('40 requests that are cut off leave no child, and never have many', async () => {
  const paths = await paused();
  const asked = Array.from({ length: 40 }, (_, i) => ask(paths[i % FILES] ?? ''));
  await eventually(() => children() > 0, { what: 'the first child' });
  let most = 0;
  for (const end = performance.now() + 400; performance.now() < end; ) {
    most = Math.max(most, children());
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  expect(most).toBeLessThanOrEqual(4);
  for (const each of asked) each.cut();
  await eventually(() => children() === 0, { what: 'every child to be gone', withinMs: 2000 });
  // None comes later, for requests that waited their turn.
  await new Promise(resolve => setTimeout(resolve, 300));
  expect(children()).toBe(0);
  expect((await box.status()).mode).toBe('paused');
});

it.runIf(seesChildren)('requests for one file are answered together', async () => {
  const [path = ''] = await paused();
  const asked = Array.from({ length: 20 }, () => ask(path).status);
  let most = 0;
  const all = Promise.all(asked);
  const counting = setInterval(() => {
    most = Math.max(most, children());
  }, 10);
  const statuses = await all.finally(() => clearInterval(counting));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(most).toBeLessThanOrEqual(2);
});
