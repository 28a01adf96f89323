/** i-k: many files, exact sizes, and what it costs to run it all day. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../support/eventually.ts';
import { canMake, type FootageName, footage } from '../../../support/footage.ts';
import { demand, inBox, median, Originals, sleep } from '../arena.ts';
import { costsOf } from '../process.ts';
import type { Case } from '../suite.ts';
import { AS_PEOPLE_HAVE_IT } from './arriving.ts';

const MANY = 1000;
const MB = 1e6;

/** The same film with a label of its own at its end (a box players skip): other content, same work. */
export function labelled(film: Buffer, label: string): Buffer {
  const box = Buffer.alloc(8 + label.length);
  box.writeUInt32BE(box.length, 0);
  box.write(`free${label}`, 4, 'latin1');
  return Buffer.concat([film, box]);
}

export const manyFiles: Case = {
  name: `i: ${MANY} tiny files`,
  keeps: 'watch 74; Tdarr: 1 GB of memory per 10,000-100,000 files',
  run: () =>
    inBox({ config: { ...AS_PEOPLE_HAVE_IT.config, log: { level: 'info' } } }, async box => {
      await box.start();
      const tiny = readFileSync(await footage('tiny'));
      const originals = new Originals();
      const names = Array.from({ length: MANY }, (_, n) => `clip ${String(n).padStart(4, '0')}.mp4`);
      const droppedAt = performance.now();
      for (const name of names) {
        const to = join(box.inbox, name);
        writeFileSync(to, labelled(tiny, name));
        originals.remember(to);
      }
      let peak = 0;
      await eventually(
        async () => {
          peak = Math.max(peak, costsOf(box.pid).rssBytes);
          const { counts } = await box.status();
          await sleep(500);
          if (counts.done === MANY) return true;
          throw new Error(JSON.stringify(counts));
        },
        { what: `${MANY} jobs to be done`, withinMs: 3_600_000 },
      );
      const drainS = (performance.now() - droppedAt) / 1000;
      const jobs = await box.jobs();
      demand(jobs.length === MANY, `${jobs.length} jobs for ${MANY} files`);
      const outputs = box.outputs();
      demand(outputs.length === MANY, `${outputs.length} results for ${MANY} files`);
      demand(new Set(jobs.map(job => job.output)).size === MANY, 'two jobs with one result');
      const begun = box.journal().filter(({ event }) => event === 'started').length;
      demand(begun === MANY, `${begun} starts for ${MANY} files`);
      originals.mustBeUntouched();
      return `drained in ${drainS.toFixed(0)} s (${((drainS * 1000) / MANY).toFixed(0)} ms each, two at once), 0 duplicates, RSS ${mb(peak)} MB at most, ${mb(costsOf(box.pid).rssBytes)} MB after`;
    }),
};

const CLIPS: readonly FootageName[] = [
  ...(['plain', 'silent', 'vfr', 'odd', 'rotated', 'anamorphic', 'tracks', 'fullRange444', 'interlaced'] as const),
  ...(['transport', 'lateSound', 'sync', 'avi', 'msmpeg4', 'webm', 'sixty', 'chapters', 'cover', 'surround'] as const),
  ...(['still', 'hdr10', 'timecode'] as const),
];
const CAPS = ['60%', '30%', '12%'] as const;

export const capAccuracy: Case = {
  name: `j: cap accuracy, ${CLIPS.length} clips and real footage at ${CAPS.join(', ')} of their size`,
  keeps: 'promise 3; 8mb.local accepts +2 % and gets 49 %, HandBrake 101.6 % (M8)',
  run: () =>
    inBox({ config: CAPPED }, async box => {
      const names: string[] = [];
      const dropAll = async (from: string, name: string) => {
        for (const cap of CAPS) {
          names.push(`${cap}/${name}`);
          box.drop(from, `${cap}/${name}`);
        }
      };
      for (const clip of CLIPS)
        if (await canMake(clip)) await dropAll(await footage(clip), `${clip}${extOf(await footage(clip))}`);
      for (const path of realClips()) await dropAll(path, `real-${path.split('/').at(-1)}`);
      await box.start();
      const shares: number[] = [];
      const held: string[] = [];
      for (const name of names) {
        const job = await eventually(
          async () => {
            const found = (await box.jobs()).find(one => one.source === join(box.inbox, name));
            return found && ['done', 'held', 'failed'].includes(found.state) ? found : undefined;
          },
          { what: name, withinMs: 3_600_000 },
        );
        if (job.state !== 'done') {
          held.push(`${name}: ${job.reason}`);
          continue;
        }
        const bytes = statSync(job.output ?? '').size;
        const cap = job.target_bytes ?? 0;
        demand(bytes <= cap, `${name} has ${bytes} bytes, ${cap} were allowed`);
        shares.push(bytes / cap);
      }
      const over97 = shares.filter(share => share >= 0.97).length;
      const pc = (share: number) => `${(100 * share).toFixed(1)} %`;
      const odd = held.length > 0 ? `; ${held.length} held with a reason (${held[0]})` : '';
      return `${names.length} runs: 0 over the cap, median ${pc(median(shares))} of it, ${over97} of ${shares.length} at 97 % or more, highest ${pc(Math.max(...shares))}, lowest ${pc(Math.min(...shares))}${odd}`;
    }),
};

/** `quality: max` so that the cap is what is met, not the point from which on nothing can be seen any more. */
const CAPPED = {
  rules: CAPS.map((cap, n) => ({ name: `cap-${n}`, match: `${cap}/**`, size: cap, quality: 'max' })),
  limits: { local: 2 },
  log: { level: 'info' },
};

function extOf(path: string): string {
  return path.slice(path.lastIndexOf('.'));
}

/** Real footage where there is some, the short ones of it: the whole of it takes an hour. */
function realClips(): string[] {
  const corpus = process.env['SHRINKBOX_CORPUS'];
  if (!corpus) return [];
  return readdirSync(corpus)
    .map(name => join(corpus, name))
    .filter(path => /\.(mp4|mkv|avi|ts)$/.test(path) && statSync(path).size < 3 * MB);
}

const IDLE_S = 90;

export const idle: Case = {
  name: 'k: idle with 10,000 files in three inboxes',
  keeps: 'watch 16; handbrake-web holds 151 MB (M11), a polling chokidar 66-71 % of a core',
  run: () => {
    const folders = ['inbox', 'two', 'three'].map(inbox => ({ inbox, outbox: `out-${inbox}` }));
    // What rules leave alone stands for what was done long ago: known, and never looked into again.
    const config = { folders, rules: [{ name: 'none', skip: true }], log: { level: 'info' } };
    return inBox({ config }, async box => {
      for (const { inbox } of folders) {
        for (let dir = 0; dir < 34; dir += 1) {
          mkdirSync(join(box.dir, inbox, `d${dir}`), { recursive: true });
          for (let n = 0; n < 98; n += 1)
            writeFileSync(join(box.dir, inbox, `d${dir}`, `${n}.mp4`), `film ${dir} ${n}`);
        }
      }
      await box.start();
      await eventually(async () => (await box.status()).counts.skipped >= 9996, {
        what: 'every file to be known',
        withinMs: 1_800_000,
      });
      await sleep(70_000);
      const before = costsOf(box.pid);
      await sleep(IDLE_S * 1000);
      const after = costsOf(box.pid);
      const anHour = (n: number) => Math.round((n * 3600) / IDLE_S);
      const cpu = (100 * (after.cpuMs - before.cpuMs)) / (IDLE_S * 1000);
      const written = after.writtenBytes - before.writtenBytes;
      demand(cpu < 1, `${cpu.toFixed(2)} % of a core while idle`);
      const wakeUps = after.wakeUps - before.wakeUps;
      demand(wakeUps < 5 * IDLE_S, `woken ${(wakeUps / IDLE_S).toFixed(1)} times a second while idle`);
      demand(written === 0, `${written} bytes written to disk while idle`);
      demand(after.fds <= before.fds, `${after.fds - before.fds} more open files`);
      return `${cpu.toFixed(2)} % of a core, ${anHour(wakeUps)} wake-ups an hour, ${anHour(written)} bytes written to disk an hour (${anHour(after.writes - before.writes)} write calls), RSS ${mb(after.rssBytes)} MB, ${after.fds} open files`;
    });
  },
};

function mb(bytes: number): string {
  return (bytes / MB).toFixed(0);
}
