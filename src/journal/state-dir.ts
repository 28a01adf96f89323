import { chmod, lstat, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { say } from '../messages/say.ts';
import { makePrivateDir } from '../platform/files/files.ts';
import { realJournalFiles } from './io.ts';

const PREPARING = say('journal.preparing');

export interface StateDir {
  root: string;
  journal: string;
  work: string;
}

/**
 * `f_type` of file systems that cannot keep the journal's promise: sync and rename go over a network, or through a
 * separate program (FUSE), and the single-instance lock does not reach other machines. From linux/magic.h.
 */
const REMOTE: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB',
  0x01021997: '9P',
  0x65735546: 'FUSE',
  0x00c36400: 'Ceph',
  0x5346414f: 'AFS',
};

/** What a state directory may contain; one with anything else in it is shared, and its mode is not ours to change. */
const OURS = /^(journal|work|lock|control\.sock|(identity|mounts|ffmpeg-abilities)\.json.*|\..*|@.*|lost\+found)$/;

/**
 * Whether a journal can be kept there; creates nothing.
 * @throws ShrinkError `config-invalid` if it is a file or on a network or FUSE file system; file errors as they are
 */
export async function checkStateDir(
  path: string,
  type: (path: string) => Promise<number> = fileSystemType,
): Promise<void> {
  const root = resolve(path);
  try {
    const existing = await nearestExisting(root);
    await refuseRemote(root, existing, type);
    if (!(await isDirectory(existing))) throw notDirectory(root);
  } catch (error) {
    if (isNotDirectory(error)) throw notDirectory(root, error);
    throw fileError(error, PREPARING, root);
  }
}

/**
 * Creates the state directory with its `journal` and `work`, private whatever the umask.
 * @throws ShrinkError `config-invalid` if it is a file or on a network or FUSE file system (then nothing is created),
 *   or if other users own or may write what is in it; file errors as they are
 */
export async function prepareStateDir(
  path: string,
  type: (path: string) => Promise<number> = fileSystemType,
  syncDir: (dir: string) => Promise<void> = realJournalFiles.syncDir,
): Promise<StateDir> {
  const root = resolve(path);
  const dirs = { root, journal: join(root, 'journal'), work: join(root, 'work') };
  await checkStateDir(root, type);
  try {
    const existed = await isDirectory(root);
    const topmost = await mkdir(root, { recursive: true, mode: 0o700 });
    await mustBeOurs(root);
    if (!existed || (await readdir(root)).every(name => OURS.test(name))) await chmod(root, 0o700);
    else if (((await stat(root)).mode & 0o022) !== 0) throw othersMayWrite(root);
    for (const dir of [dirs.journal, dirs.work]) {
      // May be a link to another disk.
      await makePrivateDir(dir, { recursive: true });
      await refuseRemote(dir, dir, type);
      await mustBeOurs(dir);
    }
    // From now on nobody else can add anything; they may have before.
    for (const dir of [root, dirs.journal]) {
      for (const name of await readdir(dir)) if (dir !== root || OURS.test(name)) await mustBeOurs(join(dir, name));
    }
    await secureNames(root, topmost, syncDir);
    return dirs;
  } catch (error) {
    if (isNotDirectory(error)) throw notDirectory(root, error);
    throw fileError(error, PREPARING, root);
  }
}

/**
 * Why this user's daemon would not trust what is in an existing state directory; changes nothing. `undefined` where it would, and where
 * that cannot be seen.
 */
export async function whyNotTrusted(path: string): Promise<ShrinkError | undefined> {
  const root = resolve(path);
  try {
    await mustBeOurs(root);
    const names = await readdir(root);
    const isShared = !names.every(name => OURS.test(name));
    if (isShared && ((await stat(root)).mode & 0o022) !== 0) return othersMayWrite(root);
    for (const name of names) if (OURS.test(name)) await mustBeOurs(join(root, name));
    const journal = join(root, 'journal');
    for (const name of await readdir(journal)) await mustBeOurs(join(journal, name));
    return undefined;
  } catch (error) {
    return isShrinkError(error) ? error : undefined;
  }
}

/**
 * What is in the state directory is believed: jobs, tokens, which original may go. So all of it, and a link on the way, has to
 * be of our own user or of root.
 */
async function mustBeOurs(path: string): Promise<void> {
  const self = process.geteuid?.();
  if (self === undefined) return;
  const found = [await lstat(path), await stat(path).catch(() => undefined)];
  const foreign = found.find(each => each && each.uid !== self && each.uid !== 0);
  if (!foreign) return;
  throw new ShrinkError('config-invalid', say('journal.state-foreign', { path, uid: foreign.uid }), {
    doing: PREPARING,
    subject: path,
    hint: say('journal.state-foreign-hint', { path, self }),
  });
}

function othersMayWrite(root: string): ShrinkError {
  return new ShrinkError('config-invalid', say('journal.state-writable', { path: root }), {
    doing: PREPARING,
    subject: root,
    hint: say('journal.state-writable-hint', { path: root }),
  });
}

/**
 * The journal syncs what is in its folder; that the folder itself survives a power cut depends on the folders above it.
 * `topmost`: the first one that had to be created.
 */
async function secureNames(
  root: string,
  topmost: string | undefined,
  syncDir: (dir: string) => Promise<void>,
): Promise<void> {
  const last = topmost === undefined ? root : dirname(topmost);
  for (let at = root; ; at = dirname(at)) {
    await syncDir(at).catch((error: NodeJS.ErrnoException) => {
      // A folder that is writable but not readable cannot be synced either.
      if (at === root || error.code !== 'EACCES') throw error;
    });
    if (at === last) return;
  }
}

async function refuseRemote(dir: string, existing: string, type: (path: string) => Promise<number>): Promise<void> {
  const name = REMOTE[await type(existing)];
  if (!name) return;
  throw new ShrinkError('config-invalid', say('journal.state-remote', { path: dir, type: name }), {
    doing: PREPARING,
    subject: dir,
    hint: say('journal.state-remote-hint'),
  });
}

async function fileSystemType(path: string): Promise<number> {
  // Elsewhere `f_type` is a number without a meaning of its own.
  if (process.platform !== 'linux') return 0;
  // 32-bit machines report the large ones as negative numbers.
  return (await statfs(path)).type >>> 0;
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      await stat(at);
      return at;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw error;
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
}

function isNotDirectory(error: unknown): boolean {
  return ['ENOTDIR', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function notDirectory(root: string, cause?: unknown): ShrinkError {
  return new ShrinkError('config-invalid', say('journal.state-no-folder', { path: root }), {
    doing: PREPARING,
    subject: root,
    hint: say('journal.state-no-folder-hint'),
    cause,
  });
}
