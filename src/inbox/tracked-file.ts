import type { Sidecar, Sighting } from '../core/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import type { Disk } from './guarded-fs.ts';
import type { DirectoryHints } from './change-events.ts';
import type { Settling } from './stability.ts';
import { type FileStat, pinOf } from './file-id.ts';
import type { WriterProbe } from './open-files.ts';

/** What every part of one inbox's watch needs. */
export interface InboxContext {
  /** Absolute, as configured. */
  inbox: string;
  /** Absent: 5 s, and 30 s where the file system is polled. */
  settleMs: number | undefined;
  /** Absent: a minute, or four settle times where that is longer. */
  incompleteAfterMs: number | undefined;
  /** More files than this are not waited for at the same time; the others get their turn. */
  maxWaiting: number;
  clock: Clock;
  log: Logger;
  writers: WriterProbe;
  known(sighting: Pick<Sighting, 'inbox' | 'relative' | 'pin' | 'sidecar'>): boolean;
  onSighting(sighting: Sighting): void;
}

/** One directory of an inbox. `rel` is '' for the inbox itself, else its path below it with `/` between names. */
export interface Directory {
  rel: string;
  path: string;
  /** What identityOf said when it was last listed: mounted over, recreated or swapped means another one. */
  identity: string;
  kind: FsKind;
  disk: Disk;
  hints: DirectoryHints | undefined;
  /** A bare number is the pin key of a file that needs nothing more; 100,000 of them are cheap. */
  files: Map<string, number | Tracked>;
  children: Set<string>;
  /** Sidecars seen, by the name of the file they belong to: the pin key of the `.txt`. */
  sidecars: Map<string, number>;
  /** It could not be listed, and that was reported. */
  refused: boolean;
}

/** A file that is being waited for, or was reported lately. */
export interface Tracked {
  dir: Directory;
  name: string;
  /** Whether its directory was polled when it was first seen. */
  polled: boolean;
  /** `refused`: reported as not to be had as it is; looked at again when it changes, and at rescans. */
  phase: 'pending' | 'reported' | 'refused';
  settling: Settling;
  /** The sidecar's own quiet time. */
  words: Settling | undefined;
  /** A doubt about it is answered by a longer window, and this is the doubt. */
  doubt: string | undefined;
  hold: Hold | undefined;
  /** What was reported last (see reportKey), so that nothing is reported twice. */
  reported: string | number | undefined;
  /** Monotonic ms when it was first seen in this phase. */
  since: number;
}

/** A veto on a file that is quiet otherwise. */
export interface Hold {
  kind: 'writer' | 'companion' | 'incomplete' | 'empty' | 'unreadable';
  why: string;
  /** Monotonic ms. */
  since: number;
  nextCheckAt: number;
  checks: number;
  warned: boolean;
}

/** A file that is not reported yet, for people. */
export interface PendingFile {
  path: string;
  inbox: string;
  why: string;
  sinceMs: number;
  /** A veto holds it; it does not just have to stay unchanged for a while. */
  held: boolean;
}

const LOCAL_SETTLE_MS = 5_000;
const POLLED_SETTLE_MS = 30_000;

export function settleMsOf(context: InboxContext, polled: boolean): number {
  return context.settleMs ?? (polled ? POLLED_SETTLE_MS : LOCAL_SETTLE_MS);
}

export function incompleteAfterMsOf(context: InboxContext, polled: boolean): number {
  return context.incompleteAfterMs ?? Math.max(60_000, 4 * settleMsOf(context, polled));
}

export function relativeOf(dir: Directory, name: string): string {
  return dir.rel === '' ? name : `${dir.rel}/${name}`;
}

export function pathOf(dir: Directory, name: string): string {
  return `${dir.path}/${name}`;
}

export function sightingOf(
  context: InboxContext,
  dir: Directory,
  name: string,
  stat: FileStat,
  extra: { sidecar?: Sidecar | undefined; refused?: string },
): Sighting {
  return {
    inbox: context.inbox,
    path: pathOf(dir, name),
    relative: relativeOf(dir, name),
    pin: pinOf(stat),
    ...(extra.sidecar ? { sidecar: extra.sidecar } : {}),
    ...(extra.refused === undefined ? {} : { refused: extra.refused }),
  };
}

/** Reports a path that is never opened, unless the queue has that already. */
export function refuse(context: InboxContext, dir: Directory, name: string, stat: FileStat, reason: string): void {
  const sighting = sightingOf(context, dir, name, stat, { refused: reason });
  if (!context.known(sighting)) context.onSighting(sighting);
}

/** Names one report: a pin (its key alone, when nothing went with it), with its words or the reason it was refused. */
export function reportKey(key: number, words: string | undefined, refused?: string): string | number {
  return words === undefined && refused === undefined ? key : `${key}|${words ?? ''}|${refused ?? ''}`;
}
