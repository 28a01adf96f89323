import { describe, expect, it } from 'vitest';
import { isLinkName } from '../../../../src/core/saving.ts';
import { addressIn, nameIn } from '../../../../src/engine/nemo/session/link-file.ts';

describe('a link', () => {
  it.each([
    ['a .url of Windows', '[InternetShortcut]\r\nURL=https://example.com/a.mp4\r\n', 'https://example.com/a.mp4'],
    [
      'a .webloc',
      '<?xml version="1.0"?><plist><dict><key>URL</key><string>https://e.com/a?b=1&amp;c=2</string></dict></plist>',
      'https://e.com/a?b=1&c=2',
    ],
    [
      'a binary .webloc',
      'bplist00\u00d1\u0001\u0002SURL_\u0010\u0015https://e.com/a.mp4\u0000\b',
      'https://e.com/a.mp4',
    ],
    ['the first line of a text', '\uFEFFhttps://e.com/a.mp4\nhttps://e.com/b.mp4', 'https://e.com/a.mp4'],
    ['nothing of the kind', 'hello', undefined],
    ['something else to fetch', 'URL=file:///etc/passwd', undefined],
    ['javascript', 'URL=javascript:alert(1)', undefined],
    ['an empty file', '', undefined],
  ])('is read from %s', (_, content, address) => {
    expect(addressIn(content)).toBe(address);
  });

  it('is recognised by its name, and named by what it points at', () => {
    expect(['a.url', 'a.WEBLOC', 'a.url.txt', 'a.mp4', 'a.txt'].map(isLinkName)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(nameIn('https://e.com/my%20clip.mp4?x=1')).toBe('my clip.mp4');
    expect(nameIn('https://e.com/')).toBe('e.com');
  });
});
