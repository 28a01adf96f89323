import { describe, expect, it } from 'vitest';
import { word } from '../../src/messages/catalogue.ts';
import { EN } from '../../src/messages/en/index.ts';
import { say } from '../../src/messages/say.ts';
import { inChinese, ZH } from '../../src/messages/zh/index.ts';

const CJK = /\p{Script=Han}/u;

/** Words of a code with every parameter set: what a reader would see. */
function filled(wording: string | ((params: never) => string)): string {
  if (typeof wording === 'string') return wording;
  // A number does for both kinds of parameters: texts show it, quantities format it.
  return wording(new Proxy({}, { get: () => 3, has: () => true }) as never);
}

describe('the catalogue', () => {
  it('has the same codes in both languages', () => {
    expect(Object.keys(ZH).sort()).toEqual(Object.keys(EN).sort());
  });

  it.each(Object.entries(EN))('%s is worded in English', (_code, wording) => {
    const text = filled(wording);
    expect(text).not.toMatch(CJK);
    expect(text).not.toMatch(/undefined|NaN|\[object|^\s|\s$|\s{2}/);
    expect(text.length).toBeGreaterThan(1);
  });

  it.each(Object.entries(ZH))('%s is worded in Chinese', (_code, wording) => {
    const text = filled(wording as never);
    expect(text).toMatch(CJK);
    expect(text).not.toMatch(/undefined|NaN|\[object|^\s|\s$|\s{2}/);
  });
});

describe('wording', () => {
  const words = {
    outer: (p: { why: string }) => `because ${p.why}`,
    inner: (p: { n: number }) => `n is ${p.n}`,
    flat: 'flat',
  };
  const english = { separator: '; ' };
  const inner = { code: 'inner', params: { n: 2 }, text: 'n was two' };

  it('words a sentence within a sentence first', () => {
    expect(word(words, english, 'outer', { why: inner })).toBe('because n is 2');
  });

  it('joins several sentences', () => {
    expect(word(words, english, 'outer', { why: [inner, { code: 'flat', text: '?' }] })).toBe('because n is 2; flat');
  });

  it('keeps the text of a nested sentence whose code it does not know', () => {
    expect(word(words, english, 'outer', { why: { code: 'gone', text: 'old words' } })).toBe('because old words');
  });

  it('knows nothing of a code that is not there, nor of what every object has', () => {
    expect(word(words, english, 'missing')).toBeUndefined();
    expect(word(words, english, 'constructor')).toBeUndefined();
  });
});

it('says a step in English and in Chinese', () => {
  const said = say('step.pass-2', { attempt: 3 });
  expect(said.text).toBe('pass 2 of 2, attempt 3');
  expect(inChinese(said)).toBe('第 2 遍（共 2 遍），第 3 次尝试');
});
