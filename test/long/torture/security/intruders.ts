/** People who may write into an inbox (or an outbox) and want to read or write somewhere else. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Box } from '../../../support/box.ts';
import { footage } from '../../../support/footage.ts';
import { demand, inBox, isRoot, Originals, seconds, sleep } from '../arena.ts';
import { COPYING } from '../files/common.ts';
import type { Case } from '../suite.ts';

/** A film somewhere else that nobody is to see: its length tells it from the others. */
async function secretPlace(box: Box): Promise<{ dir: string; film: string; lasts: number }> {
  const dir = join(box.dir, 'private');
  mkdirSync(dir);
  const film = join(dir, 'clip.mp4');
  copyFileSync(await footage('faststart'), film);
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-nostdin',
    '-i',
    await footage('faststart'),
    '-t',
    '2',
    '-c',
    'copy',
    film,
  ]);
  return { dir, film, lasts: seconds(film) };
}

function mustNotShow(box: Box, lasts: number): void {
  for (const name of box.outputs().filter(one => one.endsWith('.mp4'))) {
    const is = seconds(join(box.outbox, name));
    demand(Math.abs(is - lasts) > 0.5, `${name} lasts ${is} s: it was made from the private film`);
  }
}

export const doors: Case = {
  name: 'links, hard links, devices, pipes and sockets in the inbox lead nowhere',
  keeps: 'watch 17',
  run: () =>
    inBox(
      {
        config: {
          ...COPYING.config,
          folders: [{ inbox: 'inbox', outbox: 'outbox', settle: '1s', scan: '2s', originals: 'delete' }],
        },
      },
      async box => {
        const { dir, film, lasts } = await secretPlace(box);
        const originals = new Originals();
        originals.remember(film);
        symlinkSync(film, join(box.inbox, 'link.mp4'));
        symlinkSync(dir, join(box.inbox, 'folder'));
        symlinkSync('../private/clip.mp4', join(box.inbox, 'relative.mp4'));
        symlinkSync(`/proc/self/fd/../../..${film}`, join(box.inbox, 'proc.mp4'));
        execFileSync('mkfifo', [join(box.inbox, 'pipe.mp4')]);
        if (isRoot) execFileSync('mknod', [join(box.inbox, 'zero.mp4'), 'c', '1', '5']);
        spawnSync('python3', [
          '-c',
          'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
          join(box.inbox, 'socket.mp4'),
        ]);
        // Of a hard link only the name in the inbox is ours to take away.
        const own = join(box.dir, 'own.mp4');
        copyFileSync(await footage('plain'), own);
        originals.remember(own);
        linkSync(own, join(box.inbox, 'hard.mp4'));
        await box.start();
        await box.job('hard.mp4', 'done');
        const special = ['zero.mp4', 'socket.mp4'].filter(name => existsSync(join(box.inbox, name)));
        const names = ['link.mp4', 'relative.mp4', 'proc.mp4', 'pipe.mp4', ...special];
        for (const name of names) {
          const { stdout } = await box.run('explain', join(box.inbox, name));
          demand(stdout.includes('left alone'), `${name}: ${stdout}`);
        }
        await sleep(3000);
        const jobs = (await box.jobs()).length;
        demand(jobs === 1, `${jobs} jobs`);
        mustNotShow(box, lasts);
        demand(readdirSync(dir).length === 1, 'something was written into the private folder');
        originals.mustBeUntouched();
        return `all left alone with a reason (${['links', 'pipe', ...special].join(', ')}); the hard-linked film is done and its other name untouched`;
      },
    ),
};

export const swapped: Case = {
  name: 'folders swapped for links while work is under way, thousands of times',
  keeps: 'promise 1; issue 5',
  run: () =>
    inBox(COPYING, async box => {
      const { dir, lasts } = await secretPlace(box);
      const before = readdirSync(dir).length;
      mkdirSync(join(box.dir, 'target'));
      await box.start();
      // Both sides: the folder in the inbox points at the private one every other moment, that in the outbox outside.
      mkdirSync(join(box.inbox, 'trip'));
      mkdirSync(join(box.outbox, 'trip'), { recursive: true });
      const swapper = spawn('python3', ['-c', SWAP, box.inbox, box.outbox, dir, join(box.dir, 'target')], {
        stdio: 'inherit',
      });
      const film = await footage('plain');
      for (let n = 0; n < 12; n += 1) {
        for (const place of ['trip', 'trip.real']) {
          try {
            if (statSync(join(box.inbox, place)).isDirectory())
              copyFileSync(film, join(box.inbox, place, n === 0 ? 'clip.mp4' : `clip${n}.mp4`));
          } catch {
            // Swapped just now.
          }
        }
        await sleep(800);
      }
      swapper.kill('SIGKILL');
      await sleep(6000);
      mustNotShow(box, lasts);
      const inside = readdirSync(dir).filter(name => !/^clip\d*\.mp4$/.test(name));
      demand(inside.length === 0, `written into the private folder: ${inside.join(', ')}`);
      const outside = readdirSync(join(box.dir, 'target'));
      demand(outside.length === 0, `delivered outside of the outbox: ${outside.join(', ')}`);
      demand((await box.status()).running, 'it died');
      const states = (await box.jobs()).map(({ state }) => state);
      demand(states.length > 0, 'nobody saw a film in there: nothing was tried');
      return `${states.length} jobs (${[...new Set(states)].join(', ')}), nothing read from or written to other places (${before} file there before)`;
    }),
};

const SWAP = `
import os, sys, time
inbox, outbox, private, target = sys.argv[1:]
def turn(parent, to):
    a, b = os.path.join(parent, 'trip'), os.path.join(parent, 'trip.real')
    try:
        if os.path.islink(a):
            os.unlink(a); os.rename(b, a)
        else:
            os.rename(a, b); os.symlink(to, a)
    except OSError:
        pass
while True:
    turn(inbox, private); turn(outbox, target); time.sleep(0.003)
`;

export const templates: Case = {
  name: '.. in templates of names, and in names, stays inside the outbox',
  keeps: 'promise 3',
  run: async () => {
    const refused: string[] = [];
    for (const output of [
      '../{name}.mp4',
      '{dir}/../../{name}.mp4',
      '/etc/{name}.mp4',
      '{dir}/..\\{name}.mp4',
      'a/../../b/{name}.mp4',
    ]) {
      await inBox({ config: { rules: [{ name: 'x', size: '1MB', output }] } }, async box => {
        const { code, stderr } = await box.run('check');
        if (code === 10) refused.push(output);
        else {
          // Taken as harmless: then it has to be.
          await box.start();
          box.drop(await footage('tiny'), 'a/b/film.mp4');
          const job = await box.job('a/b/film.mp4', 'done', 'failed', 'held');
          demand(
            job.state !== 'done' || (job.output ?? '').startsWith(`${box.outbox}/`),
            `${output}: ${job.output} ${stderr}`,
          );
        }
      });
    }
    await inBox(COPYING, async box => {
      await box.start();
      for (const name of ['..mp4.mp4', '.. .mp4', '...mp4', '%2e%2e%2fetc.mp4', '..\\..\\up.mp4', '~root.mp4'])
        copyFileSync(await footage('tiny'), join(box.inbox, name));
      // Names that begin with a dot are hidden, and no jobs; the last one is dropped when the others have been looked at.
      mkdirSync(join(box.inbox, 'later...'));
      const late = join(box.inbox, 'later...', 'last.mp4');
      writeFileSync(`${late}.part`, '');
      copyFileSync(await footage('vfr'), `${late}.part`);
      renameSync(`${late}.part`, late);
      await box.job('later.../last.mp4', 'done');
      await box.job('%2e%2e%2fetc.mp4', 'done');
      const jobs = await box.jobs();
      const stray = jobs.filter(({ output }) => output !== null && !output.startsWith(`${box.outbox}/`));
      demand(stray.length === 0, `delivered outside: ${stray.map(({ output }) => output).join(', ')}`);
      const outside = readdirSync(box.dir).filter(
        name => !['config.yaml', 'inbox', 'outbox', 'state', 'log.jsonl'].includes(name),
      );
      demand(outside.length === 0, `beside the outbox: ${outside.join(', ')}`);
    });
    return `refused by the config: ${refused.join('  ')}; names with dots delivered inside`;
  },
};
