import { access, constants } from 'node:fs/promises';
import type { Folder } from '../config/load.ts';
import { sentenceOf } from '../core/errors.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files } from '../platform/files/files.ts';

const STICKY = 0o1000n;

/**
 * Why originals stay in the inbox although the folder has them archived or deleted: nothing can be removed there, or put into
 * the archive. `undefined` where they can go, and where a folder is missing or does not answer: that is said elsewhere.
 */
export async function whyOriginalsStay(
  folder: Pick<Folder, 'inbox' | 'originals' | 'archive'>,
  files: Files,
  us = process.geteuid?.() ?? 0,
): Promise<Sentence | undefined> {
  const { inbox, originals, archive } = folder;
  if (originals === 'keep') return undefined;
  for (const path of [inbox, ...(originals === 'archive' && archive ? [archive] : [])]) {
    const found = await files.stat(path).catch(() => undefined);
    if (!found) continue;
    try {
      await access(path, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      const why = sentenceOf(fileError(error, say('app.checking-writable', { path }), path));
      return say('app.originals-stay', { inbox, why });
    }
    const isForOwners = path === inbox && (found.mode & STICKY) !== 0n;
    if (isForOwners && us !== 0 && Number(found.uid) !== us) return say('app.originals-stay-sticky', { inbox });
  }
  return undefined;
}
