import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';

/** A PNG may have its colours described before it says that it is a film. */
export const HEAD_BYTES = 8_192;

/** What the first bytes of a file show it to be, whatever its name. Pure. */
export type Looks =
  | { kind: 'empty' }
  | { kind: 'playlist'; what: Sentence }
  | { kind: 'other'; what: Sentence }
  /** Begins as MP4 and MOV files do. */
  | { kind: 'mp4' }
  /** `format`: the container that begins like this, by its usual name. */
  | { kind: 'unknown'; format?: string };

/** Offset, the bytes there, and their meaning. */
const MAGIC: readonly [number, string, Sentence][] = [
  [0, '\xff\xd8\xff', say('media.looks-picture', { format: 'JPEG' })],
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

/** How containers of films begin. */
const CONTAINERS: readonly [string, string][] = [
  ['\x1a\x45\xdf\xa3', 'Matroska'],
  ['RIFF', 'AVI'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'Windows Media'],
  ['\xb7\xd8\x00\x20\x37\x49\xda\x11', 'WTV'],
  ['FLV\x01', 'FLV'],
  ['OggS', 'Ogg'],
  ['.RMF', 'RealMedia'],
  ['nut/multimedia container', 'NUT'],
  ['\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02', 'MXF'],
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

/** Pictures whose formats also hold films: PNG says so before its first picture, WebP in its header; GIF has to be read. */
function pictureIn(text: string): Sentence | undefined {
  if (text.startsWith('\x89PNG'))
    return text.includes('acTL') ? undefined : say('media.looks-picture', { format: 'PNG' });
  if (!text.startsWith('WEBP', 8)) return undefined;
  const isAnimated = text.startsWith('VP8X', 12) && (text.charCodeAt(20) & 2) !== 0;
  return isAnimated ? say('media.looks-animation', { format: 'WebP' }) : say('media.looks-picture', { format: 'WebP' });
}

/** `head` is the start of the file, HEAD_BYTES are enough. */
export function looksLike(head: Buffer, sizeBytes: number): Looks {
  if (sizeBytes === 0) return { kind: 'empty' };
  const text = head.toString('latin1');
  for (const [pattern, what] of PLAYLISTS) if (pattern.test(text)) return { kind: 'playlist', what };
  for (const [at, bytes, what] of MAGIC) if (text.startsWith(bytes, at)) return { kind: 'other', what };
  const picture = pictureIn(text);
  if (picture) return { kind: 'other', what: picture };
  if (/^\s*<(!doctype html|html)/i.test(text)) return { kind: 'other', what: say('media.looks-web-page') };
  if (isText(head)) return { kind: 'other', what: say('media.looks-text') };
  if (head.every(byte => byte === 0)) return { kind: 'other', what: say('media.looks-zeros') };
  if (/^(ftyp|moov|mdat|wide|free|skip|pnot)$/.test(text.slice(4, 8))) return { kind: 'mp4' };
  const format = CONTAINERS.find(([bytes]) => text.startsWith(bytes))?.[1];
  return { kind: 'unknown', ...(format && { format }) };
}

/**
 * The size of the pictures of a GIF or PNG, by its head: of what is too large for it, ffmpeg tells neither the size nor that this is
 * the reason.
 */
export function canvasOf(head: Buffer): { width: number; height: number } | undefined {
  if (head.length < 24) return undefined;
  if (head.toString('latin1', 0, 4) === 'GIF8') return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
  const isPng = head.toString('latin1', 1, 4) === 'PNG' && head.toString('latin1', 12, 16) === 'IHDR';
  return isPng ? { width: head.readUInt32BE(16), height: head.readUInt32BE(20) } : undefined;
}

function isText(head: Buffer): boolean {
  return head.length > 0 && head.every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}
