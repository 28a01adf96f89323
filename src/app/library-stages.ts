/** What a job of a library does to the world, where one of an inbox is delivered: the mark in the result, the exchange, and the way back. */
import { basename } from 'node:path';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import type { ArchivedCopy, Candidate, Delivery, Job, PublishIntent, Settled, Verified } from '../core/job.ts';
import type { ExchangeBasis } from '../library/basis.ts';
import { abandon, exchange, findExchanged, settle } from '../library/exchange.ts';
import { orphansOf, rivalsOf } from '../library/names.ts';
import { restore } from '../library/restore.ts';
import { addTag } from '../library/tag.ts';
import { procUsers } from '../inbox/open-files.ts';
import { say } from '../messages/say.ts';
import { type HeldFile, openFolder } from '../platform/files/door.ts';
import { holding } from '../platform/files/entry.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import type { ExchangeHelp, LibraryStagesPort } from '../queue/stages-port.ts';
import type { Folders } from './folders.ts';

export interface LibraryStagesOptions {
  folders: Folders;
  files: Files;
  forbidden(): readonly string[];
  log: Logger;
}

/** Whoever plays a film now will not for ever. */
const IN_USE_AGAIN_MS = 10 * 60_000;

export class LibraryStages implements LibraryStagesPort {
  readonly #options: LibraryStagesOptions;

  constructor(options: LibraryStagesOptions) {
    this.#options = options;
  }

  /**
   * Marks a result that is worth its source's place.
   * @throws ShrinkError `cannot-fit` where it is not: then nothing more is done to the file
   */
  async prepare({ path, pin, relative, fingerprint, decision }: Job, candidate: Candidate): Promise<Candidate> {
    const minSaving = decision.kind === 'do' ? decision.target.minSaving : 0;
    const worthIt = Math.floor(pin.sizeBytes * (1 - minSaving));
    const isSmaller = !candidate.isSource && candidate.bytes <= worthIt && candidate.bytes < pin.sizeBytes;
    // What may be worse than the film does not take its place, whether a person would see it or not.
    const notes = candidate.messages?.notes?.map(note => note?.code) ?? [];
    const against = [
      ...(candidate.damagedSource ? [say('library.damaged')] : []),
      ...(notes.includes('local.differences-visible') ? [say('library.differences-visible')] : []),
      ...(isSmaller ? [] : [say('local.cannot-shrink-unseen')]),
    ];
    if (against[0]) throw new ShrinkError('cannot-fit', against[0], { subject: path });
    const bytes = await addTag(candidate.path, { name: basename(relative), bytes: pin.sizeBytes, fingerprint });
    const { maxBytes } = candidate.expect;
    const expect =
      maxBytes === undefined ? candidate.expect : { ...candidate.expect, maxBytes: Math.max(maxBytes, bytes) };
    return { ...candidate, bytes, expect };
  }

  /** What stands beside the file and is named after all of its name. */
  async orphans({ inbox, relative }: Job): Promise<string[]> {
    return orphansOf(basename(relative), await this.#beside(inbox, relative));
  }

  async #beside(library: string, relative: string): Promise<string[]> {
    const parts = relative.split('/').slice(0, -1);
    const entries = await holding(openFolder(library, parts, this.#options.files), folder => folder.list());
    return entries.map(({ name }) => name);
  }

  /** @throws ShrinkError as `exchange` does, `unavailable` while somebody has the file open. */
  async exchange(job: Job, verified: Verified, help: ExchangeHelp): Promise<Delivery> {
    const [rival] = rivalsOf(basename(job.relative), await this.#beside(job.inbox, job.relative));
    if (rival !== undefined)
      throw new ShrinkError('cannot-do', say('library.name-taken', { path: rival }), { subject: job.path });
    await this.#mustBeUnused(job, help.source);
    const before = job.state.name === 'delivering' ? job.state : {};
    return exchange(verified, { ...(await this.#basisOf(job)), ...help, before });
  }

  async #mustBeUnused({ path }: Job, source: HeldFile): Promise<void> {
    const { dev, ino } = source.pin;
    const user = procUsers([{ path, dev, ino }]).get(`${dev}:${ino}`);
    if (!user) return;
    throw new ShrinkError('unavailable', say('library.in-use', { path, program: user.command }), {
      subject: path,
      retryAfterMs: IN_USE_AGAIN_MS,
    });
  }

  async find(job: Job, intent: PublishIntent): Promise<Delivery | undefined> {
    return findExchanged(intent, await this.#basisOf(job));
  }

  async settle(job: Job): Promise<Settled> {
    const { state } = job;
    if (state.name !== 'delivering' || !state.intent) throw new Error(`job ${job.id} has nothing to settle`);
    return settle({ ...(await this.#basisOf(job)), intent: state.intent, archived: state.archived });
  }

  async abandon(job: Job): Promise<void> {
    const { state } = job;
    const begun = 'from' in state ? state.from : state;
    if (begun?.name !== 'delivering' || begun.published) return;
    try {
      await abandon({ ...(await this.#basisOf(job)), before: begun, intent: begun.intent });
    } catch (error) {
      if (!isShrinkError(error)) throw error;
      this.#options.log.warn({ job: job.id, code: error.code }, `something was left behind: ${error.message}`);
    }
  }

  /** Brings an original back; resolves with its path. @throws ShrinkError */
  async restore(job: Job): Promise<string> {
    const { state, original } = job;
    if (state.name !== 'done' || original?.kind !== 'archived' || original.sha256 === undefined)
      throw new Error(`job ${job.id} has no archived original`);
    const archived: ArchivedCopy = { path: original.path, sha256: original.sha256 };
    const result = { bytes: state.outputBytes, ino: state.outputIno };
    return restore({ ...(await this.#basisOf(job)), archived, result });
  }

  async mustBeThere(job: Job): Promise<void> {
    await this.#basisOf(job);
  }

  /** @throws ShrinkError `unavailable` while the library or its archive is away. */
  async #basisOf(job: Job): Promise<ExchangeBasis> {
    const { folders, files, log, forbidden } = this.#options;
    const { inbox, relative, pin } = job;
    const { archive } = folders.of(job);
    await folders.mustBeMounted(inbox, relative);
    if (archive !== undefined) await folders.mustBeMounted(archive, relative);
    return { job: job.id, library: inbox, relative, pin, archiveDir: archive, forbidden: forbidden(), files, log };
  }
}
