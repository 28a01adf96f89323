/**
 * Where the control socket is: at `state_dir/control.sock`. The kernel accepts socket paths of about 100 bytes. A longer one is
 * reached through a descriptor of the state directory; where there are no such paths (macOS), the socket is in a fresh private
 * folder of the temporary directory, whose name nobody can have taken before, and `state_dir/control.sock` is a link to it.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { lstat, mkdtemp, readlink, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';
import { throughDescriptor } from '../platform/files/files.ts';

/** Linux accepts 107 bytes, macOS 103 (sun_path without the final NUL); 100 leaves room for the name it is bound under. */
const MAX_PATH_LENGTH = 100;

const NAME = 'control.sock';

/** Where the control socket of a state directory belongs. */
export function controlSocket(stateDir: string): string {
  return join(stateDir, NAME);
}

/** A path to a socket, for as long as it is not closed. */
export interface SocketPath {
  path: string;
  /** Safe to call twice. */
  close(): void;
}

/**
 * The path to connect to for a socket's place, following the link of a long path.
 * `undefined` if nothing is there, or if what the link leads to belongs to somebody else than the link.
 * @throws ShrinkError denied if the state directory belongs to another user; io if something else is in its place.
 */
export async function locateSocket(place: string): Promise<SocketPath | undefined> {
  const found = await kindOf(place);
  if (found === undefined) return undefined;
  if (found === 'other') throw notASocket(place);
  if (found === 'link') {
    const path = await readlink(place);
    return (await isSocketOf(path, (await lstat(place)).uid)) ? asItIs(path) : undefined;
  }
  return isShort(place) ? asItIs(place) : throughFolder(place);
}

/**
 * Clears the place to listen at and returns a path to it: removes a socket that nobody answers at, nothing else.
 * @param byDescriptor whether a folder can be reached through its descriptor
 * @throws ShrinkError locked if somebody answers; io if something that is not a socket is in the way.
 */
export async function claimSocket(place: string, byDescriptor = HAS_DESCRIPTORS): Promise<SocketPath> {
  const found = await kindOf(place);
  if (found === 'other') throw notASocket(place);
  if (found === 'link') {
    // Only our own: nobody else writes to the state directory, but a link made on purpose is not ours to remove.
    const target = await readlink(place);
    if (!isFallback(target)) throw notASocket(place);
    // What somebody else put there by now says nothing about us.
    if (await isSocketOf(target, process.geteuid?.() ?? 0)) await removeStale(target);
    await rmdir(dirname(target)).catch(() => {});
    await rm(place);
  }
  const real = isShort(place) ? asItIs(place) : byDescriptor ? throughFolder(place) : await fallback(place);
  if (found === 'socket') await removeStale(real.path).catch(closing(real));
  return real;
}

/** Removes what `claimSocket` created, when the daemon ends. */
export async function releaseSocket(place: string, real: SocketPath): Promise<void> {
  const leadsElsewhere = (await kindOf(place)) === 'link';
  await rm(real.path, { force: true });
  if (leadsElsewhere) {
    await rm(place, { force: true });
    await rmdir(dirname(real.path)).catch(() => {});
  }
  real.close();
}

const HAS_DESCRIPTORS = process.platform === 'linux';

function isShort(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_PATH_LENGTH;
}

function asItIs(path: string): SocketPath {
  return { path, close() {} };
}

function throughFolder(place: string): SocketPath {
  let fd: number | undefined = openDirectory(dirname(place));
  return {
    path: join(throughDescriptor(fd), NAME),
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw fileError(error, say('api.finding-socket'), path, say('api.other-user-hint'));
  }
}

function closing(real: SocketPath): (error: unknown) => never {
  return error => {
    real.close();
    throw error;
  };
}

async function isSocketOf(path: string, uid: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isSocket() === true && found.uid === uid;
}

type Found = 'socket' | 'link' | 'other' | undefined;

async function kindOf(path: string): Promise<Found> {
  try {
    const stats = await lstat(path);
    if (stats.isSocket()) return 'socket';
    return stats.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, say('api.finding-socket'), path, say('api.other-user-hint'));
  }
}

async function removeStale(path: string): Promise<void> {
  if (await answers(path)) {
    throw new ShrinkError('locked', say('api.socket-in-use', { path }), {
      subject: path,
      hint: say('api.socket-in-use-hint'),
    });
  }
  await rm(path, { force: true });
}

/** Whether a process listens there; a socket left behind by a killed one refuses the connection. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything except a refusal (a full backlog, say) means that somebody is there.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function notASocket(path: string): ShrinkError {
  return new ShrinkError('io', say('api.not-a-socket', { path }), {
    subject: path,
    hint: say('api.not-a-socket-hint'),
  });
}

async function fallback(place: string): Promise<SocketPath> {
  const folder = await mkdtemp(join(tmpdir(), 'shrinkbox-')).catch((error: unknown) => {
    throw fileError(error, say('api.creating-socket-folder'), tmpdir());
  });
  const real = join(folder, NAME);
  if (!isShort(real)) {
    await rmdir(folder);
    throw new ShrinkError('bad-name', say('api.socket-path-too-long', { path: place, fallback: real }), {
      hint: say('api.socket-path-too-long-hint'),
    });
  }
  await symlink(real, place);
  return asItIs(real);
}

/** As `fallback` makes it, and as versions before it did. */
function isFallback(target: string): boolean {
  return /\/shrinkbox-[\w-]+\/control\.sock$/.test(target);
}
