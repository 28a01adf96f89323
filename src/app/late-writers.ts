import { ShrinkError } from '../core/errors.ts';
import type { Job } from '../core/job.ts';
import { checkCompleteness, type Completeness } from '../media/completeness/index.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { fsKindOf, readMounts, throughLinks } from '../platform/files/mounts.ts';
import { seesEveryWriter } from '../platform/user.ts';

/** A recorder that pauses (another scene, a lost connection) goes on sooner than this, ms. */
export const SURELY_OVER_MS = 10 * 60_000;

/** The originals of this many jobs are remembered; one that is forgotten waits anew. */
const MAX_REMEMBERED = 10_000;

/**
 * Recordings whose format has no end, by programs that cannot be seen: nothing tells a pause from the end. The result may come
 * early, since more of the recording makes another version. The original must not go early: the rest would be written into a file
 * without a name.
 */
export class LateWriters {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #mayHideWriters: (path: string) => boolean;
  /** Since when the original of a job is known as it is. */
  readonly #seen = new Map<string, { as: string; atMs: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>, mayHide = mayHideWriters) {
    this.#clock = clock;
    this.#mayHideWriters = mayHide;
  }

  /** The original as it is now. @returns since when it is like that, monotonic ms */
  saw({ id }: Pick<Job, 'id'>, { pin }: Pick<HeldFile, 'pin'>): number {
    const as = JSON.stringify(pin);
    const before = this.#seen.get(id);
    if (before?.as === as) return before.atMs;
    const atMs = this.#clock.monotonic();
    this.#seen.set(id, { as, atMs });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    return atMs;
  }

  /**
   * @throws ShrinkError `unavailable`, with the time to wait, while more of the source may come; `incomplete-media` where room for more
   *   is in it
   */
  async expectNone(job: Pick<Job, 'id' | 'path'>, source: HeldFile): Promise<void> {
    const completeness = await completenessOf(source);
    if (completeness.kind === 'suspect' && completeness.hasEmptyEnd) {
      throw new ShrinkError('incomplete-media', say('queue.original-empty-end'), { subject: job.path });
    }
    const leftMs = this.saw(job, source) + SURELY_OVER_MS - this.#clock.monotonic();
    if (leftMs <= 0 || completeness.kind === 'complete' || !this.#mayHideWriters(job.path)) {
      this.#seen.delete(job.id);
      return;
    }
    throw new ShrinkError('unavailable', say('queue.may-go-on', { ms: SURELY_OVER_MS }), {
      subject: job.path,
      retryAfterMs: leftMs,
    });
  }
}

/** Programs on other machines write through shares. */
function mayHideWriters(path: string): boolean {
  if (!seesEveryWriter()) return true;
  const mounts = readMounts();
  return fsKindOf(throughLinks(path, mounts), mounts).network;
}

async function completenessOf(file: HeldFile): Promise<Completeness> {
  const read = async (offset: number, length: number) => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  return checkCompleteness({ size: file.pin.sizeBytes, read });
}
