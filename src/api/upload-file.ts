import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { Pin } from '../core/job.ts';
import { moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { numbered } from '../deliver/safe-names.ts';
import { sidecarNameOf } from '../inbox/ignored-names.ts';
import { say } from '../messages/say.ts';
import { type HeldFile, type HeldFolder, openFolder } from '../platform/files/door.ts';
import { createDurably, syncHandle, writeAll } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files, nodeFiles, type OpenFile, pinFrom } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

const MAX_NAMES = 1000;
const TEMP = /^\.shrinkbox-drop-[0-9a-f]{16}\.part$/;
/** A temporary file that nobody has written to for this long belongs to a daemon that was killed. */
const STALE_MS = 3600_000;

/** Removes leftovers of uploads to a daemon that was killed. A folder that is not available is skipped. */
export async function sweepUploads(inboxes: readonly string[], now: number, files: Files = nodeFiles): Promise<void> {
  for (const inbox of inboxes) {
    await holding(openFolder(inbox, [], files), folder => sweep(folder, now)).catch(() => {});
  }
}

async function sweep(inbox: HeldFolder, now: number): Promise<void> {
  for (const { name } of (await inbox.list()).filter(each => TEMP.test(each.name))) {
    const temp = new Entry(inbox, name);
    const found = await temp.lstat().catch(() => undefined);
    if (found && now - Number(found.mtimeMs) > STALE_MS) await temp.unlinkQuietly();
  }
}

/** By which a file of an upload is known again. */
export interface PartIdentity {
  name: string;
  dev: string;
  ino: string;
  /** When it was made, nanoseconds: nobody can set it. */
  born: string;
}

function identityOf(name: string, { dev, ino, birthtimeNs }: BigIntStats): PartIdentity {
  return { name, dev: String(dev), ino: String(ino), born: String(birthtimeNs) };
}

function isSamePart(one: PartIdentity, other: PartIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino && one.born === other.born;
}

/**
 * A file that arrives: open under a hidden name in its inbox until it is whole. Whoever made it calls `publish` or `drop` once,
 * which close it.
 */
export class UploadFile {
  readonly #folder: HeldFolder;
  readonly #temp: Entry;
  readonly #file: OpenFile;
  readonly #pin: Pin;
  readonly #log: Logger;
  #size = 0;

  private constructor(
    folder: HeldFolder,
    { temp, file, pin, log }: { temp: Entry; file: OpenFile; pin: Pin; log: Logger },
  ) {
    this.#folder = folder;
    this.#temp = temp;
    this.#file = file;
    this.#pin = pin;
    this.#log = log;
  }

  /** @throws ShrinkError as the file system or the door says */
  static async create(inbox: string, { files, log }: { files: Files; log: Logger }): Promise<UploadFile> {
    const folder = await inFolder(inbox, () => openFolder(inbox, [], files));
    const temp = new Entry(folder, `.shrinkbox-drop-${randomBytes(8).toString('hex')}.part`);
    let file: OpenFile | undefined;
    try {
      const made = await inFolder(temp.path, () => temp.create());
      file = made;
      const pin = pinFrom(await inFolder(temp.path, () => made.stat()));
      return new UploadFile(folder, { temp, file, pin, log });
    } catch (error) {
      if (file) await temp.unlinkQuietly();
      await file?.close().catch(() => {});
      await folder.close().catch(() => {});
      throw error;
    }
  }

  /**
   * Goes on with one that a daemon before left; only if it is that very file: the same inode, made at the same moment, and ours.
   * `undefined` if it is gone, or another.
   */
  static async again(
    { inbox, part }: { inbox: string; part: PartIdentity },
    { files, log }: { files: Files; log: Logger },
  ): Promise<UploadFile | undefined> {
    if (!TEMP.test(part.name)) return undefined;
    const folder = await inFolder(inbox, () => openFolder(inbox, [], files));
    let file: OpenFile | undefined;
    try {
      const temp = new Entry(folder, part.name);
      file = await temp.again();
      const stats = await file.stat();
      const isOurs = stats.isFile() && stats.nlink === 1n && Number(stats.uid) === (process.geteuid?.() ?? -1);
      if (!isOurs || !isSamePart(identityOf(part.name, stats), part)) throw new Error('another file');
      const found = new UploadFile(folder, { temp, file, pin: pinFrom(stats), log });
      found.#size = Number(stats.size);
      return found;
    } catch {
      await file?.close().catch(() => {});
      await folder.close().catch(() => {});
      return undefined;
    }
  }

  async identity(): Promise<PartIdentity> {
    return identityOf(this.#temp.name, await inFolder(this.#temp.path, () => this.#file.stat()));
  }

  /** Closes it and lets it lie, for `again`. */
  async leave(): Promise<void> {
    await this.#file.close().catch(() => {});
    await this.#folder.close().catch(() => {});
  }

  /** Bytes written. */
  get size(): number {
    return this.#size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#size = await inFolder(this.#temp.path, () => writeAll(this.#file, bytes, this.#size));
  }

  /**
   * Makes it durable and gives it its name, or one with a number where that is taken; the words stand beside it before.
   * @throws ShrinkError `bad-name`, `io`, ...; then nothing of it is left
   */
  async publish(name: string, words: string): Promise<Entry> {
    let held: HeldFile | undefined;
    try {
      await inFolder(this.#temp.path, () => syncHandle(this.#file, this.#temp.path, this.#log));
      // Held open: by now its hidden name may lead to somebody else's.
      held = await inFolder(this.#temp.path, () => this.#reopen(name));
      await inFolder(this.#temp.path, () => this.#file.close());
      const given = await this.#name(held, name, words);
      await held.close().catch(() => {});
      await this.#folder.close().catch(() => {});
      return given;
    } catch (error) {
      await held?.close().catch(() => {});
      await this.drop();
      throw error;
    }
  }

  /** Removes the hidden name, unless another file has it by now: that one is not ours. */
  async drop(): Promise<void> {
    const now = await this.#temp.lstat().catch(() => undefined);
    if (now && isSameInode(pinFrom(now), this.#pin)) await this.#temp.unlinkQuietly();
    await this.leave();
  }

  /** @throws ShrinkError `io` if another file has its hidden name by now */
  async #reopen(name: string): Promise<HeldFile> {
    const held = await this.#temp.open().catch((error: unknown) => {
      throw isShrinkError(error, 'changed-underneath') ? this.#exchanged(name) : error;
    });
    if (isSameInode(held.pin, this.#pin)) return held;
    await held.close().catch(() => {});
    throw this.#exchanged(name);
  }

  /**
   * The instruction first: the watcher may see the file the moment it has its name. One that lies there already was for another file
   * of that name, and is nothing that was said of this one.
   */
  async #name(held: HeldFile, name: string, words: string): Promise<Entry> {
    const listed = await inFolder(this.#folder.path, () => this.#folder.list());
    const there = new Set(listed.map(entry => entry.name.toLowerCase()));
    for (let n = 1; n <= MAX_NAMES; n += 1) {
      const given = new Entry(this.#folder, numbered(name, n));
      const sidecar = new Entry(this.#folder, sidecarNameOf(given.name));
      if (!words && there.has(sidecar.name.toLowerCase())) continue;
      if (words && !(await inFolder(sidecar.path, () => this.#writeWords(sidecar, words)))) continue;
      const moved = await inFolder(this.#temp.path, () =>
        moveWithoutOverwriting(this.#temp, given, { file: held }),
      ).catch(async (error: unknown) => {
        if (words) await sidecar.unlinkQuietly();
        throw error;
      });
      if (moved === 'moved') {
        await inFolder(this.#folder.path, () => this.#folder.sync(this.#log));
        return given;
      }
      if (words) await sidecar.unlinkQuietly();
      if (moved === 'exchanged') throw this.#exchanged(name);
    }
    throw new ShrinkError('bad-name', say('api.name-taken', { name }), { hint: say('api.rename-upload') });
  }

  /** False if a file of that name already exists. */
  async #writeWords(sidecar: Entry, words: string): Promise<boolean> {
    try {
      await createDurably(sidecar, `${words}\n`, { log: this.#log });
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  #exchanged(name: string): ShrinkError {
    const hint = say('api.upload-exchanged-hint');
    return new ShrinkError('io', say('api.upload-exchanged', { name }), { subject: this.#temp.path, hint });
  }
}

/** Size and times change while a file is written. */
function isSameInode(one: Pin, other: Pin): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

export async function inFolder<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, say('api.adding-file', { path }), path);
  }
}
