/**
 * Where the control socket is: at `state_dir/control.sock`. The kernel accepts socket paths of about 100 bytes, so if the path is
 * longer, the socket is in a private folder of the runtime directory, and `state_dir/control.sock` is a symbolic link to it:
 * whoever can read the state directory finds it, whatever its own environment.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';

/** Linux accepts 107 bytes, macOS 103 (sun_path without the final NUL); 100 leaves room for the name it is bound under. */
const MAX_PATH_LENGTH = 100;

/** Where the control socket of a state directory belongs. */
export function controlSocket(stateDir: string): string {
  return join(stateDir, 'control.sock');
}

/**
 * The path to connect to for a socket's place, following the link of a long path.
 * `undefined` if nothing is there.
 * @throws ShrinkError denied if the state directory belongs to another user; io if something else is in its place.
 */
export async function locateSocket(place: string): Promise<string | undefined> {
  const found = await kindOf(place);
  if (found === undefined || found === 'socket') return found && place;
  if (found !== 'link') throw notASocket(place);
  const target = await readlink(place);
  return (await kindOf(target)) === 'socket' ? target : undefined;
}

/**
 * Clears the place to listen at and returns the real path: removes a socket that nobody answers at, nothing else.
 * @throws ShrinkError locked if somebody answers; io if something that is not a socket is in the way.
 */
export async function claimSocket(place: string, env: NodeJS.ProcessEnv): Promise<string> {
  const found = await kindOf(place);
  if (found === 'other') throw notASocket(place);
  if (found === 'socket') await removeStale(place);
  const real = Buffer.byteLength(place) <= MAX_PATH_LENGTH ? place : await fallback(place, env);
  if (found === 'link') {
    // Only our own: nobody else writes to the state directory, but a link made on purpose is not ours to remove.
    const target = await readlink(place);
    if (!isFallback(target)) throw notASocket(place);
    if ((await kindOf(target)) === 'socket') await removeStale(target);
    await rm(place);
  }
  if (real !== place) {
    if ((await kindOf(real)) === 'socket') await removeStale(real);
    await symlink(real, place);
  }
  return real;
}

/** Removes what `claimSocket` created, when the daemon ends. */
export async function releaseSocket(place: string, real: string): Promise<void> {
  await rm(real, { force: true });
  if (real !== place) await rm(place, { force: true });
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

async function fallback(place: string, env: NodeJS.ProcessEnv): Promise<string> {
  const hash = createHash('sha256').update(place).digest('hex').slice(0, 16);
  const uid = process.getuid?.() ?? 0;
  const runtime = env.XDG_RUNTIME_DIR;
  const folder =
    runtime && Buffer.byteLength(runtime) <= 50
      ? join(runtime, `shrinkbox-${hash}`)
      : join(tmpdir(), `shrinkbox-${uid}-${hash}`);
  await privateFolder(folder, uid);
  const real = join(folder, 'control.sock');
  if (Buffer.byteLength(real) > MAX_PATH_LENGTH) {
    throw new ShrinkError('bad-name', say('api.socket-path-too-long', { path: place, fallback: real }), {
      hint: say('api.socket-path-too-long-hint'),
    });
  }
  return real;
}

function isFallback(target: string): boolean {
  return /\/shrinkbox-(?:\d+-)?[0-9a-f]{16}\/control\.sock$/.test(target);
}

/** A folder only we can enter; one that another user prepared under that name in a shared /tmp is refused. */
async function privateFolder(folder: string, uid: number): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw fileError(error, say('api.creating-socket-folder'), dirname(folder));
    }
  }
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== uid) {
    throw new ShrinkError('denied', say('api.socket-folder-foreign', { path: folder }), {
      subject: folder,
      hint: say('api.socket-folder-foreign-hint'),
    });
  }
  await chmod(folder, 0o700);
}
