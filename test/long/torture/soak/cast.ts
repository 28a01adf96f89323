/** What is done to shrinkbox in a soak: files that come, change and go, and faults. Everything is noted in the ledger. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { type FootageName, footage } from '../../../support/footage.ts';
import { isRoot, seconds, sha256, sleep, upload } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import { descendants } from '../../../support/descendants.ts';
import type { Random } from '../random.ts';

/** What must be true of a path in the end. */
export type Expected =
  /** A good film, with these bytes: a job of it is done, and its result plays this long. */
  | { kind: 'film'; sha256: string; lasts: number }
  /** Not to be done: refused, failed or skipped with a reason. */
  | { kind: 'junk' }
  /** Left alone without a word: a name in progress. */
  | { kind: 'ignored' };

export interface Stage {
  box: Box;
  random: Random;
  /** By path relative to the inbox. */
  ledger: Map<string, Expected>;
  /** How often each thing was done. */
  done: Map<string, number>;
  /** A file that can be grown until the disk of the outbox is full. */
  ballast: string | undefined;
  /** Uploads and other things under way. */
  under: Set<Promise<unknown>>;
}

const FILMS: readonly [FootageName, string][] = [
  ['tiny', 'mp4'],
  ['tiny', 'mov'],
  ['plain', 'mp4'],
  ['silent', 'mp4'],
  ['rotated', 'mov'],
];

let serial = 0;

/** A film nobody has seen before, in the box's own directory. */
async function newFilm(stage: Stage): Promise<{ path: string; name: string; bytes: Buffer; expected: Expected }> {
  const { random, box } = stage;
  const [clip, ext] = random.pick(FILMS);
  serial += 1;
  const dir = random.pick(['', '', 'trip/', 'a b/c/', 'Ünïcode/']);
  const name = `${dir}film ${serial} ${random.between(0, 1e6).toString(36)}.${ext}`;
  const from = await footage(clip);
  const bytes = labelled(readFileSync(from), name);
  const path = join(box.dir, `making-${serial}`);
  writeFileSync(path, bytes);
  return { path, name, bytes, expected: { kind: 'film', sha256: sha256(path), lasts: seconds(from) } };
}

type Act = (stage: Stage) => Promise<void> | void;

const ARRIVALS: Record<string, Act> = {
  'dropped by rename': async stage => {
    const { path, name, expected } = await newFilm(stage);
    place(stage, name, to => renameSync(path, to), expected);
  },
  copied: async stage => {
    const { path, name, expected } = await newFilm(stage);
    place(stage, name, to => copyFileSync(path, to), expected);
    rmSync(path);
  },
  'hard linked': async stage => {
    const { path, name, expected } = await newFilm(stage);
    place(stage, name, to => linkSync(path, to), expected);
    rmSync(path);
  },
  'copied with an old date': async stage => {
    const { path, name, expected } = await newFilm(stage);
    utimesSync(path, 1e9, 1e9);
    place(stage, name, to => execFileSync('cp', ['-p', path, to]), expected);
    rmSync(path);
  },
  'uploaded with stalls': async stage => {
    const { path, name, bytes, expected } = await newFilm(stage);
    const to = join(stage.box.inbox, name);
    mkdirSync(dirname(to), { recursive: true });
    const how = { overMs: 3000, stallAt: 0.5, stallMs: stage.random.between(0, 4000), held: stage.random.next() < 0.5 };
    const work = upload(to, bytes, how).then(() => void stage.ledger.set(name, expected));
    stage.under.add(work.finally(() => stage.under.delete(work)));
    rmSync(path);
  },
};

const CHANGES: Record<string, Act> = {
  'replaced by rename': async stage => {
    const name = someFilm(stage);
    if (!name) return;
    const next = await newFilm(stage);
    renameSync(next.path, join(stage.box.inbox, name));
    stage.ledger.set(name, next.expected);
  },
  'written over': async stage => {
    const name = someFilm(stage);
    if (!name) return;
    const next = await newFilm(stage);
    writeFileSync(join(stage.box.inbox, name), next.bytes);
    rmSync(next.path);
    stage.ledger.set(name, next.expected);
  },
  deleted: stage => {
    const name = someFilm(stage);
    if (!name) return;
    rmSync(join(stage.box.inbox, name));
    stage.ledger.delete(name);
  },
  renamed: stage => {
    const name = someFilm(stage);
    const expected = name && stage.ledger.get(name);
    if (!name || !expected) return;
    serial += 1;
    const to = `moved ${serial}.mp4`;
    renameSync(join(stage.box.inbox, name), join(stage.box.inbox, to));
    stage.ledger.delete(name);
    stage.ledger.set(to, expected);
  },
};

const JUNK: Record<string, Act> = {
  'text named as a film': stage =>
    place(stage, junkName('mp4'), to => writeFileSync(to, 'Dear diary'), { kind: 'junk' }),
  'an empty film': stage => place(stage, junkName('mkv'), to => writeFileSync(to, ''), { kind: 'junk' }),
  'half a film': async stage => {
    const { path, bytes } = await newFilm(stage);
    rmSync(path);
    place(stage, junkName('mp4'), to => writeFileSync(to, bytes.subarray(0, bytes.length / 2)), { kind: 'junk' });
  },
  'a link leading out': stage =>
    place(stage, junkName('mp4'), to => symlinkSync('/etc/hostname', to), { kind: 'junk' }),
  'a pipe': stage => place(stage, junkName('mp4'), to => execFileSync('mkfifo', [to]), { kind: 'junk' }),
  'a download under way': stage =>
    place(stage, junkName('mp4.part'), to => writeFileSync(to, 'first bytes'), { kind: 'ignored' }),
};

const FAULTS: Record<string, Act> = {
  'paused and resumed': async ({ box, random }) => {
    await box.post('/api/pause');
    await sleep(random.between(100, 3000));
    await box.post('/api/resume');
  },
  'stopped and continued (SIGSTOP)': async ({ box, random }) => {
    process.kill(box.pid, 'SIGSTOP');
    await sleep(random.between(100, 5000));
    process.kill(box.pid, 'SIGCONT');
  },
  'ffmpeg killed': ({ box, random }) => {
    const children = descendants(box.pid);
    if (children.length > 0) process.kill(random.pick(children), 'SIGKILL');
  },
  'outbox filled and freed': async ({ ballast, random }) => {
    if (!ballast) return;
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0" 2> /dev/null || true', ballast]);
    await sleep(random.between(500, 6000));
    rmSync(ballast, { force: true });
  },
};

const RESTARTS: Record<string, Act> = {
  'killed (SIGKILL)': async ({ box }) => {
    await box.kill('SIGKILL');
    await box.start();
  },
  'killed twice in a row': async ({ box, random }) => {
    await box.kill('SIGKILL');
    const starting = box.spawn('run');
    await sleep(random.between(50, 1500));
    starting.kill('SIGKILL');
    await box.start();
  },
  'stopped (SIGTERM)': async ({ box }) => {
    const code = await box.kill('SIGTERM');
    if (code !== 0) throw new Error(`a graceful stop ended with ${code}`);
    await box.start();
  },
};

/** Does one thing by chance; restarts only where they are allowed. */
export async function actOnce(stage: Stage, withRestarts: boolean): Promise<void> {
  const { random } = stage;
  const roll = random.next();
  const among =
    withRestarts && roll > 0.92
      ? RESTARTS
      : roll > 0.82
        ? FAULTS
        : roll > 0.72
          ? JUNK
          : roll > 0.57
            ? CHANGES
            : ARRIVALS;
  const what = random.pick(Object.keys(among));
  stage.done.set(what, (stage.done.get(what) ?? 0) + 1);
  await among[what]?.(stage);
}

/** Only a small disk of its own is filled. */
export const canFill = isRoot;

function place(stage: Stage, name: string, put: (to: string) => void, expected: Expected): void {
  const to = join(stage.box.inbox, name);
  mkdirSync(dirname(to), { recursive: true });
  put(to);
  stage.ledger.set(name, expected);
}

function someFilm({ ledger, random, box }: Stage): string | undefined {
  const films = [...ledger].filter(([name, { kind }]) => kind === 'film' && existsSync(join(box.inbox, name)));
  return films.length === 0 ? undefined : random.pick(films)[0];
}

function junkName(ext: string): string {
  serial += 1;
  return `junk ${serial}.${ext}`;
}
