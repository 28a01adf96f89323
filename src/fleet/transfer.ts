/** Bytes between the daemon and its workers: pieces of sources out, results in. Both can be cut off anywhere and go on from there. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { say } from '../messages/say.ts';
import { writeAll } from '../platform/files/durable.ts';
import { fileError } from '../platform/files/file-error.ts';
import { errnoOf, nodeFiles, sha256Of, unlinkQuietly } from '../platform/files/files.ts';
import type { Slice, Uploaded } from './part.ts';
import { LENGTH_HEADER, OFFSET_HEADER, SHA256_HEADER } from './protocol.ts';
import { Refused } from './refused.ts';

/** Sends a file, or the rest of it from where the worker's copy ends. Resolves with the bytes that were sent. */
export async function sendSlice(request: IncomingMessage, response: ServerResponse, slice: Slice): Promise<number> {
  const { path, bytes, sha256 } = slice;
  const tag = `"${sha256}"`;
  const common = { etag: tag, [SHA256_HEADER]: sha256, 'accept-ranges': 'bytes' };
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, common).end();
    return 0;
  }
  const asked = /^bytes=(\d{1,15})-$/.exec(request.headers.range ?? '');
  // A copy of something else must not be completed with this.
  const isSame = request.headers['if-range'] === undefined || request.headers['if-range'] === tag;
  const from = asked && isSame ? Number(asked[1]) : 0;
  if (from > bytes) {
    response.writeHead(416, { ...common, 'content-range': `bytes */${bytes}` }).end();
    return 0;
  }
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes - 1}/${bytes}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { ...common, ...range, 'content-length': bytes - from });
  if (request.method === 'HEAD' || from === bytes) {
    response.end();
    return 0;
  }
  const reading = createReadStream(path, { start: from });
  try {
    await pipeline(reading, response);
  } catch {
    // The worker comes back for the rest.
  }
  return reading.bytesRead;
}

/** Uploads under way, so that one whose connection hangs gives way to the next try. */
export class Uploads {
  readonly #active = new Map<string, { request: IncomingMessage; ended: Promise<void> }>();

  /** Calls `act` once every earlier try of the same upload is over: cut off, or looked at to its end. */
  async inTurn<T>(upload: string, request: IncomingMessage, act: () => Promise<T>): Promise<T> {
    for (let before = this.#active.get(upload); before; before = this.#active.get(upload)) {
      before.request.destroy();
      await before.ended;
    }
    const work = act();
    const own = { request, ended: work.then(done, done) };
    this.#active.set(upload, own);
    try {
      return await work;
    } finally {
      this.#active.delete(upload);
    }
  }
}

const done = (): void => {};

/**
 * Takes a piece of a result. Resolves with the whole once all of it is there.
 * @throws Refused `416` with the offset to go on from, `413` if it would be larger than anything asked for
 * @throws ShrinkError where it cannot be written
 */
export async function takeUpload(
  path: string,
  request: IncomingMessage,
  maxBytes: number,
): Promise<Uploaded | { offset: number }> {
  const length = headerNumber(request, LENGTH_HEADER);
  const offset = headerNumber(request, OFFSET_HEADER);
  if (length > maxBytes) throw new Refused(413, 'too-large', `a result of ${length} bytes was not asked for`);
  try {
    const end = await takeFrom(path, request, { offset, length });
    if (end < length) return { offset: end };
    const sha256 = await sha256Of(path, nodeFiles);
    const said = request.headers[SHA256_HEADER];
    if (said === undefined) return { offset: length };
    if (sha256 === said) return { path, bytes: length, sha256 };
    // Whatever went wrong on the way: from the beginning.
    await unlink(path);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw fileError(error, say('files.writing', { path }), path);
  }
  throw new Refused(416, 'offset', 'the hash is another one; go on at 0');
}

/** Appends what comes to what is there, and syncs it. Resolves with where it ends. */
async function takeFrom(path: string, request: IncomingMessage, upload: { offset: number; length: number }) {
  const { offset } = upload;
  const file = await openUpload(path, offset);
  try {
    const has = file ? (await file.stat()).size : 0;
    if (!file || has !== offset) throw new Refused(416, 'offset', `go on at ${has}`);
    const end = await append(file, request, upload);
    await file.sync();
    return end;
  } finally {
    await file?.close();
  }
}

/** `undefined` if there is nothing to go on from. */
async function openUpload(path: string, offset: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, offset === 0 ? 'w' : 'r+', 0o600);
  } catch (error) {
    if (offset > 0 && errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function append(
  file: FileHandle,
  request: IncomingMessage,
  { offset, length }: { offset: number; length: number },
): Promise<number> {
  let at = offset;
  let isOurs = false;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      isOurs = true;
      if (at + chunk.length > length) throw new Refused(413, 'too-large', 'there is more than was announced');
      at = await writeAll(file, chunk, at);
      isOurs = false;
    }
  } catch (error) {
    if (isOurs) throw error;
    // Cut off, perhaps when all of it had come and was not read yet: what was written is kept.
  }
  return at;
}

/** Removes the uploads to `path` by leases of these numbers. What cannot be removed stays until the job ends. */
export async function dropUploads(path: string, which: (n: number) => boolean): Promise<void> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch(() => []);
  const dropped = names.filter(name => name.startsWith(prefix) && which(Number(name.slice(prefix.length))));
  await Promise.all(dropped.map(name => unlinkQuietly(join(dirname(path), name), nodeFiles)));
}

/** Bytes there are of an upload. */
export async function uploadedBytes(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function headerNumber(request: IncomingMessage, name: string): number {
  const written = request.headers[name];
  if (typeof written !== 'string' || !/^\d{1,15}$/.test(written))
    throw new Refused(400, 'bad-request', `${name} is missing`);
  return Number(written);
}
