/** What the first bytes of a file say it is, whatever its name says. Pure. */
export type Looks =
  | { kind: 'empty' }
  | { kind: 'playlist'; what: string }
  | { kind: 'other'; what: string }
  | { kind: 'unknown' };

const MAGIC: readonly [RegExp, string][] = [
  [/^\x89PNG/, 'a picture (PNG)'],
  [/^\xff\xd8\xff/, 'a picture (JPEG)'],
  [/^GIF8/, 'a picture (GIF)'],
  [/^RIFF....WEBP/s, 'a picture (WebP)'],
  [/^BM.{4}\0\0\0\0/s, 'a picture (BMP)'],
  [/^(II\*\0|MM\0\*)/, 'a picture (TIFF)'],
  [/^....ftyp(heic|heix|mif1|avif|avis)/s, 'a picture (HEIF)'],
  [/^RIFF....WAVE/s, 'sound (WAV)'],
  [/^(ID3|\xff[\xfb\xf3\xf2])/, 'sound (MP3)'],
  [/^fLaC/, 'sound (FLAC)'],
  [/^%PDF/, 'a document (PDF)'],
  [/^PK\x03\x04/, 'an archive or document (ZIP)'],
  [/^Rar!/, 'an archive (RAR)'],
  [/^7z\xbc\xaf/, 'an archive (7z)'],
  [/^\x1f\x8b/, 'an archive (gzip)'],
  [/^\x7fELF/, 'a program'],
  [/^MZ/, 'a program'],
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
  for (const [pattern, what] of MAGIC) if (pattern.test(text)) return { kind: 'other', what };
  if (/^\s*<(!doctype html|html)/i.test(text)) return { kind: 'other', what: 'a web page' };
  if (isText(head)) return { kind: 'other', what: 'text' };
  if (head.every(byte => byte === 0))
    return { kind: 'other', what: 'nothing but zeros (a copy that was never filled in)' };
  return { kind: 'unknown' };
}

function isText(head: Buffer): boolean {
  return head.length > 0 && head.every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}
