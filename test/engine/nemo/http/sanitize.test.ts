import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/config/secrets.ts';
import { sanitizeLine, sanitizeReply } from '../../../../src/engine/nemo/http/sanitize.ts';

describe('words of the service', () => {
  it.each([
    ['token nmv_usr_KGdw-4_FJ is bad', 'token [secret] is bad'],
    ['Authorization: Bearer abcdefghijk', 'Authorization: Bearer [secret]'],
    ['{"code":0,"data":{"token":"eyJhbGciOi.J9","us', '{"code":0,"data":{"token":"[secret]","us'],
    ['{"data": {"access_token" : "abc', '{"data": {"access_token" : "[secret]'],
    ['see https://x.example/?token=abc%2Fd&x=1', 'see https://x.example/?token=[secret]&x=1'],
    ['the token: expired yesterday', 'the token: expired yesterday'],
    ['<p>one</p>\n<script>x()</script> two', 'one two'],
    ['\u001b[31mred\u0007', '[31mred'],
  ])('are shown without what must not be: %j', (said, shown) => {
    expect(sanitizeLine(said)).toBe(shown);
  });

  it('are cut to 200 characters', () => {
    expect(sanitizeLine('x'.repeat(500))).toHaveLength(200);
  });
});

describe('words for people', () => {
  it("do not repeat a person's own token, whatever it looks like, when the service does", () => {
    new Secret('a-token-of-my-own');
    expect(sanitizeReply('token a-token-of-my-own may not')).toBe('token [secret] may not');
    expect(sanitizeLine('token a-token-of-my-own may not')).toBe('token [secret] may not');
  });

  it('hold no secrets and no control characters, but their line breaks', () => {
    expect(sanitizeReply('token nmv_usr_abc-1\r\nnext \u001b[31m\u202Eline')).toBe('token [secret]\nnext  [31m line');
  });
});
