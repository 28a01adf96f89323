import { lstatSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * What kind of file system a path lies on: whether changes by others can be seen as events, whether names are free, whether
 * block counts tell the truth. Decided from `/proc/self/mountinfo`, because asking a hung network mount itself (statfs)
 * would hang the process; statfs answers only where there is no mountinfo or it does not cover the path.
 */
export interface FsKind {
  /** As mountinfo names it (`ext4`, `cifs`, `fuse.mergerfs`), or `unknown`. */
  type: string;
  /** Other hosts may change it, or a process in between serves it: calls may hang, events may be missing. */
  network: boolean;
  /** Events are not to be relied on: list it periodically. True for network, FUSE and unknown types. */
  polled: boolean;
  /** Changes made through this very mount are reported and asking for reports cannot hang. */
  events: boolean;
  /** `Foo` and `foo` are one file. */
  caseInsensitive: boolean;
  /** `: ? * " < > | \` and trailing dots are refused or break other clients. */
  windowsNames: boolean;
  /** Hard links can be made. */
  links: boolean;
  /** `blocks * 512 < size` means that bytes were not written yet (no compression, no remote guesswork). */
  honestBlocks: boolean;
}

export interface Mount {
  /** Absolute, octal escapes decoded. */
  point: string;
  type: string;
  source: string;
  /** `major:minor`. */
  device: string;
}

/** The kind of file system that holds `path` (absolute; symbolic links in it already resolved). Never throws. */
export function fsKindOf(path: string, mounts: readonly Mount[] = readMounts()): FsKind {
  const mount = mountOf(mounts, path);
  return kindOfType(mount?.type ?? typeByStatfs(path));
}

/** Current mounts in mount order; empty where there is no mountinfo (not Linux, or /proc is hidden). */
export function readMounts(file = '/proc/self/mountinfo'): Mount[] {
  try {
    return parseMountInfo(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

/** Parses proc_pid_mountinfo(5); lines that do not fit are left out. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    // 36 35 98:0 /root /mnt/point rw,noatime master:1 - ext4 /dev/sda1 rw
    const [left, right] = splitOnce(line, ' - ');
    const fields = left.split(' ');
    const [type, source] = right.split(' ');
    const [device, point] = [fields[2], fields[4]];
    if (!device || !point || !type) continue;
    mounts.push({ point: decodeOctal(point), type, source: decodeOctal(source ?? ''), device });
  }
  return mounts;
}

/** The mount that holds `path`: longest mount point that is a prefix by whole names; of equals the last one lies on top. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    if (!isWithin(mount.point, path)) continue;
    if (!found || mount.point.length >= found.point.length) found = mount;
  }
  return found;
}

/**
 * Where `path` (absolute) leads through its symbolic links, as far as that can be known without asking a mount that may hang:
 * the rest below such a mount, below what is not there, or of links that lead in a circle is left as it was said. Asks places on
 * other mounts only. `seen` keeps what was found for as long as the caller takes it to be so: without it each call looks at every
 * folder of the path.
 */
export function throughLinks(path: string, mounts: readonly Mount[], seen = new Map<string, string>()): string {
  return walk('/', path);

  function walk(from: string, way: string): string {
    return way.split('/').reduce(step, from);
  }

  function step(at: string, name: string): string {
    if (name === '' || name === '.') return at;
    if (name === '..') return dirname(at);
    const next = at === '/' ? `/${name}` : `${at}/${name}`;
    const known = seen.get(next);
    if (known !== undefined) return known;
    // What a circle of links comes back to.
    seen.set(next, next);
    const mount = mountOf(mounts, next);
    const target = mount && kindOfType(mount.type).polled ? undefined : targetOf(next);
    if (target === undefined) return next;
    const leadsTo = walk(target.startsWith('/') ? '/' : at, target);
    seen.set(next, leadsTo);
    return leadsTo;
  }
}

/** Where a link points; `undefined` for whatever is none. Not by readlink(2) alone: an error for each folder takes ten times as long. */
function targetOf(path: string): string | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `path` is `parent` or lies below it; both absolute. */
export function isWithin(parent: string, path: string): boolean {
  return parent === '/' || path === parent || path.startsWith(`${parent}/`);
}

const PLAIN: Omit<FsKind, 'type'> = {
  network: false,
  polled: false,
  events: true,
  caseInsensitive: false,
  windowsNames: false,
  links: true,
  honestBlocks: true,
};
/** Local, but blocks are compressed, deduplicated or counted elsewhere. */
const PACKED: Omit<FsKind, 'type'> = { ...PLAIN, honestBlocks: false };
const WINDOWS: Omit<FsKind, 'type'> = { ...PACKED, caseInsensitive: true, windowsNames: true, links: false };
const REMOTE: Omit<FsKind, 'type'> = { ...PACKED, network: true, polled: true, events: false };
const REMOTE_WINDOWS: Omit<FsKind, 'type'> = { ...REMOTE, caseInsensitive: true, windowsNames: true, links: false };
/** A process on this machine serves it: listing is the truth, events for writes through the mount come for free. */
const POOLED: Omit<FsKind, 'type'> = { ...REMOTE, events: true };

const KINDS: Readonly<Record<string, Omit<FsKind, 'type'>>> = {
  ext2: PLAIN,
  ext3: PLAIN,
  ext4: PLAIN,
  xfs: PLAIN,
  jfs: PLAIN,
  tmpfs: PLAIN,
  ramfs: PACKED,
  f2fs: PACKED,
  btrfs: PACKED,
  bcachefs: PACKED,
  zfs: PACKED,
  reiserfs: PACKED,
  overlay: PACKED,
  aufs: PACKED,
  ecryptfs: PACKED,
  squashfs: PACKED,
  iso9660: PACKED,
  udf: PACKED,
  apfs: { ...PACKED, caseInsensitive: true },
  hfs: { ...PACKED, caseInsensitive: true },
  hfsplus: { ...PACKED, caseInsensitive: true },
  vfat: WINDOWS,
  msdos: WINDOWS,
  exfat: WINDOWS,
  ntfs: { ...WINDOWS, links: true },
  ntfs3: { ...WINDOWS, links: true },
  nfs: REMOTE,
  nfs4: REMOTE,
  cifs: REMOTE_WINDOWS,
  smb3: REMOTE_WINDOWS,
  smbfs: REMOTE_WINDOWS,
  '9p': REMOTE,
  drvfs: REMOTE_WINDOWS,
  virtiofs: REMOTE,
  ceph: REMOTE,
  afs: REMOTE,
  glusterfs: REMOTE,
  lustre: REMOTE,
  gpfs: REMOTE,
  ocfs2: REMOTE,
  gfs2: REMOTE,
  vboxsf: REMOTE_WINDOWS,
  prl_fs: REMOTE,
  fuse: REMOTE,
  fuseblk: { ...WINDOWS, network: true, polled: true },
  'fuse.mergerfs': POOLED,
  'fuse.unionfs': POOLED,
  'fuse.unionfs-fuse': POOLED,
  'fuse.shfs': POOLED,
};

const UNKNOWN: Omit<FsKind, 'type'> = { ...PACKED, polled: true };

/** Properties of a file system type as mountinfo spells it; FUSE of any sort counts as network. */
export function kindOfType(type: string): FsKind {
  const kind = KINDS[type] ?? (type.startsWith('fuse') ? REMOTE : UNKNOWN);
  return { type, ...kind };
}

/** statfs(2) `f_type` to type; values from linux/magic.h, and of macOS where there is no mountinfo to read. */
const MAGIC: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x01021994: 'tmpfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlay',
  0xf2f52010: 'f2fs',
  0x4d44: 'vfat',
  0x2011bab0: 'exfat',
  0x5346544e: 'ntfs',
  0x7366746e: 'ntfs3',
  0x6969: 'nfs',
  0x517b: 'smbfs',
  0xff534d42: 'cifs',
  0xfe534d42: 'smb3',
  0x65735546: 'fuse',
  0x01021997: '9p',
  0x00c36400: 'ceph',
  0x6a656a63: 'virtiofs',
};
const MAGIC_DARWIN: Readonly<Record<number, string>> = { 0x1a: 'apfs', 0x11: 'hfs' };

/** Type by the file system's own word. May block on a mount that hangs. */
function typeByStatfs(path: string): string {
  try {
    const magic = statfsSync(path).type >>> 0;
    return (process.platform === 'darwin' ? MAGIC_DARWIN : MAGIC)[magic] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)];
}

/** Bytes in mountinfo that would break its columns stand as `\040`; the bytes may be parts of UTF-8 characters. */
function decodeOctal(field: string): string {
  if (!field.includes('\\')) return field;
  const bytes: number[] = [];
  const raw = Buffer.from(field, 'utf8');
  for (let i = 0; i < raw.length; i += 1) {
    const octal = raw[i] === 0x5c ? /^[0-3][0-7]{2}$/.exec(raw.toString('latin1', i + 1, i + 4)) : null;
    bytes.push(octal ? Number.parseInt(octal[0], 8) : (raw[i] ?? 0));
    if (octal) i += 3;
  }
  return Buffer.from(bytes).toString('utf8');
}
