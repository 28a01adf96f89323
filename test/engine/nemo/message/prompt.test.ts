import { describe, expect, it } from 'vitest';
import type { Target } from '../../../../src/core/target.ts';
import type { WordsIntent } from '../../../../src/engine/nemo/message/intent.ts';
import { buildPrompt, followUp, sizeWords } from '../../../../src/engine/nemo/message/prompt.ts';

const EDIT: WordsIntent = { kind: 'edit' };

const target = (changes: Partial<Target> = {}): Target => ({
  audio: { kind: 'keep' },
  quality: 'auto',
  minSaving: 0.05,
  ...changes,
});

const facts = (changes: Partial<Parameters<typeof buildPrompt>[0]> = {}) => ({
  target: target(),
  language: 'en',
  refines: false,
  ...changes,
});

describe('the message', () => {
  it('is the instruction as written, with the format it says nothing about', () => {
    expect(buildPrompt(facts({ instruction: ' make it 50MB, keep the music \n' }))).toEqual({
      text: 'make it 50MB, keep the music; output MP4 (H.264)',
      intent: EDIT,
    });
  });

  it('is held to the rule in whatever else the instruction leaves open (was: a message that said nothing of it)', () => {
    const rule = target({ resolution: { kind: 'lines', lines: 720 }, fps: 30, audio: { kind: 'mute' }, codec: 'h265' });
    const text = (instruction: string) => buildPrompt(facts({ instruction, target: rule, maxBytes: 50e6 })).text;
    expect(text('make it brighter.')).toBe(
      'make it brighter; under 50MB, at most 720p, at most 30 frames per second, without sound, output MP4 (H.265)',
    );
    expect(text('half the size, 720p at 30 fps, mute it, as HEVC')).toBe(
      'half the size, 720p at 30 fps, mute it, as HEVC',
    );
    expect(text('调亮')).toBe(
      '调亮; under 50MB, at most 720p, at most 30 frames per second, without sound, output MP4 (H.265)',
    );
    expect(buildPrompt(facts({ instruction: 'make it brighter', target: rule, refines: true })).text).toBe(
      'make it brighter',
    );
  });

  it('is made from the rule where there is no instruction', () => {
    const { text } = buildPrompt(
      facts({
        maxBytes: 50e6,
        target: target({ resolution: { kind: 'lines', lines: 1080 }, fps: 30, audio: { kind: 'mute' } }),
      }),
    );
    expect(text).toBe(
      'compress this video to under 50MB without losing quality, at most 1080p, at most 30 frames per second, without sound, keep its length and content as they are, add no titles, music or effects, output MP4 (H.264)',
    );
  });

  it('asks for a part in its own words, or in the rule’s', () => {
    const part = target({ trim: { from: 10, to: -30 } });
    expect(buildPrompt(facts({ target: part, maxBytes: 50e6 })).text).toBe(
      'compress this video to under 50MB without losing quality, keep only the part from 0:10 to 0:30 before the end and remove the rest, output MP4 (H.264)',
    );
    expect(buildPrompt(facts({ target: part, instruction: 'first 10 seconds' })).text).toBe(
      'first 10 seconds; output MP4 (H.264)',
    );
    expect(buildPrompt(facts({ target: target({ trim: { to: 45 } }), instruction: 'make it brighter' })).text).toBe(
      'make it brighter; keep only the part from the beginning to 0:45 and remove the rest, output MP4 (H.264)',
    );
  });

  it('is Chinese where the language is', () => {
    expect(buildPrompt(facts({ language: 'zh-CN', maxBytes: 50e6 })).text).toMatch(
      /^把这个视频压缩到50MB以内，不损失画质/,
    );
    expect(followUp(62e6, 50e6, 'zh')).toContain('50000000字节');
  });

  it('is the rule, not the word, when the words beside a fresh file only say export', () => {
    const prompt = buildPrompt(facts({ instruction: 'export 1080p MP4', maxBytes: 1e6 }));
    expect(prompt.text).toMatch(/^compress this video to under 1MB/);
    expect(prompt.intent).toEqual({ kind: 'export', hint: { format: 'mp4', resolution: '1080p' } });
  });

  it.each(['export', '导出', 'credits', 'status'])('is not sent at all for %j in a kept session', words => {
    expect(buildPrompt(facts({ instruction: words, refines: true })).text).toBeUndefined();
  });

  it('names the file where the session holds others', () => {
    expect(buildPrompt(facts({ instruction: 'make it small', among: 'b.mp4' })).text).toBe(
      'start over with an empty timeline and use only the file just uploaded, "b.mp4": make it small; output MP4 (H.264)',
    );
  });

  it('tells a new session the whole history (was: without the rule, as soon as one earlier version had words)', () => {
    const RULE =
      'compress this video to under 50MB without losing quality, keep its resolution, length and content as they are, add no titles, music or effects, output MP4 (H.264)';
    const text = (earlier: string[], instruction = 'add warm colours') =>
      buildPrompt(facts({ instruction, earlier, maxBytes: 50e6 })).text;
    expect(text([])).toBe(`${RULE}; then: add warm colours`);
    expect(text([''])).toBe(`${RULE}; then: add warm colours`);
    expect(text(['', 'make it brighter'])).toBe(`${RULE}; then: make it brighter; then: add warm colours`);
    expect(text(['export', 'export', 'make it brighter'])).toBe(
      `${RULE}; then: make it brighter; then: add warm colours`,
    );
    expect(text(['make it brighter', 'status'])).toBe(
      'make it brighter; then: add warm colours; under 50MB, output MP4 (H.264)',
    );
  });

  it('asks once more with the exact size', () => {
    expect(followUp(62_300_000, 50e6, 'en')).toBe(
      'the exported video is 62.3 MB, which is too large: compress it to under 50MB (at most 50000000 bytes) by lowering the bitrate and, if needed, the resolution; change nothing else',
    );
  });

  it.each([
    [50e6, '50MB'],
    [10 * 2 ** 20, '10.4MB'],
    [1.5e9, '1.5GB'],
    [4000, '4kB'],
    [999, '999 bytes'],
  ])('never asks for more than %d bytes: %s', (bytes, words) => {
    expect(sizeWords(bytes)).toBe(words);
  });
});
