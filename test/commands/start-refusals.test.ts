/** Whatever `run` refuses to start with, `check` and `doctor` say beforehand: each row is tried with all three. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CLI, runCli } from '../support/cli.ts';
import { tempDir } from '../support/serving.ts';

let dir: string;
beforeEach(async () => {
  dir = await tempDir();
  for (const name of ['in', 'in/sub', 'out']) await mkdir(join(dir, name));
  await symlink(join(dir, 'in'), join(dir, 'in-link'));
  await symlink(join(dir, 'in/sub'), join(dir, 'sub-link'));
  await writeFile(join(dir, 'file'), '');
});

const startDaemon: Parameters<typeof runCli>[1] = {
  parts: { startDaemon: async options => (await import('../../src/app/daemon.ts')).startDaemon(options) },
};
const run = (command: string) => runCli([command], { cwd: dir, ...startDaemon });

const FOLDER = 'folders: [{ inbox: ./in, outbox: ./out }]';
/** Without ffmpeg doctor is quick; `run` refuses before it looks for it. */
const OFF = 'http: { listen: off }\nlocal: { ffmpeg: ./none }';
const AGAIN = 'compressed again and again';

/** The configuration, what is said about it, and how `run`, `check` and `doctor` end. */
const CONFIGURATION = [
  [
    'an address without a token',
    `http: { listen: "0.0.0.0:0" }\nlocal: { ffmpeg: ./none }\n${FOLDER}`,
    'there is no token',
  ],
  ['an outbox inside the inbox through a link', `${OFF}\nfolders: [{ inbox: ./in, outbox: ./sub-link }]`, AGAIN],
  ['an outbox that is the inbox through a link', `${OFF}\nfolders: [{ inbox: ./in, outbox: ./in-link }]`, AGAIN],
  [
    'an archive inside the inbox through a link',
    `${OFF}\nfolders: [{ inbox: ./in, outbox: ./out, originals: archive, archive: ./sub-link }]`,
    'archived originals would be processed again',
  ],
  ['a state directory inside the inbox through a link', `${OFF}\n${FOLDER}\nstate_dir: ./sub-link`, 'working files'],
  [
    'one inbox under two names',
    `${OFF}\nfolders: [{ inbox: ./in, outbox: ./out }, { inbox: ./in-link, outbox: ./out2 }]`,
    'is the same folder as',
  ],
  [
    'an inbox inside another through a link',
    `${OFF}\nfolders: [{ inbox: ./in, outbox: ./out }, { inbox: ./sub-link, outbox: ./out2 }]`,
    'processed twice',
  ],
  ['a state directory that is a file', `${OFF}\n${FOLDER}\nstate_dir: ./file`, 'is not a folder'],
  ['a state directory inside a file', `${OFF}\n${FOLDER}\nstate_dir: ./file/state`, 'is not a folder'],
] as const;

describe.each(CONFIGURATION)('with %s', (_, text, said) => {
  it('run, check and doctor all end with 10 and say why', async () => {
    await writeFile(join(dir, 'config.yaml'), text);
    for (const command of ['run', 'check', 'doctor']) {
      const { code, out, err } = await run(command);
      expect([command, code, `${out}${err}`]).toEqual([command, 10, expect.stringContaining(said)]);
    }
  });
});

/** About the machine, not the configuration: `check` has nothing to say, unless the file names what is missing. */
const MACHINE = [
  [
    'no token in the file named',
    `${FOLDER}\nhttp: { token_file: ./none }`,
    'does not exist',
    ['run', 'check', 'doctor'],
    12,
  ],
  ['no ffmpeg', `${OFF}\n${FOLDER}`, 'ffmpeg', ['run', 'doctor'], 13],
] as const;

it.each(MACHINE)('with %s, whoever finds it out says it', async (_, text, said, commands, code) => {
  await writeFile(join(dir, 'config.yaml'), text);
  for (const command of commands) {
    const ran = await run(command);
    expect([command, ran.code, `${ran.out}${ran.err}`]).toEqual([command, code, expect.stringContaining(said)]);
  }
});

it('an inbox that another daemon watches is said by run and doctor', async () => {
  const { InboxLock } = await import('../../src/app/inbox-lock.ts');
  const { nodeFiles } = await import('../../src/platform/files/files.ts');
  const lock = new InboxLock('/another/state', nodeFiles);
  await lock.claim([join(dir, 'in')]);
  await writeFile(join(dir, 'config.yaml'), `http: { listen: off }\n${FOLDER}\n`);
  expect(await run('run')).toMatchObject({ code: 11, err: expect.stringContaining('is already watching') });
  expect((await run('doctor')).out).toContain('is already watching');
  await lock.release();
});

// Only root can be somebody else.
it.runIf(process.getuid?.() === 0)(
  'without a configuration, an outbox that a stranger put here is not used',
  async () => {
    await mkdir(join(dir, 'outbox'));
    await chown(join(dir, 'outbox'), 4321, 4321);
    const { code, err } = await run('run');
    expect([code, err]).toEqual([10, expect.stringContaining('and no configuration names it')]);
  },
);

it('an outbox bind-mounted from inside the inbox is refused by all three', async () => {
  if (process.getuid?.() !== 0) return; // Only root can mount.
  await writeFile(join(dir, 'config.yaml'), `${OFF}\n${FOLDER}\n`);
  const commands = ['run', 'check', 'doctor'].map(
    name => `"$0" "$1" ${name} >${name}.said 2>&1; echo $? >${name}.code`,
  );
  const script = `mount --bind in/sub out && { ${commands.join(' & ')} & wait; }`;
  const child = spawn('unshare', ['-m', 'sh', '-c', script, process.execPath, CLI], { cwd: dir, stdio: 'ignore' });
  await once(child, 'exit');
  const answers = execFileSync('sh', ['-c', 'cat *.code; grep -l "compressed again and again" *.said'], { cwd: dir });
  expect(String(answers).trim().split('\n')).toEqual(['10', '10', '10', 'check.said', 'doctor.said', 'run.said']);
});
