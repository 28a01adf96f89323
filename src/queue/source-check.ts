import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { type Job, type Pin, samePin, UNREAD } from '../core/job.ts';
import { say } from '../messages/say.ts';
import type { HeldFile } from '../platform/files/door.ts';
import { isMostlyHoles } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { compare, type Content, isCoveredByFingerprint } from './admission-policy.ts';
import type { Ledger } from './ledger.ts';
import type { Stages } from './stages-port.ts';

/** Whether the source of a job is still the file that the job is about, by its identity and, if need be, every byte of it. */
export class SourceCheck {
  readonly #ledger: Ledger;
  readonly #stages: Stages;
  readonly #log: Logger;

  constructor({ ledger, stages, log }: { ledger: Ledger; stages: Stages; log: Logger }) {
    this.#ledger = ledger;
    this.#stages = stages;
    this.#log = log;
  }

  /**
   * Whether the source is still what the job is about, and where it was. A chmod, a link, a rename or a remount changes its
   * identity; a sync tool, a `touch` or the clock of a FAT disk changes its date as well. Then its content decides, if need be
   * every byte of it.
   * @throws ShrinkError `changed-underneath`, `gone`, or `unavailable` if the whole inbox is missing
   */
  async check(job: Job, signal: AbortSignal): Promise<void> {
    // The source has not vanished if it was moved to the archive just before a crash.
    if (job.state.name === 'delivering' && job.state.published) return;
    await this.compare(job, await this.#stages.pin(job), { signal });
  }

  /** The same, where its identity by now is known; `file` is what has it, if it is open. */
  async compare(
    job: Job,
    now: Pin,
    { signal, file }: { signal: AbortSignal; file?: HeldFile | undefined },
  ): Promise<void> {
    if (samePin(now, job.pin)) return;
    if (!(await this.#isSameContent(job, signal, file)))
      throw new ShrinkError('changed-underneath', say('queue.changed-underneath', { file: job.relative }), {
        subject: job.path,
      });
    await this.#repin(job, { pin: now });
  }

  async #isSameContent(job: Job, signal: AbortSignal, opened?: HeldFile): Promise<boolean> {
    if (!opened) {
      const file = await this.#stages.openSource(job);
      return this.#isSameContent(job, signal, file).finally(() => file.close().catch(() => {}));
    }
    const { pin } = opened;
    if (pin.sizeBytes !== job.pin.sizeBytes) return false;
    const content: Content = { pin, fingerprint: await this.#stages.fingerprint(job, opened) };
    const sameness = compare(job, content);
    if (sameness !== 'unknown') return sameness === 'same';
    this.#log.info({ job: job.id, path: job.path }, 'the date of the source changed; its content is compared');
    const { contentHash } = await this.#stages.readWhole(job, opened, signal);
    return compare(job, { ...content, contentHash }) === 'same';
  }

  /**
   * Reads a large source whole before anything is made of it, so that later a new date alone is not taken for a new film.
   * A hash of a file that was written to meanwhile counts only while nothing was made of what it held before. A file that is
   * mostly holes is not read: anybody can make one of any size at no cost, and it would keep the slot for hours.
   */
  async readWhole(
    id: string,
    source: HeldFile,
    { signal, onBegin }: { signal: AbortSignal; onBegin(): void },
  ): Promise<void> {
    const job = this.#ledger.expect(id);
    if (job.contentHash !== undefined || isCoveredByFingerprint(job.pin)) return;
    if (await isMostlyHoles(source)) return this.#repin(job, { pin: job.pin, contentHash: UNREAD });
    onBegin();
    const { contentHash, pin } = await this.#stages.readWhole(job, source, signal);
    const now = this.#ledger.expect(id);
    if (!samePin(pin, now.pin) && Object.keys(now.checkpoints).length > 0) return;
    await this.#repin(now, { pin: now.pin, contentHash });
  }

  /** Only the very file that was processed is put away: one with another date since is compared first. */
  async repinOriginal(job: Job, signal: AbortSignal): Promise<void> {
    const isBegun = job.state.name === 'delivering' && job.state.disposing !== undefined;
    if (isBegun || this.#stages.originals(job) === 'keep') return;
    let now: Pin;
    try {
      now = await this.#stages.pin(job);
    } catch (error) {
      // What is no longer there need not be put away.
      if (isShrinkError(error, 'gone')) return;
      throw error;
    }
    if (!samePin(now, job.pin) && (await this.#isSameContent(job, signal))) await this.#repin(job, { pin: now });
  }

  async #repin({ id, path, relative }: Job, known: { pin: Pin; contentHash?: string }): Promise<void> {
    await this.#ledger.commit(id, { event: 'repinned', data: { path, relative, ...known } });
  }
}
