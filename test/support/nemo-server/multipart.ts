import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';

export interface ReceivedFile {
  name: string;
  type: string;
  bytes: number;
}

/**
 * Streams the one file of a multipart body to `path` (nowhere, when undefined), in constant memory. Needs a content-length, as
 * undici and curl send it: what stands between the part's head and the closing boundary is the file.
 * @throws Error when the body is anything else.
 */
export async function receiveFile(
  request: IncomingMessage,
  path: string | undefined,
  onBytes: (received: number) => void | Promise<void>,
): Promise<ReceivedFile> {
  const boundary = /boundary="?([^";]+)"?/.exec(request.headers['content-type'] ?? '')?.[1];
  const length = Number(request.headers['content-length']);
  if (!boundary || !Number.isFinite(length)) throw new Error('not a multipart body with a length');
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const out = path === undefined ? undefined : createWriteStream(path);
  let head = Buffer.alloc(0);
  let headers: { name: string; type: string } | undefined;
  let left = 0;
  let bytes = 0;
  let received = 0;
  let end = Buffer.alloc(0);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    received += chunk.length;
    await onBytes(received);
    let data = chunk;
    if (!headers) {
      head = Buffer.concat([head, chunk]);
      const at = head.indexOf('\r\n\r\n');
      if (at < 0) continue;
      headers = partHeaders(head.subarray(0, at).toString('utf8'));
      left = length - (at + 4) - tail.length;
      data = head.subarray(at + 4);
    }
    const file = data.subarray(0, Math.min(left, data.length));
    left -= file.length;
    bytes += file.length;
    end = Buffer.concat([end, data.subarray(file.length)]);
    if (out && file.length > 0 && !out.write(file))
      await new Promise<void>(resolve => out.once('drain', () => resolve()));
  }
  if (out) {
    out.end();
    await finished(out);
  }
  if (!headers || received !== length || !end.equals(tail)) throw new Error('the body was cut or malformed');
  return { ...headers, bytes };
}

function partHeaders(text: string): { name: string; type: string } {
  if (!/name="files"/.test(text)) throw new Error('the form field is not "files"');
  const name = /filename="([^"]*)"/.exec(text)?.[1] ?? '';
  return { name: decodeName(name), type: /content-type:\s*(\S+)/i.exec(text)?.[1] ?? '' };
}

function decodeName(name: string): string {
  return name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
}
