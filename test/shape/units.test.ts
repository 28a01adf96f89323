/** systemd/shrinkbox.service: what it promises, and what systemd itself has to say of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const has = (program: string, ...args: string[]) => {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const UNIT = fileURLToPath(new URL('../../systemd/shrinkbox.service', import.meta.url));

const WORKER = fileURLToPath(new URL('../../systemd/shrinkbox-worker.service', import.meta.url));

/** The unit with a program that exists on every machine. */
async function checkable(of = UNIT): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, basename(of));
  const unit = await readFile(of, 'utf8');
  await writeFile(path, unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  return path;
}

describe.runIf(has('systemd-analyze', '--version'))('the unit', () => {
  it('is one systemd has nothing to say against, and so is that of a worker', async () => {
    const units = [await checkable(), await checkable(WORKER)];
    const said = execFileSync('sh', ['-c', 'systemd-analyze verify "$@" 2>&1', 'sh', ...units], { encoding: 'utf8' });
    expect(said).toBe('');
  });

  it('keeps the daemon in a narrow place (1.5 of 10 at most)', async () => {
    const path = await checkable();
    const said = execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', path], {
      encoding: 'utf8',
    });
    expect(said).toContain('Overall exposure level');
  });
});

describe('the unit file', () => {
  it.each([UNIT, WORKER])('says of every setting why it is there: %s', async path => {
    const lines = (await readFile(path, 'utf8')).split('\n');
    const service = lines.slice(lines.indexOf('[Service]') + 1, lines.indexOf('[Install]'));
    let explained = false;
    const bare: string[] = [];
    for (const line of service) {
      if (line.startsWith('# ')) explained = true;
      else if (line === '') explained = false;
      else if (!explained) bare.push(line);
    }
    expect(bare).toEqual([]);
  });

  it.each([
    ['Type=notify', 'up means ready'],
    ['NotifyAccess=all', 'systemd-notify is a child'],
    ['KillMode=mixed', 'encoders are ended by the daemon'],
    ['ReadWritePaths=/srv/shrinkbox', 'one parent: renames between two mounts fail'],
    ['RestartPreventExitStatus=2 10 12 13 14', 'what another start cannot mend'],
    ['StateDirectory=shrinkbox', 'journal and lock'],
    ['MemoryMax=75%', 'a file that makes ffmpeg grow leaves the machine usable'],
    ['TasksMax=2048', 'whatever starts processes comes to an end'],
    ['UMask=0002', 'people may change results'],
    ['ExecStart=/usr/bin/shrinkbox run --config /etc/shrinkbox/config.yaml', 'the daemon'],
  ])('has %s: %s', async line => {
    expect((await readFile(UNIT, 'utf8')).split('\n')).toContain(line);
  });

  it('leaves MemoryDenyWriteExecute off: Node dies with it', async () => {
    expect(await readFile(UNIT, 'utf8')).not.toMatch(/^MemoryDenyWriteExecute/m);
  });
});

describe('the template for several boxes', () => {
  const TEMPLATE = fileURLToPath(new URL('../../systemd/shrinkbox@.service', import.meta.url));

  it('differs from the unit in names and paths only', async () => {
    const settings = (text: string) => text.slice(text.indexOf('[Unit]')).split('\n');
    const [unit, template] = [await readFile(UNIT, 'utf8'), await readFile(TEMPLATE, 'utf8')].map(settings);
    const other = template?.filter((line, i) => line !== unit?.[i] && !line.startsWith('#'));
    expect(other).toEqual([
      'Description=shrinkbox, makes dropped videos smaller (%i)',
      'RequiresMountsFor=/srv/shrinkbox/%i',
      'ExecStart=/usr/bin/shrinkbox run --config /etc/shrinkbox/%i.yaml',
      'StateDirectory=shrinkbox-%i',
      'ReadWritePaths=/srv/shrinkbox/%i',
    ]);
    expect(template?.length).toBe(unit?.length);
  });

  it.runIf(has('systemd-analyze', '--version'))(
    'is one systemd takes for an instance, as narrow as the unit',
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-test-'));
      onTestFinished(() => rmSync(dir, { recursive: true }));
      const path = join(dir, 'shrinkbox@family.service');
      await writeFile(path, (await readFile(TEMPLATE, 'utf8')).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
      const said = execFileSync('sh', ['-c', 'systemd-analyze verify "$1" 2>&1', 'sh', path], { encoding: 'utf8' });
      expect(said).toBe('');
      execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', path], { stdio: 'ignore' });
    },
  );
});
