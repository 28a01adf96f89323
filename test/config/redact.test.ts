import { describe, expect, test } from 'vitest';
import { maskUrl, show, withoutSecrets } from '../../src/config/redact.ts';

describe('a value in a message', () => {
  test.each<[unknown, string]>([
    ['50 megs', '"50 megs"'],
    [5, '5'],
    [null, 'nothing'],
    [['a'], 'a list'],
    [{ a: 1 }, 'a map'],
    ['a\n\tb', '"a b"'],
    ['x'.repeat(100), `"${'x'.repeat(60)}..."`],
    ['nmv_usr_0123456789abcdef', '"[hidden]"'],
    ['Bearer 0123456789abcdef0123', '"[hidden]"'],
    ['/srv/media/videos/2024/holiday', '"/srv/media/videos/2024/holiday"'],
    ['https://me:pw@host/hook/abc?x=1', '"https://host/..."'],
  ])('%j is %s', (value, expected) => {
    expect(show(value)).toBe(expected);
  });

  test.each([
    ['https://ntfy.sh/my-topic', 'https://ntfy.sh/...'],
    ['https://ntfy.sh', 'https://ntfy.sh'],
    ['http://user:secret@[::1]:80/', 'http://[::1]:80/'],
  ])('the web address %s is %s', (url, expected) => {
    expect(maskUrl(url)).toBe(expected);
  });

  test('a quoted file in a sentence is blotted out', () => {
    expect(withoutSecrets('unexpected scalar "nmv_usr_0123456789abcdef" here')).toBe(
      'unexpected scalar "[hidden]" here',
    );
  });
});
