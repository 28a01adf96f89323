import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError } from '../../../platform/files/file-error.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { syncDir } from '../../../platform/files/durable.ts';
import { nodeFiles } from '../../../platform/files/files.ts';
import type { Logger } from '../../../platform/log.ts';
import { parseJson } from '../http/json.ts';

/**
 * While the disk takes what comes at once, it is written at once: with pieces handed to another thread a download had 0.41 to 0.72 of
 * curl's speed, so it has about as much, 0.8 to 1.1 (npm run bench:nemo). A write that took this long shows a disk that is behind, and not just
 * a busy processor: so many bytes from there on are collected and written beside, so that nobody else in this process waits for it.
 */
const SLOW_MS = 25;
const BESIDE_BYTES = 16 << 20;
/** What is written beside goes in pieces of this size; the disk may be this far behind the network. */
const WRITE_BYTES = 1 << 20;
const MAX_PENDING_BYTES = 8 << 20;
/**
 * The disk is told to keep what came while the rest comes, so that little is left to wait for at the end (150 of 850 ms of 500 MB here)
 * and the system does not collect gigabytes that somebody's write then has to wait for. Further behind than the second, the network waits.
 */
const SYNC_BYTES = 32 << 20;
const MAX_UNSYNCED_BYTES = 128 << 20;

/** The file as far as it came, with what is needed to go on after a cut. */
export class PartialFile {
  readonly path: string;
  readonly #of: string;
  readonly #file: FileHandle;
  readonly #monotonic: () => number;
  /** Taken so far: what is in the file and what waits to be. */
  bytes: number;
  total: number | undefined;
  #besideUntil = 0;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #syncedBytes = 0;
  #syncing: Promise<void> | undefined;
  #failure: ShrinkError | undefined;
  #isLost = false;
  #validator: string | undefined;

  private constructor(path: string, of: string, file: FileHandle, bytes: number, note: Note, monotonic: () => number) {
    this.#monotonic = monotonic;
    this.path = path;
    this.#of = of;
    this.#file = file;
    this.bytes = bytes;
    this.total = note.total;
    this.#validator = note.validator;
  }

  /** `of` is what is being fetched: what was begun of something else is not gone on with. */
  static async open(path: string, of: string, monotonic: () => number = () => performance.now()): Promise<PartialFile> {
    try {
      const found = parseNote(await readFile(`${path}.json`, 'utf8').catch(() => ''));
      const note = found.of === of ? found : {};
      const file = await open(path, 'a+', 0o600);
      const { size } = await file.stat();
      await file.close();
      const kept = note.validator === undefined ? 0 : size;
      const handle = await open(path, kept > 0 ? 'r+' : 'w+', 0o600);
      return new PartialFile(path, of, handle, kept, note, monotonic);
    } catch (error) {
      throw fileError(error, 'opening the download', path);
    }
  }

  /** Empty where there is nothing to go on from, or no way to tell that it is still the same file. */
  rangeHeaders(): Record<string, string> {
    if (this.bytes === 0 || this.#validator === undefined) return {};
    return { range: `bytes=${this.bytes}-`, 'if-range': this.#validator };
  }

  /** Takes over what the head of an answer says; anything but the wanted range starts again. */
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
        throw new ShrinkError('unreachable', 'the download has to start again');
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

  /** Some serve the range of whatever is there by now, whatever was asked for. */
  #isOther(headers: Record<string, string>): boolean {
    const seen = this.#validator?.startsWith('"') ? headers['etag']?.replace(/^W\//, '') : headers['last-modified'];
    return seen !== undefined && seen !== this.#validator;
  }

  /** Takes a piece; it is in the file after the next `flush`. Gives something to wait for when the disk falls behind. */
  append(chunk: Buffer): Promise<void> | undefined {
    if (this.#failure) throw this.#failure;
    const isBehind = this.#writing !== undefined || this.#waitingBytes > 0;
    if (!isBehind && this.bytes >= this.#besideUntil) {
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
      this.#failure = fileError(error, 'writing the download', this.path);
      throw this.#failure;
    }
    this.bytes += chunk.length;
    if (this.#monotonic() - since > SLOW_MS) this.#besideUntil = this.bytes + BESIDE_BYTES;
  }

  /** Everything taken is in the file. @throws ShrinkError what went wrong with writing it. */
  async flush(): Promise<void> {
    while (this.#waitingBytes > 0 || this.#writing) await this.#write();
  }

  /**
   * One write at a time, so that the file never has a hole however it ends; what comes in meanwhile goes with the next one. The
   * network goes on while the disk writes.
   */
  #write(): Promise<void> {
    this.#writing ??= this.#writeWaiting().finally(() => {
      this.#writing = undefined;
    });
    // Whoever waits for it hears of it.
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
      this.#failure ??= fileError(error, 'writing the download', this.path);
    }
    if (this.#failure) throw this.#failure;
  }

  /** Gives something to wait for when too much is not on the disk yet. */
  #syncNow(): Promise<void> | undefined {
    const written = this.bytes - this.#waitingBytes;
    const unsynced = written - this.#syncedBytes;
    if (unsynced < SYNC_BYTES || this.#isLost) return undefined;
    this.#syncing ??= this.#sync(written);
    return unsynced < MAX_UNSYNCED_BYTES ? undefined : this.#syncing;
  }

  /** Never rejects: whoever comes next hears of it. */
  async #sync(upTo: number): Promise<void> {
    try {
      await this.#durably(() => this.#file.datasync());
      this.#syncedBytes = upTo;
    } catch (error) {
      this.#failure ??= fileError(error, 'writing the download', this.path);
    } finally {
      this.#syncing = undefined;
    }
  }

  /** A disk that lost something says so once only, and reads as if it had it: what is there must not be gone on with. */
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
      throw fileError(error, 'reading the download', this.path);
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
      throw fileError(error, 'starting the download again', this.path);
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
      throw fileError(error, 'keeping the download', path);
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
        JSON.stringify({ of: this.#of, total: this.total, validator: this.#validator }),
        {
          mode: 0o600,
        },
      );
    } catch (error) {
      throw fileError(error, 'writing the download', this.path);
    }
  }
}

async function writeWhole(file: FileHandle, chunks: Buffer[], bytes: number, at: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks, at);
  if (bytesWritten === bytes) return;
  // A disk that is nearly full may take a part only; the rest brings its error, or goes in.
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
