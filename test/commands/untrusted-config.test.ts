/** A config.yaml that another user left in the working directory. Needs `npm run build`. */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, rmdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { CLI, runCli, spawnCli } from '../support/cli.ts';
import { footage } from '../support/footage.ts';
import { tempDir } from '../support/serving.ts';

const STRANGER = 4091;
const CALLER = 4092;
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped: only root on Linux can act as other users)';

let shared: string;
let file: string;
let ran: string;
beforeEach(async () => {
  const dir = await tempDir();
  await chmod(dir, 0o755);
  shared = join(dir, 'shared');
  await mkdir(shared);
  file = join(shared, 'config.yaml');
  ran = join(shared, 'ran');
  await chmod(shared, 0o777);
});

/** The program as another user; root's own tests are those without it. */
async function as(uid: number, script: string): Promise<void> {
  const argv = ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', 'sh', '-ec', script];
  execFileSync('setpriv', argv, { cwd: shared });
}

/** What the stranger leaves: a program in place of ffmpeg that tells who ran it. */
async function plant(more = ''): Promise<void> {
  const config = `log: { level: silent }\nhttp: { listen: off }\nlocal: { ffmpeg: ${shared}/evil.sh }\n${more}`;
  await as(
    STRANGER,
    `printf '#!/bin/sh\\nid -u >> ${ran}\\nchmod 666 ${ran}\\n' > evil.sh; chmod 755 evil.sh\ncat > config.yaml <<'YAML'\n${config}YAML`,
  );
}

describe.runIf(isRoot)(`of a stranger in a shared folder${needsRoot}`, () => {
  it.each([
    ['doctor'],
    ['explain', 'a.mp4'],
    ['run', '--once'],
    ['check'],
    ['status'],
    ['jobs'],
    ['pause'],
    ['credits'],
    ['notify-test'],
    ['service', 'print'],
  ])('%s does not use it, and says why', async (...argv) => {
    await plant('folders: [{ inbox: ., outbox: out }]\n');
    await writeFile(join(shared, 'a.mp4'), '');
    const { code, err, out } = await runCli(argv, { cwd: shared });
    expect([code, out, existsSync(ran)]).toEqual([10, '', false]);
    expect(err).toContain(
      `${file} was found, not named, and is not used: ${file} belongs to another user (uid ${STRANGER})`,
    );
    expect(err).toContain(`--config ${file} takes it all the same`);
  });

  it('compress does its work without it', async () => {
    await plant();
    await copyFile(await footage('tiny'), join(shared, 'a.mp4'));
    const { code, err } = await spawnCli(['compress', 'a.mp4'], { cwd: shared });
    expect([code, existsSync(ran)]).toEqual([0, false]);
    expect(err).toContain(`${file} is not used`);
  });

  it.each([['credits'], ['doctor']])('%s sends no token to the address in it', async command => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await new Promise(listening => server.once('listening', listening));
    await plant(`engine: nemo\nnemo: { api_url: "http://127.0.0.1:${(server.address() as AddressInfo).port}" }\n`);
    await spawnCli([command], { cwd: shared, env: { NEMO_TOKEN: 'secret' } });
    expect(asked).toBe(0);
  });

  it('it is used where it is named', async () => {
    await plant();
    expect(await runCli(['check', '--config', 'config.yaml'], { cwd: shared })).toMatchObject({ code: 0 });
    expect(await runCli(['check'], { cwd: shared, env: { SHRINKBOX_CONFIG: file } })).toMatchObject({ code: 0 });
    await spawnCli(['doctor', '--config', 'config.yaml'], { cwd: shared });
    expect(existsSync(ran)).toBe(true);
  });

  it('another user than root is kept from it as well', async () => {
    await plant();
    const answer = `${join(shared, 'answer')}`;
    await as(CALLER, `code=0; ${process.execPath} ${CLI} doctor > ${answer} 2>&1 || code=$?; test $code = 10`);
    expect(existsSync(ran)).toBe(false);
  });

  it('a private folder does not help where its file is a link to that', async () => {
    await plant();
    const own = await tempDir();
    await symlink(file, join(own, 'config.yaml'));
    expect((await runCli(['check'], { cwd: own })).err).toContain('belongs to another user');
  });

  it("nor does a home folder of somebody else's", async () => {
    const home = await tempDir();
    const folder = join(home, '.config/shrinkbox');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.yaml'), 'engine: local\n');
    await chown(folder, STRANGER, STRANGER);
    const { code, err } = await runCli(['check'], { cwd: home, home });
    expect([code, err]).toEqual([10, expect.stringContaining(`${folder} belongs to another user`)]);
  });
});

describe('of the caller', () => {
  it.each([
    ['0777', 'every user may write to'],
    ['1777', 'every user may write to'],
  ])('is not used in a folder of mode %s', async (mode, why) => {
    await writeFile(file, 'engine: local\n');
    await chmod(shared, Number.parseInt(mode, 8));
    expect(await runCli(['check'], { cwd: shared })).toMatchObject({
      code: 10,
      err: expect.stringContaining(`${why} ${shared}`),
    });
  });

  it('is used in a private folder, as before', async () => {
    await chmod(shared, 0o755);
    await writeFile(file, 'engine: local\n');
    expect(await runCli(['check'], { cwd: shared })).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${file} is valid`),
    });
  });
});

it.each([[['status']], [['jobs', '--json']], [['compress', 'a.mp4']]])(
  '%j in a deleted working directory says so (was: a trace of Node)',
  async argv => {
    const gone = join(shared, 'gone');
    await mkdir(gone);
    const script = 'cd "$0" && rmdir "$0" && exec "$@"';
    let answer = { status: 0, stderr: '' };
    try {
      execFileSync('sh', ['-c', script, gone, process.execPath, CLI, ...argv], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      answer = error as typeof answer;
    }
    await rmdir(gone).catch(() => {});
    expect(answer.status).toBe(1);
    expect(answer.stderr).toContain('the folder you are in was deleted');
    expect(answer.stderr).not.toMatch(/uv_cwd|\n {4}at /);
  },
);

// As after `su -m` or with sudo that keeps HOME: the home folder of somebody else.
it.runIf(isRoot)(`a ~/.config that may not be entered is no complaint${needsRoot}`, async () => {
  const home = join(shared, 'home');
  await mkdir(join(home, '.config'), { recursive: true, mode: 0o700 });
  const here = join(shared, 'here');
  await mkdir(here);
  await chown(here, CALLER, CALLER);
  const argv = ['--reuid', `${CALLER}`, '--regid', `${CALLER}`, '--clear-groups', process.execPath, CLI, 'check'];
  const out = execFileSync('setpriv', argv, {
    cwd: here,
    env: { HOME: home, PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  expect(out).not.toContain('permission denied');
  // One that is there and may not be read still is one.
  await chmod(home, 0o755);
  await chmod(join(home, '.config'), 0o755);
  await mkdir(join(home, '.config/shrinkbox'));
  await writeFile(join(home, '.config/shrinkbox/config.yaml'), '', { mode: 0o600 });
  expect(() => execFileSync('setpriv', argv, { cwd: here, env: { HOME: home }, stdio: 'pipe' })).toThrow(
    'permission denied',
  );
});
