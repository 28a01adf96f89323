/**
 * One daemon per state directory, without native code and without anything that stays behind after a kill -9.
 *
 * Linux: a listening abstract unix socket named after the directory's device and inode. The kernel lets one process have
 * it and frees it with the process; bind mounts and links to the same directory meet in the same name. Whoever connects
 * is told who holds it. Abstract names end at the network namespace, so a container sharing the directory is asked
 * through `control.sock` as well.
 * macOS and BSD: the `lock` file is opened with O_EXLOCK, which the kernel ties to the open file in the same way.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileError, ShrinkError } from '../core/errors.ts';

export interface Lock {
  /** Lets go of it; safe to call twice. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Exists. */
  stateDir: string;
  version: string;
  /** Where another daemon would answer; `control.sock` in the state directory unless told otherwise. */
  controlSocket?: string;
  platform?: NodeJS.Platform;
  /** Opens a file the BSD way, so that a second opener gets EAGAIN. */
  openExclusive?: (path: string) => Promise<FileHandle>;
}

/** How long to wait for a holder that is stopped or busy before going without its name. */
const ANSWER_MS = 1000;

/**
 * Takes the lock, and says who has it in `lock` (0600) for people to read.
 * @throws ShrinkError `locked` when another process has it; file errors as they are
 */
export async function acquireLock(options: LockOptions): Promise<Lock> {
  const path = join(options.stateDir, 'lock');
  const platform = options.platform ?? process.platform;
  const self = `pid: ${process.pid}\nsince: ${new Date().toISOString()}\nversion: ${options.version}\n`;
  try {
    if (platform === 'linux') return await lockSocket(options, path, self);
    if (EXCLUSIVE_OPEN.includes(platform)) return await lockFile(options, path, self);
  } catch (error) {
    throw fileError(error, 'locking the state directory', path);
  }
  throw new ShrinkError('config-invalid', `shrinkbox has no single-instance lock on ${platform}.`, {
    doing: 'locking the state directory',
    hint: 'Run it on Linux or macOS.',
  });
}

async function lockSocket(options: LockOptions, path: string, self: string): Promise<Lock> {
  const name = await abstractName(options.stateDir);
  const server = await listen(name, self);
  if (!server) throw locked(options.stateDir, (await ask(name)) ?? (await read(path)));
  try {
    if (await answers(options.controlSocket ?? join(options.stateDir, 'control.sock'))) {
      throw locked(options.stateDir, await read(path));
    }
    await writeDown(path, self);
  } catch (error) {
    await close(server);
    throw error;
  }
  // The file goes first: once the socket is free it may be the next holder's.
  const release = async () => {
    await unlink(path).catch(() => {});
    await close(server);
  };
  return once(release);
}

async function writeDown(path: string, self: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    // One that a crash left behind keeps its mode otherwise.
    await file.chmod(0o600);
    await file.writeFile(self);
  } finally {
    await file.close();
  }
}

const EXCLUSIVE_OPEN: readonly NodeJS.Platform[] = ['darwin', 'freebsd', 'openbsd'];

async function lockFile(options: LockOptions, path: string, self: string): Promise<Lock> {
  const file = await (options.openExclusive ?? openExclusive)(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EAGAIN') throw locked(options.stateDir, await read(path));
    throw error;
  });
  await file.truncate();
  await file.write(self, 0);
  // The file stays, or a third process could lock its successor while a second one waits for it.
  const release = async () => {
    await file.truncate();
    await file.close();
  };
  return once(release);
}

function openExclusive(path: string): Promise<FileHandle> {
  // O_EXLOCK: Node has no name for it, and hands flags to open(2) as they are.
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | 0x20, 0o600);
}

async function abstractName(stateDir: string): Promise<string> {
  const { dev, ino } = await stat(stateDir, { bigint: true });
  return `\0shrinkbox-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
}

/** `undefined` when another process listens there. */
function listen(name: string, self: string): Promise<Server | undefined> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.unref();
    socket.end(self, () => socket.destroy());
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      // A caller that could not be accepted (no file descriptor left) is no reason to stop holding the lock.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
  });
}

/** What the holder says of itself; `undefined` when it does not answer. */
async function ask(name: string): Promise<string | undefined> {
  const socket = connect(name);
  const giveUp = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_MS);
  try {
    return await text(socket);
  } catch {
    return undefined;
  } finally {
    clearTimeout(giveUp);
  }
}

/** Whether somebody listens on a socket in the file system; one that a crash left behind does not count. */
function answers(path: string): Promise<boolean> {
  const nobody = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENOTSOCK', 'EINVAL', 'ENAMETOOLONG'];
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (nobody.includes(error.code ?? '')) resolve(false);
      // Too busy to take the call is somebody as well.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function locked(stateDir: string, holder: string | undefined): ShrinkError {
  const said = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(holder ?? '')?.[1];
  const [pid, since] = [said('pid'), said('since')];
  const who = pid && since ? ` (pid ${pid}, since ${since})` : '';
  return new ShrinkError('locked', `Another shrinkbox${who} works with ${stateDir} already.`, {
    doing: 'locking the state directory',
    subject: stateDir,
    hint: `Stop it first (${pid ? `kill ${pid}, or ` : ''}systemctl stop shrinkbox), or give this one a state_dir of its own.`,
  });
}

function once(release: () => Promise<void>): Lock {
  let released: Promise<void> | undefined;
  return {
    release() {
      released ??= release();
      return released;
    },
  };
}
