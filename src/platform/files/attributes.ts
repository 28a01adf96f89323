/**
 * What a file has besides its bytes and dates: access lists and extended attributes. Node has no calls for them, so cp (coreutils)
 * copies them between two files that are held open; on a system without that cp they are not looked at.
 */
import type { BigIntStats } from 'node:fs';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import { say } from '../../messages/say.ts';
import { type ChildArg, type ChildInput, runChild } from '../process/run-child.ts';
import type { HeldFile } from './door.ts';

/** What a copy could not be given. */
export interface Lost {
  /** Its access list: mode bits alone let in whom the list had shut out. */
  access: boolean;
  attributes: boolean;
}

/**
 * Gives a copy the owner (as far as this user may), mode, access list and extended attributes of the original.
 * @throws ShrinkError `cancelled`
 */
export async function copyAttributes(from: ChildInput, to: ChildInput, signal?: AbortSignal): Promise<Lost> {
  const copying = (what: string) =>
    ask('cp', ['--attributes-only', `--preserve=${what}`, '--', { file: from }, { file: to }], signal);
  const owned = await copying('mode,ownership');
  const listing = owned?.failed ? await ask('ls', ['-ldL', '--', { file: from }], signal) : undefined;
  const attributes = await copying('xattr');
  return {
    // -rw-r-----+
    access: owned?.failed === true && (listing?.failed !== false || listing.stdout.charAt(10) === '+'),
    attributes: attributes?.failed === true,
  };
}

/** How such a program ended; `undefined` where there is none that knows how. */
async function ask(
  command: string,
  args: readonly ChildArg[],
  signal: AbortSignal | undefined,
): Promise<{ failed: boolean; stdout: string } | undefined> {
  try {
    const { stdout } = await runChild({
      ...{ command, args, signal, timeoutMs: 20_000 },
      doing: say('files.copying-attributes'),
      env: { LC_ALL: 'C' },
    });
    return { failed: false, stdout };
  } catch (error) {
    if (isShrinkError(error, 'cancelled')) throw error;
    if (isShrinkError(error, 'tool-missing')) return undefined;
    // Another cp, as that of busybox, does not know the options. Whatever else it was, the attributes are not there: a disk may be
    // too small for them.
    const isUnknown = isShrinkError(error, 'child-failed') && !/preserving|setting attribute/.test(error.message);
    return isUnknown ? undefined : { failed: true, stdout: '' };
  }
}

/** More than enough for two files and their attributes. */
const TIMEOUT_MS = 30_000;

/**
 * The same and the dates, or nothing: for a copy that takes the place of its original.
 * @throws ShrinkError `cannot-do` where they cannot be kept: another user's file and no right to give it to them, a cp without
 * these options, a file system that refuses them; `cancelled`
 */
export async function keepAttributes(from: HeldFile, to: HeldFile, signal?: AbortSignal): Promise<void> {
  const path = from.path;
  try {
    await runChild({
      command: 'cp',
      args: [
        ...['--attributes-only', '--preserve=mode,ownership,timestamps,xattr', '--no-target-directory', '--'],
        ...[{ file: from }, { file: to }],
      ],
      doing: say('files.copying-attributes'),
      timeoutMs: TIMEOUT_MS,
      ...(signal && { signal }),
    });
  } catch (error) {
    if (isShrinkError(error, 'cancelled')) throw error;
    throw cannotKeep(path, error);
  }
  // cp says nothing of an owner that it may not give.
  if (!isAlike(await from.stat(), await to.stat())) throw cannotKeep(path);
}

/** Owner, group, mode and the date of the last change; file systems round dates differently. */
function isAlike(a: BigIntStats, b: BigIntStats): boolean {
  const apart = a.mtimeNs > b.mtimeNs ? a.mtimeNs - b.mtimeNs : b.mtimeNs - a.mtimeNs;
  return a.uid === b.uid && a.gid === b.gid && a.mode === b.mode && apart < 2_000_000_000n;
}

function cannotKeep(path: string, cause?: unknown): ShrinkError {
  return new ShrinkError('cannot-do', say('files.attributes-lost', { path }), {
    subject: path,
    hint: say('files.attributes-lost-hint'),
    cause,
  });
}
