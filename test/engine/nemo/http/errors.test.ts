import { describe, expect, it } from 'vitest';
import { adviceFor, type ErrorCode } from '../../../../src/core/errors.ts';
import {
  errorFor,
  readAnswer,
  type Refusal,
  refusalBehind,
  type RefusalFacts,
  REFUSALS,
  retryAfterMs,
} from '../../../../src/engine/nemo/http/errors.ts';
import { say } from '../../../../src/messages/say.ts';

const facts: RefusalFacts = {
  doing: say('nemo.doing-export'),
  status: 400,
  detail: '',
  maxUploadBytes: 500_000_000,
  account: 'anonymous',
  userId: 'anon_abc123',
  webUrl: 'https://nemovideo.com',
};

describe('every refusal of the service', () => {
  // Refusal, code, what the queue does, what is asked again, whether a message refused like this was certainly not taken.
  const table: [Refusal, ErrorCode, string, string, string][] = [
    ['1001', 'auth-expired', 'hold', 'with-new-token', 'no'],
    ['1002', 'session-gone', 'hold', 'never', 'no'],
    ['2001', 'out-of-credits', 'pause-engine', 'never', 'no'],
    ['4001', 'unsupported-file', 'fail', 'never', 'no'],
    ['4002', 'file-too-large', 'hold', 'never', 'no'],
    ['http-400', 'bad-request', 'fail', 'with-client-id', 'no'],
    ['http-401', 'auth-expired', 'hold', 'with-new-token', 'no'],
    ['http-402', 'plan-blocked', 'pause-engine', 'never', 'no'],
    ['http-403', 'bad-answer', 'hold', 'never', 'no'],
    ['http-404', 'session-gone', 'hold', 'never', 'no'],
    ['http-408', 'unreachable', 'wait', 'later', 'maybe'],
    ['http-413', 'file-too-large', 'hold', 'never', 'no'],
    ['http-415', 'unsupported-file', 'fail', 'never', 'no'],
    ['http-422', 'bad-request', 'fail', 'never', 'no'],
    ['http-429', 'rate-limited', 'wait', 'after-waiting', 'no'],
    ['http-3xx', 'bad-answer', 'hold', 'never', 'maybe'],
    ['http-4xx', 'bad-answer', 'hold', 'never', 'no'],
    ['http-5xx', 'unreachable', 'wait', 'later', 'maybe'],
    ['other-code', 'bad-answer', 'hold', 'never', 'maybe'],
    ['not-json', 'bad-answer', 'hold', 'later', 'maybe'],
    ['wrong-type', 'bad-answer', 'hold', 'later', 'maybe'],
  ];

  it.each(table)('%s becomes %s: %s', (refusal, code, advice, repeat, taken) => {
    const row = REFUSALS[refusal];
    expect(row).toMatchObject({ code, repeat, taken });
    expect(adviceFor(row.code).kind).toBe(advice);
    const error = errorFor(refusal, facts);
    expect(error.message).toMatch(/^exporting: \S/);
    expect(error.hint).toMatch(/\.$/);
    expect(refusalBehind(error)).toBe(refusal);
  });

  it('has a row, and no row is untested', () => {
    expect(table.map(([refusal]) => refusal).sort()).toEqual(Object.keys(REFUSALS).sort());
  });
});

describe('what a person reads', () => {
  const hint = (refusal: Refusal, changes: Partial<RefusalFacts> = {}) =>
    errorFor(refusal, { ...facts, ...changes }).hint;

  it('without credits: where to register, with the id that carries them over', () => {
    expect(hint('2001')).toContain('https://nemovideo.com/register?bind=anon_abc123');
    expect(hint('2001', { userId: undefined })).toContain('https://nemovideo.com/register to');
    expect(hint('2001', { url: 'https://nemovideo.ai/register?x=1' })).toContain('https://nemovideo.ai/register?x=1');
    expect(hint('2001', { account: 'own' })).toContain('Top up credits in your account');
  });

  it('on a blocked export: the plan, not the credits', () => {
    const error = errorFor('http-402', facts);
    expect(error.hint).toContain('Register or upgrade your plan to unlock export');
    expect(`${error.message} ${error.hint}`).not.toMatch(/credit/i);
  });

  it('on a wrong format: all thirteen', () => {
    for (const format of 'mp4 mov avi webm mkv jpg png gif webp mp3 wav m4a aac'.split(' '))
      expect(hint('4001')).toContain(format);
  });

  it('on too large a file: compress, trim or split', () => {
    expect(hint('4002')).toMatch(/Compress, trim or split.*500 MB/);
  });

  it('on a bad token: whose it is', () => {
    expect(hint('1001', { account: 'own' })).toContain('NEMO_TOKEN');
    expect(errorFor('1001', { ...facts, account: 'own' }).message).toContain('NEMO_TOKEN');
  });
});

describe('an answer is read', () => {
  const read = (status: number, body: unknown, type = 'application/json') =>
    readAnswer(status, type, typeof body === 'string' ? body : JSON.stringify(body));

  it.each([
    ['the main envelope', { code: 0, data: { token: 't' } }, { token: 't' }],
    ['a code as text', { code: '0', data: { token: 't' } }, { token: 't' }],
    ['code 200', { code: 200, data: { token: 't' } }, { token: 't' }],
    ['the render envelope', { success: true, data: { id: 'r' } }, { id: 'r' }],
    ['no envelope', { status: 'pending' }, { status: 'pending' }],
    ['a list', { code: 0, data: [1] }, [1]],
    ['data that is no container', { code: 0, data: null, ok: 1 }, { code: 0, data: null, ok: 1 }],
  ])('from %s', (_, body, payload) => {
    expect(read(200, body)).toMatchObject({ ok: true, payload });
  });

  it.each<[string, number, unknown, Refusal]>([
    ['a body code with HTTP 200', 200, { code: 1001, message: 'expired' }, '1001'],
    ['a body code as text', 200, { code: '2001' }, '2001'],
    ['a body code over the HTTP status', 400, { code: 4002 }, '4002'],
    ['the sibling gateway code for a token', 200, { code: 1011 }, '1001'],
    ['an HTTP status as body code', 200, { code: 429 }, 'http-429'],
    ['a code inside data', 200, { success: false, data: { code: 2001 } }, '2001'],
    ['a code inside detail', 402, { detail: { code: 2001 } }, '2001'],
    ['a failure in words', 200, { success: false, error: 'duplicate id' }, 'other-code'],
    ['an unknown code', 200, { code: 7777, message: 'new' }, 'other-code'],
    ['FastAPI 404', 404, { detail: 'Session not found' }, 'http-404'],
    ['FastAPI 422', 422, { detail: [{ loc: ['body'], msg: 'field required', type: 'x' }] }, 'http-422'],
    ['a 403 about the token', 403, { detail: 'Token has expired' }, '1001'],
    ['any other 403', 403, { detail: 'no' }, 'http-403'],
    ['a plan that does not export', 402, { detail: 'upgrade' }, 'http-402'],
    ['a gateway page', 502, '<html><h1>Bad gateway</h1></html>', 'http-5xx'],
    ['an unknown 4xx', 418, { detail: 'teapot' }, 'http-4xx'],
    ['a redirect', 302, '', 'http-3xx'],
    ['half an answer', 200, '{"code":0,"data":', 'not-json'],
  ])('as a refusal: %s', (_, status, body, refusal) => {
    expect(read(status, body)).toMatchObject({ ok: false, refusal });
  });

  it('as a refusal when a web page comes instead', () => {
    expect(read(200, '<html>Log in</html>', 'text/html')).toMatchObject({
      ok: false,
      refusal: 'wrong-type',
      detail: 'Log in',
    });
  });

  it.each([
    [{ message: 'a', error: 'b' }, 'a'],
    [{ msg: 'a' }, 'a'],
    [{ error: { message: 'a' } }, 'a'],
    [{ error: 'a' }, 'a'],
    [{ detail: 'a' }, 'a'],
    [{ reason: 'a' }, 'a'],
    [{ errorMessage: 'a' }, 'a'],
    [{ detail: [{ msg: 'a' }, { msg: 'b' }] }, 'a; b'],
  ])('with its words: %j', (body, detail) => {
    expect(read(400, body)).toMatchObject({ detail });
  });

  it('with an address of the service in it, never one that holds a token', () => {
    expect(read(402, { code: 2001, message: 'go to https://nemovideo.com/register?bind=x now' })).toMatchObject({
      url: 'https://nemovideo.com/register?bind=x',
    });
    for (const host of ['nemovideo.com.evil.example', 'nemovideo.com@evil.example', 'nemovideo.company.example'])
      expect(read(402, { message: `go to https://${host}/register` })).toMatchObject({ url: undefined });
    expect(
      read(402, { message: 'not https://nemovideo.com.evil.example/ but https://nemovideo.ai/top-up.' }),
    ).toMatchObject({ url: 'https://nemovideo.ai/top-up' });
    expect(read(402, { message: 'see https://nemovideo.com.' })).toMatchObject({ url: 'https://nemovideo.com' });
    expect(read(402, { message: 'go to https://evil.example/register' })).toMatchObject({ url: undefined });
    expect(read(402, { message: 'https://nemovideo.com/?nemo_token=nmv_usr_1' })).toMatchObject({ url: undefined });
  });
});

it('a plan that is too small is said in the words of the service, whatever was asked (was: "sending the instruction: the plan ... does not include export")', () => {
  const error = errorFor('http-402', { ...facts, doing: say('nemo.doing-message'), detail: 'insufficient balance' });
  expect(error.message).toBe(
    'sending the instruction: the plan of this account does not allow this (402): "insufficient balance"',
  );
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 2, 1, 12, 0, 0);
  it.each([
    ['30', 30_000],
    ['0', 0],
    ['1.5', 1500],
    ['Sun, 01 Mar 2026 12:01:00 GMT', 60_000],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    // A date in 2001, for Date.parse (was: "the service asks for a pause of 0.0s").
    ['-5', undefined],
    ['1e9', undefined],
    ['2030', 2_030_000],
    ['2030-01', undefined],
    ['999999999', undefined],
  ])('%j is %j', (header, ms) => {
    expect(retryAfterMs({ 'retry-after': header }, now)).toBe(ms);
  });

  it('is none where there is none', () => {
    expect(retryAfterMs({}, now)).toBeUndefined();
  });

  it('as a date counts by the clock of who wrote it: ours may be wrong', () => {
    const headers = { 'retry-after': 'Sun, 01 Mar 2026 12:01:00 GMT', date: 'Sun, 01 Mar 2026 12:00:30 GMT' };
    expect(retryAfterMs(headers, now + 86_400_000)).toBe(30_000);
    expect(retryAfterMs(headers, now - 86_400_000)).toBe(30_000);
  });
});
