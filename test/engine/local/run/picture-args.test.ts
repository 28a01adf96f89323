import { describe, expect, it } from 'vitest';
import { countArgs, pictureArgs } from '../../../../src/engine/local/run/picture-args.ts';
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

it('a first picture without a time got one by guess, and all others were shown too early: it is left out', () => {
  const film = facts({ startS: 0.15, video: { fps: 10, untimedFrames: 1 } });
  const args = countArgs({ tools: tools as never, facts: film, input: { path: '/film.ts' } });
  expect(args[args.indexOf('-filter:v') + 1]).toMatch(/^trim=start=0\.125000:/);
  expect(countArgs({ tools: tools as never, facts: facts(), input: { path: '/film.ts' } })).not.toContain('-filter:v');
});
