/** Completion scripts, run by the shells they are for. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { serving, tempDir } from '../support/serving.ts';

const has = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

let dir: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  dir = await tempDir();
  await mkdir(join(dir, 'bin'));
  // Job ids come from the program; this one has two.
  const program = join(dir, 'bin/shrinkbox');
  await writeFile(
    program,
    '#!/bin/sh\n[ "$1" = complete-ids ] && printf "abcd2345\\tdone a.mov\\nefgh6789\\theld b.mov\\n"\n',
  );
  await chmod(program, 0o755);
  env = { PATH: `${join(dir, 'bin')}:${process.env['PATH']}`, HOME: dir };
});

async function script(shell: string): Promise<string> {
  const { code, out } = await runCli(['completion', shell]);
  expect(code).toBe(0);
  const path = join(dir, `completion.${shell}`);
  await writeFile(path, out);
  return path;
}

/** What each line typed is completed with. */
const CASES: [typed: string, contains: string[], without?: string[]][] = [
  ['shrinkbox st', ['status'], ['jobs', 'complete-ids']],
  ['shrinkbox jobs --st', ['--state']],
  ['shrinkbox jobs --state he', ['held'], ['done']],
  ['shrinkbox retry ', ['abcd2345', 'efgh6789']],
  ['shrinkbox cancel abcd2345 ef', ['efgh6789'], ['abcd2345']],
  ['shrinkbox service ', ['print', 'install', 'uninstall']],
  ['shrinkbox service install --', ['--run-as', '--name']],
  ['shrinkbox completion ', ['bash', 'zsh', 'fish']],
];

describe.runIf(has('bash'))('bash', () => {
  it.each(CASES)('"%s"', async (typed, contains, without = []) => {
    const source = await script('bash');
    const words = typed.split(' ');
    const run = `source ${source}; COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _shrinkbox; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['--norc', '-c', run], { env, encoding: 'utf8' }).trim().split('\n');
    expect(found).toEqual(expect.arrayContaining(contains));
    for (const word of without) expect(found).not.toContain(word);
  });
});

describe.runIf(has('fish'))('fish', () => {
  it.each(CASES)('"%s"', async (typed, contains, without = []) => {
    const source = await script('fish');
    const found = execFileSync('fish', ['--no-config', '-c', `source ${source}; complete -C '${typed}'`], {
      env,
      encoding: 'utf8',
    });
    const words = found.split('\n').map(line => line.split('\t')[0]);
    expect(words).toEqual(expect.arrayContaining(contains));
    for (const word of without) expect(words).not.toContain(word);
  });
});

describe.runIf(has('zsh'))('zsh', () => {
  it('takes the script', async () => {
    const source = await script('zsh');
    execFileSync('zsh', ['-f', '-c', `autoload -Uz compinit; compinit -D; source ${source}; whence _shrinkbox_retry`], {
      env,
      stdio: 'ignore',
    });
  });
});

it('knows no other shell', async () => {
  expect((await runCli(['completion', 'csh'])).code).toBe(2);
});

it('the ids are the newest of the daemon, and silence where there is none to ask', async () => {
  const { stateDir, control } = await serving();
  const config = join(dir, 'config.yaml');
  await writeFile(config, `state_dir: ${stateDir}\n`);
  control.add({ id: 'abcd2345', state: 'held', source: '/in/a:b.mov' });
  expect(await runCli(['complete-ids', '--config', config])).toMatchObject({
    code: 0,
    out: 'abcd2345\theld a b.mov\n',
  });
  expect(await runCli(['complete-ids', '--config', '/nowhere'])).toEqual({ code: 0, out: '', err: '' });
});
