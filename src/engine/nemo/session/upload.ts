import { randomBytes } from 'node:crypto';
import type { InputFile, Readable } from '../../../platform/files/files.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { ShrinkError } from '../../../core/errors.ts';
import { extensionOf } from '../../../core/file-names.ts';
import { NEMO_FORMATS } from '../../engine.ts';
import { say } from '../../../messages/say.ts';
import { type Clock, sleep } from '../../../platform/clock.ts';
import { isObject, type Parsed, pick, pickNumber, pickString } from '../http/json.ts';

/** Media types of the 13 formats that the service accepts. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  avi: 'video/x-msvideo',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  jpg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
};

/** @throws ShrinkError `unsupported-file` with the list, before a byte is sent. */
export function checkFormat(name: string): void {
  const extension = extensionOf(name);
  if (NEMO_FORMATS.includes(extension)) return;
  throw new ShrinkError('unsupported-file', say('nemo.format-not-accepted', { extension }), {
    doing: say('nemo.doing-check-file'),
    subject: name,
    hint: say('nemo.formats-or-local-hint', { formats: NEMO_FORMATS.join(', ') }),
  });
}

export interface UploadSource {
  file: InputFile;
  /** The name that the service and the agent see. */
  name: string;
  bytes: number;
}

export interface Multipart {
  headers: Record<string, string>;
  /** The whole body, read from disk while it is sent; a new one for each attempt. */
  make(): AsyncIterable<Uint8Array>;
}

/** Smaller ones are slower (docs/benchmarks.md). Far over what a socket queues, so each is waited for until it is sent. */
const CHUNK_BYTES = 512 * 1024;
/**
 * Buffers used in turn, so that memory does not grow with the file: one is being sent, one is being read, and two more keep what a
 * socket might still hold from being overwritten.
 */
const BUFFERS = 4;

/**
 * The file as the service's form field `files`. `onSent` gets the bytes of the file read so far; `pace` holds each piece back.
 * @throws ShrinkError `changed-underneath` from the iteration when the file is shorter than it was.
 */
export function multipart(
  source: UploadSource,
  onSent: (bytes: number) => void,
  pace: (bytes: number) => Promise<void>,
): Multipart {
  const boundary = `----shrinkbox${randomBytes(16).toString('hex')}`;
  const type = MEDIA_TYPES[extensionOf(source.name)] ?? 'application/octet-stream';
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${escapeName(source.name)}"\r\nContent-Type: ${type}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + source.bytes + tail.length),
    },
    async *make() {
      yield head;
      let sent = 0;
      for await (const chunk of readExactly(source)) {
        await pace(chunk.length);
        sent += chunk.length;
        onSent(sent);
        yield chunk;
      }
      yield tail;
    },
  };
}

async function* readExactly(source: UploadSource): AsyncGenerator<Buffer> {
  const file = await reading(source, () => source.file.open());
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.alloc(0));
  const readInto = (n: number, at: number) => {
    const length = Math.min(CHUNK_BYTES, source.bytes - at);
    const slot = n % BUFFERS;
    let buffer = buffers[slot];
    // Only the last piece is shorter, so each buffer is made once.
    if (buffer?.length !== length) buffers[slot] = buffer = Buffer.allocUnsafeSlow(length);
    return readFully(source, file, buffer, at);
  };
  try {
    let next = readInto(0, 0);
    for (let at = 0, n = 1; at < source.bytes; n += 1) {
      const chunk = await next;
      at += chunk.length;
      // The disk reads on while the network is busy with this piece.
      if (at < source.bytes) next = readInto(n, at);
      // If the iteration is given up half-way, nobody waits for this read.
      next.catch(() => {});
      yield chunk;
    }
    await next;
  } finally {
    await file.close();
  }
}

async function readFully(source: UploadSource, file: Readable, buffer: Buffer, at: number): Promise<Buffer> {
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await reading(source, () => file.read(buffer, filled, buffer.length - filled, at + filled));
    if (bytesRead === 0) {
      throw new ShrinkError('changed-underneath', say('nemo.shrank-during-upload'), {
        doing: say('nemo.doing-upload'),
        subject: source.file.path,
      });
    }
    filled += bytesRead;
  }
  return buffer;
}

async function reading<T>({ file: { path } }: UploadSource, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, say('nemo.doing-upload'), path);
  }
}

/** As browsers write names into a form: UTF-8, with what would end the field escaped. */
function escapeName(name: string): string {
  return name.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}

/** Spreads uploads over time so that all of them together stay under `bytesPerSecond`. */
export function createPace(
  bytesPerSecond: number | undefined,
  clock: Clock,
): (bytes: number, signal: AbortSignal) => Promise<void> {
  let freeAt = 0;
  return async (bytes, signal) => {
    if (bytesPerSecond === undefined) return;
    const now = clock.now();
    freeAt = Math.max(freeAt, now) + (bytes / bytesPerSecond) * 1000;
    if (freeAt > now) await sleep(clock, freeAt - now, signal);
  };
}

/** What the service says about an uploaded file; all of it may be missing. */
export interface Uploaded {
  /** Seconds. */
  durationS?: number;
  /** False: the session's state has to be asked whether the file is there. */
  applied: boolean;
}

export function uploadedFrom(payload: Parsed): Uploaded {
  const files = pick(payload, 'files', 'file') ?? payload;
  const file = Array.isArray(files) ? files[0] : files;
  const durationS = isObject(file) ? pickNumber(file, 'duration') : undefined;
  const named = isObject(file) && pickString(file, 'cdn_url', 'cdnUrl', 'url', 'filename') !== undefined;
  const applied = pick(payload, 'session_state_applied', 'sessionStateApplied');
  return { durationS, applied: applied === undefined ? named : applied === true };
}
