/** The configuration file as something that can be changed: as a whole or not at all, and only as it was when somebody read it. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, chown, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextFile } from '../config/read.ts';
import { ShrinkError } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { copyAttributes } from '../platform/files/attributes.ts';
import { createDurably, newFile, syncDir } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, nodeFiles } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/** As much as is read of one (config/find.ts). */
const MAX_BYTES = 1_000_000;

export class ConfigFile {
  readonly path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.path = path;
    this.#log = log;
  }

  /** Its text, and a version that changes with every character of it. @throws ShrinkError `gone`, `denied`, `io` */
  read(): { text: string; version: string } {
    try {
      const text = readTextFile(this.path, MAX_BYTES);
      return { text, version: createHash('sha256').update(text).digest('hex').slice(0, 16) };
    } catch (error) {
      throw fileError(error, say('settings.reading', { path: this.path }), this.path);
    }
  }

  /** Why this process cannot change it; `undefined` where it can. A new file takes its place, so its folder counts as well. */
  async whyFixed(): Promise<Sentence | undefined> {
    try {
      const path = await realpath(this.path);
      await access(path, constants.W_OK);
      await access(dirname(path), constants.W_OK);
      const { uid } = await stat(path);
      const own = process.geteuid?.();
      return own === undefined || own === 0 || own === uid ? undefined : say('settings.other-owner', { path, uid });
    } catch (error) {
      return say('settings.not-writable', { path: this.path, errno: errnoOf(error) ?? '' });
    }
  }

  /**
   * Puts another text into its place, with the same owner, group, permissions and access list; without those of a group that this user
   * is not in.
   * @throws ShrinkError `changed-underneath` if it is not the version any more; `denied`, `no-space`, `io`
   */
  async replace(text: string, version: string): Promise<void> {
    const path = await realpath(this.path);
    const temp = `${path}.new`;
    try {
      const { mode, uid, gid } = await stat(path);
      await rm(temp, { force: true });
      await createDurably(newFile(temp, nodeFiles), text, { log: this.#log, mode: 0o600 });
      const isSameGroup = await givenTo(temp, uid, gid);
      const lost = await copyAttributes({ path }, { path: temp });
      // Without the access list, the group would get what the list gave to somebody.
      await chmod(temp, permissionsFor(mode, isSameGroup && !lost.access));
      if (this.read().version !== version) {
        throw new ShrinkError('changed-underneath', say('settings.changed', { path }), { subject: path });
      }
      await rename(temp, path);
      await syncDir(dirname(path), nodeFiles, this.#log);
    } catch (error) {
      await rm(temp, { force: true }).catch(() => {});
      if (errnoOf(error) === 'EBUSY') {
        throw new ShrinkError('denied', say('settings.mounted', { path }), { hint: say('settings.mounted-hint') });
      }
      throw fileError(error, say('settings.writing', { path }), path);
    }
  }
}

/** Another group than before gets nothing of what the old one could do. */
export function permissionsFor(mode: number, isSameGroup: boolean): number {
  return mode & (isSameGroup ? 0o7777 : 0o7707);
}

/** Whether the new file belongs to whom the old one belonged to. */
async function givenTo(path: string, uid: number, gid: number): Promise<boolean> {
  try {
    await chown(path, uid, gid);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return false;
    throw error;
  }
}
