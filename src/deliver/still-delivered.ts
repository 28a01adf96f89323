import { ShrinkError } from '../core/errors.ts';
import type { Delivery, PublishIntent } from '../core/job.ts';
import { say } from '../messages/say.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { sha256OfOpen } from '../platform/files/files.ts';

/** FAT keeps even seconds only. */
const SAME_DATE_MS = 2_000;

export interface StillDelivered {
  delivery: Delivery;
  /** As it was published. */
  intent: Pick<PublishIntent, 'ino' | 'sha256'> | undefined;
  /** The date the result was given: that of its source, epoch ms. */
  mtimeMs: number;
}

/**
 * Before an original is deleted for good: whether its result, which may have been in its place for a while, is still that. One that
 * was touched or moved is read again.
 * @throws ShrinkError `gone`
 */
export async function expectDelivered(file: HeldFile, { delivery, intent, mtimeMs }: StillDelivered): Promise<void> {
  const { sizeBytes, ino, mtimeNs } = file.pin;
  const isSameDate = Math.abs(Number(BigInt(mtimeNs) / 1_000_000n) - mtimeMs) <= SAME_DATE_MS;
  const isSame = sizeBytes === delivery.bytes && isSameDate && (intent === undefined || intent.ino === ino);
  if (isSame) return;
  if (intent && sizeBytes === delivery.bytes && (await sha256OfOpen(file)) === intent.sha256) return;
  throw resultGone(delivery.output);
}

/** The original is all that is left. */
export function resultGone(output: string): ShrinkError {
  return new ShrinkError('gone', say('deliver.result-gone', { path: output }), { subject: output });
}
