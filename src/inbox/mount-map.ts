import { isWithin } from '../core/file-names.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import { fsKindOf, type Mount, mountOf, throughLinks } from '../platform/files/mounts.ts';
import type { GuardedFs, FileSystems } from './guarded-fs.ts';

/** Where the directories of one inbox really are: on which kind of file system, and how to access it. */
export class MountMap {
  readonly #inbox: string;
  readonly #fileSystems: FileSystems;
  readonly #readMounts: () => Mount[];
  #mounts: readonly Mount[] = [];
  #realRoot: string;
  /** Mounts inside the inbox: even an lstat of one is answered by whatever is mounted there. */
  #mountPoints: ReadonlySet<string> = new Set();

  constructor(inbox: string, fileSystems: FileSystems, mounts: () => Mount[]) {
    this.#inbox = inbox;
    this.#fileSystems = fileSystems;
    this.#readMounts = mounts;
    this.#realRoot = inbox;
  }

  /** Reads the mounts again, and resolves the inbox if it is a link. Rejects if it is missing or unreachable. */
  async refresh(): Promise<void> {
    this.#mounts = this.#readMounts();
    // Determined without a call to it: an inbox on a local disk must not wait for shares that hang.
    const leadsTo = throughLinks(this.#inbox, this.#mounts);
    const fs = this.#fileSystems.for(
      fsKindOf(leadsTo, this.#mounts),
      mountOf(this.#mounts, leadsTo)?.point ?? this.#inbox,
    );
    this.#realRoot = await fs.realpath(this.#inbox);
    this.#mountPoints = new Set(
      this.#mounts.map(({ point }) => point).filter(point => isWithin(this.#realRoot, point)),
    );
  }

  realPathOf(rel: string): string {
    return rel === '' ? this.#realRoot : `${this.#realRoot}/${rel}`;
  }

  kindAt(rel: string): FsKind {
    return fsKindOf(this.realPathOf(rel), this.#mounts);
  }

  fsAt(rel: string, kind: FsKind): GuardedFs {
    return this.#fileSystems.for(kind, mountOf(this.#mounts, this.realPathOf(rel))?.point ?? this.#realRoot);
  }

  isMountPoint(rel: string): boolean {
    return this.#mountPoints.size > 0 && this.#mountPoints.has(this.realPathOf(rel));
  }
}
