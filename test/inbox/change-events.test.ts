import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';
import { type WatchProblem, type ChangeEvents, chokidarEvents } from '../../src/inbox/change-events.ts';
import { cleanUp, drop, tempDir, watching } from './support.ts';

const FOLDERS = 200;
const LIMIT = 50;

/** A user namespace has watch limits of its own. */
const canLimit =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-U', '-r', 'sh', '-c', `echo ${LIMIT} > /proc/sys/user/max_inotify_watches`]).status === 0;

const bundles: string[] = [];
afterAll(() => Promise.all(bundles.map(dir => rm(dir, { recursive: true, force: true }))));

async function inboxWithFolders(): Promise<string> {
  const inbox = join(await tempDir(), 'inbox');
  for (let n = 0; n < FOLDERS; n += 1) await drop(inbox, `folder${n}/before.mp4`);
  return inbox;
}

describe.runIf(canLimit)('at the limit of the kernel', () => {
  it('everything is still found, by scans, and one line of the log says which limit to raise', async () => {
    const inbox = await inboxWithFolders();
    const program = await bundle('limited');
    const command = `echo ${LIMIT} > /proc/sys/user/max_inotify_watches; exec "$@"`;
    const child = spawn('unshare', ['-U', '-r', 'sh', '-ec', command, 'sh', process.execPath, program, inbox], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    cleanUp(() => child.kill('SIGKILL'));
    const logs: { level: number; msg: string; sysctl?: string }[] = [];
    const found = new Set<string>();
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as {
        started?: true;
        sighted?: string;
        level?: number;
        msg?: string;
        sysctl?: string;
      };
      if (said.started) for (let n = 0; n < FOLDERS; n += 1) await drop(inbox, `folder${n}/after.mp4`);
      if (said.sighted !== undefined) found.add(said.sighted);
      if (said.level !== undefined && said.level >= 40) logs.push({ level: said.level, msg: said.msg ?? '', ...said });
      if (found.size === 2 * FOLDERS) child.stdin.end();
    }
    await ended;
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({ level: 40, sysctl: expect.stringContaining('fs.inotify.max_user_watches=') });
  });
});

describe('when the system gives no more watches', () => {
  it('the folders without one are scanned', async () => {
    const inbox = await inboxWithFolders();
    const problems: WatchProblem[] = [];
    const { watcher, allSighted, sightings } = await watching({
      inbox,
      scan: 200,
      changeEvents: limited(LIMIT, problems),
    });
    await allSighted(Array.from({ length: FOLDERS }, (_, n) => `folder${n}/before.mp4`));
    for (let n = 0; n < FOLDERS; n += 1) await drop(inbox, `folder${n}/after.mp4`);
    await allSighted(Array.from({ length: FOLDERS }, (_, n) => `folder${n}/after.mp4`));
    expect(sightings).toHaveLength(2 * FOLDERS);
    expect(problems.length).toBeGreaterThanOrEqual(FOLDERS - LIMIT);
    await watcher.stop();
  });

  it('and gives some again, they are used', async () => {
    const inbox = join(await tempDir(), 'inbox');
    await drop(inbox, 'sub/before.mp4');
    const problems: WatchProblem[] = [];
    const events = limited(0, problems);
    const { watcher, allSighted, sighted } = await watching({ inbox, changeEvents: events });
    await allSighted(['sub/before.mp4']);
    expect(problems).toHaveLength(2);
    events.limit = 10;
    await watcher.rescan();
    await drop(inbox, 'sub/after.mp4');
    await sighted('sub/after.mp4');
  });
});

/** Real events for the first `limit` directories, and none for others. */
function limited(limit: number, problems: WatchProblem[]): ChangeEvents & { limit: number } {
  const real = chokidarEvents(problem => void problems.push(problem));
  let given = 0;
  return {
    limit,
    async watch(dir, onHint) {
      if (given < this.limit) {
        given += 1;
        return real.watch(dir, onHint);
      }
      problems.push({ dir, code: 'ENOSPC', message: 'no space' });
      return { live: false, close: async () => {} };
    },
  };
}

/** A program of `programs/` as one file that plain Node can run. */
async function bundle(name: string): Promise<string> {
  const into = await mkdtemp(join(tmpdir(), 'shrinkbox-program-'));
  bundles.push(into);
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: true },
    build: { ssr: fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url)), target: 'node20', write: false },
  })) as Rolldown.RolldownOutput;
  const path = join(into, `${name}.mjs`);
  await writeFile(path, built.output[0].code);
  return path;
}
