/** The service as systemd runs it: one story, told in order, on a machine booted for it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { JobView } from '../../../src/api/types.ts';
import { eventually } from '../../support/eventually.ts';
import { Machine } from './machine.ts';

let machine: Machine;
let short: Buffer;
let long: Buffer;

beforeAll(async () => {
  short = clip(2);
  long = clip(12);
  machine = await Machine.boot();
  machine.must('useradd', '--system', '--home-dir', '/var/lib/shrinkbox', '--shell', '/usr/sbin/nologin', 'shrinkbox');
  machine.must(
    'install',
    '-d',
    '-o',
    'shrinkbox',
    '-g',
    'shrinkbox',
    '-m',
    '2775',
    '/srv/videos',
    '/srv/videos/inbox',
    '/srv/videos/outbox',
  );
  configure();
});

afterAll(async () => {
  if (process.env['SHRINKBOX_SYSTEMD_LOG'])
    console.log(machine?.run('journalctl', '-u', 'shrinkbox*', '--no-pager').out);
  await machine?.powerOff();
});

function clip(seconds: number): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'shrinkbox-test-'));
  const path = join(dir, 'clip.mp4');
  const source = `testsrc2=size=640x360:rate=30:duration=${seconds},noise=alls=20:allf=t`;
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', path]);
  const bytes = readFileSync(path);
  rmSync(dir, { recursive: true });
  return bytes;
}

const CONFIG = {
  state_dir: '/var/lib/shrinkbox',
  folders: [{ inbox: '/srv/videos/inbox', outbox: '/srv/videos/outbox', settle: '300ms', scan: '2s' }],
  rules: [{ name: 'small', size: '60%' }],
  local: { effort: 'fast' },
};

function configure(changes: object = {}, path = '/etc/shrinkbox/config.yaml'): void {
  machine.write(path, stringify({ ...CONFIG, ...changes }));
}

function drop(name: string, bytes: Buffer, inbox = '/srv/videos/inbox'): void {
  machine.write(`${inbox}/${name}.part`, bytes);
  machine.must('mv', `${inbox}/${name}.part`, `${inbox}/${name}`);
}

const jobs = (): JobView[] =>
  JSON.parse(machine.must('shrinkbox', 'jobs', '--json', '--config', '/etc/shrinkbox/config.yaml'));

const jobIs = (name: string, state: string) =>
  eventually(() => jobs().find(job => job.source.endsWith(`/${name}`) && job.state === state), {
    what: `${name} to be ${state}`,
    withinMs: 120_000,
  });

const journal = (unit = 'shrinkbox') => machine.must('journalctl', '-u', unit, '--no-pager', '-o', 'cat');

it('"service install" makes a service that is up when it watches', () => {
  const said = machine.must('shrinkbox', 'service', 'install', '--config', '/etc/shrinkbox/config.yaml');
  expect(said).toContain('enabled and started');
  expect(machine.show('ActiveState')).toBe('active');
  expect(machine.show('Type')).toBe('notify');
  expect(machine.show('StatusText')).toContain('running, watching 1 folder: no jobs yet');
  expect(machine.must('systemctl', 'is-enabled', 'shrinkbox').trim()).toBe('enabled');
  expect(machine.must('stat', '-c', '%U %a', '/var/lib/shrinkbox').trim()).toBe('shrinkbox 700');
});

it('a dropped file comes out smaller, and the status line counts it', async () => {
  drop('clip.mp4', short);
  const job = await jobIs('clip.mp4', 'done');
  expect(job.output).toBe('/srv/videos/outbox/clip.mp4');
  expect(machine.must('stat', '-c', '%U:%G', '/srv/videos/outbox/clip.mp4').trim()).toBe('shrinkbox:shrinkbox');
  await eventually(() => machine.show('StatusText').includes('1 done'), { what: 'the count in the status' });
});

it('a reload takes a new configuration over in the same process', () => {
  const pid = machine.show('MainPID');
  configure({ rules: [{ name: 'smaller', size: '40%' }] });
  machine.must('systemctl', 'reload', 'shrinkbox');
  return eventually(() => journal().includes('rules changed') && machine.show('ActiveState') === 'active', {
    what: 'the reload to be over',
  }).then(() => expect(machine.show('MainPID')).toBe(pid));
});

it('a reload with mistakes changes nothing and says so', async () => {
  machine.write('/etc/shrinkbox/config.yaml', 'rulse: []\n');
  machine.must('systemctl', 'reload', 'shrinkbox');
  await eventually(() => machine.show('StatusText').includes('has mistakes'), { what: 'the remark in the status' });
  await eventually(() => machine.show('ActiveState') === 'active', { what: 'it to be active' });
  configure();
  drop('after-mistake.mp4', short);
  await jobIs('after-mistake.mp4', 'done');
  machine.must('systemctl', 'reload', 'shrinkbox');
  await eventually(() => !machine.show('StatusText').includes('has mistakes'), { what: 'the remark to be gone' });
});

it('stops in the middle of an encode, leaves nothing behind, and goes on after the next start', async () => {
  drop('long.mp4', long);
  await jobIs('long.mp4', 'running');
  await eventually(() => machine.run('sh', '-c', 'cat /proc/[0-9]*/comm | grep -c ld-linux').code === 0, {
    what: 'the encoder',
  });
  const began = performance.now();
  machine.must('systemctl', 'stop', 'shrinkbox');
  const tookMs = performance.now() - began;
  expect(machine.show('Result')).toBe('success');
  expect(tookMs).toBeLessThan(30_000);
  expect(machine.run('sh', '-c', 'cat /proc/[0-9]*/comm | grep -c ld-linux').code).toBe(1);
  machine.must('systemctl', 'start', 'shrinkbox');
  await jobIs('long.mp4', 'done');
  expect(machine.must('ls', '-A', '/srv/videos/outbox').trim().split('\n').sort()).toEqual([
    'after-mistake.mp4',
    'clip.mp4',
    'long.mp4',
  ]);
});

it('a daemon that hangs is ended by the watchdog and started again', async () => {
  machine.write(
    '/etc/systemd/system/shrinkbox.service.d/test.conf',
    '[Service]\nWatchdogSec=4\nRestartSec=1\nTimeoutAbortSec=5\n',
  );
  machine.must('systemctl', 'daemon-reload');
  machine.must('systemctl', 'restart', 'shrinkbox');
  const pid = machine.show('MainPID');
  // Fed while all is well: nothing happens for two intervals.
  const until = performance.now() + 9_000;
  await eventually(() => performance.now() > until, { what: 'two intervals to pass' });
  expect(machine.show('MainPID')).toBe(pid);
  machine.must('sh', '-c', `kill -STOP ${pid}`);
  await eventually(() => Number(machine.show('NRestarts')) > 0 && machine.show('ActiveState') === 'active', {
    what: 'the restart',
    withinMs: 60_000,
  });
  expect(machine.show('MainPID')).not.toBe(pid);
  expect(journal()).toContain('Watchdog timeout');
  expect(jobs()).toHaveLength(3);
});

it('a mistake in the configuration ends it with 10, and it is not started again', async () => {
  machine.must('systemctl', 'reset-failed', 'shrinkbox');
  machine.write('/etc/shrinkbox/config.yaml', 'rulse: []\n');
  expect(machine.run('systemctl', 'restart', 'shrinkbox').code).not.toBe(0);
  expect([machine.show('ActiveState'), machine.show('ExecMainStatus'), machine.show('NRestarts')]).toEqual([
    'failed',
    '10',
    '0',
  ]);
  configure();
  machine.must('systemctl', 'start', 'shrinkbox');
});

it('an instance of the template has its own state, and its token as a credential', async () => {
  const unit = readFileSync(join(import.meta.dirname, '../../../systemd/shrinkbox@.service'), 'utf8');
  machine.write('/etc/systemd/system/shrinkbox@.service', unit.replace(/^#(LoadCredential=http-token)/m, '$1'));
  for (const dir of ['', '/inbox', '/outbox']) {
    machine.must('install', '-d', '-o', 'shrinkbox', '-g', 'shrinkbox', '-m', '2775', `/srv/shrinkbox/family${dir}`);
  }
  configure(
    {
      state_dir: '/var/lib/shrinkbox-family',
      folders: [
        { inbox: '/srv/shrinkbox/family/inbox', outbox: '/srv/shrinkbox/family/outbox', settle: '300ms', scan: '2s' },
      ],
      http: { listen: '0.0.0.0:8799' },
    },
    '/etc/shrinkbox/family.yaml',
  );
  machine.write('/etc/shrinkbox/family.http.token', 'a-token-of-the-family\n');
  machine.must('chmod', '600', '/etc/shrinkbox/family.http.token');
  machine.must('systemctl', 'daemon-reload');
  machine.must('systemctl', 'start', 'shrinkbox@family');
  const ask = (headers: object) =>
    machine
      .must(
        'node',
        '-e',
        `fetch('http://127.0.0.1:8799/api/status', {headers: ${JSON.stringify(headers)}}).then(r => console.log(r.status))`,
      )
      .trim();
  expect(ask({})).toBe('401');
  expect(ask({ authorization: 'Bearer a-token-of-the-family' })).toBe('200');
  drop('clip.mp4', short, '/srv/shrinkbox/family/inbox');
  await eventually(() => machine.run('test', '-e', '/srv/shrinkbox/family/outbox/clip.mp4').code === 0, {
    what: 'the result',
  });
  expect(journal('shrinkbox@family')).not.toContain('a-token-of-the-family');
  machine.must('systemctl', 'stop', 'shrinkbox@family');
  expect(machine.show('Result', 'shrinkbox@family')).toBe('success');
});

it('"service uninstall" removes the unit and leaves files, state and configuration', () => {
  machine.must('shrinkbox', 'service', 'uninstall', '--config', '/etc/shrinkbox/config.yaml');
  expect(machine.run('test', '-e', '/etc/systemd/system/shrinkbox.service').code).toBe(1);
  expect(machine.run('systemctl', 'is-active', 'shrinkbox').out.trim()).toBe('inactive');
  machine.must('test', '-d', '/var/lib/shrinkbox/journal');
  machine.must('test', '-e', '/srv/videos/outbox/clip.mp4');
});
