import { say } from '../../messages/say.ts';
import { looksLikeIsobmff, walkIsobmff } from './isobmff.ts';
import { looksLikeMatroska, walkMatroska } from './matroska.ts';
import { looksLikeFlv, walkFlv, walkTransportStream } from './packets.ts';
import { looksLikeRiff, walkRiff } from './riff.ts';
import { type ByteSource, type Completeness, isZero, truncated, UNKNOWN, withWindow } from './source.ts';

export type { ByteSource, Completeness } from './source.ts';

const HEAD_BYTES = 64;

/**
 * Whether a file is complete by its container's own arithmetic: MP4/MOV boxes, Matroska/WebM segment, RIFF (AVI, WAV)
 * sizes, whole last packets of MPEG-TS and FLV. ffprobe cannot tell: it opens a file cut at 10 % and reports its full
 * duration. A few small reads; the first bytes decide, not the name. Rejects with whatever the source's read throws.
 */
export async function checkCompleteness(file: ByteSource): Promise<Completeness> {
  const head = await file.read(0, HEAD_BYTES);
  const source = withWindow(file);
  if (looksLikeIsobmff(head)) return walkIsobmff(source);
  if (looksLikeMatroska(head)) return walkMatroska(source);
  if (looksLikeRiff(head)) return walkRiff(source);
  if (looksLikeFlv(head)) return walkFlv(source);
  const stream = await walkTransportStream(source);
  if (stream) return stream;
  // No format begins like this; copiers and downloaders allocate space before they write.
  if (head.length === HEAD_BYTES && isZero(head)) return truncated(say('completeness.unwritten'));
  return UNKNOWN;
}
