/** Shares that hang: a server that is off, as an inbox, as an outbox, and with everything on it at once. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, onlyResult, seconds, sleep } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import type { Case } from '../suite.ts';
import { COPYING, MOUNTING } from './common.ts';

/** A FUSE mount whose server never answers, as a share whose host is off: every call into it hangs. */
async function hungAt<T>(point: string, act: () => Promise<T>): Promise<T> {
  const device = openSync('/dev/fuse', 'r+');
  const server = spawn('sleep', ['3600'], { stdio: ['ignore', 'ignore', 'ignore', device] });
  const ended = once(server, 'exit');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'hung', point], {
    stdio: ['ignore', 'ignore', 'inherit', device],
  });
  await once(mount, 'exit');
  closeSync(device);
  try {
    return await act();
  } finally {
    server.kill('SIGKILL');
    await ended;
    spawnSync('umount', ['-l', point]);
  }
}

/** Far more than a busy machine needs; a loop that waits for the share answers when that does, or never. */
const ANSWERS_WITHIN_MS = 10_000;

/** Longest time an answer took while something hangs, ms. */
async function aliveFor(box: Box, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let worst = 0;
  while (performance.now() < until) {
    const askedAt = performance.now();
    await box.get('/healthz');
    worst = Math.max(worst, performance.now() - askedAt);
    await new Promise(done => setTimeout(done, 100));
  }
  demand(worst < ANSWERS_WITHIN_MS, `it took ${Math.ceil(worst)} ms to answer`);
  return worst;
}

const HANGING: Pick<Case, 'cannot'> =
  MOUNTING.cannot || spawnSync('test', ['-e', '/dev/fuse']).status === 0 ? MOUNTING : { cannot: 'no FUSE here' };

/** The pool has four. */
const MORE_THAN_THREADS = 6;

export const hung: Case = {
  name: 'a share that hangs: as an inbox, and as an outbox, while it works',
  keeps: 'watch 14',
  ...HANGING,
  run: () => {
    const folders = [
      { inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '2s' },
      { inbox: 'share/in', outbox: 'outbox', settle: '1s', scan: '2s' },
      { inbox: 'third', outbox: 'link-out', settle: '1s', scan: '2s' },
    ];
    // One slot: a job that waits for its share must not keep it.
    return inBox({ config: { ...COPYING.config, folders, limits: { local: 1 } } }, async box => {
      for (const dir of ['share', 'share/in', 'third', 'share-out']) mkdirSync(join(box.dir, dir));
      // Led to through a link, as people do who keep one folder for all that is shared.
      symlinkSync('share-out', join(box.dir, 'link-out'));
      await box.start();
      const plain = await footage('plain');
      let [stopMs, startMs] = [0, 0];
      const worst = await hungAt(join(box.dir, 'share/in'), async () => {
        const ms = await aliveFor(box, 8000);
        box.drop(plain, 'meanwhile.mp4');
        await onlyResult(box, 'meanwhile.mp4', 'meanwhile.mp4', seconds(plain));
        const stopping = performance.now();
        const left = await Promise.race([box.kill('SIGTERM'), sleep(60_000).then(() => 'never')]);
        // By the signal itself: threads that hang would keep an ordinary end waiting.
        demand(left === 0 || left === null, `it ended with ${left}`);
        stopMs = performance.now() - stopping;
        // As after a restart of the machine, with the server still off.
        await box.start();
        startMs = performance.now() - stopping - stopMs;
        box.drop(await footage('tiny'), 'again.mp4');
        await onlyResult(box, 'again.mp4', 'again.mp4', seconds(await footage('tiny')));
        return ms;
      });
      const stuck = Array.from({ length: MORE_THAN_THREADS }, (_, n) => `../third/stuck ${n}.mp4`);
      const worstOut = await hungAt(join(box.dir, 'share-out'), async () => {
        const tiny = readFileSync(await footage('tiny'));
        for (const name of stuck) {
          writeFileSync(join(box.dir, 'next'), labelled(tiny, name));
          box.drop(join(box.dir, 'next'), name);
        }
        for (const name of stuck) {
          const job = await box.job(name, 'waiting');
          demand(/does not answer/.test(job.reason ?? ''), `${name} waits without saying for what: ${job.reason}`);
        }
        const ms = await aliveFor(box, 8000);
        box.drop(await footage('vfr'), 'beside.mkv');
        await onlyResult(box, 'beside.mkv', 'beside.mp4', seconds(await footage('vfr')));
        return ms;
      });
      for (const name of stuck) await box.job(name, 'done');
      const s = (ms: number) => (ms / 1000).toFixed(1);
      return `answered within ${Math.ceil(worst)} ms (inbox hung) and ${Math.ceil(worstOut)} ms (outbox hung), stopped in ${s(stopMs)} s and started in ${s(startMs)} s; other folders worked on; ${stuck.length} jobs for the share waited, and were done when it was back`;
    });
  },
};

/** Node's pool has four threads, and each share is asked as an inbox and as an outbox. */
const SHARES = ['a', 'b', 'c', 'd', 'e'] as const;

export const hungServer: Case = {
  name: 'five shares of one server that hang at once, inboxes and outboxes, beside a folder on the own disk',
  keeps: 'watch 14',
  ...HANGING,
  run: () => {
    const shared = SHARES.map(name => ({
      inbox: `in-${name}`,
      outbox: `out-${name}`,
      settle: '1s',
      scan: '2s',
    }));
    const folders = [{ inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '2s' }, ...shared];
    return inBox({ config: { ...COPYING.config, folders, limits: { local: 2 } } }, async box => {
      for (const { inbox, outbox } of shared) for (const dir of [inbox, outbox]) mkdirSync(join(box.dir, dir));
      const tiny = readFileSync(await footage('tiny'));
      const drop = (name: string) => {
        writeFileSync(join(box.dir, 'next'), labelled(tiny, name));
        box.drop(join(box.dir, 'next'), name);
      };
      await box.start();
      const points = shared.flatMap(({ inbox, outbox }) => [inbox, outbox]).map(dir => join(box.dir, dir));
      const hangingAll = points.reduceRight<() => Promise<number>>(
        (act, point) => () => hungAt(point, act),
        async () => {
          const ms = await aliveFor(box, 30_000);
          drop('meanwhile.mp4');
          await onlyResult(box, 'meanwhile.mp4', 'meanwhile.mp4', seconds(await footage('tiny')));
          await box.kill('SIGTERM');
          await box.start();
          drop('again.mp4');
          await onlyResult(box, 'again.mp4', 'again.mp4', seconds(await footage('tiny')));
          return Math.max(ms, await aliveFor(box, 8000));
        },
      );
      const worst = await hangingAll();
      for (const name of SHARES) drop(`../in-${name}/film ${name}.mp4`);
      for (const name of SHARES) await box.job(`../in-${name}/film ${name}.mp4`, 'done');
      return `answered within ${Math.ceil(worst)} ms, the own folder worked on and after a restart as well; ${SHARES.length} shares were used again when they were back`;
    });
  },
};
