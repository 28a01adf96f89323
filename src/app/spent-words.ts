import { basename } from 'node:path';
import type { Job } from '../core/job.ts';
import { readInstruction } from '../inbox/sidecar.ts';
import { openedFile } from '../inbox/guarded-fs.ts';
import { openFolder } from '../platform/files/door.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import type { Files } from '../platform/files/files.ts';

/**
 * Removes the words of a file that was deleted, or they would be the next file's of that name: only what this user wrote, as the
 * page does, and only while it says what the job was told.
 */
export async function removeSpentWords({ inbox, relative, sidecar }: Job, files: Files): Promise<void> {
  if (!sidecar) return;
  const parents = relative.split('/').slice(0, -1);
  await holding(openFolder(inbox, parents, files), async folder => {
    const words = new Entry(folder, basename(sidecar.path));
    const found = await readInstruction(async () => openedFile(await words.open()));
    const isOurs = found.kind === 'text' && found.uid === BigInt(process.geteuid?.() ?? -1);
    if (isOurs && found.text === sidecar.text) await words.unlink();
  });
}
