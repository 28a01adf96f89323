import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** A process that has a file open for writing, or mapped so that it can still write to it after closing it. */
export interface Writer {
  pid: number;
  command: string;
}

/** A file whose writers are wanted. */
export interface Probed {
  path: string;
  dev: string;
  ino: string;
}

/** Finds the writers of many files in one go; the result is keyed by `dev:ino`. */
export type WriterProbe = (files: readonly Probed[]) => ReadonlyMap<string, Writer>;

/**
 * Searches /proc for processes of this machine that may still write to one of the files. As root it sees every process,
 * otherwise those of its own user; never NFS or SMB clients on other hosts, nor the kernel's nfsd. It reads much
 * of /proc, so callers ask about all files at once. Finds nothing if there is no /proc. Never throws.
 * Link targets are read, not followed, until the inode number matches: following one into a hung mount would hang this process.
 */
export const procWriters: WriterProbe = files =>
  processesWith(files, (pid, wanted) => [...openFor(pid, wanted, isOpenForWriting), ...mappedForWriting(pid, wanted)]);

/** The same for whoever has them open at all, to read them as well. */
export const procUsers: WriterProbe = files => processesWith(files, (pid, wanted) => openFor(pid, wanted, () => true));

function processesWith(
  files: readonly Probed[],
  keysOf: (pid: string, wanted: WantedFiles) => readonly string[],
): ReadonlyMap<string, Writer> {
  const found = new Map<string, Writer>();
  const wanted = new WantedFiles(files);
  if (wanted.count === 0) return found;
  for (const pid of list('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    for (const key of keysOf(pid, wanted)) {
      found.set(key, { pid: Number(pid), command: commandOf(pid) });
    }
  }
  return found;
}

/** By its command line: `comm` is the name of a thread, which Node 24 calls MainThread. Of `sshd: maria [priv]` it is `sshd`. */
function commandOf(pid: string): string {
  const [first = ''] = read(`/proc/${pid}/cmdline`).split('\0');
  const program = first.startsWith('/') ? (first.split(' -')[0] ?? '') : (first.split(/[\s:]/)[0] ?? '');
  return basename(program).replace(/^-/, '') || read(`/proc/${pid}/comm`).trim() || 'a process';
}

class WantedFiles {
  readonly count: number;
  readonly #names: Set<string>;
  readonly #inodes: Set<string>;
  readonly #keys: Set<string>;

  constructor(files: readonly Probed[]) {
    this.count = files.length;
    this.#names = new Set(files.map(file => basename(file.path)));
    this.#inodes = new Set(files.map(file => file.ino));
    this.#keys = new Set(files.map(file => `${file.dev}:${file.ino}`));
  }

  /** fdinfo has the inode since Linux 5.14 (on overlayfs that of a layer), the link target has the name: either will do. */
  mayInclude(ino: string | undefined, target: string): boolean {
    return (ino !== undefined && this.#inodes.has(ino)) || this.#names.has(basename(target));
  }

  hasInode(ino: string): boolean {
    return this.#inodes.has(ino);
  }

  /** The key of the file behind `link`, if it is one of ours. */
  keyBehind(link: string): string | undefined {
    try {
      const stat = statSync(link, { bigint: true });
      const key = `${stat.dev}:${stat.ino}`;
      return this.#keys.has(key) ? key : undefined;
    } catch {
      return undefined;
    }
  }

  /** The same from the columns of maps, where only root may follow map_files. `device` is hex: `fe:00`. */
  keyOf(device: string, ino: string): string | undefined {
    const [major = 0, minor = 0] = device.split(':').map(part => Number.parseInt(part, 16));
    // st_dev as the kernel encodes it: 12 bits of major between two halves of minor.
    const key = `${(minor & 0xff) + major * 0x100 + (minor >> 8) * 0x100000}:${ino}`;
    return this.#keys.has(key) ? key : undefined;
  }
}

function openFor(pid: string, wanted: WantedFiles, counts: (fdinfo: string) => boolean): string[] {
  const keys: string[] = [];
  for (const fd of list(`/proc/${pid}/fd`)) {
    const link = `/proc/${pid}/fd/${fd}`;
    const target = linkTarget(link);
    if (!target.startsWith('/') || target.startsWith('/dev/')) continue;
    const info = read(`/proc/${pid}/fdinfo/${fd}`);
    if (!counts(info) || !wanted.mayInclude(/^ino:\s*(\d+)/m.exec(info)?.[1], target)) continue;
    const key = wanted.keyBehind(link);
    if (key) keys.push(key);
  }
  return keys;
}

/** `flags:` is octal; the two lowest bits are O_RDONLY (0), O_WRONLY (1) or O_RDWR (2). */
function isOpenForWriting(fdinfo: string): boolean {
  const flags = /^flags:\s*([0-7]+)/m.exec(fdinfo)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0;
}

/** Torrent clients map files, close them and keep writing: without a close event, and with hardly any new mtime. */
function mappedForWriting(pid: string, wanted: WantedFiles): string[] {
  const keys: string[] = [];
  // 7f12-7f13 rw-s 00000000 fe:00 2146371    /srv/inbox/clip.mp4
  for (const [, range, device, ino] of read(`/proc/${pid}/maps`).matchAll(MAPPED_SHARED_WRITABLE)) {
    if (!range || !device || !ino || !wanted.hasInode(ino)) continue;
    const key = wanted.keyBehind(`/proc/${pid}/map_files/${range}`) ?? wanted.keyOf(device, ino);
    if (key) keys.push(key);
  }
  return keys;
}

const MAPPED_SHARED_WRITABLE = /^(\S+) \S*w\S*s \S+ (\S+) (\d+)\s+\//gm;

function list(path: string): string[] {
  return attempt(() => readdirSync(path), []);
}

function read(path: string): string {
  return attempt(() => readFileSync(path, 'utf8'), '');
}

function linkTarget(path: string): string {
  return attempt(() => readlinkSync(path), '');
}

/** Processes may end meanwhile, and others are not ours to inspect: either way, nothing is found. */
function attempt<T>(what: () => T, otherwise: T): T {
  try {
    return what();
  } catch {
    return otherwise;
  }
}
