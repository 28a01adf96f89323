import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { setUp } from './support.ts';

const OWN = 'nmv_usr_KGdwtlGw3hBDUpV-4_FJfEgYqFbTXQuYPKP';

/** Everything a person, a log or a file could get to see of one job. */
async function everythingSaid(
  fault: (server: Awaited<ReturnType<typeof setUp>>['server']) => void,
): Promise<{ text: string; code: string | undefined }> {
  const lines: string[] = [];
  const { server, restart, order, job, dir } = await setUp({ speed: 1500, server: { tokens: { [OWN]: 'user_1' } } });
  const engine = restart({
    token: new Secret(OWN),
    log: pino({ level: 'trace' }, { write: line => void lines.push(line) }),
  });
  fault(server);
  const work = job({ workDir: 'w' });
  const error = await engine.run(order(), work.context).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  const files = await Promise.all((await readdir(join(dir, 'w'))).map(name => readFile(join(dir, 'w', name), 'utf8')));
  const text = [
    ...lines,
    inspect(error, { depth: 10 }),
    JSON.stringify(error, Object.getOwnPropertyNames(error ?? {})),
    ...work.everything,
    ...work.notes,
    ...work.journal,
    ...work.doubts.map(doubt => JSON.stringify(doubt)),
    ...files,
    ...server.requests.map(({ path }) => path),
    ...server.requests.map(({ body }) => body),
  ].join('\n');
  return { text, code: (error as { code?: string } | undefined)?.code };
}

describe('the token', () => {
  it.each<[string, Parameters<typeof everythingSaid>[0], string | undefined]>([
    ['when all goes well', () => {}, undefined],
    [
      'when the service refuses it and repeats it',
      server =>
        server.fault({
          match: { path: '/api/tasks' },
          status: 401,
          body: `{"code":1001,"message":"bad token ${OWN}"}`,
        }),
      'auth-expired',
    ],
    [
      'when the service echoes it in a failure',
      server =>
        server.fault({
          match: { path: '/api/tasks' },
          status: 418,
          body: `{"message":"Authorization: Bearer ${OWN}"}`,
        }),
      'bad-answer',
    ],
    [
      'when a gateway echoes it in a page',
      server =>
        server.fault({ match: { path: '/api/upload-video' }, times: 9, status: 502, body: `<html>${OWN}</html>` }),
      'unreachable',
    ],
    ['when the agent says it', server => void server.scripts.push({ say: `Your token is ${OWN}.` }), undefined],
    [
      'when the agent says it and does nothing',
      server => void server.scripts.push({ apply: false, events: [{ say: `token ${OWN}?` }] }),
      'cannot-do',
    ],
    [
      'when a stream fails with it',
      server => void server.scripts.push({ apply: false, events: [{ error: `bad ${OWN}` }] }),
      'unconfirmed',
    ],
    [
      'when a render fails with it',
      server =>
        server.fault({ match: { path: /lambda\/render/ }, times: 9, body: `{"success":false,"error":"no ${OWN}"}` }),
      'render-failed',
    ],
    [
      'when the claim token is the token',
      server =>
        server.fault({ match: { path: '/api/auth/claim-token' }, body: `{"code":0,"data":{"claim_token":"${OWN}"}}` }),
      undefined,
    ],
    [
      'when nobody answers',
      server => server.fault({ match: { path: '/api/tasks' }, times: 9, hangUp: 'before' }),
      'unreachable',
    ],
  ])('is never seen %s', async (_, fault, code) => {
    const said = await everythingSaid(fault);
    expect(said.code).toBe(code);
    expect(said.text.length).toBeGreaterThan(500);
    expect(said.text).not.toContain(OWN);
    expect(said.text).not.toContain('nmv_usr');
  });

  it('does not show itself by accident', () => {
    const value = new Secret(OWN);
    expect(`${[value].join('')} ${JSON.stringify({ value })} ${inspect({ value }, { depth: 5 })}`).toBe(
      '[secret] {"value":"[secret]"} { value: [secret] }',
    );
    expect(value.reveal()).toBe(OWN);
  });
});
