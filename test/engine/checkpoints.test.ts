import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/core/job.ts';
import {
  checked,
  Checkpoints,
  isFlag,
  isListOf,
  isNullable,
  isNumber,
  isObjectOf,
  isOneOf,
  isOptional,
  isText,
  isTexts,
} from '../../src/engine/checkpoints.ts';

function journal(resume: Record<string, Json> = {}) {
  const records: Record<string, Json> = { ...resume };
  const context = {
    resume,
    async record(key: string, value: Json) {
      records[key] = value;
    },
  };
  return { records, checkpoints: Checkpoints.of(context) };
}

describe('checkpoints', () => {
  it('show what was recorded in this run as well as what was there before', async () => {
    const { checkpoints, records } = journal({ before: 1 });
    expect(checkpoints.at('before', checked(isNumber)).get()).toBe(1);
    const one = checkpoints.at('now', checked(isNumber));
    expect(one.get()).toBeUndefined();
    await one.set(2);
    expect(checkpoints.at('now', checked(isNumber)).get()).toBe(2);
    expect(records).toEqual({ before: 1, now: 2 });
  });

  it('show nothing that could not be made durable', async () => {
    const context = { resume: {}, record: async () => await Promise.reject(new Error('disk full')) };
    const one = Checkpoints.of(context).at('key', checked(isNumber));
    await expect(one.set(1)).rejects.toThrow('disk full');
    expect(one.get()).toBeUndefined();
  });

  it('count a value of another shape as never recorded', () => {
    const { checkpoints } = journal({ key: { bytes: 'many' } });
    expect(checkpoints.at('key', checked(isObjectOf<{ bytes: number }>({ bytes: isNumber }))).get()).toBeUndefined();
  });

  it('keep a copy: what is changed after it was recorded is not recorded', async () => {
    const one = journal().checkpoints.at('key', checked(isListOf(isNumber)));
    const list = [1];
    await one.set(list);
    list.push(2);
    expect(one.get()).toEqual([1]);
  });

  it('under another stamp are not seen; scopes nest, and keep the stamp unless they get one', async () => {
    const { checkpoints, records } = journal();
    const job = checkpoints.scoped('local/', 'v1');
    await job.scoped('part/').at('1', checked(isText)).set('done');
    expect(records).toEqual({ 'local/part/1': { stamp: 'v1', value: 'done' } });
    expect(job.at('part/1', checked(isText)).get()).toBe('done');
    expect(checkpoints.scoped('local/', 'v2').at('part/1', checked(isText)).get()).toBeUndefined();
    expect(job.scoped('', 'v2').at('part/1', checked(isText)).get()).toBeUndefined();
  });
});

describe('guards', () => {
  const isCat = isObjectOf<{ name: string; lives?: number; coat: 'black' | 'red'; owner: string | null }>({
    name: isText,
    lives: isOptional(isNumber),
    coat: isOneOf('black', 'red'),
    owner: isNullable(isText),
  });
  it.each<[unknown, boolean]>([
    [{ name: 'Tom', coat: 'red', owner: null }, true],
    [{ name: 'Tom', coat: 'red', owner: 'Ann', lives: 9, more: true }, true],
    [{ name: 'Tom', coat: 'green', owner: null }, false],
    [{ name: 'Tom', coat: 'red' }, false],
    [{ name: 'Tom', coat: 'red', owner: null, lives: '9' }, false],
    [['Tom'], false],
    [null, false],
  ])('%j: %s', (value, expected) => expect(isCat(value)).toBe(expected));

  it('for lists, flags and texts by name', () => {
    expect(isListOf(isFlag)([true, false])).toBe(true);
    expect(isListOf(isFlag)([true, 0])).toBe(false);
    expect(isTexts({ a: 'b' })).toBe(true);
    expect(isTexts({ a: 1 })).toBe(false);
  });
});
