import { describe, expect, it } from 'vitest';
import { walk } from './support.ts';

describe('RIFF', () => {
  it.each<[string, Buffer, string]>([
    ['WAV', riff('RIFF', 1_000, 1_000), 'complete'],
    ['WAV cut short', riff('RIFF', 1_000, 500), 'truncated'],
    ['WAV never finished', riff('RIFF', 0, 500), 'truncated'],
    ['WAV written to a pipe', riff('RIFF', 0xffffffff, 500), 'unknown'],
    ['WAV with something after it', Buffer.concat([riff('RIFF', 1_000, 1_000), Buffer.from('trailing')]), 'complete'],
    ['large WAV', rf64(2_000, 2_000), 'complete'],
    ['large WAV cut short', rf64(2_000, 1_500), 'truncated'],
    ['AVI in two parts', Buffer.concat([riff('RIFF', 600, 600, 'AVI '), riff('RIFF', 400, 400, 'AVIX')]), 'complete'],
    [
      'AVI with half of its second part',
      Buffer.concat([riff('RIFF', 600, 600, 'AVI '), riff('RIFF', 400, 200, 'AVIX')]),
      'truncated',
    ],
  ])('%s', async (_, bytes, kind) => {
    expect((await walk(bytes)).kind).toBe(kind);
  });
});

/** `announced` bytes after the size field, `there` of them present. */
function riff(id: string, announced: number, there: number, form = 'WAVE'): Buffer {
  const bytes = Buffer.alloc(8 + there, 3);
  bytes.write(id, 0, 'latin1');
  bytes.writeUInt32LE(announced, 4);
  bytes.write(form, 8, 'latin1');
  return bytes;
}

function rf64(announced: number, there: number): Buffer {
  const bytes = riff('RF64', 0xffffffff, there);
  bytes.write('ds64', 12, 'latin1');
  bytes.writeUInt32LE(28, 16);
  bytes.writeBigUInt64LE(BigInt(announced), 20);
  return bytes;
}
