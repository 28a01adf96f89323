import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ownFile } from '../../../platform/files/files.ts';
import { say } from '../../../messages/say.ts';
import { topBoxes } from '../../../media/mp4-boxes.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import type { CloudTask } from '../context.ts';

/**
 * Rewrites a result whose index comes after its media, without re-encoding: results are promised to play while they load, and the
 * service documents nothing about it. If this machine may not help, or the index comes first, the result stays as it is.
 */
export async function indexFirst(
  { cloud, context, dir, order, maxBytes }: CloudTask,
  found: { path: string; bytes: number },
): Promise<{ path: string; bytes: number }> {
  if (!cloud.local || !(await isIndexLast(found.path))) return found;
  const path = join(dir, 'in-order.mp4');
  const { signal, gate, log } = context;
  await cloud.local.join({ job: order.job, dir, signal, gate, log, onProgress: () => {}, sources: [found.path], path });
  const bytes = await sizeOf(path);
  // Never at the expense of the requested size.
  return maxBytes !== undefined && bytes > maxBytes ? found : { path, bytes };
}

async function isIndexLast(path: string): Promise<boolean> {
  const { boxes } = await topBoxes(ownFile(path));
  const types = boxes.map(({ type }) => type);
  return types.includes('mdat') && types.indexOf('moov') > types.indexOf('mdat');
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw fileError(error, say('nemo.doing-index-first'), path);
  }
}
