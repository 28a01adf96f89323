import type { Sentence } from '../core/message.ts';
import type { Sidecar, Sighting } from '../core/job.ts';
import { extensionOf } from '../core/file-names.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { FsKind } from '../platform/files/fs-types.ts';
import type { GuardedFs, OpenedFile } from './guarded-fs.ts';
import type { DirectoryWatch } from './change-events.ts';
import type { KnownText, Sidecars } from './sidecars.ts';
import type { Settling } from './stability.ts';
import { type FileStat, pinOf } from './file-id.ts';
import type { WriterProbe } from './open-files.ts';

/** What every part of one inbox's watch needs. */
export interface InboxContext {
  /** Absolute, as configured. */
  inbox: string;
  /** Default: 5 s, or 30 s if the file system is polled. */
  settleMs: number | undefined;
  /** Default: a minute, or four settle times if that is longer. */
  incompleteAfterMs: number | undefined;
  /** Whether files of this name are for shrinkbox; others are only counted. */
  accepts(name: string): boolean;
  /** Whether a GIF that is a single picture is, too. */
  takesStills: boolean;
  /** At most this many files are pending at the same time; the others wait their turn. */
  maxWaiting: number;
  clock: Clock;
  log: Logger;
  writers: WriterProbe;
  /** Whether the queue has a job for this very file: same pin, same instruction. */
  hasJobFor(sighting: Pick<Sighting, 'inbox' | 'relative' | 'pin' | 'sidecar'>): boolean;
  onSighting(sighting: Sighting): void;
}

/** One directory of an inbox. `rel` is '' for the inbox itself, else its path below it with `/` between names. */
export interface Directory {
  rel: string;
  path: string;
  /** `identityOf` when it was last listed: a directory that was mounted over, recreated or swapped has another one. */
  identity: string;
  kind: FsKind;
  fs: GuardedFs;
  watch: DirectoryWatch | undefined;
  /** A bare number is the pin key of a file that needs nothing more; 100,000 of them are cheap. */
  files: Map<string, number | TrackedFile>;
  children: Set<string>;
  /** Those among them that are left alone: files because of their name, and what is no file; by their kind (see `kindOf`). */
  leftAlone: Map<string, Set<string>>;
  sidecars: Sidecars;
  /** It could not be listed, and that was reported. */
  refused: boolean;
}

/** A file that is pending, or was reported a moment ago. */
export interface TrackedFile {
  dir: Directory;
  name: string;
  /** Whether its directory was polled when it was first seen. */
  polled: boolean;
  /** `refused`: reported as unusable as it is; checked again when it changes, and at rescans. */
  phase: 'pending' | 'reported' | 'refused';
  settling: Settling;
  /** The sidecar's own quiet time. */
  sidecarSettling: Settling | undefined;
  /** A sign that bytes may be missing; a longer window decides. */
  doubt: Doubt | undefined;
  veto: Veto | undefined;
  /** The last report (see `reportKey`), so that nothing is reported twice. */
  reported: string | number | undefined;
  /** Monotonic ms when it was first seen in this phase. */
  since: number;
}

export interface Doubt {
  why: Sentence;
  /** How much longer the window is. */
  factor: number;
}

/** Why a quiet file is still not taken. */
export interface Veto {
  kind: 'writer' | 'companion' | 'incomplete' | 'empty' | 'unreadable';
  why: Sentence;
  /** Monotonic ms. */
  since: number;
  nextCheckAt: number;
  checks: number;
  warned: boolean;
}

/** A file that has not been reported yet, for people. */
export interface PendingFile {
  path: string;
  inbox: string;
  why: Sentence;
  sinceMs: number;
  /** A veto holds it back: time alone will not release it. */
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

/** What a file is by its name: its extension in lower case; empty for what is none, or only chance. Never a `SPECIAL_KINDS`. */
export function kindOf(name: string): string {
  const extension = extensionOf(name);
  return /^[a-z0-9]{1,8}$/.test(extension) ? extension : '';
}

/** What is no regular file, or cannot be looked at. The space tells them from extensions. */
export const SPECIAL_KINDS = ['symbolic link', 'named pipe', 'special file', 'path too long'] as const;

/** No longer counts a name among what is left alone. */
export function dropLeftAlone({ leftAlone }: Directory, name: string): void {
  for (const kind of [kindOf(name), ...SPECIAL_KINDS]) leftAlone.get(kind)?.delete(name);
}

/** The instruction beside a file, as far as is known. */
export function sidecarOf({ dir, name }: { dir: Directory; name: string }): KnownText | undefined {
  return dir.sidecars.of(name, other => dir.files.has(other));
}

/** Opens a file of a directory below its inbox, never through a link. @throws as `GuardedFs.open` does */
export function openIn(dir: Directory, name: string): Promise<OpenedFile> {
  const root = dir.rel === '' ? dir.path : dir.path.slice(0, -dir.rel.length - 1);
  return dir.fs.open(root, relativeOf(dir, name).split('/'));
}

/** The `rel` of the directory that holds `relative`, and its name there. */
export function splitRelative(relative: string): { rel: string; name: string } {
  const slash = relative.lastIndexOf('/');
  return { rel: relative.slice(0, Math.max(0, slash)), name: relative.slice(slash + 1) };
}

/** One file of a directory, as lstat saw it. */
export interface Entry {
  dir: Directory;
  name: string;
  stat: FileStat;
}

export interface SightingExtras {
  sidecar?: Sidecar | undefined;
  refused?: Sentence;
}

export function sightingOf(context: InboxContext, { dir, name, stat }: Entry, extras: SightingExtras): Sighting {
  return {
    inbox: context.inbox,
    path: pathOf(dir, name),
    relative: relativeOf(dir, name),
    pin: pinOf(stat),
    ...extras,
  };
}

/** Reports a path that is never opened, unless the queue already has it. */
export function refuse(context: InboxContext, entry: Entry, refused: Sentence): void {
  const sighting = sightingOf(context, entry, { refused });
  if (!context.hasJobFor(sighting)) context.onSighting(sighting);
}

/** Identifies one report: a pin (its key alone if there was nothing else), with its instruction or the reason for refusal. */
export function reportKey(key: number, { sidecar, refused }: SightingExtras = {}): string | number {
  return sidecar === undefined && refused === undefined ? key : `${key}|${sidecar?.text ?? ''}|${refused?.text ?? ''}`;
}
