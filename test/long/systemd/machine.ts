/**
 * A Debian booted by systemd-nspawn: its own systemd as process 1, nothing of it left afterwards. The base is made once by
 * debootstrap and kept in SHRINKBOX_SYSTEMD_ROOT, else in the temporary directory.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface Said {
  code: number;
  out: string;
  err: string;
}

export class Machine {
  readonly #nspawn: ChildProcess;
  readonly #leader: number;
  readonly #prefix: string | undefined;

  /** Boots, with this program installed from its packed tarball under /opt/shrinkbox and ffmpeg on PATH. */
  static async boot(): Promise<Machine> {
    const prefix = installed();
    const lent = [
      `--bind-ro=${process.execPath}:/usr/bin/node`,
      `--bind-ro=${prefix}:/opt/shrinkbox`,
      '--bind-ro=/usr:/host/usr',
    ];
    const machine = await Machine.#start(debian(), lent, prefix);
    try {
      machine.#borrowPrograms();
    } catch (error) {
      await machine.powerOff();
      throw error;
    }
    return machine;
  }

  /** Boots a Debian that has node and ffmpeg of its own, and nothing of ours. */
  static bare(base: string): Promise<Machine> {
    return Machine.#start(base, []);
  }

  static async #start(base: string, options: readonly string[], prefix?: string): Promise<Machine> {
    const args = [
      ...['-q', '-D', base, '--volatile=overlay', '--boot', '--register=no', '--keep-unit', '--private-network'],
      ...options,
    ];
    const nspawn = spawn('systemd-nspawn', args, { stdio: 'ignore' });
    try {
      const machine = new Machine(nspawn, await leaderOf(nspawn), prefix);
      await eventually(() => /running|degraded/.test(machine.run('systemctl', 'is-system-running').out), {
        what: 'the machine to be up',
        withinMs: 120_000,
      });
      return machine;
    } catch (error) {
      nspawn.kill('SIGTERM');
      throw error;
    }
  }

  private constructor(nspawn: ChildProcess, leader: number, prefix: string | undefined) {
    this.#nspawn = nspawn;
    this.#leader = leader;
    this.#prefix = prefix;
  }

  run(...command: string[]): Said {
    return this.#enter(command);
  }

  /** The same, but it must work; gives what it printed. */
  must(...command: string[]): string {
    const { code, out, err } = this.#enter(command);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${err}${out}`);
    return out;
  }

  write(path: string, content: string | Buffer): void {
    const said = this.#enter(['sh', '-c', `mkdir -p "$(dirname '${path}')" && cat > '${path}'`], content);
    if (said.code !== 0) throw new Error(said.err);
  }

  /** One property of a unit. */
  show(property: string, unit = 'shrinkbox'): string {
    return this.must('systemctl', 'show', '--value', '-p', property, unit).trim();
  }

  async powerOff(): Promise<void> {
    const gone = new Promise(resolve => this.#nspawn.once('exit', resolve));
    this.#nspawn.kill('SIGTERM');
    const hurry = setTimeout(() => this.#nspawn.kill('SIGKILL'), 60_000);
    await gone;
    clearTimeout(hurry);
    if (this.#prefix) rmSync(this.#prefix, { recursive: true, force: true });
  }

  #enter(command: string[], input?: string | Buffer): Said {
    const args = ['-t', String(this.#leader), '-m', '-u', '-i', '-n', '-p', '--', ...command];
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root', LC_ALL: 'C.UTF-8' };
    const { status, stdout, stderr } = spawnSync('nsenter', args, { env, input, encoding: 'utf8', timeout: 170_000 });
    return { code: status ?? -1, out: stdout, err: stderr };
  }

  /** ffmpeg of this machine with the libraries it was made for; and the program where the shipped unit looks for it. */
  #borrowPrograms(): void {
    // Some libraries are links by way of /etc/alternatives, which the machine does not have.
    const libs = sh(
      "ldd /usr/bin/ffmpeg | sed -n 's#.*=> \\(/[^ ]*\\) (.*#\\1#p' | xargs realpath | xargs -n1 dirname | sort -u",
    );
    const path = libs
      .split('\n')
      .map(dir => `/host${dir}`)
      .join(':');
    const loader = sh("ldd /usr/bin/ffmpeg | grep -o '/lib[^ ]*ld-linux[^ ]*' | xargs realpath");
    for (const name of ['ffmpeg', 'ffprobe']) {
      this.write(
        `/usr/local/bin/${name}`,
        `#!/bin/sh\nexec /host${loader} --library-path ${path} /host/usr/bin/${name} "$@"\n`,
      );
      this.must('chmod', '755', `/usr/local/bin/${name}`);
    }
    this.must('ln', '-sf', '/opt/shrinkbox/bin/shrinkbox', '/usr/bin/shrinkbox');
  }
}

function sh(script: string): string {
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim();
}

/** Process 1 of the machine. The first child of nspawn sets the walls up and goes. */
function leaderOf(nspawn: ChildProcess): Promise<number> {
  return eventually(() => {
    if (nspawn.exitCode !== null) throw new Error(`systemd-nspawn ended with ${nspawn.exitCode}`);
    const children = readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8').trim().split(' ');
    return children.map(Number).find(pid => pid > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd');
  });
}

function debian(): string {
  const base = process.env['SHRINKBOX_SYSTEMD_ROOT'] ?? join(tmpdir(), 'shrinkbox-systemd-root');
  if (existsSync(join(base, 'usr/lib/systemd/systemd'))) return base;
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const half = `${base}.new`;
  rmSync(half, { recursive: true, force: true });
  execFileSync('debootstrap', ['--variant=minbase', '--include=systemd,systemd-sysv,dbus', suite, half], {
    stdio: 'inherit',
  });
  renameSync(half, base);
  return base;
}

/** The program as people get it: packed, and installed for good into a prefix. */
function installed(): string {
  const prefix = mkdtempSync(join(tmpdir(), 'shrinkbox-prefix-'));
  const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', prefix], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const tarball = join(prefix, packed.trim().split('\n').at(-1) ?? '');
  execFileSync('npm', ['install', '--silent', '--global', '--ignore-scripts', '--prefix', prefix, tarball], {
    stdio: 'inherit',
  });
  execFileSync('chmod', ['755', prefix]);
  return prefix;
}
