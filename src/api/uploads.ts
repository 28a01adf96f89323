/**
 * Files added on the page. They are written under a hidden name in the inbox and get their own name, without replacing another
 * file, once they are complete: to the watcher they are files like any other. One may come in parts, over several connections.
 */
import { randomBytes } from 'node:crypto';
import { ShrinkError } from '../core/errors.ts';
import { extensionOf } from '../core/file-names.ts';
import { MAX_INSTRUCTION } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { safePart } from '../deliver/safe-names.ts';
import { reasonToIgnoreFile } from '../inbox/ignored-names.ts';
import { say } from '../messages/say.ts';
import { orAborted } from '../platform/async.ts';
import { type Files, nodeFiles } from '../platform/files/files.ts';
import { diskSpace, fullOfWhat, type MinFree, missingBytes } from '../platform/files/space.ts';
import type { Logger } from '../platform/log.ts';
import { Tally } from './connections.ts';
import type { UploadProgress } from './types.ts';
import { inFolder, UploadFile } from './upload-file.ts';
import type { UploadRecords } from './upload-records.ts';

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

export interface Uploaded {
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
  /** How long an upload in parts waits for its next part, milliseconds. */
  parkedMs?: number;
  /** Absent: an upload in parts ends with the daemon. */
  records?: UploadRecords;
}

interface LeastRate {
  bytes: number;
  inMs: number;
}

/** About 17 kB/s; a sender below that would hold one of the few places for days. */
const LEAST: LeastRate = { bytes: 2 ** 20, inMs: 60_000 };

const SILENCE_MS = 60_000;
/** A phone may be out of reach for a while. */
const PARKED_MS = 3600_000;
/** Uploads in parts that were begun, in all and from one address. */
const MAX_BEGUN = 64;
const BEGUN_PER_ADDRESS = 16;
const MAX_AT_ONCE = 8;
/** The page sends one file after another; the rest is for others. */
const PER_ADDRESS = 4;
/** Characters of a refused name that the refusal shows. */
const MAX_NAMED = 60;
/** Free space is checked again after this many bytes: others fill the disk as well. */
const CHECK_SPACE_BYTES = 64 * 2 ** 20;

/** A file on its way. */
interface Incoming extends Required<Pick<UploadRequest, 'inbox' | 'name' | 'words'>> {
  file: UploadFile;
  bytes: number | undefined;
}

/** An upload in parts. */
interface Begun {
  incoming: Incoming & { bytes: number };
  /** Once it is in the inbox: who did not hear the answer may ask again. */
  given?: Uploaded;
  /** The part that arrives right now. */
  arriving?: { stop: AbortController; over: Promise<unknown> };
  /** Monotonic. */
  atMs: number;
  /** Gives its place back; may be called twice. */
  forget(): void;
  timer?: NodeJS.Timeout;
}

export class Uploads {
  readonly #options: UploadsOptions;
  readonly #files: Files;
  /** What arrives right now: the bytes still to come are as good as used. */
  readonly #underWay = new Set<Incoming>();
  readonly #senders = new Tally();
  readonly #begun = new Map<string, Begun>();
  readonly #beginners = new Tally();
  /** Uploads of the daemon before that are being opened. */
  readonly #opening = new Map<string, Promise<Begun | undefined>>();
  #isClosing = false;

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
  async put({ body, address, ...request }: UploadRequest): Promise<Uploaded> {
    const name = this.#checked(request);
    const leave = this.#enter(address);
    try {
      const incoming = await this.#create({ ...request, name });
      try {
        await this.#receive(incoming, body);
        this.#mustBeWhole(incoming);
      } catch (error) {
        await incoming.file.drop();
        throw error;
      }
      return await this.#publish(incoming);
    } finally {
      leave();
    }
  }

  /** Begins an upload in parts. @throws ShrinkError as `put` */
  async begin({ address = '', ...request }: Omit<UploadRequest, 'body'> & { bytes: number }): Promise<UploadProgress> {
    const name = this.#checked(request);
    if (request.bytes === 0) throw refused(say('api.upload-empty'));
    const isFull = () =>
      this.#beginners.total >= MAX_BEGUN || (address !== '' && this.#beginners.of(address) >= BEGUN_PER_ADDRESS);
    if (isFull()) await this.#abandonUnused();
    if (isFull()) {
      throw new ShrinkError('unavailable', say('api.too-many-uploads'), { hint: say('api.try-later') });
    }
    const forget = this.#beginners.add(address);
    try {
      const incoming = await this.#create({ ...request, name });
      const id = randomBytes(16).toString('hex');
      this.#begun.set(id, { incoming: { ...incoming, bytes: request.bytes }, atMs: performance.now(), forget });
      this.#park(id);
      await this.#remember(id, { ...incoming, bytes: request.bytes });
      return { id, offset: 0, bytes: request.bytes, file: null };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** How much of it is there. A part that is still arriving ends: its sender has lost the connection. */
  async progress(id: string): Promise<UploadProgress | undefined> {
    const begun = await this.#find(id);
    if (!begun) return undefined;
    begun.arriving?.stop.abort(
      this.#isClosing
        ? new ShrinkError('unavailable', say('queue.admission-stopped'))
        : refused(say('api.upload-taken-over')),
    );
    await begun.arriving?.over;
    return progressOf(id, begun);
  }

  /**
   * The next part, as far as it comes; after the last one, the file is in the inbox.
   * @returns the progress; `isNext` is false if the part does not begin where the last one ended, and nothing was done
   * @throws ShrinkError as `put`; what has arrived stays, unless the file could not get its name
   */
  async append(
    id: string,
    { offset, body, address }: Pick<UploadRequest, 'body' | 'address'> & { offset: number },
  ): Promise<{ isNext: boolean; progress: UploadProgress } | undefined> {
    const begun = await this.#find(id);
    if (!begun) return undefined;
    // Of several who have waited for the same part to end, one is next; whoever ended the upload meanwhile was first.
    do await this.progress(id);
    while (begun.arriving);
    if (this.#begun.get(id) !== begun) return undefined;
    const isNext = !begun.given && begun.incoming.file.size === offset;
    if (!isNext) return { isNext, progress: progressOf(id, begun) };
    const leave = this.#enter(address);
    clearTimeout(begun.timer);
    const stop = new AbortController();
    const work = this.#take(id, begun, { body, signal: stop.signal });
    begun.arriving = { stop, over: work.catch(() => {}) };
    try {
      await work;
    } finally {
      delete begun.arriving;
      leave();
      this.#park(id);
    }
    return { isNext, progress: progressOf(id, begun) };
  }

  async #take(
    id: string,
    begun: Begun,
    { body, signal }: { body: UploadRequest['body']; signal: AbortSignal },
  ): Promise<void> {
    const { incoming } = begun;
    await this.#receive(incoming, body, signal);
    if (incoming.file.size < incoming.bytes) return;
    try {
      begun.given = await this.#publish(incoming);
      void this.#options.records?.remove(id);
      // What is remembered of it takes nobody's place.
      begun.forget();
    } catch (error) {
      this.#forget(id, begun);
      throw error;
    }
  }

  /** Ends an upload in parts, and removes what has arrived. @returns whether there was one */
  async abandon(id: string): Promise<boolean> {
    const begun = await this.#find(id);
    if (!begun) return false;
    // A part that had waited for the one before may have begun meanwhile.
    do await this.progress(id);
    while (begun.arriving);
    if (this.#begun.get(id) !== begun) return true;
    this.#forget(id, begun);
    if (!begun.given) await begun.incoming.file.drop();
    return true;
  }

  /** What is not whole goes on with the next daemon, or is removed where nothing can be remembered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#begun.keys()].map(id => this.#leave(id)));
  }

  async #leave(id: string): Promise<void> {
    const begun = this.#begun.get(id);
    if (!begun || begun.given || !(await this.#options.records?.find(id))) return void (await this.abandon(id));
    do await this.progress(id);
    while (begun.arriving);
    if (this.#begun.get(id) !== begun || begun.given) return;
    clearTimeout(begun.timer);
    this.#begun.delete(id);
    begun.forget();
    await begun.incoming.file.leave();
  }

  async #remember(id: string, { file, inbox, name, words, bytes }: Begun['incoming']): Promise<void> {
    const { records } = this.#options;
    if (!records) return;
    const part = await file.identity().catch(() => undefined);
    if (part) await records.save(id, { inbox, name, words, bytes, part });
  }

  /** One of this daemon, or of the one before it. */
  async #find(id: string): Promise<Begun | undefined> {
    const { records } = this.#options;
    const begun = this.#begun.get(id);
    if (begun || !records || this.#isClosing) return begun;
    let opening = this.#opening.get(id);
    if (!opening) {
      opening = this.#openAgain(id, records).finally(() => this.#opening.delete(id));
      this.#opening.set(id, opening);
    }
    return opening;
  }

  async #openAgain(id: string, records: UploadRecords): Promise<Begun | undefined> {
    const found = await records.find(id);
    if (!found) return undefined;
    const { inbox, name, words, bytes } = found;
    const { log, mustBeMounted, inboxes } = this.#options;
    // Waited for: it is not said to be unknown only because its disk is away.
    if (inboxes().includes(inbox)) await mustBeMounted?.(inbox);
    const file = inboxes().includes(inbox) ? await UploadFile.again(found, { files: this.#files, log }) : undefined;
    if (!file || file.size >= bytes) {
      await file?.drop();
      await records.remove(id);
      return undefined;
    }
    const incoming = { file, inbox, name, words, bytes };
    const begun: Begun = { incoming, atMs: performance.now(), forget: this.#beginners.add('') };
    this.#begun.set(id, begun);
    this.#park(id);
    log.info({ file: name, inbox, bytes: file.size }, 'an upload goes on after the restart');
    return begun;
  }

  /** Whoever begins and then sends nothing keeps nobody else out for long. */
  async #abandonUnused(): Promise<void> {
    const { silenceMs = SILENCE_MS } = this.#options;
    const before = performance.now() - silenceMs;
    for (const [id, { incoming, arriving, atMs }] of [...this.#begun]) {
      if (incoming.file.size === 0 && !arriving && atMs <= before) await this.abandon(id);
    }
  }

  #park(id: string): void {
    const begun = this.#begun.get(id);
    if (!begun) return;
    const { parkedMs = PARKED_MS } = this.#options;
    begun.timer = setTimeout(() => void this.abandon(id), parkedMs).unref();
  }

  #forget(id: string, begun: Begun): void {
    clearTimeout(begun.timer);
    this.#begun.delete(id);
    begun.forget();
    void this.#options.records?.remove(id);
  }

  /** @returns the name it will have @throws ShrinkError bad-request, bad-name */
  #checked({ inbox, name, words = '' }: Pick<UploadRequest, 'inbox' | 'name' | 'words'>): string {
    if (!this.#options.inboxes().includes(inbox)) throw refused(say('api.no-such-inbox'));
    if (words.length > MAX_INSTRUCTION) throw refused(say('rules.words-too-long', { max: MAX_INSTRUCTION }));
    if (words.includes('\0')) throw refused(say('api.words-not-text'));
    return nameFor(name);
  }

  #enter(address = ''): () => void {
    if (this.#senders.total >= MAX_AT_ONCE || (address && this.#senders.of(address) >= PER_ADDRESS)) {
      throw new ShrinkError('unavailable', say('api.too-many-uploads'), { hint: say('api.try-later') });
    }
    return this.#senders.add(address);
  }

  async #create({ inbox, name, words = '', bytes }: Omit<UploadRequest, 'body' | 'address'>): Promise<Incoming> {
    const { mustBeMounted, log } = this.#options;
    await mustBeMounted?.(inbox);
    await this.#mustFit(inbox, bytes ?? 0);
    const file = await this.#inWords(inbox, UploadFile.create(inbox, { files: this.#files, log }));
    return { file, inbox, name, words: words.trim(), bytes };
  }

  async #receive(incoming: Incoming, body: UploadRequest['body'], signal?: AbortSignal): Promise<void> {
    const { file, inbox, bytes } = incoming;
    this.#underWay.add(incoming);
    try {
      await this.#mustFit(inbox, 0);
      for await (const chunk of alive(body, { ...this.#options, signal })) {
        if (bytes !== undefined && file.size + chunk.length > bytes) throw refused(say('api.upload-too-long'));
        const before = file.size;
        await file.write(chunk);
        const isDue = Math.floor(file.size / CHECK_SPACE_BYTES) > Math.floor(before / CHECK_SPACE_BYTES);
        if (isDue) await this.#mustFit(inbox, 0);
      }
    } finally {
      this.#underWay.delete(incoming);
    }
  }

  #mustBeWhole({ file, bytes }: Incoming): void {
    if (bytes !== undefined && file.size < bytes) throw refused(say('api.upload-too-short'));
    if (file.size === 0) throw refused(say('api.upload-empty'));
  }

  async #publish({ file, inbox, name, words }: Incoming): Promise<Uploaded> {
    const bytes = file.size;
    const given = await this.#inWords(inbox, file.publish(name, words));
    this.#options.log.info({ file: given.name, inbox, bytes }, 'a file was added on the page');
    return { path: given.path, name: given.name, bytes };
  }

  /** A disk without room is full of bytes or of files. */
  async #inWords<T>(inbox: string, act: Promise<T>): Promise<T> {
    try {
      return await act;
    } catch (error) {
      throw await fullOfWhat(error, [inbox], this.#files);
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
    let all = 0;
    for (const { inbox: into, bytes = 0, file } of this.#underWay)
      if (into === inbox) all += Math.max(0, bytes - file.size);
    return all;
  }
}

function progressOf(id: string, { incoming: { file, bytes }, given }: Begun): UploadProgress {
  return { id, offset: given ? bytes : file.size, bytes, file: given ?? null };
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

function refused(message: Sentence): ShrinkError {
  return new ShrinkError('bad-request', message);
}

/** The same chunks, with an error when none arrives for `silenceMs`, or too little over a longer time. */
async function* alive(
  body: AsyncIterable<Uint8Array>,
  {
    silenceMs = SILENCE_MS,
    least = LEAST,
    signal,
  }: Pick<UploadsOptions, 'silenceMs' | 'least'> & { signal?: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let [waitedMs, bytes] = [0, 0];
  try {
    for (;;) {
      const since = performance.now();
      const next = await orAborted(within(chunks.next(), silenceMs), signal);
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
