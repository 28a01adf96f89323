/** The Debian package on a Debian 13 booted for it: one story from the first installation to the purge, told in order. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobView } from '../../../src/api/types.ts';
import { eventually } from '../../support/eventually.ts';
import { Machine } from '../systemd/machine.ts';

const ROOT = join(import.meta.dirname, '../../..');
let machine: Machine;
let dir: string;
let short: Buffer;
let long: Buffer;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shrinkbox-deb-'));
  // SHRINKBOX_DEB: a package that was built already.
  const first = process.env['SHRINKBOX_DEB'] ?? build(dir);
  short = clip(2);
  long = clip(3);
  machine = await Machine.bare(debian());
  machine.write('/root/first.deb', readFileSync(first));
  machine.write('/root/second.deb', readFileSync(newer(first)));
});

afterAll(async () => {
  if (process.env['SHRINKBOX_SYSTEMD_LOG'])
    console.log(machine?.run('journalctl', '-u', 'shrinkbox', '--no-pager').out);
  await machine?.powerOff();
  rmSync(dir, { recursive: true });
});

function build(into: string): string {
  const said = execFileSync(join(ROOT, 'packaging/deb/build'), [into], { encoding: 'utf8' });
  return said.trim().split('\n').at(-1) ?? '';
}

/** The same package as the next version, with another configuration of its own. */
function newer(deb: string): string {
  const root = join(dir, 'newer');
  execFileSync('dpkg-deb', ['-R', deb, root]);
  execFileSync('sed', ['-i', 's/^Version: .*/Version: 99.0.0/', join(root, 'DEBIAN/control')]);
  execFileSync('sh', ['-c', `echo '# new in 99' >> ${join(root, 'etc/shrinkbox/config.yaml')}`]);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', root, join(dir, 'newer.deb')], { stdio: 'ignore' });
  return join(dir, 'newer.deb');
}

function clip(seconds: number): Buffer {
  const path = join(dir, `${seconds}.mp4`);
  const source = `testsrc2=size=640x360:rate=30:duration=${seconds},noise=alls=20:allf=t`;
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', path]);
  return readFileSync(path);
}

/** Made once, with ffmpeg and node of Debian 13, and kept in SHRINKBOX_DEB_ROOT, else below /var/tmp. */
function debian(): string {
  const base = process.env['SHRINKBOX_DEB_ROOT'] ?? '/var/tmp/shrinkbox-deb-root';
  if (existsSync(join(base, 'usr/bin/ffmpeg'))) return base;
  const half = `${base}.new`;
  rmSync(half, { recursive: true, force: true });
  const include = '--include=systemd,systemd-sysv,dbus,ffmpeg,nodejs';
  execFileSync('debootstrap', ['--variant=minbase', include, 'trixie', half, 'http://deb.debian.org/debian'], {
    stdio: 'inherit',
  });
  renameSync(half, base);
  return base;
}

const dpkg = (...args: string[]) => machine.must('env', 'DEBIAN_FRONTEND=noninteractive', 'dpkg', ...args);
const jobs = (): JobView[] =>
  JSON.parse(machine.must('shrinkbox', 'jobs', '--json', '--config', '/etc/shrinkbox/config.yaml'));

async function shrinks(name: string, video: Buffer): Promise<void> {
  machine.write(`/srv/shrinkbox/inbox/.${name}`, video);
  machine.must('mv', `/srv/shrinkbox/inbox/.${name}`, `/srv/shrinkbox/inbox/${name}`);
  await eventually(() => jobs().find(job => job.source.endsWith(`/${name}`) && job.state === 'done'), {
    what: `${name} to be done`,
    everyMs: 300,
  });
}

it('the first installation makes user and folders, and the service runs', async () => {
  dpkg('-i', '/root/first.deb');
  expect(machine.show('ActiveState')).toBe('active');
  expect(machine.must('systemctl', 'is-enabled', 'shrinkbox').trim()).toBe('enabled');
  expect(machine.must('stat', '-c', '%U:%G %a', '/srv/shrinkbox/inbox').trim()).toBe('shrinkbox:shrinkbox 2775');
  expect(machine.must('stat', '-c', '%U %a', '/var/lib/shrinkbox').trim()).toBe('shrinkbox 700');
  expect(machine.must('shrinkbox', 'healthcheck', '--config', '/etc/shrinkbox/config.yaml')).toContain('running');
  await shrinks('clip.mp4', short);
});

it('an upgrade keeps the edited configuration and the jobs, and restarts the service', async () => {
  machine.must('sh', '-c', "sed -i 's/size: 50MB/size: 40%/' /etc/shrinkbox/config.yaml");
  const pid = machine.show('MainPID');
  dpkg('--force-confold', '-i', '/root/second.deb');
  expect(machine.show('ActiveState')).toBe('active');
  expect(machine.show('MainPID')).not.toBe(pid);
  const config = machine.must('cat', '/etc/shrinkbox/config.yaml');
  expect(config).toContain('size: 40%');
  expect(config).not.toContain('new in 99');
  expect(jobs().map(({ state }) => state)).toEqual(['done']);
  await shrinks('after.mp4', long);
});

it('an upgrade does not start what was switched off', () => {
  machine.must('systemctl', 'disable', '--now', 'shrinkbox');
  dpkg('--force-confold', '-i', '/root/second.deb');
  expect(machine.show('ActiveState')).toBe('inactive');
  machine.must('systemctl', 'enable', '--now', 'shrinkbox');
});

it('removing it stops the service, and keeps configuration, state and videos', () => {
  dpkg('-r', 'shrinkbox');
  expect(machine.run('systemctl', 'is-active', 'shrinkbox').out.trim()).not.toBe('active');
  expect(machine.run('test', '-e', '/usr/bin/shrinkbox').code).toBe(1);
  machine.must('test', '-e', '/etc/shrinkbox/config.yaml');
  machine.must('test', '-d', '/var/lib/shrinkbox/journal');
  machine.must('test', '-e', '/srv/shrinkbox/outbox/clip.mp4');
});

it('a purge keeps the state unless it was told otherwise, and never touches videos', () => {
  dpkg('-P', 'shrinkbox');
  machine.must('test', '-d', '/var/lib/shrinkbox/journal');
  expect(machine.run('test', '-e', '/etc/shrinkbox').code).toBe(1);
  // Installed again, it knows its jobs; and this time the answer is yes.
  dpkg('-i', '/root/second.deb');
  expect(jobs()).toHaveLength(2);
  machine.must('sh', '-c', 'echo "shrinkbox shrinkbox/remove-state boolean true" | debconf-set-selections');
  dpkg('-P', 'shrinkbox');
  expect(machine.run('test', '-e', '/var/lib/shrinkbox').code).toBe(1);
  machine.must('test', '-e', '/srv/shrinkbox/outbox/clip.mp4');
});
