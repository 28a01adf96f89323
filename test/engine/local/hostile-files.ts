/** Files made to hurt whoever opens them, from small clips. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { footage, type FootageName, realTools } from '../../support/footage.ts';

/** Runs ffmpeg (arguments as one would type them, without blanks in them) into `dir/name`. */
export async function withFfmpeg(dir: string, name: string, args: string): Promise<string> {
  const { ffmpeg } = await realTools();
  const words = args.split(' ').map(word => word.replaceAll('{dir}', dir));
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...words, join(dir, name)]);
  return join(dir, name);
}

type Rebuild = (payload: Buffer) => Buffer;

/** A clip whose index comes last, so that no offset changes, with one box of it rebuilt; `path` as in `moov/trak/edts`. */
export async function rebuilt(clip: FootageName, to: string, path: string, rebuild: Rebuild): Promise<string> {
  const bytes = await readFile(await footage(clip));
  await writeFile(to, inside(bytes, path.split('/'), rebuild));
  return to;
}

/** Rebuilds the first box on the path, and the sizes of those around it. */
function inside(bytes: Buffer, [first, ...rest]: string[], rebuild: Rebuild): Buffer {
  const parts: Buffer[] = [];
  let found = false;
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const payload = bytes.subarray(at + 8, at + size);
    if (type === first && !found) {
      found = true;
      parts.push(box(type, rest.length > 0 ? inside(payload, rest, rebuild) : rebuild(payload)));
    } else {
      parts.push(bytes.subarray(at, at + size));
    }
    at += size;
  }
  if (!found) throw new Error(`no box ${first}`);
  return Buffer.concat(parts);
}

export function box(type: string, ...payload: Buffer[]): Buffer {
  const all = Buffer.concat([Buffer.alloc(8), ...payload]);
  all.writeUInt32BE(all.length, 0);
  all.write(type, 4, 'latin1');
  return all;
}

export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => bytes.writeUInt32BE(value >>> 0, at * 4));
  return bytes;
}
