import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';

/** What the first bytes of a file show it to be, whatever its name. Pure. */
export type Looks =
  | { kind: 'empty' }
  | { kind: 'playlist'; what: Sentence }
  | { kind: 'other'; what: Sentence }
  /** Begins as MP4 and MOV files do. */
  | { kind: 'mp4' }
  | { kind: 'unknown' };

/** Offset, the bytes there, and their meaning. */
const MAGIC: readonly [number, string, Sentence][] = [
  [0, '\x89PNG', say('media.looks-picture', { format: 'PNG' })],
  [0, '\xff\xd8\xff', say('media.looks-picture', { format: 'JPEG' })],
  [0, 'GIF8', say('media.looks-picture', { format: 'GIF' })],
  [8, 'WEBP', say('media.looks-picture', { format: 'WebP' })],
  [0, 'II*\0', say('media.looks-picture', { format: 'TIFF' })],
  [0, 'MM\0*', say('media.looks-picture', { format: 'TIFF' })],
  [4, 'ftypheic', say('media.looks-picture', { format: 'HEIF' })],
  [4, 'ftypheix', say('media.looks-picture', { format: 'HEIF' })],
  [4, 'ftypmif1', say('media.looks-picture', { format: 'HEIF' })],
  [4, 'ftypavif', say('media.looks-picture', { format: 'AVIF' })],
  [8, 'WAVE', say('media.looks-sound', { format: 'WAV' })],
  [0, 'ID3', say('media.looks-sound', { format: 'MP3' })],
  [0, '\xff\xfb', say('media.looks-sound', { format: 'MP3' })],
  [0, 'fLaC', say('media.looks-sound', { format: 'FLAC' })],
  [0, '%PDF', say('media.looks-document', { format: 'PDF' })],
  [0, 'PK\x03\x04', say('media.looks-zip')],
  [0, 'Rar!', say('media.looks-archive', { format: 'RAR' })],
  [0, '7z\xbc\xaf', say('media.looks-archive', { format: '7z' })],
  [0, '\x1f\x8b', say('media.looks-archive', { format: 'gzip' })],
  [0, '\x7fELF', say('media.looks-program')],
  [0, 'MZ', say('media.looks-program')],
];

/** Lists of other files: they would make a player read whatever they name. */
const PLAYLISTS: readonly [RegExp, Sentence][] = [
  [/^(\xef\xbb\xbf)?\s*#EXTM3U/, say('media.looks-hls')],
  [/^(\xef\xbb\xbf)?\s*ffconcat/, say('media.looks-ffconcat')],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<MPD/s, say('media.looks-dash')],
  [/^(\xef\xbb\xbf)?\s*\[playlist\]/i, say('media.looks-playlist')],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<(smil|asx|SmoothStreamingMedia)/i, say('media.looks-playlist')],
  [/^v=0\r?\no=/, say('media.looks-sdp')],
];

/** `head` is the start of the file, 512 bytes are enough. */
export function looksLike(head: Buffer, sizeBytes: number): Looks {
  if (sizeBytes === 0) return { kind: 'empty' };
  const text = head.toString('latin1');
  for (const [pattern, what] of PLAYLISTS) if (pattern.test(text)) return { kind: 'playlist', what };
  for (const [at, bytes, what] of MAGIC) if (text.startsWith(bytes, at)) return { kind: 'other', what };
  if (/^\s*<(!doctype html|html)/i.test(text)) return { kind: 'other', what: say('media.looks-web-page') };
  if (isText(head)) return { kind: 'other', what: say('media.looks-text') };
  if (head.every(byte => byte === 0)) return { kind: 'other', what: say('media.looks-zeros') };
  if (/^(ftyp|moov|mdat|wide|free|skip|pnot)$/.test(text.slice(4, 8))) return { kind: 'mp4' };
  return { kind: 'unknown' };
}

function isText(head: Buffer): boolean {
  return head.length > 0 && head.every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}
