/** a-d: how files arrive. With the settings people get, not with quick ones: the quiet time of 5 s is part of what is tried. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { BoxOptions } from '../../../support/box.ts';
import { type FootageName, footage } from '../../../support/footage.ts';
import { demand, inBox, mustHoldOnly, onlyResult, Originals, seconds, sleep, starts, upload } from '../arena.ts';
import type { Case } from '../suite.ts';

export const AS_PEOPLE_HAVE_IT: BoxOptions = {
  config: {
    folders: [{ inbox: 'inbox', outbox: 'outbox' }],
    rules: [{ name: 'default', size: '50MB', resolution: '1080p' }],
    limits: { local: 2 },
  },
};

/** Formats that say where they end, written by somebody seen and by somebody unseen (another host). */
const UPLOADS: readonly { clip: FootageName; ext: string; held: boolean }[] = [
  { clip: 'plain', ext: 'mp4', held: true },
  { clip: 'plain', ext: 'mp4', held: false },
  { clip: 'tracks', ext: 'mkv', held: false },
  { clip: 'transport', ext: 'ts', held: true },
];

export const stalledUpload: Case = {
  name: 'a: uploads that stall for 3, 10 and 60 s at 55 %',
  keeps: 'watch 19; jlesage, handbrake-web lose the rest of the film (M1, M4)',
  run: () =>
    inBox(AS_PEOPLE_HAVE_IT, async box => {
      await box.start();
      const originals = new Originals();
      const waited: number[] = [];
      const all = [3, 10, 60].flatMap(stall =>
        UPLOADS.map((one, n) => ({ ...one, stall, name: `stall${stall}-${n}` })),
      );
      await Promise.all(
        all.map(async ({ clip, ext, held, stall, name }) => {
          const from = await footage(clip);
          // Bytes of its own, so that no file is a copy of another.
          const to = join(box.inbox, `${name}.${ext}`);
          await upload(to, readFileSync(from), { overMs: 2000, stallAt: 0.55, stallMs: stall * 1000, held });
          const doneAt = Date.now();
          originals.remember(to);
          await onlyResult(box, `${name}.${ext}`, `${name}.mp4`, seconds(from));
          demand(starts(box, `${name}.${ext}`) === 1, `${name} was begun ${starts(box, `${name}.${ext}`)} times`);
          waited.push(admittedAt(box.journal(), to) - doneAt);
        }),
      );
      originals.mustBeUntouched();
      await mustHoldOnly(
        box,
        all.map(({ name }) => `${name}.mp4`),
      );
      const s = (ms: number) => (ms / 1000).toFixed(1);
      return `${all.length} uploads, 0 begun early, taken up ${s(Math.min(...waited))}-${s(Math.max(...waited))} s after their last byte`;
    }),
};

function admittedAt(records: readonly { event: string; data: Record<string, unknown> }[], path: string): number {
  const found = records.findLast(({ event, data }) => event === 'admitted' && data['path'] === path);
  return (found as unknown as { at: number } | undefined)?.at ?? Number.NaN;
}

export const startedMidCopy: Case = {
  name: 'b: started while a copy is running',
  keeps: 'watch 20; chokidar reports such a file at once (M7)',
  run: () =>
    inBox(AS_PEOPLE_HAVE_IT, async box => {
      const clips = await Promise.all((['plain', 'tracks', 'transport'] as const).map(footage));
      const names = ['one.mp4', 'two.mkv', 'three.ts'];
      const writing = clips.map((from, n) =>
        upload(join(box.inbox, names[n] ?? ''), readFileSync(from), { overMs: 15_000, held: n !== 1 }),
      );
      await sleep(5000);
      await box.start();
      await Promise.all(writing);
      const takenEarly = (await box.jobs()).length;
      demand(takenEarly === 0, `${takenEarly} taken before their last byte`);
      const originals = new Originals();
      for (const name of names) originals.remember(join(box.inbox, name));
      for (const [n, name] of names.entries()) {
        await onlyResult(box, name, `${name.split('.')[0]}.mp4`, seconds(clips[n] ?? ''));
        demand(starts(box, name) === 1, `${name} was begun more than once`);
      }
      originals.mustBeUntouched();
      await mustHoldOnly(box, ['one.mp4', 'two.mp4', 'three.mp4']);
      return '3 copies under way at the start, none taken early, all whole';
    }),
};

export const droppedWhileDown: Case = {
  name: 'c: dropped while it was down',
  keeps: 'watch 1; handbrake-web never sees them (M5)',
  run: () =>
    inBox(AS_PEOPLE_HAVE_IT, async box => {
      await box.start();
      await box.kill('SIGTERM');
      const originals = new Originals();
      originals.remember(box.drop(await footage('plain'), 'clip.mp4'));
      originals.remember(box.drop(await footage('tracks'), 'a folder/deep/film.mkv'));
      await box.start();
      const readyAt = performance.now();
      await box.job('clip.mp4', 'running', 'verifying', 'delivering', 'done');
      const tookMs = performance.now() - readyAt;
      await onlyResult(box, 'clip.mp4', 'clip.mp4', seconds(await footage('plain')));
      await onlyResult(box, 'a folder/deep/film.mkv', 'a folder/deep/film.mp4', seconds(await footage('tracks')));
      originals.mustBeUntouched();
      await mustHoldOnly(box, ['a folder/deep/film.mp4', 'clip.mp4']);
      return `2 of 2 found, the first worked at ${(tookMs / 1000).toFixed(1)} s after the start`;
    }),
};

export const oldFile: Case = {
  name: 'd: cp -p of a file two years old',
  keeps: 'watch 24; 8mb.local takes it for history',
  run: () =>
    inBox(AS_PEOPLE_HAVE_IT, async box => {
      const then = new Date(Date.now() - 2 * 365 * 86_400_000);
      const from = join(box.dir, 'old.mp4');
      execFileSync('cp', [await footage('plain'), from]);
      utimesSync(from, then, then);
      await box.start();
      execFileSync('cp', ['-p', from, join(box.inbox, 'old.mp4')]);
      const originals = new Originals();
      originals.remember(join(box.inbox, 'old.mp4'));
      const job = await onlyResult(box, 'old.mp4', 'old.mp4', seconds(from));
      const apartMs = Math.abs(statSync(job.output ?? '').mtimeMs - statSync(from).mtimeMs);
      demand(apartMs < 1000, `the result is dated ${apartMs} ms off its source`);
      originals.mustBeUntouched();
      await mustHoldOnly(box, ['old.mp4']);
      return 'done, and the result carries the date of its source';
    }),
};
