/**
 * One daemon per state directory, without native code. The kernel ties the lock to the open `lock` file and frees it with the
 * process, kill -9 included: Linux by flock(2), macOS and BSD by O_EXLOCK. Nobody else can open the file (0600), so nobody else
 * can hold the lock, and it reaches through bind mounts and into containers that share the directory. (decision 16)
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError } from '../platform/files/file-error.ts';
import { ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { flock } from '../platform/process/flock.ts';

const LOCKING = say('journal.locking');

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
    if (platform === 'linux')
      return await lockFile(options, path, self, {
        open: openHere,
        lock: fd => flock(fd, LOCKING),
      });
    if (EXCLUSIVE_OPEN.includes(platform)) {
      const lock = () => Promise.resolve(true);
      return await lockFile(options, path, self, { open: options.openExclusive ?? openExclusive, lock });
    }
  } catch (error) {
    throw fileError(error, LOCKING, path);
  }
  throw new ShrinkError('config-invalid', say('journal.no-lock-here', { platform }), {
    doing: LOCKING,
    hint: say('journal.no-lock-here-hint'),
  });
}

const EXCLUSIVE_OPEN: readonly NodeJS.Platform[] = ['darwin', 'freebsd', 'openbsd'];

async function lockFile(options: LockOptions, path: string, self: string, how: Locking): Promise<Lock> {
  const file = await how.open(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EAGAIN') throw await locked(options.stateDir, path);
    throw error;
  });
  try {
    if (!(await file.stat()).isFile())
      throw new ShrinkError('io', say('journal.lock-no-file', { path }), { subject: path });
    if (!(await how.lock(file.fd))) throw await locked(options.stateDir, path);
    // Of a version before flock, or of one whose lock file was removed, only the socket tells.
    if (await ourDaemonAnswers(options)) {
      throw await locked(options.stateDir, path);
    }
    // Otherwise a file left behind by a crash keeps its mode.
    await file.chmod(0o600);
    await file.write(self, 0);
    await file.truncate(Buffer.byteLength(self));
  } catch (error) {
    await file.close();
    throw error;
  }
  // The file stays, or a third process could lock its successor while a second one waits for it.
  return once(async () => {
    await file.truncate().catch(() => {});
    await file.close();
  });
}

/** How a file is opened and locked. */
interface Locking {
  open(path: string): Promise<FileHandle>;
  lock(fd: number): Promise<boolean>;
}

const OPEN = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const openHere = (path: string) => open(path, OPEN, 0o600);

/** O_EXLOCK: Node has no name for it, and hands flags to open(2) as they are. A second opener gets EAGAIN. */
const openExclusive = (path: string) => open(path, OPEN | 0x20, 0o600);

async function ourDaemonAnswers({ stateDir, controlSocket = join(stateDir, 'control.sock') }: LockOptions) {
  const [socket, folder] = await Promise.all([controlSocket, stateDir].map(path => stat(path).catch(() => undefined)));
  // It may be a link of an earlier version to a folder in /tmp, where by now anybody may listen.
  const ours = [process.geteuid?.(), folder?.uid, 0];
  return socket !== undefined && ours.includes(socket.uid) && (await answers(controlSocket));
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

/** Who has the lock, by the file. Its holder writes a moment after getting it, and what is there until then is of another. */
async function locked(stateDir: string, path: string): Promise<ShrinkError> {
  let holder = '';
  for (let tries = 0; tries < 10; tries++) {
    holder = await readFile(path, 'utf8').catch(() => '');
    if (isAlive(Number(said(holder, 'pid')))) break;
    await sleep(50);
  }
  const [pid, since] = [said(holder, 'pid'), said(holder, 'since')];
  return new ShrinkError('locked', say('journal.locked', { path: stateDir, pid, since }), {
    doing: LOCKING,
    subject: stateDir,
    hint: say('journal.locked-hint', { pid }),
  });
}

function said(holder: string, key: string): string | undefined {
  return new RegExp(`^${key}: (.+)$`, 'm').exec(holder)?.[1];
}

/** Never, for one in another container: its numbers are its own. */
function isAlive(pid: number): boolean {
  try {
    return Number.isSafeInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
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
