import { fileError } from '../platform/files/file-error.ts';
import { ownTempName } from '../core/file-names.ts';
import { formatBytes } from '../core/units.ts';
import { type HeldFolder, openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { errnoOf, type Files, type OpenFile } from '../platform/files/files.ts';
import { diskSpace } from '../platform/files/space.ts';
import { isSecondName, isWithoutLinks } from './atomic-publish.ts';

export interface FolderCheck {
  name: 'list' | 'create' | 'write' | 'date' | 'sync' | 'link' | 'rename' | 'remove' | 'sync folder' | 'space';
  /** `worse`: deliveries work without it, and `said` explains how. */
  result: 'ok' | 'worse' | 'failed';
  said: string;
  /** What a person can do about it, where that is known. */
  hint?: string | undefined;
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
  const checks = await checksOf(dir, files, id);
  return { dir, isUsable: checks.every(check => check.result !== 'failed'), checks };
}

async function checksOf(dir: string, files: Files, id: string): Promise<FolderCheck[]> {
  try {
    return await holding(openFolder(dir, [], files), folder => new WriteTest(folder, files, id).run());
  } catch (error) {
    return [{ name: 'list', result: 'failed', said: fileError(error, 'list', dir).message }];
  }
}

/** Any moment in the past: 2001-09-09. */
const PROBE_DATE_S = 1_000_000_000;
/** As `ownTempName` names them, with the id of a test. */
const LEFTOVER = /^\.shrinkbox-probe[0-9a-z]+\.part$/;
const CONTENT = Buffer.from('shrinkbox');

interface Spared {
  /** How deliveries work without what failed. */
  without: string;
  /** Whether that is possible after this error; by default after any. */
  isSpared?: (error: unknown) => boolean;
}

class WriteTest {
  readonly #folder: HeldFolder;
  readonly #files: Files;
  readonly #temp: Entry;
  readonly #other: Entry;
  readonly #checks: FolderCheck[] = [];

  constructor(folder: HeldFolder, files: Files, id: string) {
    this.#folder = folder;
    this.#files = files;
    this.#temp = new Entry(folder, ownTempName(`probe${id}`));
    this.#other = new Entry(folder, ownTempName(`probe${id}x`));
  }

  async run(): Promise<FolderCheck[]> {
    await this.#try('space', () => this.#space());
    await this.#try('list', async () => `${(await this.#folder.list()).length} entries`);
    if (await this.#hasLeftover()) return this.#checks;
    let file: OpenFile | undefined;
    await this.#try('create', async () => {
      file = await this.#temp.create();
      return `files get mode ${(Number((await file.stat()).mode) & 0o777).toString(8)}`;
    });
    if (file) {
      await this.#tryContent(file);
      await this.#tryNames();
    }
    await this.#temp.unlinkQuietly();
    await this.#other.unlinkQuietly();
    return this.#checks;
  }

  /** An earlier test that could not remove its file: one more would only leave another. */
  async #hasLeftover(): Promise<boolean> {
    const before = (await this.#folder.list().catch(() => [])).find(({ name }) => LEFTOVER.test(name));
    return before !== undefined && !(await this.#try('remove', () => works(this.#folder.unlink(before.name))));
  }

  async #tryContent(file: OpenFile): Promise<void> {
    await this.#try('write', () => works(file.write(CONTENT, 0, CONTENT.length, 0)));
    await this.#try('date', () => this.#date(file), { without: 'results get the date they were made' });
    await this.#try('sync', () => works(file.sync()), { without: 'a power cut may lose the newest files' });
    await file.close().catch(() => {});
  }

  async #tryNames(): Promise<void> {
    if (!(await this.#try('remove', () => works(this.#folder.unlink(this.#temp.name))))) return;
    await (await this.#temp.create()).close();
    await this.#try('link', () => this.#link(), {
      without: 'an empty file reserves the name for a moment instead',
      isSpared: isWithoutLinks,
    });
    await this.#try('rename', () => works(this.#renameOver()));
    await this.#try('sync folder', () => works(this.#folder.sync()), {
      without: 'a power cut may lose the newest names',
    });
  }

  async #try(name: FolderCheck['name'], act: () => Promise<string>, spared?: Spared): Promise<boolean> {
    try {
      this.#checks.push({ name, result: 'ok', said: await act() });
      return true;
    } catch (error) {
      const without = spared?.isSpared?.(error) === false ? undefined : spared?.without;
      const { message, hint } = fileError(error, name, this.#folder.path);
      const said = `${message}${without ? `; ${without}` : ''}`;
      const isAppendOnly = name === 'remove' && errnoOf(error) === 'EPERM';
      this.#checks.push({ name, result: without ? 'worse' : 'failed', said, ...(isAppendOnly && { hint }) });
      return false;
    }
  }

  async #space(): Promise<string> {
    const { freeBytes, totalBytes } = await diskSpace(this.#folder.path, this.#files);
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
    await this.#temp.link(this.#other);
    const isShown = isSecondName(await this.#temp.lstat(), await this.#other.lstat());
    await this.#other.unlink();
    if (!isShown) throw new Error('a link does not show as a second name of its file, so temporary files would stay');
    return 'final names appear in one step';
  }

  /** Over an empty file, as a delivery does without hard links. */
  async #renameOver(): Promise<void> {
    await (await this.#other.create()).close();
    await this.#temp.rename(this.#other);
  }
}

async function works(act: Promise<unknown>): Promise<string> {
  await act;
  return 'works';
}
