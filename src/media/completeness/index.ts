import { say } from '../../messages/say.ts';
import { looksLikeIvf, looksLikeOgg, looksLikePng, walkIvf, walkOgg, walkPng } from './end-marks.ts';
import { looksLikeGif, walkGif } from './gif.ts';
import { looksLikeIsobmff, walkIsobmff } from './isobmff.ts';
import { looksLikeMatroska, walkMatroska } from './matroska.ts';
import { looksLikeFlv, walkFlv, walkTransportStream } from './packets.ts';
import { looksLikeRiff, walkRiff } from './riff.ts';
import { type ByteSource, type Completeness, emptyEnd, isZero, truncated, UNKNOWN, withWindow } from './source.ts';
import { looksLikeWtv, walkWtv } from './wtv.ts';

export type { ByteSource, Completeness } from './source.ts';

const HEAD_BYTES = 64;

/**
 * Whether a file is complete by its container's own arithmetic: MP4/MOV boxes, Matroska/WebM segment, RIFF (AVI, WAV)
 * sizes, whole last packets of MPEG-TS and FLV, the last byte of GIF, the last chunk of
 * PNG, the frames of IVF, the last page of Ogg, the sectors of WTV. ffprobe cannot tell: it opens a file cut at 10 % and reports its full
 * duration. A few small reads; the first bytes decide, not the name. Rejects with whatever the source's read throws.
 */
export async function checkCompleteness(file: ByteSource): Promise<Completeness> {
  const head = await file.read(0, HEAD_BYTES);
  const source = withWindow(file);
  if (looksLikeIsobmff(head)) return walkIsobmff(source);
  if (looksLikeMatroska(head)) return walkMatroska(source);
  if (looksLikeRiff(head)) return unlessEmpty(await walkRiff(source), source);
  if (looksLikeFlv(head)) return walkFlv(source);
  if (looksLikeGif(head)) return walkGif(source);
  if (looksLikePng(head)) return walkPng(source);
  if (looksLikeIvf(head)) return walkIvf(source);
  if (looksLikeOgg(head)) return unlessEmpty(await walkOgg(source), source);
  if (looksLikeWtv(head)) return unlessEmpty(await walkWtv(source), source);
  const stream = await walkTransportStream(source);
  if (stream) return unlessEmpty(stream, source);
  // No format begins like this; copiers and downloaders allocate space before they write.
  if (head.length === HEAD_BYTES && isZero(head)) return truncated(say('completeness.unwritten'));
  return unlessEmpty(UNKNOWN, source);
}

/** Sizes that add up, and whole packets up to the middle, prove nothing of an end that is empty. */
async function unlessEmpty(found: Completeness, source: ByteSource): Promise<Completeness> {
  return found.kind === 'truncated' ? found : ((await emptyEnd(source)) ?? found);
}

/** Whether a file was cut of whose end ffprobe says nothing: it reads as far as there is something, or not at all. */
export async function isCutUnnoticed(file: ByteSource): Promise<boolean> {
  const head = await file.read(0, HEAD_BYTES);
  const source = withWindow(file);
  if (looksLikeOgg(head)) return (await walkOgg(source)).kind === 'truncated';
  if (looksLikeIvf(head)) return (await walkIvf(source)).kind === 'truncated';
  if (looksLikeWtv(head)) return (await walkWtv(source)).kind === 'truncated';
  return false;
}
