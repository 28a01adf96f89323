import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { Pin } from '../../core/job.ts';
import type { HeldFile, HeldFolder } from './door.ts';
import type { NewFile } from './durable.ts';
import { errnoOf, type OpenFile } from './files.ts';

/**
 * One name in a folder that is held open: what is done to it is done in that very folder, wherever its path leads by then.
 * The calls reject with Node's errno errors unless they say otherwise.
 */
export class Entry implements NewFile {
  readonly folder: HeldFolder;
  readonly name: string;

  constructor(folder: HeldFolder, name: string) {
    this.folder = folder;
    this.name = name;
  }

  /** For messages and records. Nothing is opened by it. */
  get path(): string {
    return join(this.folder.path, this.name);
  }

  /** `undefined` if there is none. */
  async lstat(): Promise<BigIntStats | undefined> {
    try {
      return await this.folder.lstat(this.name);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** To read it. @throws ShrinkError `changed-underneath` if it is no regular file, or not the one of the pin. */
  open(pin?: Pin): Promise<HeldFile> {
    return this.folder.file(this.name, pin);
  }

  /** Makes the file; `EEXIST` if the name is taken. */
  create(mode?: number): Promise<OpenFile> {
    return this.folder.create(this.name, mode);
  }

  /** To go on writing it. */
  again(): Promise<OpenFile> {
    return this.folder.again(this.name);
  }

  link(to: Entry): Promise<void> {
    return this.folder.link(this.name, to.folder, to.name);
  }

  /** Replaces `to` silently, as rename(2) does. */
  rename(to: Entry): Promise<void> {
    return this.folder.rename(this.name, to.folder, to.name);
  }

  /** Removes the name, if it is there. */
  async unlink(): Promise<void> {
    try {
      await this.folder.unlink(this.name);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** After something else went wrong: that first error is the one to report. */
  async unlinkQuietly(): Promise<void> {
    await this.folder.unlink(this.name).catch(() => {});
  }
}

/** Closes what was opened when `act` is through. Both only read, so that a failure to close them loses nothing. */
export async function holding<H extends { close(): Promise<void> }, T>(
  opening: Promise<H>,
  act: (held: H) => Promise<T>,
): Promise<T> {
  const held = await opening;
  try {
    return await act(held);
  } finally {
    await held.close().catch(() => {});
  }
}
