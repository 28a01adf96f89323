/**
 * What happens to an original once its result is durable: kept, archived or deleted, and only while it is still the very
 * file that was processed. Nothing here overwrites anything, and any step may be the last before a power cut.
 */
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { ownTempName } from '../core/file-names.ts';
import { type Pin, samePin } from '../core/job.ts';
import { say } from '../messages/say.ts';
import { syncDir } from '../platform/files/durable.ts';
import { lstatIfThere, pinFrom, pinOf } from '../platform/files/files.ts';
import { inTurn, isSecondName, unlinkIfThere } from './atomic-publish.ts';
import { isEqualFile, type MoveOptions, moveOriginal, originalChanged, whileMoving } from './move-original.ts';
import { ensureFolder, namesIn } from './output-folder.ts';
import { collisionKey, numbered } from './safe-names.ts';

export type Disposal = { kind: 'kept' } | { kind: 'archived'; to: string } | { kind: 'deleted' } | { kind: 'missing' };

export interface DisposeOptions extends MoveOptions {
  /** Absolute path of the original. */
  path: string;
  /** Its identity when it was processed. */
  pin: Pin;
  /** Its path below the inbox, mirrored in the archive. */
  relative: string;
  policy: 'keep' | 'archive' | 'delete';
  /** Absolute; needed for `archive`. Exists, and is never created here. */
  archiveDir?: string | undefined;
  /** The `to` of the last `beforeMove` in the journal: an earlier attempt may have got that far already. */
  intended?: string | undefined;
  /** Resolves when journaled; only then may the archived name appear. */
  beforeMove(to: string): Promise<void>;
  /** Folders nothing may ever be put into: inboxes, the state directory. */
  forbidden?: readonly string[] | undefined;
}

/**
 * Does what the folder's policy says. `missing`: the original is no longer there, and as far as the journal can tell not
 * because of us; the same holds after a crash between deleting it and journaling that.
 * @throws ShrinkError `changed-underneath` (nothing was touched), `unavailable`, `no-space`, `denied`, ...
 */
export async function disposeOriginal(options: DisposeOptions): Promise<Disposal> {
  if (options.policy === 'keep') return { kind: 'kept' };
  return whileMoving(options.path, async () => {
    const earlier = options.intended && (await finishMove(options.intended, options));
    if (earlier) return { kind: 'archived', to: earlier };
    const found = await lstatIfThere(options.path, options.files);
    if (!found) return { kind: 'missing' };
    if (!found.isFile() || !samePin(pinFrom(found), options.pin)) throw originalChanged(options.path);
    if (options.policy === 'archive') return { kind: 'archived', to: await archive(options) };
    await options.files.unlink(options.path);
    await syncDir(dirname(options.path), options.files, options.log);
    return { kind: 'deleted' };
  });
}

async function archive(options: DisposeOptions): Promise<string> {
  const { files, log, path, archiveDir, forbidden } = options;
  if (archiveDir === undefined) throw new Error('policy archive without an archive folder');
  const parts = options.relative.split('/').filter(part => part !== '');
  const wanted = parts.pop() ?? basename(path);
  const folder = await ensureFolder({ path: archiveDir }, parts, { files, log, forbidden, portable: false });
  const to = await inTurn(folder, files, () => moveToFreeName(folder, wanted, options));
  await syncDir(folder, files, log);
  await syncDir(dirname(path), files, log);
  return to;
}

async function moveToFreeName(folder: string, wanted: string, options: DisposeOptions): Promise<string> {
  const { files } = options;
  const taken = await namesIn(folder, files);
  for (let n = 1; n <= MAX_NAMES; n++) {
    const name = numbered(wanted, n);
    if (taken.has(collisionKey(name))) continue;
    const to = join(folder, name);
    await options.beforeMove(to);
    // Journaling took a moment; a newer version must not be archived unnoticed.
    if (!samePin(await pinOf(options.path, files), options.pin)) throw originalChanged(options.path);
    if ((await moveOriginal(options.path, to, options)) === 'moved') return to;
  }
  throw new ShrinkError('denied', say('deliver.names-used-up', { folder, name: wanted, count: MAX_NAMES }), {
    subject: folder,
  });
}

const MAX_NAMES = 1000;

/** After a crash: where the original is, if the journaled move got as far as giving it its new name. */
async function finishMove(to: string, options: DisposeOptions): Promise<string | undefined> {
  const { files, log, path, pin } = options;
  await unlinkIfThere(join(dirname(to), ownTempName(options.job)), files);
  const [source, target] = await Promise.all([lstatIfThere(path, files), lstatIfThere(to, files)]);
  if (!target?.isFile()) return undefined;
  const isComplete = Number(target.size) === pin.sizeBytes;
  if (source && isReservation(source, target, pin)) {
    // Only reserved: the rename over it never happened.
    await unlinkIfThere(to, files);
    return undefined;
  }
  if (!isComplete || (source && !(await isOurCopy(path, to, options)))) {
    // A second name of a file that has since been written to: one name is enough, and removing the other loses nothing.
    if (await isSecondName(path, to, files)) await unlinkIfThere(to, files);
    return undefined;
  }
  await syncDir(dirname(to), files, log);
  if (source) await files.unlink(path);
  await syncDir(dirname(path), files, log);
  return to;
}

function isReservation(source: BigIntStats, target: BigIntStats, pin: Pin): boolean {
  return target.size === 0n && pin.sizeBytes > 0 && samePin(pinFrom(source), pin);
}

/**
 * The original is still there: the archived file must be a second name of it, or an equal copy of what was processed. Linking
 * changed ctime; size and mtime still show whether somebody wrote to it.
 */
async function isOurCopy(path: string, to: string, { files, pin }: DisposeOptions): Promise<boolean> {
  const now = pinFrom(await files.lstat(path));
  if (!samePin({ ...now, ctimeNs: pin.ctimeNs }, pin)) return false;
  return (await isSecondName(path, to, files)) || (await isEqualFile(path, to, files));
}
