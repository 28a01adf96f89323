/**
 * Where another film begins behind the first one of a file, as in films joined with `cat`: ffmpeg would read only one of them, or mix
 * them up. What it reads through as one film (transport streams and AVIs with the same tracks, fragments whose clock goes on) is none, nor is
 * what a camera or an editor keeps behind a film.
 */
import type { Readable } from '../../platform/files/files.ts';
import { topBoxesOf } from '../mp4-boxes.ts';
import { looksLikeAsf, nextAsf } from './asf.ts';
import { looksLikeIvf, looksLikeOgg, looksLikePng, nextOgg, nextPng, walkIvf } from './end-marks.ts';
import { looksLikeIsobmff, nextMovie } from './isobmff.ts';
import { looksLikeMatroska, walkMatroska } from './matroska.ts';
import { looksLikeFlv, nextFlv } from './packets.ts';
import { looksLikeRiff, nextAvi } from './riff.ts';
import { nextTransport } from './transport.ts';
import { hasSignature, nextSignature } from './signatures.ts';
import { byteSourceOf, type Completeness, withWindow } from './source.ts';
import { looksLikeWtv, nextWtv } from './wtv.ts';

const HEAD_BYTES = 128;
/** Of what is read through to its end. */
const WINDOW_BYTES = 65_536;

/**
 * The offset of the second film; `undefined` if there is none. A few small reads, but for FLV, Ogg, PNG,
 * NUT, Y4M and RealMedia, which are read through.
 * @throws what reading throws, and `cancelled`
 */
export async function nextFilmIn(file: Readable, signal?: AbortSignal): Promise<number | undefined> {
  const source = await byteSourceOf(file, signal);
  const head = await source.read(0, HEAD_BYTES);
  if (looksLikeIsobmff(head)) return await nextMovie(source, (await topBoxesOf(file)).boxes);
  if (looksLikeMatroska(head)) return nextIn(await walkMatroska(source));
  if (looksLikeRiff(head)) return await nextAvi(source);
  if (looksLikeAsf(head)) return await nextAsf(source);
  if (looksLikeFlv(head)) return await nextFlv(withWindow(source, WINDOW_BYTES));
  if (looksLikeOgg(head)) return await nextOgg(withWindow(source, WINDOW_BYTES));
  if (looksLikeIvf(head)) return nextIn(await walkIvf(withWindow(source, WINDOW_BYTES)));
  if (looksLikePng(head)) return await nextPng(withWindow(source, WINDOW_BYTES));
  if (looksLikeWtv(head)) return await nextWtv(source);
  if (hasSignature(head)) return await nextSignature(source, head);
  return await nextTransport(source);
}

function nextIn(found: Completeness): number | undefined {
  return 'nextAt' in found ? found.nextAt : undefined;
}
