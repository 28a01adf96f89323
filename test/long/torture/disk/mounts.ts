import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** Why nothing can be mounted here, or `undefined`. */
export function cannotMount(...alsoNeeded: string[]): { cannot?: string } {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return { cannot: 'mounting needs root on Linux' };
  if (!succeeds('unshare', '-m', 'true')) return { cannot: 'this container may not mount' };
  const missing = alsoNeeded.filter(tool => !succeeds('sh', '-c', `command -v ${tool}`));
  return missing.length > 0 ? { cannot: `there is no ${missing.join(', no ')} here` } : {};
}

/** Mounts below one directory of a case; all are taken away at the end, whatever happened. */
export class Mounts {
  readonly #points: string[] = [];
  readonly #files: string[] = [];

  tmpfs(point: string, bytes: number): void {
    mkdirSync(point, { recursive: true });
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'none', point);
    this.#points.push(point);
  }

  /** ext4 in a file; `journaled` false: without the journal that would end the file system at the first error. */
  ext4(point: string, image: string, bytes: number, journaled = true): void {
    closeSync(openSync(image, 'w'));
    truncateSync(image, bytes);
    this.#files.push(image);
    run('mkfs.ext4', '-q', '-F', '-m', '0', ...(journaled ? [] : ['-O', '^has_journal']), image);
    this.again(point, image);
  }

  /** xfs in a file, whose files may share blocks. */
  xfs(point: string, image: string, bytes: number): void {
    closeSync(openSync(image, 'w'));
    truncateSync(image, bytes);
    this.#files.push(image);
    run('mkfs.xfs', '-q', '-m', 'reflink=1', image);
    this.again(point, image);
  }

  mergerfs(point: string, ...branches: string[]): void {
    for (const dir of [point, ...branches]) mkdirSync(dir, { recursive: true });
    // By default it makes nothing where less than 4 GB are free.
    run('mergerfs', '-o', 'minfreespace=1M', branches.join(':'), point);
    this.#points.push(point);
  }

  /** Mounts an image as it is now. */
  again(point: string, image: string): void {
    mkdirSync(point, { recursive: true });
    run('mount', '-o', 'loop', image, point);
    this.#points.push(point);
  }

  /** Takes the newest mount at `point` away, also from under those who use it. */
  end(point: string, lazily = false): void {
    run('umount', ...(lazily ? ['-l'] : []), point);
    this.#points.splice(this.#points.lastIndexOf(point), 1);
  }

  close(): void {
    for (const point of this.#points.splice(0).reverse()) spawnSync('umount', ['-l', point]);
    for (const file of this.#files.splice(0)) rmSync(file, { force: true });
  }
}

/** As if the power had gone: nothing that was not synced reaches the disk any more. */
export function cutPower(point: string): void {
  run('xfs_io', '-x', '-c', 'shutdown', point);
}

export function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

/** A file that takes all room but `leave` bytes; gone when it is removed. */
export function fill(dir: string, leave: number): string {
  const path = join(dir, 'filler');
  const free = Number(spawnSync('stat', ['-f', '-c', '%a', dir], { encoding: 'utf8' }).stdout.trim());
  const block = Number(spawnSync('stat', ['-f', '-c', '%S', dir], { encoding: 'utf8' }).stdout.trim());
  const bytes = Math.max(0, free * block - leave);
  run('dd', 'if=/dev/zero', `of=${path}`, 'bs=4096', `count=${Math.floor(bytes / 4096)}`, 'status=none');
  return path;
}
