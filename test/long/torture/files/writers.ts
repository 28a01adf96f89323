/** Everybody who writes into an inbox: slowly, in their own way, with the real program where there is one. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Box } from '../../../support/box.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, Originals, onlyResult, seconds, sleep, starts, upload } from '../arena.ts';
import { labelled } from '../peers/load.ts';
import type { Case } from '../suite.ts';
import { COPYING } from './common.ts';
import { shared } from './smb.ts';

const run = promisify(execFile);

export const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Writes `from` as `to` in its own way; whatever it leaves beside it is its own affair. */
interface Writer {
  name: string;
  needs?: string;
  write(from: string, to: string, bytes: Buffer): Promise<unknown>;
}

/** Bytes a second for programs that can be slowed down: the film takes about four seconds, more than the quiet time. */
const SLOWLY = 500;
const rsync =
  (...how: string[]) =>
  (from: string, to: string) =>
    run('rsync', ['-t', `--bwlimit=${SLOWLY}`, ...how, from, to]);

const WRITERS: readonly Writer[] = [
  { name: 'cp', write: (from, to) => run('cp', [from, to]) },
  { name: 'cp -p', write: (from, to) => run('cp', ['-p', from, to]) },
  { name: 'rsync', needs: 'rsync', write: rsync() },
  { name: 'rsync-inplace', needs: 'rsync', write: rsync('--inplace') },
  { name: 'rsync-partial-dir', needs: 'rsync', write: rsync('--partial-dir=.rsync-partial') },
  { name: 'rsync-delay-updates', needs: 'rsync', write: rsync('--delay-updates') },
  { name: 'scp', needs: 'scp', write: (from, to) => run('scp', ['-p', '-l', String(SLOWLY * 8), from, to]) },
  {
    name: 'mv across devices',
    write: async (from, to) => {
      const other = mkdtempSync('/dev/shm/shrinkbox-');
      await run('cp', ['-p', from, join(other, 'film')]);
      await run('mv', [join(other, 'film'), to]);
      rmSync(other, { recursive: true });
    },
  },
  { name: 'hard link', write: (from, to) => run('ln', [from, to]) },
  {
    name: 'browser (crdownload)',
    write: async (_from, to, bytes) => {
      await upload(`${to}.crdownload`, bytes, { overMs: 3000, held: false });
      renameSync(`${to}.crdownload`, to);
    },
  },
  {
    name: 'browser (part, and a placeholder under the final name)',
    write: async (_from, to, bytes) => {
      writeFileSync(to, '');
      await upload(`${to}.part`, bytes, { overMs: 3000, stallAt: 0.5, stallMs: 2000, held: false });
      renameSync(`${to}.part`, to);
    },
  },
  {
    name: 'preallocated, with notes beside it (aria2)',
    write: async (_from, to, bytes) => {
      writeFileSync(`${to}.aria2`, 'pieces 1-20');
      await preallocated(to, bytes, 1500);
      rmSync(`${to}.aria2`);
    },
  },
  { name: 'preallocated, nothing beside it', write: (_from, to, bytes) => preallocated(to, bytes, 200) },
  {
    name: 'python copy2 (date set after closing)',
    needs: 'python3',
    write: (from, to) => run('python3', ['-c', 'import shutil,sys; shutil.copy2(*sys.argv[1:])', from, to]),
  },
  {
    name: 'python mmap (closed before it writes)',
    needs: 'python3',
    write: (from, to) => run('python3', ['-c', MMAP, from, to]),
  },
  {
    name: 'two programs in turn',
    write: async (_from, to, bytes) => {
      writeFileSync(to, bytes.subarray(0, bytes.length / 2));
      await sleep(600);
      writeFileSync(to, bytes);
    },
  },
];

const MMAP = `
import mmap, os, sys, time
data = open(sys.argv[1], 'rb').read()
fd = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, len(data))
m = mmap.mmap(fd, len(data))
os.close(fd)
for at in range(0, len(data), len(data) // 8):
    m[at:at + len(data) // 8] = data[at:at + len(data) // 8]
    time.sleep(0.6)
m.flush()
`;

/** Its full size from the start; the last bytes come first, as torrents write. */
async function preallocated(to: string, bytes: Buffer, everyMs: number): Promise<void> {
  const script = `truncate -s ${bytes.length} "$1"`;
  await run('sh', ['-c', script, 'sh', to]);
  const step = Math.ceil(bytes.length / 4);
  for (const n of [3, 1, 0, 2]) {
    await run('sh', [
      '-c',
      `dd if="$1" of="$2" bs=${step} skip=${n} seek=${n} count=1 conv=notrunc status=none`,
      'sh',
      ORIGIN(to),
      to,
    ]);
    await sleep(everyMs);
  }
}

/** Where the whole of a film lies while it is being written to the inbox. */
const ORIGIN = (to: string) => join(to, '../../origin', to.split('/').at(-1) ?? '');

async function arrives(box: Box, writer: Writer, n: number, originals: Originals): Promise<void> {
  const plain = await footage('plain');
  const name = `${n} ${writer.name.replaceAll(/[^a-z0-9-]+/g, ' ')}.mp4`;
  const origin = join(box.dir, 'origin', name);
  const bytes = labelled(readFileSync(plain), name);
  writeFileSync(origin, bytes);
  const to = join(box.inbox, name);
  await writer.write(origin, to, bytes);
  originals.remember(to);
  await onlyResult(box, name, name, seconds(plain));
  demand(starts(box, name) === 1, `${writer.name}: begun ${starts(box, name)} times`);
  demand(readFileSync(to).equals(bytes), `${writer.name}: the file in the inbox is not what was written`);
}

export const allWriters: Case = {
  name: 'written by everybody: cp, rsync four ways, scp, mv, links, browsers, downloaders, mmap',
  keeps: 'watch 22-27, 30',
  run: () =>
    inBox(COPYING, async box => {
      mkdirSync(join(box.dir, 'origin'));
      await box.start();
      const originals = new Originals();
      const there = WRITERS.filter(({ needs }) => !needs || has(needs));
      await Promise.all(there.map((writer, n) => arrives(box, writer, n, originals)));
      originals.mustBeUntouched();
      const missing = WRITERS.filter(one => !there.includes(one)).map(one => one.name);
      return `${there.length} ways, each worked at once and whole${missing.length > 0 ? `; not here: ${missing.join(', ')}` : ''}`;
    }),
};

export const overSamba: Case = {
  name: 'uploaded to a real Samba server whose share is the inbox',
  keeps: 'watch 21',
  ...(has('smbd') && has('smbclient') ? {} : { cannot: 'smbd or smbclient is not installed' }),
  run: () =>
    inBox(COPYING, async box => {
      await box.start();
      const plain = await footage('plain');
      const from = join(box.dir, 'film.mp4');
      writeFileSync(from, labelled(readFileSync(plain), 'over samba'));
      const share = await shared(box.inbox);
      try {
        await share.put(from, 'film.mp4');
        await share.put(from, 'second.mp4');
        await share.command('rename second.mp4 "third film.mp4"');
      } finally {
        await share.end();
      }
      const originals = new Originals();
      originals.remember(join(box.inbox, 'film.mp4'));
      originals.remember(join(box.inbox, 'third film.mp4'));
      await onlyResult(box, 'film.mp4', 'film.mp4', seconds(plain));
      await onlyResult(box, 'third film.mp4', 'third film.mp4', seconds(plain));
      originals.mustBeUntouched();
      return 'two uploads, one renamed by its client: both done once';
    }),
};
