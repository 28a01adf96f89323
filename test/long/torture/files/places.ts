/** Names and places: what a file may be called, and what kind of disk an inbox may lie on. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { eventually } from '../../../support/eventually.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, mustPlay, Originals, onlyResult, seconds } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import type { Case } from '../suite.ts';
import { COPYING, MOUNTING } from './common.ts';
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

/** An inbox on a mount made for it: a film dropped, one copied slowly, one replaced. `how` it should be looked after. */
async function worksOn(
  box: Box,
  how: 'polled' | 'watched',
  write: (name: string, bytes: Buffer) => void,
): Promise<string> {
  const plain = readFileSync(await footage('plain'));
  write('film.mp4', labelled(plain, 'film'));
  await onlyResult(box, 'film.mp4', 'film.mp4', seconds(await footage('plain')));
  for (const share of [0.3, 0.6, 1]) {
    write('grows.mp4', plain.subarray(0, plain.length * share));
    await new Promise(done => setTimeout(done, 700));
  }
  await onlyResult(box, 'grows.mp4', 'grows.mp4', seconds(await footage('plain')));
  const [folder] = (await box.status()).folders;
  demand(folder?.polled === (how === 'polled'), `it is not ${how}: ${JSON.stringify(folder)}`);
  return how;
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
          return worksOn(box, 'watched', (name, bytes) => writeFileSync(join(box.inbox, name), bytes));
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
            return worksOn(box, 'watched', (name, bytes) => writeFileSync(join(box.inbox, name), bytes));
          }),
        );
      })}`,
    );
    on.push(`bindfs: ${has('bindfs') ? await onBindfs() : 'not here'}`);
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
          return worksOn(box, 'polled', (name, bytes) => writeFileSync(join(behind, name), bytes));
        },
      ),
    );
  } finally {
    rmSync(behind, { recursive: true, force: true });
  }
}
