import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { isWithin } from '../../core/file-names.ts';
import { type FsKind, kindOfType, typeByStatfs } from './fs-types.ts';

export interface Mount {
  /** As fdinfo of what is open on it says. */
  id?: number;
  /** Absolute, octal escapes decoded. */
  point: string;
  type: string;
  source: string;
  /** `major:minor`. */
  device: string;
  /** The folder of the file system that is shown here; absent: all of it. */
  root?: string;
  /** The uid of who mounted it, of FUSE mounts: anybody may mount one on a folder that he may write into. */
  user?: number;
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

/** Reads the current mounts each time, as `readMounts`, and parses them only if they changed: for callers that ask very often. */
export function mountsReader(file = '/proc/self/mountinfo'): () => readonly Mount[] {
  let parsed: { text: string; mounts: Mount[] } | undefined;
  return () => {
    try {
      const text = readFileSync(file, 'utf8');
      if (parsed?.text !== text) parsed = { text, mounts: parseMountInfo(text) };
      return parsed.mounts;
    } catch {
      return [];
    }
  };
}

/** Parses proc_pid_mountinfo(5); lines that do not fit are left out. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    // 36 35 98:0 /root /mnt/point rw,noatime master:1 - ext4 /dev/sda1 rw
    const [left, right] = splitOnce(line, ' - ');
    const fields = left.split(' ');
    const [type, source, options = ''] = right.split(' ');
    const [device, point] = [fields[2], fields[4]];
    if (!device || !point || !type) continue;
    const root = decodeOctal(fields[3] ?? '/');
    const user = /(?:^|,)user_id=(\d+)/.exec(options)?.[1];
    mounts.push({
      id: Number(fields[0]),
      point: decodeOctal(point),
      type,
      source: decodeOctal(source ?? ''),
      device,
      root,
      ...(user && { user: Number(user) }),
    });
  }
  return mounts;
}

/**
 * Without the folders that are only mounted onto themselves, as systemd does for ReadWritePaths: they show what was there
 * before, and are gone again where the program is started otherwise.
 */
export function withoutSelfBinds(mounts: readonly Mount[]): Mount[] {
  return mounts.filter((mount, index) => {
    const under = mountOf(mounts.slice(0, index), mount.point);
    if (!under || under.device !== mount.device) return true;
    return mount.root !== join(under.root ?? '/', relative(under.point, mount.point));
  });
}

/** Where fstab(5) mounts something, `/` aside; empty where there is no such file. */
export function fstabPoints(file = '/etc/fstab'): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const points = text.split('\n').map(line => decodeOctal(/^\s*[^#\s]\S*\s+(\/\S*[^\s/])/.exec(line)?.[1] ?? ''));
  return points.filter(point => point !== '');
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
 * Where `path` (absolute) leads through its symbolic links, without asking a mount that may hang: below such a mount, below
 * what is missing, and for links in a circle the rest of the path stays as given.
 * @param seen keeps what was found, for as long as the caller believes it; without it each call looks at every folder
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

/** The target of a link; `undefined` for anything else. readlink alone would take ten times as long: it throws for every folder. */
function targetOf(path: string): string | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)];
}

/** Undoes mountinfo's `\040` for bytes that would break its columns; they may be parts of UTF-8 characters. */
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
