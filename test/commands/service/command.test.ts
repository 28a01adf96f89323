/** Units made for a configuration: what they say, that systemd takes them, and what install and uninstall do. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { commonParent } from '../../../src/commands/service/unit.ts';
import { runCli } from '../../support/cli.ts';
import { tempDir } from '../../support/serving.ts';

let dir: string;
let config: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  dir = await tempDir();
  config = join(dir, 'config.yaml');
  await configure('/srv/videos/inbox', '/srv/videos/outbox', '/var/lib/shrinkbox');
  // A systemctl that notes what it is asked.
  await mkdir(join(dir, 'bin'));
  for (const name of ['systemctl', 'id']) {
    await writeFile(join(dir, 'bin', name), `#!/bin/sh\necho "${name} $*" >> ${dir}/said\n`);
    await chmod(join(dir, 'bin', name), 0o755);
  }
  env = { PATH: `${join(dir, 'bin')}:${process.env['PATH']}` };
});

const configure = (inbox: string, outbox: string, state: string) =>
  writeFile(config, JSON.stringify({ folders: [{ inbox, outbox }], state_dir: state }));

const service = (...args: string[]) => runCli(['service', ...args, '--config', config], { env, home: dir });

async function printed(...args: string[]): Promise<string[]> {
  const ran = await service('print', ...args);
  expect(ran.code).toBe(0);
  return ran.out.split('\n');
}

const said = async () =>
  existsSync(join(dir, 'said')) ? (await readFile(join(dir, 'said'), 'utf8')).trim().split('\n') : [];

describe('service print', () => {
  it('opens one common parent, and nothing else, for writing', async () => {
    const lines = await printed();
    expect(
      lines.filter(line => /^(ReadWritePaths|RequiresMountsFor|StateDirectory|ProtectHome|User)=/.test(line)),
    ).toEqual([
      'RequiresMountsFor=/srv/videos',
      'User=shrinkbox',
      'StateDirectory=shrinkbox',
      'ReadWritePaths=/srv/videos',
      'ProtectHome=yes',
    ]);
    expect(lines.find(line => line.startsWith('ExecStart='))).toMatch(
      new RegExp(`^ExecStart=/.*node /.*/cli.js run --config ${config}$`),
    );
  });

  it('opens each folder by itself where only a directory of the system is common, and says so', async () => {
    await configure('/srv/in', '/mnt/out', '/opt/state');
    const ran = await service('print');
    expect(ran.out.match(/^ReadWritePaths=.*$/gm)).toEqual([
      'ReadWritePaths=/srv/in',
      'ReadWritePaths=/mnt/out',
      'ReadWritePaths=/opt/state',
    ]);
    expect(ran.out).not.toMatch(/^StateDirectory/m);
    expect(ran.out).not.toContain('/var/lib/shrinkbox: journal');
    expect(ran.err).toContain('means copying it');
  });

  it('lets homes be seen where folders lie in one', async () => {
    await configure('/home/kim/in', '/home/kim/out', '/home/kim/state');
    expect(await printed()).toContain('ProtectHome=no');
  });

  it('quotes what systemd would take for something else', async () => {
    await configure('/srv/my videos/100%/in', '/srv/my videos/100%/out', '/var/lib/shrinkbox');
    expect(await printed()).toContain('ReadWritePaths="/srv/my videos/100%%"');
  });

  it('for a user leaves out what a user cannot have, and keeps a comment over every line', async () => {
    const lines = await printed('--user');
    expect(
      lines.filter(line =>
        /^(User|Group|ProtectSystem|ReadWritePaths|StateDirectory|CapabilityBoundingSet)=/.test(line),
      ),
    ).toEqual([]);
    expect(lines).toContain('WantedBy=default.target');
    expect(lines).toContain('NoNewPrivileges=yes');
    const body = lines.slice(lines.indexOf('[Service]') + 1, lines.indexOf('[Install]'));
    let explained = false;
    const bare: string[] = [];
    for (const line of body) {
      if (line.startsWith('# ')) explained = true;
      else if (line === '') explained = false;
      else if (!explained) bare.push(line);
    }
    expect(bare).toEqual([]);
  });
});

describe.runIf(existsSync('/usr/bin/systemd-analyze'))('systemd itself', () => {
  it.each([['system'], ['user']])('has nothing to say against the %s unit', async kind => {
    await configure(`${dir}/box/in`, `${dir}/box/out`, `${dir}/state`);
    const { out } = await service('print', ...(kind === 'user' ? ['--user'] : []));
    const path = join(dir, 'shrinkbox.service');
    await writeFile(path, out.replace(/^ExecStart=\S+ \S+/m, 'ExecStart=/bin/true'));
    const args = ['-c', `systemd-analyze ${kind === 'user' ? '--user ' : ''}verify "$1" 2>&1`, 'sh', path];
    expect(execFileSync('sh', args, { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: dir } })).toBe('');
    if (kind === 'system') {
      execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', path], { stdio: 'ignore' });
    }
  });
});

describe('service install', () => {
  it('writes the unit, enables and starts it', async () => {
    const ran = await service('install', '--user');
    expect(ran).toMatchObject({ code: 0, err: '' });
    const unit = await readFile(join(dir, '.config/systemd/user/shrinkbox.service'), 'utf8');
    expect(unit).toContain('# Made by "shrinkbox service install"');
    expect(await said()).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable shrinkbox.service',
      'systemctl --user restart shrinkbox.service',
    ]);
  });

  it('only writes it with --no-start, under another name where asked', async () => {
    const ran = await service('install', '--into', dir, '--no-start', '--name', 'box-2');
    expect([ran.code, existsSync(join(dir, 'box-2.service')), await said()]).toEqual([0, true, []]);
  });

  it('may be done again, but overwrites nothing of others', async () => {
    expect((await service('install', '--into', dir, '--no-start')).code).toBe(0);
    expect((await service('install', '--into', dir, '--no-start')).code).toBe(0);
    await writeFile(join(dir, 'shrinkbox.service'), '[Service]\nExecStart=/my/own\n');
    const ran = await service('install', '--into', dir, '--no-start');
    expect(ran.code).toBe(2);
    expect(await readFile(join(dir, 'shrinkbox.service'), 'utf8')).toContain('/my/own');
    expect((await service('uninstall', '--into', dir)).code).toBe(2);
    expect(existsSync(join(dir, 'shrinkbox.service'))).toBe(true);
  });

  it.each(['../x', 'a b', '', '-x'])('takes no name like "%s"', async name => {
    expect((await service('install', '--into', dir, '--no-start', `--name=${name}`)).code).toBe(2);
  });

  it('says what systemctl said when that failed', async () => {
    await writeFile(join(dir, 'bin/systemctl'), '#!/bin/sh\necho "Failed to connect to bus" >&2; exit 1\n');
    const ran = await service('install', '--user');
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('systemctl --user daemon-reload: Failed to connect to bus');
  });

  it('installs nothing for a configuration with mistakes', async () => {
    await writeFile(config, 'rulse: []');
    expect((await service('install', '--into', dir)).code).toBe(10);
    expect(existsSync(join(dir, 'shrinkbox.service'))).toBe(false);
  });
});

it('service uninstall stops and removes it, and leaves everything else', async () => {
  await service('install', '--into', dir, '--no-start');
  const ran = await service('uninstall', '--into', dir);
  expect(ran.code).toBe(0);
  expect(await said()).toEqual([
    'systemctl disable --now shrinkbox.service',
    'systemctl daemon-reload',
    'systemctl reset-failed shrinkbox.service',
  ]);
  expect([existsSync(join(dir, 'shrinkbox.service')), existsSync(config)]).toEqual([false, true]);
  expect((await service('uninstall', '--into', dir)).code).toBe(2);
});

it.each([
  ['/srv/a/in', '/srv/a/out', '/srv/a'],
  ['/srv/a', '/srv/ab', '/srv'],
  ['/a', '/b', '/'],
  ['/srv/a', '/srv/a/b', '/srv/a'],
])('%s and %s have %s in common', (a, b, parent) => expect(commonParent(a, b)).toBe(parent));

describe('check', () => {
  it('shows no key of a webhook', async () => {
    await writeFile(config, JSON.stringify({ notify: [{ url: 'https://gotify.lan/message?token=SeCrEt1' }] }));
    const ran = await runCli(['check', '--json', '--config', config], { env, home: dir });
    expect([ran.code, JSON.parse(ran.out).notify[0].url]).toEqual([0, 'https://gotify.lan/...']);
  });

  it('refuses an address others reach without a token, as run does', async () => {
    await writeFile(config, JSON.stringify({ http: { listen: '0.0.0.0:8788' } }));
    const ran = await runCli(['check', '--config', config], { env, home: dir });
    expect([ran.code, ran.out]).toEqual([10, '']);
    expect(ran.err).toContain('http-token');
  });
});
