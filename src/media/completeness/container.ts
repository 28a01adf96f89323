import { looksLikeIsobmff, walkIsobmff } from './isobmff.ts';
import { looksLikeMatroska, walkMatroska } from './matroska.ts';
import { looksLikeFlv, walkFlv, walkTransportStream } from './packets.ts';
import { looksLikeRiff, walkRiff } from './riff.ts';
import { type ByteSource, type Completeness, isZero, truncated, UNKNOWN, withWindow } from './source.ts';

export type { ByteSource, Completeness } from './source.ts';

const HEAD_BYTES = 64;

/**
 * Whether a file is all there by its container's own arithmetic: MP4/MOV boxes, Matroska/WebM segment, RIFF (AVI, WAV)
 * sizes, whole last packets of MPEG-TS and FLV. A veto only: ffprobe opens a file cut at 10 % and reports its full duration, these sums do not. A few small reads;
 * rejects with whatever the source's read throws. The name does not matter, the first bytes decide.
 */
export async function walkContainer(file: ByteSource): Promise<Completeness> {
  const head = await file.read(0, HEAD_BYTES);
  const source = withWindow(file);
  if (looksLikeIsobmff(head)) return walkIsobmff(source);
  if (looksLikeMatroska(head)) return walkMatroska(source);
  if (looksLikeRiff(head)) return walkRiff(source);
  if (looksLikeFlv(head)) return walkFlv(source);
  const stream = await walkTransportStream(source);
  if (stream) return stream;
  // No format begins like this; copiers and downloaders reserve space before they write.
  if (head.length === HEAD_BYTES && isZero(head))
    return truncated('space is reserved for it but nothing is written yet');
  return UNKNOWN;
}
