import type { ByteSource } from './source.ts';

/*
 * Formats that say nowhere where they end, but begin with words too long to stand in a film by chance: where those stand again, another
 * film begins. ffmpeg reads only one of the two, or neither.
 */

const CHUNK_BYTES = 1_048_576;
/** SMPTE ST 377-1, 6.2: the key of a header partition, without its status; and where the partition says at which offset the last one is. */
const MXF = Buffer.from('060e2b34020501010d0102010102', 'hex');
const MXF_FOOTER_AT = 24;
const SIGNATURES = [
  Buffer.from('nut/multimedia container\0', 'latin1'),
  Buffer.from('YUV4MPEG2 ', 'latin1'),
  // RealMedia: its name, the length of its header, and the first byte of its version.
  Buffer.from('.RMF\0\0\0\x12\0', 'latin1'),
  MXF,
];

const signatureOf = (head: Buffer): Buffer | undefined =>
  SIGNATURES.find(signature => head.subarray(0, signature.length).equals(signature));

export function hasSignature(head: Buffer): boolean {
  return signatureOf(head) !== undefined;
}

/** Reads the file through, but for an MXF that says where its last partition is. */
export async function nextSignature(source: ByteSource, head: Buffer): Promise<number | undefined> {
  const signature = signatureOf(head);
  if (!signature) return undefined;
  const from = signature === MXF ? lastPartition(head, source.size) : 0;
  for (let at = Math.max(from, 1); at < source.size; at += CHUNK_BYTES) {
    const chunk = await source.read(at, CHUNK_BYTES + signature.length - 1);
    const found = chunk.indexOf(signature);
    if (found >= 0) return at + found;
  }
  return undefined;
}

/** 0 if it is not known, as in what was recorded live. */
function lastPartition(head: Buffer, size: number): number {
  // Behind the key of 16 bytes a length: one byte, or as many more as that says.
  const length = head[16] ?? 0;
  const at = 17 + (length & 0x80 ? length & 0x7f : 0) + MXF_FOOTER_AT;
  const offset = at + 8 <= head.length ? Number(head.readBigUInt64BE(at)) : 0;
  return offset < size ? offset : 0;
}
