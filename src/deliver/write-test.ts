import { join } from 'node:path';
import { fileError } from '../platform/files/file-error.ts';
import { ownTempName } from '../core/file-names.ts';
import { formatBytes } from '../core/units.ts';
import { type Files, type OpenFile, unlinkQuietly } from '../platform/files/files.ts';
import { diskSpace } from '../platform/files/space.ts';
import { isSecondName, isWithoutLinks } from './atomic-publish.ts';

export interface FolderCheck {
  name: 'list' | 'create' | 'write' | 'date' | 'sync' | 'link' | 'rename' | 'remove' | 'sync folder' | 'space';
  /** `worse`: deliveries work without it, and `said` explains how. */
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
 * Tries everything a delivery does in `dir`, with hidden files that are removed again. Never throws: the result describes
 * each failure.
 * @param id lower-case letters and digits that no other probe running now has.
 */
export async function probeFolder(dir: string, files: Files, id: string): Promise<FolderProbe> {
  const checks = await new WriteTest(dir, files, id).run();
  return { dir, isUsable: checks.every(check => check.result !== 'failed'), checks };
}

/** Any moment in the past: 2001-09-09. */
const PROBE_DATE_S = 1_000_000_000;
const CONTENT = Buffer.from('shrinkbox');

interface Spared {
  /** How deliveries work without what failed. */
  without: string;
  /** Whether that is possible after this error; by default after any. */
  isSpared?: (error: unknown) => boolean;
}

class WriteTest {
  readonly #dir: string;
  readonly #files: Files;
  readonly #temp: string;
  readonly #other: string;
  readonly #checks: FolderCheck[] = [];

  constructor(dir: string, files: Files, id: string) {
    this.#dir = dir;
    this.#files = files;
    this.#temp = join(dir, ownTempName(`probe${id}`));
    this.#other = join(dir, ownTempName(`probe${id}x`));
  }

  async run(): Promise<FolderCheck[]> {
    await this.#try('space', () => this.#space());
    await this.#try('list', async () => `${(await this.#files.readdir(this.#dir)).length} entries`);
    let file: OpenFile | undefined;
    await this.#try('create', async () => {
      file = await this.#files.open(this.#temp, 'wx', 0o666);
      return `files get mode ${(Number((await file.stat()).mode) & 0o777).toString(8)}`;
    });
    if (file) {
      await this.#tryContent(file);
      await this.#tryNames();
    }
    await unlinkQuietly(this.#temp, this.#files);
    await unlinkQuietly(this.#other, this.#files);
    return this.#checks;
  }

  async #tryContent(file: OpenFile): Promise<void> {
    await this.#try('write', () => works(file.write(CONTENT, 0, CONTENT.length, 0)));
    await this.#try('date', () => this.#date(file), { without: 'results get the date they were made' });
    await this.#try('sync', () => works(file.sync()), { without: 'a power cut may lose the newest files' });
    await file.close().catch(() => {});
  }

  async #tryNames(): Promise<void> {
    await this.#try('link', () => this.#link(), {
      without: 'an empty file reserves the name for a moment instead',
      isSpared: isWithoutLinks,
    });
    const isRenamed = await this.#try('rename', () => works(this.#renameOver()));
    await this.#try('remove', () => works(this.#files.unlink(isRenamed ? this.#other : this.#temp)));
    await this.#try('sync folder', () => works(this.#syncFolder()), {
      without: 'a power cut may lose the newest names',
    });
  }

  async #try(name: FolderCheck['name'], act: () => Promise<string>, spared?: Spared): Promise<boolean> {
    try {
      this.#checks.push({ name, result: 'ok', said: await act() });
      return true;
    } catch (error) {
      const without = spared?.isSpared?.(error) === false ? undefined : spared?.without;
      const said = `${fileError(error, name, this.#dir).message}${without ? `; ${without}` : ''}`;
      this.#checks.push({ name, result: without ? 'worse' : 'failed', said });
      return false;
    }
  }

  async #space(): Promise<string> {
    const { freeBytes, totalBytes } = await diskSpace(this.#dir, this.#files);
    return `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
  }

  async #date(file: OpenFile): Promise<string> {
    await file.utimes(PROBE_DATE_S, PROBE_DATE_S);
    const seconds = Number((await file.stat()).mtimeMs) / 1000;
    // FAT stores times in steps of two seconds.
    if (Math.abs(seconds - PROBE_DATE_S) > 2) throw new Error('the date was accepted but not kept');
    return 'results get the date of their source';
  }

  async #link(): Promise<string> {
    await this.#files.link(this.#temp, this.#other);
    const isShown = await isSecondName(this.#temp, this.#other, this.#files);
    await this.#files.unlink(this.#other);
    if (!isShown) throw new Error('a link does not show as a second name of its file, so temporary files would stay');
    return 'final names appear in one step';
  }

  /** Over an empty file, as a delivery does without hard links. */
  async #renameOver(): Promise<void> {
    await (await this.#files.open(this.#other, 'wx', 0o666)).close();
    await this.#files.rename(this.#temp, this.#other);
  }

  async #syncFolder(): Promise<void> {
    const handle = await this.#files.open(this.#dir, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function works(act: Promise<unknown>): Promise<string> {
  await act;
  return 'works';
}
