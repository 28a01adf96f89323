import { isWithin } from '../core/file-names.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import { fsKindOf, type Mount, mountOf, throughLinks } from '../platform/files/mounts.ts';
import type { Disk, Disks } from './guarded-fs.ts';

/** Where the directories of one inbox really lie, on what kind of file system, and through which disk to ask there. */
export class MountMap {
  private readonly inbox: string;
  private readonly disks: Disks;
  private readonly readMounts: () => Mount[];
  private mounts: readonly Mount[] = [];
  private realRoot: string;
  /** Inside the inbox: even lstat of one is answered by what is mounted there. */
  private mountPoints: ReadonlySet<string> = new Set();

  constructor(inbox: string, disks: Disks, mounts: () => Mount[]) {
    this.inbox = inbox;
    this.disks = disks;
    this.readMounts = mounts;
    this.realRoot = inbox;
  }

  /** Reads the mounts anew, and where the inbox leads, should it be a link. Rejects where it is not there or not reachable. */
  async refresh(): Promise<void> {
    this.mounts = this.readMounts();
    // Known without asking it: an inbox on the own disk does not wait for shares that hang.
    const leadsTo = throughLinks(this.inbox, this.mounts);
    const disk = this.disks.for(fsKindOf(leadsTo, this.mounts), mountOf(this.mounts, leadsTo)?.point ?? this.inbox);
    this.realRoot = await disk.realpath(this.inbox);
    this.mountPoints = new Set(this.mounts.map(({ point }) => point).filter(point => isWithin(this.realRoot, point)));
  }

  realPathOf(rel: string): string {
    return rel === '' ? this.realRoot : `${this.realRoot}/${rel}`;
  }

  kindAt(rel: string): FsKind {
    return fsKindOf(this.realPathOf(rel), this.mounts);
  }

  diskAt(rel: string, kind: FsKind): Disk {
    return this.disks.for(kind, mountOf(this.mounts, this.realPathOf(rel))?.point ?? this.realRoot);
  }

  isMountPoint(rel: string): boolean {
    return this.mountPoints.size > 0 && this.mountPoints.has(this.realPathOf(rel));
  }
}
