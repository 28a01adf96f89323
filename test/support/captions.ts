/** Captions in an H.264 stream, which ffmpeg passes on but does not make. */

/** A message (SEI) with one pair of CEA-608 bytes, as broadcasts send it with every picture: `pair` in odd parity. */
function message(pair: [number, number]): Buffer {
  const captions = [0xb5, 0x00, 0x31, ...Buffer.from('GA94', 'latin1'), 3, 0x41, 0xff, 0xfc, ...pair, 0xff];
  return Buffer.from([0, 0, 0, 1, 6, 4, captions.length, ...captions, 0x80]);
}

const TEXT = 'HELLO CAPTIONS  ';

/** The stream with captions before the first slice of every picture. It has start codes, and one slice per picture. */
export function withCaptions(stream: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  let pictures = 0;
  const startCode = Buffer.from([0, 0, 1]);
  for (let at = stream.indexOf(startCode); at >= 0; at = stream.indexOf(startCode, at + 3)) {
    const type = (stream[at + 3] ?? 0) & 0x1f;
    if (type !== 1 && type !== 5) continue;
    const begin = stream[at - 1] === 0 ? at - 1 : at;
    const odd = (text: string) => oddParity(text.charCodeAt(0));
    const pair: [number, number] = [odd(TEXT[(2 * pictures) % 16] ?? ' '), odd(TEXT[(2 * pictures + 1) % 16] ?? ' ')];
    parts.push(stream.subarray(from, begin), message(pair));
    from = begin;
    pictures += 1;
  }
  return Buffer.concat([...parts, stream.subarray(from)]);
}

function oddParity(byte: number): number {
  const ones = byte.toString(2).replaceAll('0', '').length;
  return ones % 2 === 1 ? byte : byte | 0x80;
}
