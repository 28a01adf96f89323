import type { ByteSource } from './source.ts';

const SAMPLE_BYTES = 65_536;
const HEADER = Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex');
const FILE_PROPERTIES = Buffer.from('a1dcab8c47a9cf118ee400c00c205365', 'hex');
/** Offsets in the File Properties Object (ASF specification, 3.2). */
const SIZE_AT = 40;
const FLAGS_AT = 88;
const BROADCAST = 1;

export function looksLikeAsf(head: Buffer): boolean {
  return head.subarray(0, HEADER.length).equals(HEADER);
}

/** Where a WMV ends by its own header; `undefined` if that does not say. */
export async function endOfAsf(source: ByteSource): Promise<number | undefined> {
  const head = await source.read(0, SAMPLE_BYTES);
  const at = looksLikeAsf(head) ? head.indexOf(FILE_PROPERTIES) : -1;
  if (at < 0 || at + FLAGS_AT + 4 > head.length) return undefined;
  const isLive = (head.readUInt32LE(at + FLAGS_AT) & BROADCAST) !== 0;
  const bytes = Number(head.readBigUInt64LE(at + SIZE_AT));
  return isLive || bytes <= at ? undefined : bytes;
}

export async function nextAsf(source: ByteSource): Promise<number | undefined> {
  const end = await endOfAsf(source);
  return end !== undefined && looksLikeAsf(await source.read(end, HEADER.length)) ? end : undefined;
}
