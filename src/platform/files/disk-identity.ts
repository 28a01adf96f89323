import { readFileSync, statSync } from 'node:fs';
import { kindOfType } from './fs-types.ts';
import type { Mount } from './mounts.ts';

/** What tells one mounted file system from another. Device numbers and names do not: both change with the order of plugging in. */
export interface DiskIdentity {
  type: string;
  /** The device, share or pool, as mountinfo names it. */
  source: string;
  /** As udev found it; absent in most containers. */
  uuid?: string;
  /** When the root folder of the file system was made, in nanoseconds since 1970: nearly always with the file system itself. */
  born?: string;
}

/** An identity as it was kept; the first files held no types. */
export type KeptIdentity = Partial<DiskIdentity> & Pick<DiskIdentity, 'source'>;

/** Identity of what is mounted, as far as it can be found without reading the device and without asking what may hang. Never throws. */
export function diskIdentity(mount: Mount, udev = '/run/udev/data'): DiskIdentity {
  const uuid = uuidOf(mount, udev);
  const born = bornOf(mount);
  return { type: mount.type, source: mount.source, ...(uuid && { uuid }), ...(born && { born }) };
}

/** False only where it is certain: the types differ, or something of both is known that must be equal and is not. */
export function isSameDisk(before: KeptIdentity, now: DiskIdentity): boolean {
  if (before.uuid && now.uuid) return before.uuid === now.uuid;
  if (before.type === undefined) {
    if (isDevice(before.source) !== isDevice(now.source)) return false;
  } else {
    // What is mounted there shows only on the first access.
    if (before.type === 'autofs' || now.type === 'autofs') return true;
    if (familyOf(before.type) !== familyOf(now.type)) return false;
  }
  if (before.born && now.born) return before.born === now.born;
  return !NAMED_BY_SOURCE.test(now.type) || isSameSource(before.source, now);
}

/** Two disks for people: type and source, and what else tells them apart where these do not. */
export function describeDisks(before: KeptIdentity, now: DiskIdentity): { before: string; now: string } {
  const brief = (disk: KeptIdentity) => [disk.type, disk.source].filter(Boolean).join(' ');
  if (brief(before) !== brief(now)) return { before: brief(before), now: brief(now) };
  const whole = (disk: KeptIdentity) => [brief(disk), disk.uuid ?? dayOf(disk.born)].filter(Boolean).join(' ');
  return { before: whole(before), now: whole(now) };
}

/** Types whose drivers stand in for one another. */
const FAMILIES: readonly ReadonlySet<string>[] = [
  new Set(['ext2', 'ext3', 'ext4']),
  new Set(['vfat', 'msdos']),
  new Set(['fuseblk', 'ntfs', 'ntfs3', 'exfat', 'fuse.ntfs-3g', 'fuse.exfat']),
  new Set(['nfs', 'nfs4']),
  new Set(['cifs', 'smb3', 'smbfs']),
  new Set(['hfs', 'hfsplus']),
];

function familyOf(type: string): unknown {
  return FAMILIES.find(family => family.has(type)) ?? type;
}

/** Shares, and pools served by a program. The sources of 9p and virtiofs are tags that change with the virtual machine. */
const NAMED_BY_SOURCE = /^(?:nfs4?|cifs|smb3|smbfs|ceph|glusterfs|fuse\..+)$/;

function isSameSource(before: string, now: DiskIdentity): boolean {
  if (isDevice(before) || isDevice(now.source)) return true;
  const [a, b] = [plainSource(before), plainSource(now.source)];
  const { network, events } = kindOfType(now.type);
  // A pool that got or lost a branch is the same pool.
  if (network && events) return a.split(':').some(branch => b.split(':').includes(branch));
  return a === b;
}

/** Without what differs between two ways to write the same share; rclone adds `{hash}` for flags that override its settings. */
function plainSource(source: string): string {
  return source
    .replaceAll('\\', '/')
    .replace(/\{[^}]*\}/, '')
    .replace(/(?<=[^/:])\/+$/, '')
    .toLowerCase();
}

function isDevice(source: string): boolean {
  return source.startsWith('/dev/');
}

/** What udev wrote down about the block device; every user may read it, unlike the device. */
function uuidOf(mount: Mount, udev: string): string | undefined {
  try {
    // btrfs shows a number that it made up: that of its device is wanted.
    const isMadeUp = mount.device.startsWith('0:');
    if (isMadeUp && !isDevice(mount.source)) return undefined;
    const device = isMadeUp ? numberOf(statSync(mount.source, { bigint: true }).rdev) : mount.device;
    return /^E:ID_FS_UUID=(\S+)$/m.exec(readFileSync(`${udev}/b${device}`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** Local file systems that keep the birth time of their root folder, on a medium: in memory it is new with each mount. */
const KEEPS_BIRTH = /^(?:ext[234]|xfs|btrfs|f2fs|bcachefs|zfs)$/;

function bornOf(mount: Mount): string | undefined {
  // A folder shown by a bind mount may have been made again on the same disk.
  if (!KEEPS_BIRTH.test(mount.type) || mount.root !== '/') return undefined;
  try {
    const { dev, birthtimeNs, ctimeNs } = statSync(mount.point, { bigint: true });
    // Another one lies on top. btrfs shows another number in mountinfo than in stat.
    if (mount.type !== 'btrfs' && numberOf(dev) !== mount.device) return undefined;
    // Where the birth time is not known, Node may give the time of the last change.
    return birthtimeNs > 0n && birthtimeNs !== ctimeNs ? String(birthtimeNs) : undefined;
  } catch {
    return undefined;
  }
}

/** `major:minor` of a Linux device number. */
function numberOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  return `${major}:${(dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)}`;
}

function dayOf(born: string | undefined): string | undefined {
  return born && new Date(Number(BigInt(born) / 1_000_000n)).toISOString();
}
