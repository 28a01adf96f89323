import { describe, expect, it } from 'vitest';
import { keepFrameTimes, oneSecondChunks, untrustedInput } from '../../../src/media/ffmpeg/args.ts';

describe('arguments', () => {
  it('a file from outside is a file, whatever its name, and nothing that points elsewhere', () => {
    const file = { path: '/in/concat:a|b.mov' };
    const args = untrustedInput(file);
    expect(args.slice(-2)).toEqual(['-i', { prefix: 'file:', file }]);
    const [, protocols, , formats] = args
      .slice(args.indexOf('-protocol_whitelist'))
      .map(arg => (typeof arg === 'string' ? arg : ''));
    expect(protocols).toBe('file');
    expect(formats).toMatch(/^mov,mp4/);
    for (const list of ['hls', 'concat', 'dash', 'image2', 'lavfi', 'sdp'])
      expect(formats?.split(',')).not.toContain(list);
  });

  it('follow what this ffmpeg has', () => {
    expect(keepFrameTimes({ options: new Set(['fps_mode', 'vsync']) })).toEqual(['-fps_mode', 'passthrough']);
    expect(keepFrameTimes({ options: new Set(['vsync']) })).toEqual(['-vsync', 'passthrough']);
    expect(oneSecondChunks({ options: new Set() })).toEqual([]);
  });
});
