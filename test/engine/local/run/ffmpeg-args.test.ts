import { describe, expect, it } from 'vitest';
import { pictureArgs } from '../../../../src/engine/local/run/ffmpeg-args.ts';
import { wholeSegment } from '../../../../src/engine/local/plan/segments.ts';
import { planPicture } from '../../../../src/engine/local/plan/video.ts';
import { facts } from '../facts.ts';

const tools = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', version: '5.1', filters: new Set<string>(), options: new Set() };

describe('threads', () => {
  it('the encoder was left to take as many as it likes, whatever was configured (issue 4)', () => {
    const film = facts();
    const [segment] = wholeSegment(film);
    const picture = planPicture(film, { audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 }, 1, tools as never);
    const common = {
      tools: tools as never,
      facts: film,
      input: { path: '/film.mp4' },
      picture,
      effort: 'balanced' as const,
    };
    const args = (threads: number | undefined) =>
      pictureArgs({ ...common, codec: 'h264', segment: segment as never, rate: { kind: 'pass-1', crf: 23 }, threads });
    const encoder = args(2).slice(args(2).indexOf('libx264'));
    expect(encoder[encoder.indexOf('-threads') + 1]).toBe('2');
    expect(args(undefined)).not.toContain('-threads');
  });
});
