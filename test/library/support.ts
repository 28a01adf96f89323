import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ShrinkError } from '../../src/core/errors.ts';
import type { JobEvent } from '../../src/core/events.ts';
import type { ArchivedCopy, Delivery, Pin, PublishIntent, Verified } from '../../src/core/job.ts';
import type { ExchangeBasis } from '../../src/library/basis.ts';
import { abandon, exchange, findExchanged, settle } from '../../src/library/exchange.ts';
import { findLeftovers, type Leftover, type LeftoverOptions } from '../../src/library/leftovers.ts';
import { restore } from '../../src/library/restore.ts';
import { addTag } from '../../src/library/tag.ts';
import { openBelow } from '../../src/platform/files/door.ts';
import { type Files, fingerprint, nodeFiles, pinOf } from '../../src/platform/files/files.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { expect } from 'vitest';
import { aCandidate } from '../support/builders.ts';
import { FailingFiles } from '../support/failing-files.ts';

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export interface LibraryOptions {
  name?: string;
  /** Where the archive is; by default on the same file system. */
  archiveUnder?: string;
  replaces?: boolean;
  under?: string;
}

/** A library with one film in it, a verified result for it, and what the journal says of their job. */
export class LibraryFixture {
  readonly root: string;
  readonly library: string;
  readonly archive: string | undefined;
  readonly relative: string;
  readonly original: Buffer;
  result: Buffer;
  verified: Verified;
  pin: Pin | undefined;
  journal: {
    archiving?: string;
    archived?: ArchivedCopy;
    intent?: PublishIntent;
    published?: Delivery;
    done?: true;
    restoring?: true;
    restored?: true;
  } = {};

  constructor({ name = 'trips/clip.mov', archiveUnder, replaces = false, under = tmpdir() }: LibraryOptions = {}) {
    this.root = mkdtempSync(join(under, 'shrinkbox-library-'));
    this.library = join(this.root, 'videos');
    const archive =
      archiveUnder === undefined ? join(this.root, 'originals') : mkdtempSync(join(archiveUnder, 'archive-'));
    this.archive = replaces ? undefined : archive;
    this.relative = name;
    this.original = Buffer.alloc(9000, `original of ${name} `);
    this.result = Buffer.alloc(3000, `result of ${name} `);
    for (const dir of [this.library, join(this.root, 'originals'), join(this.root, 'work')])
      mkdirSync(dir, { recursive: true });
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, this.original, { mode: 0o640 });
    utimesSync(this.path, 1_000_000_000, 1_000_000_000.5);
    const candidate = join(this.root, 'work', 'result.mp4');
    writeFileSync(candidate, this.result);
    this.verified = {
      ...aCandidate({ path: candidate, bytes: this.result.length }),
      sha256: sha256(this.result),
      evidence: 'seen',
    } as unknown as Verified;
  }

  get path(): string {
    return join(this.library, this.relative);
  }

  get resultPath(): string {
    return this.path.replace(/\.[^.]+$/, extension => (extension.toLowerCase() === '.mp4' ? extension : '.mp4'));
  }

  basis(files: Files): ExchangeBasis {
    if (!this.pin) throw new Error('not opened yet');
    return {
      ...{ job: 'job1', library: this.library, relative: this.relative, pin: this.pin, archiveDir: this.archive },
      ...{ forbidden: [this.library], files, log: silentLogger },
    };
  }

  /** The result gets its mark, as the daemon gives it. */
  async mark(): Promise<this> {
    const { path } = this.verified;
    const file = await openBelow(this.library, this.relative.split('/'), nodeFiles);
    const found = await fingerprint(file, this.original.length).finally(() => file.close());
    const bytes = await addTag(path, {
      name: basename(this.relative),
      bytes: this.original.length,
      fingerprint: found,
    });
    this.result = readFileSync(path);
    this.verified = { ...this.verified, bytes, sha256: sha256(this.result) };
    return this;
  }

  /** What a check finds that knows of no job, and settles. */
  async settleLeftovers(files: Files, settle = true, known: Partial<LeftoverOptions> = {}): Promise<Leftover[]> {
    const no = () => false;
    const nothing = { isAtWork: no, isAtWorkAt: no, isDoneAt: no, isArchived: no, ...known };
    const { library, archive } = this;
    const signal = new AbortController().signal;
    const options = { ...nothing, library, archiveDir: archive, files, log: silentLogger, signal, settle };
    const found: Leftover[] = [];
    for await (const leftover of findLeftovers(options)) found.push(leftover);
    return found;
  }

  /** One run of the daemon, from what the journal says. Throws as the parts do. */
  async run(files: Files, note: (event: string) => Promise<void> = async () => {}): Promise<void> {
    const { journal } = this;
    if (journal.done) return;
    this.pin ??= await pinOf(this.path, nodeFiles);
    if (!journal.published) {
      const found = journal.intent && (await findExchanged(journal.intent, this.basis(files)));
      const delivery = found ?? (await this.#exchange(files, note));
      await note('published');
      journal.published = delivery;
    }
    const { intent, archived } = journal;
    if (!intent) throw new Error('published without an intent');
    await settle({ ...this.basis(files), intent, archived });
    await note('done');
    journal.done = true;
  }

  async #exchange(files: Files, note: (event: string) => Promise<void>): Promise<Delivery> {
    const { journal } = this;
    const source = await openBelow(this.library, this.relative.split('/'), nodeFiles);
    try {
      return await exchange(this.verified, {
        ...this.basis(files),
        ...{ source, before: journal, signal: new AbortController().signal },
        record: async (event: JobEvent) => {
          await note(event.event);
          if (event.event === 'archiving') journal.archiving = event.data.to;
          if (event.event === 'archived') journal.archived = event.data;
          if (event.event === 'publishing') journal.intent = event.data.intent;
        },
        checkSource: () => this.checkSource(),
      });
    } finally {
      await source.close();
    }
  }

  /** As the daemon does where the job comes to nothing. */
  async abandon(files: Files): Promise<void> {
    await abandon({ ...this.basis(files), before: this.journal, intent: this.journal.intent });
  }

  async checkSource(): Promise<void> {
    const now = await pinOf(this.path, nodeFiles);
    if (now.sizeBytes !== this.pin?.sizeBytes || now.mtimeNs !== this.pin.mtimeNs)
      throw new ShrinkError('changed-underneath', 'the source changed', { subject: this.path });
  }

  async restore(files: Files, note: (event: string) => Promise<void> = async () => {}): Promise<void> {
    const { journal } = this;
    if (journal.restored) return;
    await note('restoring');
    journal.restoring = true;
    const { archived, intent } = journal;
    if (!archived || !intent) throw new Error('nothing to restore');
    await restore({ ...this.basis(files), archived, result: { bytes: intent.bytes, ino: intent.ino } });
    await note('restored');
    journal.restored = true;
  }

  has(path: string, content: Buffer): boolean {
    return existsSync(path) && lstatSync(path).isFile() && readFileSync(path).equals(content);
  }

  /** Whether the original has its place, or the result has and the original is in the archive: what must hold at every moment. */
  get isSafe(): boolean {
    if (this.has(this.path, this.original)) return true;
    if (!this.has(this.resultPath, this.result)) return false;
    return this.archive === undefined || this.inArchive().some(path => this.has(path, this.original));
  }

  inArchive(): string[] {
    return this.archive === undefined ? [] : below(this.archive);
  }

  /** Every file of the library, hidden ones too. */
  seen(): string[] {
    return below(this.library).map(path => path.slice(this.library.length + 1));
  }

  facts(path: string): object {
    const { mode, uid, gid, mtimeMs } = statSync(path);
    return { mode, uid, gid, mtimeMs };
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
    if (this.archive !== undefined) rmSync(this.archive, { recursive: true, force: true });
  }
}

function below(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => lstatSync(path).isFile())
    .sort();
}

export const withLinks = (): Files => nodeFiles;
export const withoutLinks = (): Files => new FailingFiles().fail('link', 'EPERM', { forever: true });

export const CASES: [string, LibraryOptions, () => Files][] = [
  ['another extension, archive on the same disk', { name: 'trips/clip.mov' }, withLinks],
  ['the same name, archive on the same disk', { name: 'trips/clip.mp4' }, withLinks],
  ['the same name in capitals', { name: 'CLIP.MP4' }, withLinks],
  ['another extension, archive on another disk', { name: 'trips/clip.mov', archiveUnder: '/dev/shm' }, withLinks],
  ['the same name, archive on another disk', { name: 'trips/clip.mp4', archiveUnder: '/dev/shm' }, withLinks],
  ['another extension, no links', { name: 'trips/clip.mov' }, withoutLinks],
  ['the same name, no links', { name: 'trips/clip.mp4' }, withoutLinks],
  ['another extension, nothing kept', { name: 'trips/clip.mov', replaces: true }, withLinks],
  ['the same name, nothing kept', { name: 'trips/clip.mp4', replaces: true }, withLinks],
];

export function checkDone(library: LibraryFixture, when: string): void {
  const { relative, resultPath, library: root } = library;
  expect(library.seen(), when).toEqual([resultPath.slice(root.length + 1)]);
  expect(library.has(resultPath, library.result), when).toBe(true);
  const kept = library.archive === undefined ? [] : [`${library.archive}/${relative}`];
  expect(library.inArchive(), when).toEqual(kept);
  for (const path of kept) expect(library.has(path, library.original), when).toBe(true);
}
