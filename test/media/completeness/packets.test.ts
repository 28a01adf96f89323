import { expect, it } from 'vitest';
import { clip, walk } from './support.ts';

it('a transport stream with a whole last packet is unknown', async () => {
  expect((await walk(await clip('transport'))).kind).toBe('unknown');
  expect((await walk((await clip('transport')).subarray(0, 188 * 200))).kind).toBe('unknown');
});

it.each([-1, -100, -187])('a transport stream cut inside a packet is truncated (%d bytes)', async cut => {
  const said = await walk((await clip('transport')).subarray(0, cut));
  expect(said).toMatchObject({ kind: 'truncated', why: { code: 'completeness.cut-packet' } });
});

it('what has a sync byte only now and then is no transport stream', async () => {
  const bytes = Buffer.alloc(1_000, 'x');
  for (const n of [0, 1, 2]) bytes[n * 188] = 0x47;
  expect((await walk(bytes)).kind).toBe('unknown');
  bytes[3 * 188] = 0x47;
  expect((await walk(bytes)).kind).toBe('truncated');
});

it('a camcorder stream has packets of 192 bytes', async () => {
  const plain = (await clip('transport')).subarray(0, 188 * 50);
  const packets = Array.from({ length: 50 }, (_, n) =>
    Buffer.concat([Buffer.from([0, 1, 2, n]), plain.subarray(n * 188, (n + 1) * 188)]),
  );
  expect((await walk(Buffer.concat(packets))).kind).toBe('unknown');
  expect((await walk(Buffer.concat(packets).subarray(0, -5))).kind).toBe('truncated');
});

it('an FLV is truncated unless its last tag is whole', async () => {
  const tag = (type: number, bytes: number) => {
    const head = Buffer.alloc(11);
    head[0] = type;
    head.writeUIntBE(bytes, 1, 3);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes + 11);
    return Buffer.concat([head, Buffer.alloc(bytes, 7), length]);
  };
  const flv = Buffer.concat([
    Buffer.from('FLV\x01\x05\0\0\0\x09\0\0\0\0', 'latin1'),
    tag(18, 200),
    tag(9, 900),
    tag(8, 50),
  ]);
  expect((await walk(flv)).kind).toBe('unknown');
  for (const cut of [-1, -4, -30, -70, -500]) expect((await walk(flv.subarray(0, cut))).kind).toBe('truncated');
});
