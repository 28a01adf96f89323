/**
 * Where the control socket is. Its place is `state_dir/control.sock`. The kernel takes socket paths of about 100 bytes, so
 * with a longer path the socket lies in a private directory of the runtime directory and `state_dir/control.sock` is a
 * symbolic link to it: whoever can read the state directory finds it, whatever its own environment says.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';

/** Linux takes 107 bytes, macOS 103 (sun_path less the final NUL); 100 leaves room for the name it is bound under. */
const MAX_PATH_LENGTH = 100;

/** The control socket's place for a state directory, as the contract names it. */
export function controlSocket(stateDir: string): string {
  return join(stateDir, 'control.sock');
}

/**
 * The path to connect to for a socket's place, following the link of a long path.
 * @throws ShrinkError denied when the state directory belongs to somebody else; `undefined` when nothing is there.
 */
export async function locateSocket(place: string): Promise<string | undefined> {
  const found = await lookAt(place);
  if (found === undefined || found === 'socket') return found && place;
  if (found !== 'link') throw notASocket(place);
  const target = await readlink(place);
  return (await lookAt(target)) === 'socket' ? target : undefined;
}

/**
 * Makes the place free to listen at and gives the real path: removes a socket nobody answers at, nothing else.
 * @throws ShrinkError locked when somebody answers; io when something that is no socket is in the way.
 */
export async function claimSocket(place: string, env: NodeJS.ProcessEnv): Promise<string> {
  const found = await lookAt(place);
  if (found === 'other') throw notASocket(place);
  if (found === 'socket') await removeStale(place);
  const real = Buffer.byteLength(place) <= MAX_PATH_LENGTH ? place : await fallback(place, env);
  if (found === 'link') {
    // Ours only: nobody else writes into the state directory, but a link somebody made on purpose is not for us to remove.
    const target = await readlink(place);
    if (!isFallback(target)) throw notASocket(place);
    if ((await lookAt(target)) === 'socket') await removeStale(target);
    await rm(place);
  }
  if (real !== place) {
    if ((await lookAt(real)) === 'socket') await removeStale(real);
    await symlink(real, place);
  }
  return real;
}

/** Removes what `claimSocket` made, when the daemon ends. */
export async function releaseSocket(place: string, real: string): Promise<void> {
  await rm(real, { force: true });
  if (real !== place) await rm(place, { force: true });
}

type Found = 'socket' | 'link' | 'other' | undefined;

async function lookAt(path: string): Promise<Found> {
  try {
    const stats = await lstat(path);
    if (stats.isSocket()) return 'socket';
    return stats.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'looking for the control socket', path, OTHER_USER);
  }
}

const OTHER_USER = 'Run this as the user the daemon runs as, for example with sudo -u shrinkbox.';

async function removeStale(path: string): Promise<void> {
  if (await answers(path)) {
    throw new ShrinkError('locked', `another shrinkbox answers at ${path}`, {
      subject: path,
      hint: 'Stop that one first, or give this one a state_dir of its own.',
    });
  }
  await rm(path, { force: true });
}

/** Whether a process listens there; a socket left behind by one that was killed refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but a refusal (a full backlog, say) means that somebody is there.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function notASocket(path: string): ShrinkError {
  return new ShrinkError('io', `${path} is in the way: it is not a socket of shrinkbox`, {
    doing: 'opening the control socket',
    subject: path,
    hint: 'Look at what it is and move it away.',
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
    throw new ShrinkError('bad-name', `no place for the control socket: ${place} and ${real} are both too long`, {
      hint: 'Use a shorter state_dir, or a shorter TMPDIR.',
    });
  }
  return real;
}

function isFallback(target: string): boolean {
  return /\/shrinkbox-(?:\d+-)?[0-9a-f]{16}\/control\.sock$/.test(target);
}

/** A directory only we can enter; one that somebody else prepared under that name in a shared /tmp is refused. */
async function privateFolder(folder: string, uid: number): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw fileError(error, 'making a place for the control socket', dirname(folder));
    }
  }
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== uid) {
    throw new ShrinkError('denied', `${folder} belongs to somebody else`, {
      doing: 'opening the control socket',
      subject: folder,
      hint: 'Remove it, or use a shorter state_dir so that the socket fits in there.',
    });
  }
  await chmod(folder, 0o700);
}
