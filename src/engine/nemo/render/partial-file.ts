import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { syncDir } from '../../../platform/files/durable.ts';
import { nodeFiles } from '../../../platform/files/files.ts';
import type { Logger } from '../../../platform/log.ts';
import { parseJson } from '../http/json.ts';

/**
 * While the disk keeps up, each piece is written at once: handing pieces to another thread halves the speed of a download
 * (docs/benchmarks.md). A write that took this long means that the disk has fallen behind, and not just that the processor is busy: the
 * next bytes are collected and written in the background, so that nobody else in this process waits for them.
 */
const SLOW_MS = 25;
const BACKGROUND_BYTES = 16 << 20;
/** Size of a background write, and how far the disk may fall behind the network. */
const WRITE_BYTES = 1 << 20;
const MAX_PENDING_BYTES = 8 << 20;
/**
 * Synced while the rest comes in, so that little is left to wait for at the end and the system does not collect gigabytes that block
 * somebody else's write. Further behind than the second, the network waits.
 */
const SYNC_BYTES = 32 << 20;
const MAX_UNSYNCED_BYTES = 128 << 20;

const WRITING = say('nemo.doing-write-download');

interface Begun {
  path: string;
  what: string;
  file: FileHandle;
  bytes: number;
  note: Note;
  monotonic: () => number;
}

/** The file as far as it has come, with what is needed to continue after a cut. */
export class PartialFile {
  readonly path: string;
  readonly #what: string;
  readonly #file: FileHandle;
  readonly #monotonic: () => number;
  /** Received so far: what is in the file and what is waiting to be written. */
  bytes: number;
  total: number | undefined;
  #backgroundUntil = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #syncedBytes = 0;
  #syncing: Promise<void> | undefined;
  #failure: ShrinkError | undefined;
  #isLost = false;
  #validator: string | undefined;

  private constructor({ path, what, file, bytes, note, monotonic }: Begun) {
    this.path = path;
    this.#what = what;
    this.#file = file;
    this.#monotonic = monotonic;
    this.bytes = bytes;
    this.total = note.total;
    this.#validator = note.validator;
  }

  /** @param what identifies the content: a partial file of something else is not continued. */
  static async open(
    path: string,
    what: string,
    monotonic: () => number = () => performance.now(),
  ): Promise<PartialFile> {
    try {
      const found = parseNote(await readFile(`${path}.json`, 'utf8').catch(() => ''));
      const note = found.of === what ? found : {};
      const existing = await open(path, 'a+', 0o600);
      const { size } = await existing.stat();
      await existing.close();
      const bytes = note.validator === undefined ? 0 : size;
      const file = await open(path, bytes > 0 ? 'r+' : 'w+', 0o600);
      return new PartialFile({ path, what, file, bytes, note, monotonic });
    } catch (error) {
      throw fileError(error, say('nemo.doing-open-download'), path);
    }
  }

  /** Empty if there is nothing to continue, or no way to tell that it is still the same file. */
  rangeHeaders(): Record<string, string> {
    if (this.bytes === 0 || this.#validator === undefined) return {};
    return { range: `bytes=${this.bytes}-`, 'if-range': this.#validator };
  }

  /** Takes the head of an answer; anything except the wanted range starts over. */
  async begin(status: number, headers: Record<string, string>): Promise<void> {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
    if (status === 206) {
      const total = range?.[2] === '*' || range === null ? undefined : Number(range[2]);
      if (
        !range ||
        Number(range[1]) !== this.bytes ||
        this.#isOther(headers) ||
        (this.total !== undefined && total !== undefined && total !== this.total)
      ) {
        await this.restart();
        throw new ShrinkError('unreachable', say('nemo.download-restarts'));
      }
      this.total = total ?? this.total;
      return;
    }
    await this.restart();
    const length = headers['content-length'];
    this.total = length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
    const { etag } = headers;
    // A weak tag does not promise the same bytes.
    this.#validator = etag !== undefined && !etag.startsWith('W/') ? etag : headers['last-modified'];
    await this.#note();
  }

  /** Some servers send the range of whatever is there now, whatever was requested. */
  #isOther(headers: Record<string, string>): boolean {
    const seen = this.#validator?.startsWith('"') ? headers['etag']?.replace(/^W\//, '') : headers['last-modified'];
    return seen !== undefined && seen !== this.#validator;
  }

  /** Takes a piece; it is in the file after the next `flush`. @returns a promise to wait for if the disk falls behind. */
  append(chunk: Buffer): Promise<void> | undefined {
    if (this.#failure) throw this.#failure;
    const isBehind = this.#writing !== undefined || this.#waitingBytes > 0;
    if (!isBehind && this.bytes >= this.#backgroundUntil) {
      this.#writeAtOnce(chunk);
      return this.#syncNow();
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.bytes += chunk.length;
    if (this.#waitingBytes < WRITE_BYTES) return undefined;
    const writing = this.#write();
    return this.#waitingBytes < MAX_PENDING_BYTES ? undefined : writing;
  }

  #writeAtOnce(chunk: Buffer): void {
    const since = this.#monotonic();
    try {
      for (let written = 0; written < chunk.length; ) {
        written += writeSync(this.#file.fd, chunk, written, chunk.length - written, this.bytes + written);
      }
    } catch (error) {
      this.#failure = fileError(error, WRITING, this.path);
      throw this.#failure;
    }
    this.bytes += chunk.length;
    if (this.#monotonic() - since > SLOW_MS) this.#backgroundUntil = this.bytes + BACKGROUND_BYTES;
  }

  /** Resolves once everything received is in the file. @throws ShrinkError the error that writing failed with. */
  async flush(): Promise<void> {
    while (this.#waitingBytes > 0 || this.#writing) await this.#write();
  }

  /**
   * One write at a time, so that the file never has a hole however it ends; the next write takes what comes in meanwhile,
   * and the network continues while the disk writes.
   */
  #write(): Promise<void> {
    this.#writing ??= this.#writeWaiting().finally(() => {
      this.#writing = undefined;
    });
    // Whoever waits for it gets the error.
    this.#writing.catch(() => {});
    return this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    const chunks = this.#waiting;
    const bytes = this.#waitingBytes;
    const at = this.bytes - bytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      await writeWhole(this.#file, chunks, bytes, at);
      await this.#syncNow();
    } catch (error) {
      this.#failure ??= fileError(error, WRITING, this.path);
    }
    if (this.#failure) throw this.#failure;
  }

  /** @returns a promise to wait for if too much is not on the disk yet. */
  #syncNow(): Promise<void> | undefined {
    const written = this.bytes - this.#waitingBytes;
    const unsynced = written - this.#syncedBytes;
    if (unsynced < SYNC_BYTES || this.#isLost) return undefined;
    this.#syncing ??= this.#sync(written);
    return unsynced < MAX_UNSYNCED_BYTES ? undefined : this.#syncing;
  }

  /** Never rejects: the next caller gets the error. */
  async #sync(upTo: number): Promise<void> {
    try {
      await this.#durably(() => this.#file.datasync());
      this.#syncedBytes = upTo;
    } catch (error) {
      this.#failure ??= fileError(error, WRITING, this.path);
    } finally {
      this.#syncing = undefined;
    }
  }

  /** A disk reports lost data only once and then reads as if all were well: such a file must not be continued. */
  async #durably(sync: () => Promise<void>): Promise<void> {
    try {
      await sync();
    } catch (error) {
      this.#isLost = true;
      throw error;
    }
  }

  async start(): Promise<Buffer> {
    try {
      return (await this.#file.read(Buffer.alloc(16), 0, 16, 0)).buffer;
    } catch (error) {
      throw fileError(error, say('nemo.doing-read-download'), this.path);
    }
  }

  async restart(): Promise<void> {
    await this.#syncing;
    this.bytes = 0;
    this.#syncedBytes = 0;
    this.total = undefined;
    this.#validator = undefined;
    try {
      await this.#file.truncate(0);
      await rm(`${this.path}.json`, { force: true });
    } catch (error) {
      throw fileError(error, say('nemo.doing-restart-download'), this.path);
    }
  }

  /** Durable under its own name. */
  async publish(path: string, log: Logger): Promise<void> {
    await this.#syncing;
    if (this.#failure) throw this.#failure;
    try {
      await this.#durably(() => this.#file.sync());
      await rename(this.path, path);
      await rm(`${this.path}.json`, { force: true });
      await syncDir(dirname(path), nodeFiles, log);
    } catch (error) {
      throw fileError(error, say('nemo.doing-keep-download'), path);
    }
  }

  async close(): Promise<void> {
    await this.#syncing;
    await this.#file.close();
    if (!this.#isLost) return;
    await rm(this.path, { force: true });
    await rm(`${this.path}.json`, { force: true });
  }

  async #note(): Promise<void> {
    if (this.#validator === undefined) return;
    try {
      await writeFile(
        `${this.path}.json`,
        JSON.stringify({ of: this.#what, total: this.total, validator: this.#validator }),
        {
          mode: 0o600,
        },
      );
    } catch (error) {
      throw fileError(error, WRITING, this.path);
    }
  }
}

async function writeWhole(file: FileHandle, chunks: Buffer[], bytes: number, at: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks, at);
  if (bytesWritten === bytes) return;
  // A nearly full disk may take only a part; writing the rest succeeds or reports the error.
  const rest = Buffer.concat(chunks, bytes);
  for (let written = bytesWritten; written < bytes; ) {
    written += (await file.write(rest, written, bytes - written, at + written)).bytesWritten;
  }
}

type Note = { of?: string; total?: number; validator?: string };

function parseNote(text: string): Note {
  const note = parseJson(text);
  return typeof note === 'object' && note !== null && !Array.isArray(note) ? (note as Note) : {};
}
