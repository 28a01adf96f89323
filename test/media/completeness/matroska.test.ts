import { describe, expect, it } from 'vitest';
import { walk } from './support.ts';

describe('Matroska without a size', () => {
  const cluster = (size: number[], ...content: Buffer[]) =>
    Buffer.concat([Buffer.from([0x1f, 0x43, 0xb6, 0x75, ...size]), ...content]);
  const block = Buffer.concat([Buffer.from([0xa3, 0x40, 100]), Buffer.alloc(100, 5)]);
  const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const head = Buffer.concat([
    Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x84, 0x42, 0x86, 0x81, 0x01]),
    Buffer.from([0x18, 0x53, 0x80, 0x67, ...UNKNOWN]),
    Buffer.from([0x15, 0x49, 0xa9, 0x66, 0x80]),
  ]);

  it('is suspect: a recording that ended, or is still running', async () => {
    const file = Buffer.concat([head, cluster(UNKNOWN, block, block), cluster(UNKNOWN, block)]);
    expect((await walk(file)).kind).toBe('suspect');
  });

  it('is truncated when it ends within a block or has no cluster', async () => {
    const file = Buffer.concat([head, cluster(UNKNOWN, block, block)]);
    expect((await walk(file.subarray(0, -1))).kind).toBe('truncated');
    expect((await walk(head)).kind).toBe('truncated');
  });
});
