import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ownTempName } from '../core/file-names.ts';
import { formatBytes } from '../core/units.ts';
import { type Files, type OpenFile, unlinkQuietly } from '../platform/files/files.ts';
import { diskSpace } from '../platform/files/space.ts';

export interface FolderCheck {
  name: 'list' | 'create' | 'write' | 'date' | 'sync' | 'link' | 'rename' | 'remove' | 'sync folder' | 'space';
  /** `worse`: deliveries work without it, and `said` says how. */
  result: 'ok' | 'worse' | 'failed';
  said: string;
}

export interface FolderProbe {
  dir: string;
  /** Nothing failed. */
  isUsable: boolean;
  checks: FolderCheck[];
}

/**
 * Tries everything a delivery does in `dir`, with hidden files that are removed again. Never throws: what fails is in the
 * answer, in words.
 * @param id lower-case letters and digits that no other probe running now has.
 */
export async function probeFolder(dir: string, files: Files, id: string): Promise<FolderProbe> {
  const checks: FolderCheck[] = [];
  const temp = join(dir, ownTempName(`probe${id}`));
  const other = join(dir, ownTempName(`probe${id}x`));
  const attempt = async (name: FolderCheck['name'], act: () => Promise<string>, without?: string): Promise<boolean> => {
    try {
      checks.push({ name, result: 'ok', said: await act() });
      return true;
    } catch (error) {
      const said = `${fileError(error, name, dir).message}${without ? `; ${without}` : ''}`;
      checks.push({ name, result: without ? 'worse' : 'failed', said });
      return false;
    }
  };

  await attempt('space', () => freeSpace(dir, files));
  await attempt('list', async () => `${(await files.readdir(dir)).length} entries`);
  let handle: OpenFile | undefined;
  const isCreated = await attempt('create', async () => {
    handle = await files.open(temp, 'wx', 0o666);
    return `files get mode ${(Number((await handle.stat()).mode) & 0o777).toString(8)}`;
  });
  if (isCreated && handle) {
    await tryHandle(handle, attempt);
    await attempt(
      'link',
      async () => {
        await files.link(temp, other);
        await files.unlink(other);
        return 'final names appear in one step';
      },
      'an empty file reserves the name for a moment instead',
    );
    const isRenamed = await attempt('rename', async () => {
      await files.rename(temp, other);
      return 'works';
    });
    await attempt('remove', async () => {
      await files.unlink(isRenamed ? other : temp);
      return 'works';
    });
    await attempt('sync folder', () => syncFolder(dir, files), 'a power cut may lose the newest names');
  }
  await unlinkQuietly(temp, files);
  await unlinkQuietly(other, files);
  return { dir, isUsable: checks.every(check => check.result !== 'failed'), checks };
}

type Attempt = (name: FolderCheck['name'], act: () => Promise<string>, without?: string) => Promise<boolean>;

async function tryHandle(handle: OpenFile, attempt: Attempt): Promise<void> {
  await attempt('write', async () => {
    await handle.write(Buffer.from('shrinkbox'), 0, 9, 0);
    return 'works';
  });
  await attempt(
    'date',
    async () => {
      await handle.utimes(PROBE_DATE_S, PROBE_DATE_S);
      const seconds = Number((await handle.stat()).mtimeMs) / 1000;
      // FAT counts in twos of seconds.
      if (Math.abs(seconds - PROBE_DATE_S) > 2) throw new Error('the date was accepted but not kept');
      return 'results get the date of their source';
    },
    'results get the date they were made',
  );
  await attempt(
    'sync',
    async () => {
      await handle.sync();
      return 'works';
    },
    'a power cut may lose the newest files',
  );
  await handle.close().catch(() => {});
}

/** Any moment in the past: 2001-09-09. */
const PROBE_DATE_S = 1_000_000_000;

async function syncFolder(dir: string, files: Files): Promise<string> {
  const handle = await files.open(dir, 'r');
  try {
    await handle.sync();
    return 'works';
  } finally {
    await handle.close();
  }
}

async function freeSpace(dir: string, files: Files): Promise<string> {
  const { freeBytes, totalBytes } = await diskSpace(dir, files);
  return `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
}
