/**
 * Files added on the page. They are written under a hidden name in the inbox and get their own name, without replacing another
 * file, once they are complete: to the watcher they are files like any other.
 */
import { randomBytes } from 'node:crypto';
import { isShrinkError, ShrinkError } from '../core/errors.ts';
import { extensionOf } from '../core/file-names.ts';
import type { Pin } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { moveWithoutOverwriting } from '../deliver/atomic-publish.ts';
import { numbered, safePart } from '../deliver/safe-names.ts';
import { reasonToIgnoreFile, sidecarNameOf } from '../inbox/ignored-names.ts';
import { say } from '../messages/say.ts';
import { type HeldFile, type HeldFolder, openFolder } from '../platform/files/door.ts';
import { createDurably, syncHandle, writeAll } from '../platform/files/durable.ts';
import { Entry, holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, type Files, nodeFiles, type OpenFile, pinFrom } from '../platform/files/files.ts';
import { diskSpace, type MinFree, missingBytes } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import { Tally } from './connections.ts';

export interface UploadRequest {
  /** Absolute path of one of the inboxes. */
  inbox: string;
  /** The file's name on the person's machine. */
  name: string;
  /** The instruction for it; becomes the file's sidecar. */
  words?: string;
  /** As announced; absent if the sender does not know. */
  bytes?: number;
  body: AsyncIterable<Uint8Array>;
  /** Where it comes from; absent on the control socket. */
  address?: string;
}

interface Uploaded {
  path: string;
  name: string;
  bytes: number;
}

export interface UploadsOptions {
  /** Absolute paths; read each time, because a reload may change them. */
  inboxes: () => readonly string[];
  /** Also read each time. */
  minFree: () => MinFree;
  /** Rejects with `unavailable` while the disk of the inbox is not mounted; absent: any folder will do. */
  mustBeMounted?: (inbox: string) => Promise<unknown>;
  log: Logger;
  files?: Files;
  /** A sender that sends nothing for this long is gone, milliseconds. */
  silenceMs?: number;
  /** What must arrive while we wait for that long in all; only waiting for the sender counts, not our disk. */
  least?: LeastRate;
}

/** A file that is whole under its hidden name. */
interface Written {
  temp: Entry;
  held: HeldFile;
  /** What it is to be called, and its instruction; empty: none. */
  name: string;
  words: string;
}

interface LeastRate {
  bytes: number;
  inMs: number;
}

/** About 17 kB/s; a sender below that would hold one of the few places for days. */
const LEAST: LeastRate = { bytes: 2 ** 20, inMs: 60_000 };

const SILENCE_MS = 60_000;
const MAX_WORDS = 4000;
const MAX_AT_ONCE = 8;
/** The page sends one file after another; the rest is for others. */
const PER_ADDRESS = 4;
const MAX_NAMES = 1000;
/** Characters of a refused name that the refusal shows. */
const MAX_NAMED = 60;
/** Free space is checked again after this many bytes: others fill the disk as well. */
const CHECK_SPACE_BYTES = 64 * 2 ** 20;
const TEMP = /^\.shrinkbox-drop-[0-9a-f]{16}\.part$/;
/** A temporary file that nobody has written to for this long belongs to a daemon that was killed. */
const STALE_MS = 3600_000;

/** Removes leftovers of uploads to a daemon that was killed. A folder that is not available is skipped. */
export async function sweepUploads(inboxes: readonly string[], now: number, files: Files = nodeFiles): Promise<void> {
  for (const inbox of inboxes) {
    await holding(openFolder(inbox, [], files), folder => sweep(folder, now)).catch(() => {});
  }
}

async function sweep(inbox: HeldFolder, now: number): Promise<void> {
  for (const { name } of (await inbox.list()).filter(each => TEMP.test(each.name))) {
    const temp = new Entry(inbox, name);
    const found = await temp.lstat().catch(() => undefined);
    if (found && now - Number(found.mtimeMs) > STALE_MS) await temp.unlinkQuietly();
  }
}

export class Uploads {
  readonly #options: UploadsOptions;
  readonly #files: Files;
  /** Bytes announced and not yet written, by temporary name: they are as good as used. */
  readonly #underWay = new Map<string, { inbox: string; bytes: number }>();

  readonly #senders = new Tally();

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#files = options.files ?? nodeFiles;
  }

  /** Where files can be added, and the bytes that still fit (null if the disk does not report it). */
  async inboxes(): Promise<{ inbox: string; free_bytes: number | null }[]> {
    return Promise.all(this.#options.inboxes().map(async inbox => ({ inbox, free_bytes: await this.#room(inbox) })));
  }

  /**
   * Resolves when the file is durable under its name.
   * @throws ShrinkError bad-request, bad-name, no-space, unavailable, io, ...: then nothing of it remains under a name of ours.
   */
  async put(request: UploadRequest): Promise<Uploaded> {
    const { inbox, words = '' } = request;
    if (!this.#options.inboxes().includes(inbox)) throw refused(say('api.no-such-inbox'));
    if (words.length > MAX_WORDS) throw refused(say('api.instruction-too-long', { max: MAX_WORDS }));
    const name = nameFor(request.name);
    const end = this.#begin(request.address);
    const temp = `.shrinkbox-drop-${randomBytes(8).toString('hex')}.part`;
    this.#underWay.set(temp, { inbox, bytes: request.bytes ?? 0 });
    try {
      await this.#options.mustBeMounted?.(inbox);
      await this.#mustFit(inbox, 0);
      return await holding(
        inFolder(inbox, () => openFolder(inbox, [], this.#files)),
        async folder => {
          const { held, bytes } = await this.#write(new Entry(folder, temp), request, name);
          const publishing = this.#publish({ temp: new Entry(folder, temp), held, name, words: words.trim() });
          const given = await publishing.finally(() => held.close().catch(() => {}));
          this.#options.log.info({ file: given.name, inbox, bytes }, 'a file was added on the page');
          return { path: given.path, name: given.name, bytes };
        },
      );
    } finally {
      this.#underWay.delete(temp);
      end();
    }
  }

  #begin(address = ''): () => void {
    if (this.#senders.total >= MAX_AT_ONCE || (address && this.#senders.of(address) >= PER_ADDRESS)) {
      throw new ShrinkError('unavailable', say('api.too-many-uploads'), { hint: say('api.try-later') });
    }
    return this.#senders.add(address);
  }

  /** @returns the file that was written, held open: by now its hidden name may lead to somebody else's. */
  async #write(temp: Entry, request: UploadRequest, name: string): Promise<{ held: HeldFile; bytes: number }> {
    const { path } = temp;
    const file = await inFolder(path, () => temp.create());
    let held: HeldFile | undefined;
    let pin: Pin | undefined;
    try {
      pin = pinFrom(await inFolder(path, () => file.stat()));
      const bytes = await this.#receive(file, temp, request);
      await inFolder(path, () => syncHandle(file, path, this.#options.log));
      held = await inFolder(path, () => openWritten(temp, pin, name));
      await inFolder(path, () => file.close());
      return { held, bytes };
    } catch (error) {
      await removeOurs(temp, pin);
      await held?.close().catch(() => {});
      await file.close().catch(() => {});
      throw error;
    }
  }

  /** @returns the bytes that were written, at least one. */
  async #receive(file: OpenFile, temp: Entry, request: UploadRequest): Promise<number> {
    let done = 0;
    for await (const chunk of alive(request.body, this.#options)) {
      const before = done;
      done = await inFolder(temp.path, () =>
        writeAll(file, Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), before),
      );
      if (request.bytes !== undefined) {
        if (done > request.bytes) throw refused(say('api.upload-too-long'));
        this.#underWay.set(temp.name, { inbox: request.inbox, bytes: request.bytes - done });
      }
      if (Math.floor(done / CHECK_SPACE_BYTES) > Math.floor(before / CHECK_SPACE_BYTES))
        await this.#mustFit(request.inbox, 0);
    }
    if (request.bytes !== undefined && done < request.bytes) throw refused(say('api.upload-too-short'));
    if (done === 0) throw refused(say('api.upload-empty'));
    return done;
  }

  /** The instruction first: the watcher may see the file the moment it has its name. */
  async #publish({ temp, held, name, words }: Written): Promise<Entry> {
    const { folder } = temp;
    try {
      for (let n = 1; n <= MAX_NAMES; n += 1) {
        const given = new Entry(folder, numbered(name, n));
        const sidecar = new Entry(folder, sidecarNameOf(given.name));
        if (words && !(await inFolder(sidecar.path, () => this.#writeWords(sidecar, words)))) continue;
        const moved = await inFolder(temp.path, () => moveWithoutOverwriting(temp, given, { file: held }));
        if (moved === 'moved') {
          await inFolder(folder.path, () => folder.sync(this.#options.log));
          return given;
        }
        if (words) await sidecar.unlinkQuietly();
        if (moved === 'exchanged') throw exchangedUpload(temp, name);
      }
      throw new ShrinkError('bad-name', say('api.name-taken', { name }), { hint: say('api.rename-upload') });
    } catch (error) {
      await removeOurs(temp, held.pin);
      throw error;
    }
  }

  /** False if a file of that name already exists. */
  async #writeWords(sidecar: Entry, words: string): Promise<boolean> {
    try {
      await createDurably(sidecar, `${words}\n`, { log: this.#options.log });
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    }
  }

  async #mustFit(inbox: string, more: number): Promise<void> {
    const disk = await inFolder(inbox, () => diskSpace(inbox, this.#files));
    const missing = missingBytes(disk, this.#announced(inbox), this.#options.minFree(), more);
    if (missing === 0) return;
    throw new ShrinkError('no-space', say('api.upload-too-big', { bytes: missing }), {
      subject: inbox,
      hint: say('api.free-inbox'),
    });
  }

  async #room(inbox: string): Promise<number | null> {
    try {
      const disk = await diskSpace(inbox, this.#files);
      if (disk.totalBytes === 0) return null;
      const minFree = this.#options.minFree();
      const floor = Math.max(minFree.bytes, Math.ceil(minFree.share * disk.totalBytes));
      return Math.max(0, disk.freeBytes - this.#announced(inbox) - floor);
    } catch {
      return 0;
    }
  }

  #announced(inbox: string): number {
    let bytes = 0;
    for (const upload of this.#underWay.values()) if (upload.inbox === inbox) bytes += upload.bytes;
    return bytes;
  }
}

/**
 * The name an added file gets, before it is made unique.
 * @throws ShrinkError bad-name if it has no extension, or the watcher would ignore it.
 */
export function nameFor(name: string): string {
  // Some browsers send the whole path; the last part is the name.
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const safe = safePart(last, { portable: true });
  // `..` and `NUL` become harmless names, but of what?
  if (extensionOf(safe) === '') {
    const message = say('api.name-without-extension', { name: last.slice(0, MAX_NAMED) });
    throw new ShrinkError('bad-name', message, { hint: say('api.rename-upload') });
  }
  const ignored = reasonToIgnoreFile(safe);
  if (ignored) {
    throw new ShrinkError('bad-name', say('api.name-ignored', { name: safe, why: ignored }), {
      hint: say('api.rename-upload'),
    });
  }
  if (/(?<!\.url)\.txt$/i.test(safe)) {
    throw new ShrinkError('bad-name', say('api.text-file'), { hint: say('api.text-file-hint') });
  }
  return safe;
}

/** Opens what was written by its hidden name. @throws ShrinkError `io` if another file has that name by now. */
async function openWritten(temp: Entry, written: Pin | undefined, name: string): Promise<HeldFile> {
  const held = await temp.open().catch((error: unknown) => {
    throw isShrinkError(error, 'changed-underneath') ? exchangedUpload(temp, name) : error;
  });
  if (isSameInode(held.pin, written)) return held;
  await held.close().catch(() => {});
  throw exchangedUpload(temp, name);
}

/** Removes the hidden name after something else went wrong, unless another file has it by now: that one is not ours. */
async function removeOurs(temp: Entry, written: Pin | undefined): Promise<void> {
  const now = await temp.lstat().catch(() => undefined);
  if (now && isSameInode(pinFrom(now), written)) await temp.unlinkQuietly();
}

/** Size and times change while a file is written. */
function isSameInode(one: Pin, other: Pin | undefined): boolean {
  return one.dev === other?.dev && one.ino === other.ino;
}

function exchangedUpload(temp: Entry, name: string): ShrinkError {
  const hint = say('api.upload-exchanged-hint');
  return new ShrinkError('io', say('api.upload-exchanged', { name }), { subject: temp.path, hint });
}

function refused(message: Sentence): ShrinkError {
  return new ShrinkError('bad-request', message);
}

async function inFolder<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, say('api.adding-file', { path }), path);
  }
}

/** The same chunks, with an error when none arrives for `silenceMs`, or too little over a longer time. */
async function* alive(
  body: AsyncIterable<Uint8Array>,
  { silenceMs = SILENCE_MS, least = LEAST }: Pick<UploadsOptions, 'silenceMs' | 'least'>,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let [waitedMs, bytes] = [0, 0];
  try {
    for (;;) {
      const since = performance.now();
      const next = await within(chunks.next(), silenceMs);
      if (next.done) return;
      waitedMs += performance.now() - since;
      bytes += next.value.length;
      if (waitedMs >= least.inMs) {
        if (bytes < least.bytes) throw new ShrinkError('timed-out', say('api.upload-too-slow'));
        [waitedMs, bytes] = [0, 0];
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a hanging sender would hang us.
    void chunks.return?.().catch(() => {});
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new ShrinkError('timed-out', say('api.upload-silent'))), ms);
    promise
      .then(resolve, () => reject(refused(say('api.upload-cut'))))
      .finally(() => {
        clearTimeout(timer);
      });
  });
}
