import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, hashOf, idAt, sliceAt } from '../../../../src/engine/nemo/http/json.ts';

describe('values as the service wrote them', () => {
  const text =
    ' {"code":0,"data":{"session_id":5529798706024415232,"state":{"draft": {"id":9007199254740993, "10":1,"2":2} ,"x":[1]}}} ';

  it('are cut out exactly, spaces, key order and big integers included', () => {
    expect(sliceAt(text, ['data', 'state', 'draft'])).toBe('{"id":9007199254740993, "10":1,"2":2}');
    expect(sliceAt(text, ['data', 'state', 'x'])).toBe('[1]');
    expect(sliceAt(text, ['data', 'nothing', 'draft'])).toBeUndefined();
    expect(sliceAt('[1,2]', ['0'])).toBeUndefined();
  });

  it('that are ids keep every digit, as a string or as a bare number', () => {
    expect(idAt(text, 'data.sessionId', 'data.session_id')).toBe('5529798706024415232');
    expect(idAt('{"id":"5529798706024415232"}', 'id')).toBe('5529798706024415232');
    expect(idAt('{"id":""}', 'id')).toBeUndefined();
    expect(idAt('{"id":1.5}', 'id')).toBeUndefined();
  });

  it('with brackets and quotes inside strings do not end early', () => {
    const tricky = '{"a":"}]\\"{[","b":{"c":"\\\\"},"d":1}';
    expect(sliceAt(tricky, ['b'])).toBe('{"c":"\\\\"}');
    expect(sliceAt(tricky, ['d'])).toBe('1');
  });

  it('are found wherever they are, in any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.boolean(), (object, pretty) => {
        const written = JSON.stringify(object, null, pretty ? 2 : 0);
        const plain = JSON.parse(written) as Record<string, unknown>;
        for (const key of Object.keys(plain)) {
          expect(JSON.parse(sliceAt(written, [key]) ?? '')).toEqual(plain[key]);
        }
      }),
    );
  });
});

describe('the hash of a state', () => {
  it('is the same whatever the order of keys and the spaces', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), object => {
        const turned = Object.fromEntries(Object.entries(object).reverse());
        expect(hashOf(JSON.stringify(object, null, 3))).toBe(hashOf(JSON.stringify(turned)));
      }),
    );
  });

  it('differs in the last digit of a big integer', () => {
    expect(hashOf('{"id":9007199254740993}')).not.toBe(hashOf('{"id":9007199254740992}'));
  });

  it.each([
    ['a timestamp', '{"a":1,"updated_at":1}', '{"a":1,"updated_at":2}'],
    ['a version', '{"a":1,"version":1}', '{"a":1,"version":"x"}'],
    ['an expiry', '{"a":[{"expiresAt":1}]}', '{"a":[{"expiresAt":2}]}'],
    ['the signature of an address', '{"u":"https://c/x.mp4?sig=1"}', '{"u":"https://c/x.mp4?sig=2"}'],
  ])('takes no notice of %s', (_, one, two) => {
    expect(hashOf(one)).toBe(hashOf(two));
  });

  it.each([
    ['a name', '{"n":"a"}', '{"n":"b"}'],
    ['a duration', '{"d":1000}', '{"d":1001}'],
    ['the order of a list', '[1,2]', '[2,1]'],
    ['an address', '{"u":"https://c/x.mp4"}', '{"u":"https://c/y.mp4"}'],
  ])('takes notice of %s', (_, one, two) => {
    expect(hashOf(one)).not.toBe(hashOf(two));
  });

  it.each([
    [0, '{"a":2,"b":1}'],
    [199, '{"a":2,"b":1}'],
    [200, '{"b":1,"a":2}'],
    [300, '{"b":1,"a":2}'],
  ])('sorts keys to a depth of 200: at %d', (depth, inside) => {
    const nested = (text: string) => `${'['.repeat(depth)}${text}${']'.repeat(depth)}`;
    expect(canonical(nested('{"b":1,"a":2}'))).toBe(nested(inside));
  });

  it('does not run out of stack on an absurdly deep answer', () => {
    const deep = `${'['.repeat(5000)}1${']'.repeat(5000)}`;
    expect(canonical(deep)).toContain('1');
  });
});
