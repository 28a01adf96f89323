/**
 * What a file system's type tells about it. `/proc/self/mountinfo` names the type, so a hung network mount need not be
 * asked (statfs would hang as well); statfs is for systems without mountinfo.
 */
import { statfsSync } from 'node:fs';

export interface FsKind {
  /** As mountinfo names it (`ext4`, `cifs`, `fuse.mergerfs`), or `unknown`. */
  type: string;
  /** Other hosts may change it, or a process in between serves it: calls may hang, events may be missing. */
  network: boolean;
  /** Events are unreliable, so it is listed periodically. True for network, FUSE and unknown types. */
  polled: boolean;
  /** Changes made through this very mount are reported, and registering for reports cannot hang. */
  events: boolean;
  /** `blocks * 512 < size` means that bytes were not written yet (no compression, no remote guesswork). */
  honestBlocks: boolean;
}

type Traits = Omit<FsKind, 'type'>;

const PLAIN: Traits = { network: false, polled: false, events: true, honestBlocks: true };
/** Local, but blocks are compressed, deduplicated or counted elsewhere. */
const PACKED: Traits = { ...PLAIN, honestBlocks: false };
const REMOTE: Traits = { network: true, polled: true, events: false, honestBlocks: false };
/** A process on this machine serves it: listings tell the truth, and events for writes through the mount are a bonus. */
const POOLED: Traits = { ...REMOTE, events: true };
const UNKNOWN: Traits = { ...PACKED, polled: true };

const TRAITS: Readonly<Record<string, Traits>> = {
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
  apfs: PACKED,
  hfs: PACKED,
  hfsplus: PACKED,
  vfat: PACKED,
  msdos: PACKED,
  exfat: PACKED,
  ntfs: PACKED,
  ntfs3: PACKED,
  nfs: REMOTE,
  nfs4: REMOTE,
  cifs: REMOTE,
  smb3: REMOTE,
  smbfs: REMOTE,
  '9p': REMOTE,
  drvfs: REMOTE,
  virtiofs: REMOTE,
  ceph: REMOTE,
  afs: REMOTE,
  glusterfs: REMOTE,
  lustre: REMOTE,
  gpfs: REMOTE,
  ocfs2: REMOTE,
  gfs2: REMOTE,
  vboxsf: REMOTE,
  prl_fs: REMOTE,
  fuse: REMOTE,
  /** ntfs-3g and exfat-fuse. */
  fuseblk: { ...PACKED, network: true, polled: true },
  'fuse.mergerfs': POOLED,
  'fuse.unionfs': POOLED,
  'fuse.unionfs-fuse': POOLED,
  'fuse.shfs': POOLED,
};

/** Properties of a type as mountinfo spells it; FUSE of any sort counts as network. */
export function kindOfType(type: string): FsKind {
  return { type, ...(TRAITS[type] ?? (type.startsWith('fuse') ? REMOTE : UNKNOWN)) };
}

/** statfs(2) `f_type` to type; values from linux/magic.h, and from macOS, which has no mountinfo. */
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

/** The type according to statfs, `unknown` if that says nothing. May block on a mount that hangs. */
export function typeByStatfs(path: string): string {
  try {
    const magic = statfsSync(path).type >>> 0;
    return (process.platform === 'darwin' ? MAGIC_DARWIN : MAGIC)[magic] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
