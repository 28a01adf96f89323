/** e-h: what happens to the machine and to the files meanwhile. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { eventually } from '../../../support/eventually.ts';
import { type FootageName, footage } from '../../../support/footage.ts';
import {
  demand,
  inBox,
  isRoot,
  mustHoldOnly,
  mustPlay,
  onlyResult,
  Originals,
  seconds,
  sleep,
  starts,
} from '../arena.ts';
import type { Case } from '../suite.ts';

export const killedAnywhere: Case = {
  name: 'e: kill -9 at ten random moments',
  keeps: 'promise 4; jlesage leaves its working folders behind (M3), unmanic drops its queue',
  run: ({ random }) =>
    inBox({}, async box => {
      const clips: [string, FootageName][] = [
        ['one.mp4', 'plain'],
        ['two.mkv', 'tracks'],
        ['three.ts', 'transport'],
      ];
      const originals = new Originals();
      for (const [name, clip] of clips) originals.remember(box.drop(await footage(clip), name));
      const moments: number[] = [];
      for (let n = 0; n < 10; n += 1) {
        await box.start();
        const ms = random.between(0, 4000);
        moments.push(ms);
        await sleep(ms);
        await box.kill('SIGKILL');
      }
      await box.start();
      for (const [name, clip] of clips)
        await onlyResult(box, name, `${name.split('.')[0]}.mp4`, seconds(await footage(clip)));
      originals.mustBeUntouched();
      await mustHoldOnly(box, ['one.mp4', 'three.mp4', 'two.mp4']);
      return `killed after ${moments.join(', ')} ms: 3 of 3 done once, no working file left`;
    }),
};

export const fullDisk: Case = {
  name: 'f: the disk is full, then freed',
  keeps: 'watch 47, 60; jlesage skips the file for ever (M2), HandBrake said success (jlesage#435)',
  ...(isRoot ? {} : { cannot: 'mounting a small disk needs root' }),
  run: async () => {
    const disk = mkdtempSync(join(tmpdir(), 'shrinkbox-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk]);
    try {
      return await inBox(
        { within: disk, config: { limits: { min_free: '100kB' }, local: { effort: 'best' } } },
        async box => {
          const ballast = join(disk, 'ballast');
          await box.start();
          const originals = new Originals();
          // Full before the job starts.
          const { bsize, bavail } = statfsSync(disk);
          // The film itself still fits.
          execFileSync('fallocate', ['-l', String(bsize * bavail - 900_000), ballast]);
          originals.remember(box.drop(await footage('tracks'), 'before.mkv'));
          const waiting = await box.job('before.mkv', 'waiting', 'done', 'failed', 'held');
          demand(waiting.state === 'waiting', `it is ${waiting.state} on a full disk`);
          demand(/missing|full/.test(waiting.reason ?? ''), `the reason says nothing of the disk: ${waiting.reason}`);
          rmSync(ballast);
          await onlyResult(box, 'before.mkv', 'before.mp4', seconds(await footage('tracks')));
          // Full while it encodes: everything that is free is taken away under it.
          originals.remember(box.drop(await footage('plain'), 'during.mp4'));
          await box.job('during.mp4', 'running');
          execFileSync('sh', ['-c', 'head -c 6000000 /dev/zero > "$0" || true', ballast], { stdio: 'ignore' });
          const met = await box.job('during.mp4', 'waiting', 'done');
          const alive = await box.status();
          demand(alive.running, 'it died');
          rmSync(ballast);
          await onlyResult(box, 'during.mp4', 'during.mp4', seconds(await footage('plain')));
          originals.mustBeUntouched();
          await mustHoldOnly(box, ['before.mp4', 'during.mp4']);
          return `waited ("${waiting.reason}"), met in the encode: ${met.state}; both done by themselves after room was made`;
        },
      );
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  },
};

const DAMAGED: readonly FootageName[] = ['plain', 'faststart', 'fragmented', 'tracks', 'avi', 'webm', 'transport'];
/** A transport stream says nowhere how long it is: what is there of it is a whole one, recorded for less long. */
const ENDS_ANYWHERE: ReadonlySet<FootageName> = new Set(['transport']);

export const damagedSources: Case = {
  name: 'g: truncated and bit-flipped sources',
  keeps: 'watch 28; ab-av1 #376: 11 truncated results unnoticed in 17,000',
  run: ({ random }) =>
    inBox({ config: { limits: { local: 2 } } }, async box => {
      await box.start();
      const originals = new Originals();
      const cut: string[] = [];
      const flipped: { name: string; lasts: number }[] = [];
      for (const clip of DAMAGED) {
        const from = await footage(clip);
        const bytes = readFileSync(from);
        const ext = basename(from).split('.').at(-1);
        for (const percent of ENDS_ANYWHERE.has(clip) ? [] : [10, 50, 95]) {
          const name = `${clip}-cut${percent}.${ext}`;
          writeFileSync(join(box.dir, name), bytes);
          truncateSync(join(box.dir, name), Math.floor((bytes.length * percent) / 100));
          originals.remember(box.drop(join(box.dir, name), name));
          cut.push(name);
        }
        for (const n of [1, 2]) {
          const name = `${clip}-flip${n}.${ext}`;
          const copy = Buffer.from(bytes);
          for (let flips = 0; flips < 20; flips += 1) {
            const at = random.between(0, copy.length - 1);
            copy[at] = (copy[at] ?? 0) ^ (1 << random.between(0, 7));
          }
          writeFileSync(join(box.dir, name), copy);
          originals.remember(box.drop(join(box.dir, name), name));
          flipped.push({ name, lasts: seconds(from) });
        }
      }
      const counts = { refused: 0, done: 0 };
      for (const name of cut) {
        const job = await box.job(name);
        demand(job.state === 'failed', `${name} is ${job.state} (${job.reason ?? job.how})`);
        demand((job.reason ?? '').length > 20, `${name} failed without a reason`);
        // Written once the job rests.
        await eventually(
          async () => {
            const { report } = await box.job(name);
            return report !== null && existsSync(report);
          },
          { what: `the report of ${name}` },
        );
        counts.refused += 1;
      }
      const whys = new Set<string>();
      for (const { name, lasts } of flipped) {
        const job = await box.job(name);
        if (job.state === 'done') {
          counts.done += 1;
          await mustPlay(job.output ?? '');
          const is = seconds(job.output ?? '');
          demand(Math.abs(is - lasts) < 0.5 || job.notes.length > 0, `${name}: ${is} s of ${lasts} s, without a word`);
        } else {
          counts.refused += 1;
          demand((job.reason ?? '').length > 20, `${name} is ${job.state} without a reason`);
          whys.add(job.reason?.split(':')[0] ?? '');
        }
      }
      originals.mustBeUntouched();
      demand((await box.status()).running, 'it died');
      return `${cut.length} truncated: all refused with a reason; ${flipped.length} bit-flipped: ${counts.done} done and playable, the others refused (${[...whys].join('; ')})`;
    }),
};

export const replacedWhileEncoding: Case = {
  name: 'h: the source is replaced while it is encoded',
  keeps: 'watch 32; no peer looks again (peers 1a)',
  run: () =>
    inBox({ config: { local: { effort: 'best' } } }, async box => {
      await box.start();
      const plain = await footage('plain');
      const other = await footage('rotated');
      const sync = await footage('tracks');
      const originals = new Originals();
      // By a rename over it, by writing into it, by deleting it.
      box.drop(plain, 'renamed.mp4');
      await box.job('renamed.mp4', 'running');
      renameSync(copied(sync, join(box.dir, 'next')), join(box.inbox, 'renamed.mp4'));
      originals.remember(join(box.inbox, 'renamed.mp4'));
      await eventually(() => starts(box, 'renamed.mp4') >= 2, { what: 'the new film to be begun' });
      await onlyResult(box, 'renamed.mp4', 'renamed.mp4', seconds(sync));

      box.drop(plain, 'written.mov');
      await box.job('written.mov', 'running');
      execFileSync('cp', [other, join(box.inbox, 'written.mov')]);
      originals.remember(join(box.inbox, 'written.mov'));
      await eventually(() => starts(box, 'written.mov') >= 2, { what: 'the new bytes to be begun' });
      await onlyResult(box, 'written.mov', 'written.mp4', seconds(other));

      const sound = await footage('faststart');
      box.drop(sound, 'deleted.mp4');
      await box.job('deleted.mp4', 'running');
      rmSync(join(box.inbox, 'deleted.mp4'));
      const gone = await box.job('deleted.mp4', 'cancelled', 'done');
      // The encode may have been over before anybody looked.
      originals.mustBeUntouched();
      const held = gone.state === 'done' ? ['deleted.mp4'] : [];
      await mustHoldOnly(box, [...held, 'renamed.mp4', 'written.mp4']);
      return `replaced twice: only the new film was delivered; deleted: ${gone.state} ("${gone.reason ?? gone.how}")`;
    }),
};

function copied(from: string, to: string): string {
  execFileSync('cp', [from, to]);
  return to;
}
