import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';

/** How a file system is made and mounted. All commands run in `dir`, which holds the empty folder `disk`. */
export interface RealDisk {
  name: string;
  /** Debian packages with the programs it needs. */
  packages: string[];
  /** Run once, by a shell: makes an image, or the folders behind the mount. */
  make?: string;
  /** Mounts at `disk`, by a shell. */
  mount?: string;
  /** Or a program that serves `disk` in the foreground: it is killed to unplug the disk. */
  serve?: string;
}

const image = (size: string, format: string) => `truncate -s ${size} image && ${format}`;
const LOOP = 'device=$(losetup --find --show image)';

export const REAL_DISKS: readonly RealDisk[] = [
  {
    name: 'ext4 on a loop device',
    packages: ['e2fsprogs'],
    make: image('300M', 'mkfs.ext4 -q -F image'),
    mount: 'mount -o loop image disk',
  },
  {
    name: 'vfat on a loop device',
    packages: ['dosfstools'],
    make: image('300M', 'mkfs.vfat image'),
    mount: 'mount -o loop image disk',
  },
  {
    name: 'exFAT (exfat-fuse) on a loop device',
    packages: ['exfat-fuse', 'exfatprogs'],
    make: image('300M', 'mkfs.exfat image'),
    serve: `${LOOP} && exec mount.exfat-fuse -d $device disk`,
  },
  {
    name: 'NTFS (ntfs-3g) on a loop device',
    packages: ['ntfs-3g'],
    make: image('300M', 'mkntfs -F -Q image'),
    serve: `${LOOP} && exec ntfs-3g -o no_detach $device disk`,
  },
  {
    name: 'mergerfs',
    packages: ['mergerfs'],
    make: 'mkdir a b',
    // By default it makes nothing where less than 4 GB are free.
    serve: 'exec mergerfs -f -o minfreespace=1M a:b disk',
  },
  {
    name: 'unionfs-fuse',
    packages: ['unionfs-fuse'],
    make: 'mkdir a b',
    serve: 'exec unionfs-fuse -f -o cow a=RW:b=RW disk',
  },
  {
    name: 'bindfs',
    packages: ['bindfs'],
    make: 'mkdir a',
    serve: 'exec bindfs -f a disk',
  },
  {
    name: 'an rclone mount of a local folder',
    packages: ['rclone'],
    make: 'mkdir a',
    serve:
      'exec rclone --config "" mount a disk --vfs-cache-mode writes --vfs-write-back 0 --dir-cache-time 1s --cache-dir cache',
  },
  {
    name: 'tmpfs',
    packages: [],
    make: 'mkdir under && mount -t tmpfs -o size=300M none under',
    mount: 'mount --bind under disk',
  },
  {
    name: 'overlay',
    packages: [],
    make: 'mkdir lower upper work',
    mount: 'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none disk',
  },
];

/** A mount namespace in which a test may mount and unmount; it ends with the test, with everything mounted in it. */
export class MountNamespace {
  readonly #holder: ChildProcess;
  #server: ChildProcess | undefined;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** `undefined` where this machine does not let us mount: not root, or a container without that right. */
  static async open(): Promise<MountNamespace | undefined> {
    // `cat` ends when this process does: its input is closed.
    const holder = spawn(
      'unshare',
      ['-m', 'sh', '-c', 'mount -t tmpfs none /mnt && umount /mnt && echo ready; exec cat'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    const ended = once(holder, 'exit').then(
      () => undefined,
      () => undefined,
    );
    const line = once(createInterface(holder.stdout), 'line').then(([text]) => text as string);
    if ((await Promise.race([line, ended])) === 'ready') return new MountNamespace(holder);
    holder.kill('SIGKILL');
    return undefined;
  }

  /** The words before a program that is to see these mounts. */
  get wrap(): string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-m', '--'];
  }

  /** A path as this process reaches it. */
  real(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** Runs shell lines there. @throws what they wrote to stderr */
  async run(dir: string, script: string): Promise<string> {
    const [program = '', ...args] = this.wrap;
    const shell = ['sh', '-ec', `cd "$0" && ${script}`, dir];
    const { stdout } = await promisify(execFile)(program, [...args, ...shell], { timeout: 60_000 });
    return stdout;
  }

  async mount({ mount, serve }: RealDisk, dir: string): Promise<void> {
    if (mount !== undefined) await this.run(dir, mount);
    if (serve === undefined) return;
    const [program = '', ...args] = this.wrap;
    const shell = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', 'sh', '-ec', `cd "$0" && ${serve}`, dir];
    const server = spawn(program, [...args, ...shell], { stdio: 'ignore' });
    this.#server = server;
    const isMounted = async () => {
      if (server.exitCode !== null) return new Error(`it ended with ${server.exitCode}: ${serve}`);
      return (await this.run(dir, 'mountpoint -q disk && echo yes || true')) !== '';
    };
    const result = await eventually(isMounted, { what: `${serve} to mount`, withinMs: 20_000, everyMs: 100 });
    if (result instanceof Error) throw result;
    // The device is freed as soon as nobody has it open any more.
    await this.run(dir, 'if [ -e image ]; then losetup -j image -O NAME -n | xargs -r losetup -d; fi');
  }

  /** As if its cable was pulled: a FUSE server dies, any other is taken away while it is in use. */
  async unplug(dir: string): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return void (await this.run(dir, 'umount -l disk'));
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }

  /** What a dead FUSE server left behind is taken away, and the disk mounted again. */
  async plugIn(disk: RealDisk, dir: string): Promise<void> {
    await this.run(dir, 'umount -l disk 2>/dev/null || true');
    await this.mount(disk, dir);
  }

  async close(dir: string): Promise<void> {
    await this.run(dir, 'for each in disk under; do umount -l $each 2>/dev/null || true; done');
    this.#server?.kill('SIGKILL');
    this.#holder.stdin?.end();
    if (this.#holder.exitCode === null) await once(this.#holder, 'exit');
  }
}
