/**
 * One daemon per state directory, without native code and without anything that stays behind after a kill -9.
 *
 * Linux: a listening abstract unix socket named after the directory's device and inode. The kernel gives it to one process and
 * frees it with the process; bind mounts and links to the same directory share the name. Whoever connects learns who holds it.
 * Abstract names end at the network namespace, so a container sharing the directory is asked
 * through `control.sock` as well.
 * macOS and BSD: the `lock` file is opened with O_EXLOCK, which the kernel ties to the open file in the same way.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import { askName, holdName } from '../platform/abstract-socket.ts';

export interface Lock {
  /** Safe to call twice. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Exists. */
  stateDir: string;
  version: string;
  /** Where another daemon would answer; by default `control.sock` in the state directory. */
  controlSocket?: string;
  platform?: NodeJS.Platform;
  /** Opens a file the BSD way, so that a second opener gets EAGAIN. */
  openExclusive?: (path: string) => Promise<FileHandle>;
}

/**
 * Takes the lock, and writes its holder to `lock` (0600) for people to read.
 * @throws ShrinkError `locked` if another process has it; file errors as they are
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
  throw new ShrinkError('config-invalid', `shrinkbox has no single-instance lock on ${platform}`, {
    doing: 'locking the state directory',
    hint: 'Run it on Linux or macOS.',
  });
}

async function lockSocket(options: LockOptions, path: string, self: string): Promise<Lock> {
  const name = await nameOf(options.stateDir);
  const held = await holdName(name, self);
  if (!held) throw locked(options.stateDir, (await askName(name)) ?? (await read(path)));
  try {
    if (await answers(options.controlSocket ?? join(options.stateDir, 'control.sock'))) {
      throw locked(options.stateDir, await read(path));
    }
    await writeDown(path, self);
  } catch (error) {
    await held.release();
    throw error;
  }
  // The file goes first: once the socket is free, the file may be the next holder's.
  const release = async () => {
    await unlink(path).catch(() => {});
    await held.release();
  };
  return once(release);
}

async function writeDown(path: string, self: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    // Otherwise a file left behind by a crash keeps its mode.
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

async function nameOf(stateDir: string): Promise<string> {
  const { dev, ino } = await stat(stateDir, { bigint: true });
  return `shrinkbox-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
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
      // A listener too busy to accept counts as well.
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
  return new ShrinkError('locked', `another shrinkbox${who} is already using ${stateDir}`, {
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
