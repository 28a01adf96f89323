/**
 * What a request for a file asks for, and the headers of the answer (RFC 9110 sections 13 and 14, RFC 6266 and 8187). Pure.
 */
import type { Pin } from '../core/job.ts';
import { replaceUnsafe } from '../core/escape.ts';

/** Bytes `from` up to but not including `to`. */
export interface Span {
  from: number;
  to: number;
}

export interface FileRequest {
  range: string | undefined;
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  ifModifiedSince: string | undefined;
}

export type FileAnswer =
  | { status: 200 | 206; span: Span }
  | { status: 304 }
  /** No byte of the range is in the file. */
  | { status: 416 };

/** Identifies these very bytes: it changes with every write to the file and with another file in its place. */
export function etagOf({ ino, sizeBytes, mtimeNs, ctimeNs }: Pin): string {
  const part = (decimal: string | number) => BigInt(decimal).toString(36);
  return `"${[ino, sizeBytes, mtimeNs, ctimeNs].map(part).join('-')}"`;
}

/** In whole seconds, as HTTP has them. */
export function lastModifiedOf({ mtimeNs }: Pin): string {
  return new Date(Number(BigInt(mtimeNs) / 1_000_000_000n) * 1000).toUTCString();
}

/** What to answer for a file with this identity. Several ranges at once are answered with the whole file, as RFC 9110 allows. */
export function answerFor(asked: FileRequest, pin: Pin): FileAnswer {
  const etag = etagOf(pin);
  if (asked.ifNoneMatch !== undefined) {
    if (isListed(etag, asked.ifNoneMatch)) return { status: 304 };
  } else if (asked.ifModifiedSince !== undefined && isUnchanged(asked.ifModifiedSince, pin)) {
    return { status: 304 };
  }
  const whole: FileAnswer = { status: 200, span: { from: 0, to: pin.sizeBytes } };
  const { range, ifRange } = asked;
  if (range === undefined || (ifRange !== undefined && ifRange !== etag && ifRange !== lastModifiedOf(pin)))
    return whole;
  const wanted = spanOf(range, pin.sizeBytes);
  if (wanted === undefined) return whole;
  return wanted === 'outside' ? { status: 416 } : { status: 206, span: wanted };
}

/** `undefined` for what is no single range of bytes. */
function spanOf(range: string, size: number): Span | 'outside' | undefined {
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(range) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'outside' : { from: size - length, to: size };
  }
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return undefined;
  return from < size ? { from, to } : 'outside';
}

function isListed(etag: string, header: string): boolean {
  return header.split(',').some(each => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

function isUnchanged(since: string, pin: Pin): boolean {
  const at = Date.parse(since);
  return Number.isFinite(at) && Date.parse(lastModifiedOf(pin)) <= at;
}

/** Whatever the name is, it stays one parameter of the header, and deceives nobody about its extension. */
export function dispositionOf(name: string, kind: 'inline' | 'attachment'): string {
  const shown = replaceUnsafe(name, () => '_').replace(/[/\\]/g, '_');
  const plain = shown.replace(/[^ -~]|["%]/g, '_');
  const encoded = encodeURIComponent(shown).replace(
    /['()*]/g,
    mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
