/** Names and places: what a file may be called, and what kind of disk an inbox may lie on. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';
import { demand, inBox, isRoot, mustPlay, Originals, onlyResult, seconds, sleep } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import type { Case } from '../suite.ts';
import { COPYING } from './common.ts';
import { has } from './writers.ts';

const NFC = 'Caf\u00e9 \u00fcber.mp4'.normalize('NFC');
const NFD = NFC.normalize('NFD');

export const names: Case = {
  name: 'names in NFC and NFD, of 255 bytes, not UTF-8; paths as long as they may be, 300 folders deep',
  keeps: 'watch 36, 63; promise 3',
  run: () =>
    inBox(COPYING, async box => {
      await box.start();
      const tiny = readFileSync(await footage('tiny'));
      // Results of equal bytes share a name that both want: the twin of a name has to be another film.
      const clipOf = (name: string) => footage(name === NFD ? 'plain' : 'tiny');
      const originals = new Originals();
      // As long as PATH_MAX (4096 bytes) lets a path be, with a little left for the outbox's own hidden names.
      const long = `${`${'d'.repeat(99)}/`.repeat(35)}long.mp4`;
      const deep = `${'d/'.repeat(300)}deep.mp4`;
      const good = [NFC, NFD, `${'n'.repeat(251)}.mp4`, `${'é'.repeat(125)}.mp4`, long, deep];
      for (const name of good) {
        const to = join(box.inbox, name);
        mkdirSync(join(to, '..'), { recursive: true });
        writeFileSync(to, labelled(readFileSync(await clipOf(name)), Buffer.from(name).subarray(-60).toString('hex')));
        originals.remember(to);
      }
      const bad = Buffer.concat([Buffer.from(`${box.inbox}/bad \xff\xfe`, 'latin1'), Buffer.from('.mp4')]);
      writeFileSync(bad, tiny);
      const outputs = new Set<string>();
      for (const name of good) {
        const job = await box.job(name, 'done', 'failed', 'held');
        demand(job.state === 'done', `${JSON.stringify(name.slice(0, 40))} is ${job.state}: ${job.reason}`);
        await mustPlay(job.output ?? '', seconds(await clipOf(name)));
        outputs.add(job.output ?? '');
      }
      demand(outputs.size === good.length, `${good.length} films share ${outputs.size} results`);
      const refused = await eventually(
        async () => (await box.jobs()).find(({ reason }) => /UTF-8/.test(reason ?? '')),
        { what: 'the name that is not UTF-8 to be refused', withinMs: box.patienceMs },
      );
      demand(readFileSync(bad).equals(tiny), 'the file with the bad name was altered');
      originals.mustBeUntouched();
      return `${good.length} done, each with a result of its own (${box.outputs().find(name => /Caf.*2/.test(name)) ?? 'NFC and NFD apart'}); ${refused.state}: ${refused.reason}`;
    }),
};

const MOUNTING = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0 ? {} : { cannot: 'mounting needs root' };

/** An inbox on a mount made for it: a film dropped, one copied slowly, one replaced. */
async function worksOn(box: Box, write: (name: string, bytes: Buffer) => void): Promise<string> {
  const plain = readFileSync(await footage('plain'));
  write('film.mp4', labelled(plain, 'film'));
  await onlyResult(box, 'film.mp4', 'film.mp4', seconds(await footage('plain')));
  for (const share of [0.3, 0.6, 1]) {
    write('grows.mp4', plain.subarray(0, plain.length * share));
    await new Promise(done => setTimeout(done, 700));
  }
  await onlyResult(box, 'grows.mp4', 'grows.mp4', seconds(await footage('plain')));
  const [folder] = (await box.status()).folders;
  return folder?.polled ? 'polled' : 'watched';
}

async function mounted<T>(args: readonly string[], act: (point: string) => Promise<T>): Promise<T> {
  const point = mkdtempSync(join(tmpdir(), 'shrinkbox-mnt-'));
  execFileSync(args[0] ?? 'mount', [...args.slice(1), point]);
  try {
    return await act(point);
  } finally {
    spawnSync('umount', ['-l', point]);
    rmSync(point, { recursive: true, force: true });
  }
}

export const kindsOfDisk: Case = {
  name: 'an inbox on overlay, on tmpfs, and on a share that tells nothing (bindfs, written from behind)',
  keeps: 'watch 12, 13',
  ...MOUNTING,
  run: async () => {
    const on: string[] = [];
    on.push(
      `tmpfs: ${await mounted(['mount', '-t', 'tmpfs', 'none'], point =>
        inBox({ ...COPYING, within: point }, async box => {
          await box.start();
          return worksOn(box, (name, bytes) => writeFileSync(join(box.inbox, name), bytes));
        }),
      )}`,
    );
    // Layers of an overlay have to lie on a disk that is none itself.
    on.push(
      `overlay: ${await mounted(['mount', '-t', 'tmpfs', 'none'], layers => {
        for (const layer of ['lower', 'upper', 'work']) mkdirSync(join(layers, layer));
        const how = `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`;
        return mounted(['mount', '-t', 'overlay', '-o', how, 'none'], point =>
          inBox({ ...COPYING, within: point }, async box => {
            await box.start();
            return worksOn(box, (name, bytes) => writeFileSync(join(box.inbox, name), bytes));
          }),
        );
      })}`,
    );
    if (has('bindfs')) on.push(`bindfs: ${await onBindfs()}`);
    return on.join(', ');
  },
};

async function onBindfs(): Promise<string> {
  const behind = mkdtempSync(join(tmpdir(), 'shrinkbox-behind-'));
  try {
    return await mounted(['bindfs', behind], point =>
      inBox(
        {
          config: {
            ...COPYING.config,
            folders: [{ inbox: point, outbox: 'outbox', settle: '1s', scan: '1s' }],
          },
        },
        async box => {
          Object.defineProperty(box, 'inbox', { value: point });
          await box.start();
          return worksOn(box, (name, bytes) => writeFileSync(join(behind, name), bytes));
        },
      ),
    );
  } finally {
    rmSync(behind, { recursive: true, force: true });
  }
}

/** A FUSE mount whose server never answers, as a share whose host is off: every call into it hangs. */
async function hungAt<T>(point: string, act: () => Promise<T>): Promise<T> {
  const device = openSync('/dev/fuse', 'r+');
  const server = spawn('sleep', ['600'], { stdio: ['ignore', 'ignore', 'ignore', device] });
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

/** Longest time an answer took while something hangs, ms; the watchdog's own view is asked for as well. */
async function aliveFor(box: Box, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let worst = 0;
  while (performance.now() < until) {
    const askedAt = performance.now();
    await box.get('/healthz');
    worst = Math.max(worst, performance.now() - askedAt);
    await new Promise(done => setTimeout(done, 100));
  }
  return worst;
}

/** The pool has four. */
const MORE_THAN_THREADS = 6;

export const hung: Case = {
  name: 'a share that hangs: as an inbox, and as an outbox, while it works',
  keeps: 'watch 14',
  ...(MOUNTING.cannot
    ? MOUNTING
    : spawnSync('test', ['-e', '/dev/fuse']).status === 0
      ? {}
      : { cannot: 'no FUSE here' }),
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
