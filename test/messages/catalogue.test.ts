import { describe, expect, it } from 'vitest';
import { word } from '../../src/messages/catalogue.ts';
import { EN } from '../../src/messages/en/index.ts';
import { say } from '../../src/messages/say.ts';
import { inChinese, ZH } from '../../src/messages/zh/index.ts';

const CJK = /\p{Script=Han}/u;
/** What no reader should meet. */
const BROKEN = /undefined|NaN|\[object|^\s|\s$|\s{2}/;

/** Stands for any parameter: a number where the words calculate or format, and `word` where they show a text. */
class AnyParam extends Number {
  readonly #word: string;

  constructor(word: string) {
    super(3);
    this.#word = word;
  }

  override toString(): string {
    return this.#word;
  }
}

/** The words of a code with every parameter set: what a reader would see. */
function filled(wording: string | ((params: never) => string), word: string): string {
  if (typeof wording === 'string') return wording;
  return String(wording(new Proxy({}, { get: () => new AnyParam(word), has: () => true }) as never));
}

function codesWhere(
  catalogue: Readonly<Record<string, string | ((params: never) => string)>>,
  word: string,
  isWrong: (text: string) => boolean,
): string[] {
  return Object.entries(catalogue).flatMap(([code, wording]) => {
    const text = filled(wording, word);
    return isWrong(text) ? [`${code}: ${text}`] : [];
  });
}

describe('the catalogue', () => {
  it('has the same codes in both languages', () => {
    expect(Object.keys(EN).length).toBeGreaterThan(300);
    expect(Object.keys(ZH).sort()).toEqual(Object.keys(EN).sort());
  });

  it('is worded in English', () => {
    expect(codesWhere(EN, 'clip', text => CJK.test(text) || BROKEN.test(text) || text.length < 2)).toEqual([]);
  });

  it('is worded in Chinese', () => {
    expect(codesWhere(ZH, '视频', text => !CJK.test(text) || BROKEN.test(text))).toEqual([]);
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

  it('leaves out a parameter that is undefined', () => {
    const optional = { shown: ({ fps }: { fps?: number }) => (fps === undefined ? 'any rate' : `${fps} fps`) };
    const params = { fps: undefined } as unknown as Record<string, number>;
    expect(word(optional, english, 'shown', params)).toBe('any rate');
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

it('leaves a message to its English text when another version gave it other parameters', () => {
  expect(inChinese({ code: 'local.speed', params: {} })).toBeUndefined();
});
