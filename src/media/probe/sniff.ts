/** What the first bytes of a file say it is, whatever its name says. Pure. */
export type Looks =
  | { kind: 'empty' }
  | { kind: 'playlist'; what: string }
  | { kind: 'other'; what: string }
  /** Begins as MP4 and MOV files do. */
  | { kind: 'mp4' }
  | { kind: 'unknown' };

/** Offset, the bytes there, and what they mean. */
const MAGIC: readonly [number, string, string][] = [
  [0, '\x89PNG', 'a picture (PNG)'],
  [0, '\xff\xd8\xff', 'a picture (JPEG)'],
  [0, 'GIF8', 'a picture (GIF)'],
  [8, 'WEBP', 'a picture (WebP)'],
  [0, 'II*\0', 'a picture (TIFF)'],
  [0, 'MM\0*', 'a picture (TIFF)'],
  [4, 'ftypheic', 'a picture (HEIF)'],
  [4, 'ftypheix', 'a picture (HEIF)'],
  [4, 'ftypmif1', 'a picture (HEIF)'],
  [4, 'ftypavif', 'a picture (AVIF)'],
  [8, 'WAVE', 'sound (WAV)'],
  [0, 'ID3', 'sound (MP3)'],
  [0, '\xff\xfb', 'sound (MP3)'],
  [0, 'fLaC', 'sound (FLAC)'],
  [0, '%PDF', 'a document (PDF)'],
  [0, 'PK\x03\x04', 'an archive or document (ZIP)'],
  [0, 'Rar!', 'an archive (RAR)'],
  [0, '7z\xbc\xaf', 'an archive (7z)'],
  [0, '\x1f\x8b', 'an archive (gzip)'],
  [0, '\x7fELF', 'a program'],
  [0, 'MZ', 'a program'],
];

/** Lists of other files: they would make a player read whatever they name. */
const PLAYLISTS: readonly [RegExp, string][] = [
  [/^(\xef\xbb\xbf)?\s*#EXTM3U/, 'an HLS playlist'],
  [/^(\xef\xbb\xbf)?\s*ffconcat/, 'an ffconcat list'],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<MPD/s, 'a DASH playlist'],
  [/^(\xef\xbb\xbf)?\s*\[playlist\]/i, 'a playlist'],
  [/^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<(smil|asx|SmoothStreamingMedia)/i, 'a playlist'],
  [/^v=0\r?\no=/, 'a session description (SDP)'],
];

/** `head` is the start of the file, 512 bytes are enough. */
export function looksLike(head: Buffer, sizeBytes: number): Looks {
  if (sizeBytes === 0) return { kind: 'empty' };
  const text = head.toString('latin1');
  for (const [pattern, what] of PLAYLISTS) if (pattern.test(text)) return { kind: 'playlist', what };
  for (const [at, bytes, what] of MAGIC) if (text.startsWith(bytes, at)) return { kind: 'other', what };
  if (/^\s*<(!doctype html|html)/i.test(text)) return { kind: 'other', what: 'a web page' };
  if (isText(head)) return { kind: 'other', what: 'text' };
  if (head.every(byte => byte === 0))
    return { kind: 'other', what: 'nothing but zeros (a copy that was never filled in)' };
  if (/^(ftyp|moov|mdat|wide|free|skip|pnot)$/.test(text.slice(4, 8))) return { kind: 'mp4' };
  return { kind: 'unknown' };
}

function isText(head: Buffer): boolean {
  return head.length > 0 && head.every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}
