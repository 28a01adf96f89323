/** Webhooks against a real HTTP server. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobState } from '../../src/core/job.ts';
import { Notifier, testNotify } from '../../src/notify/notify.ts';
import { type Clock, systemClock } from '../../src/platform/clock.ts';
import { createHttp } from '../../src/platform/http.ts';
import { createLogger } from '../../src/platform/log.ts';
import { aJob, REASON } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { microtasks } from '../support/microtasks.ts';

let server: Server;
let base: string;
let log = '';
let got: { path: string; body: any; headers: IncomingMessage['headers'] }[];
let outcomes: string[];
let onOutcome: () => void;
let answer: (response: ServerResponse, n: number) => void;
let notify: Notifier;

beforeEach(async () => {
  [log, got, outcomes] = ['', [], []];
  onOutcome = () => {};
  answer = response => response.end();
  server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    request.on('end', () => {
      got.push({ path: request.url ?? '', body: JSON.parse(text), headers: request.headers });
      answer(response, got.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await notify?.stop();
  server.closeAllConnections();
  server.close();
});

function start(
  targets: { url: string; on: ('done' | 'held' | 'failed')[] }[],
  pausesMs: number[] = [1, 1],
  clock: Clock = systemClock,
): Notifier {
  const stream = new Writable({
    write(chunk, _, done) {
      log += chunk;
      done();
    },
  });
  notify = new Notifier({
    targets: () => targets,
    http: createHttp(),
    clock,
    log: createLogger({ level: 'debug', format: 'json', stream: stream as never }),
    onOutcome(outcome) {
      outcomes.push(outcome);
      onOutcome();
    },
    pausesMs,
  });
  return notify;
}

const ALL: ('done' | 'held' | 'failed')[] = ['done', 'held', 'failed'];
const FAILED: JobState = {
  name: 'failed',
  reason: { code: 'no-video', text: 'there is no picture in it', hint: 'Look.' },
};
const HELD: JobState = { name: 'held', reason: { code: 'cannot-do', text: 'music cannot be added here' } };
const jobIn = (state: JobState, name = 'clip.mp4'): Job => ({ ...aJob({ path: `/in/${name}` }), state });
const from = (before: JobState, after: JobState, name?: string): [Job, Job] => [
  jobIn(after, name),
  jobIn(before, name),
];
const QUEUED: JobState = { name: 'queued' };

const LINK = 'https://nemovideo.com/register?bind=anon_1';
const NO_CREDITS: JobState = {
  name: 'waiting',
  until: 9,
  reason: {
    code: 'out-of-credits',
    text: 'the account has no credits left',
    hint: `Register at ${LINK} to get more.`,
    action: { code: 'register', link: LINK },
  },
};
const DONE: JobState = { name: 'done', output: '/out/a.mp4', outputBytes: 1, how: '', notes: [], evidence: '' };

describe('a notification', () => {
  it('says what an account needs, with the link: once, and again only after it worked meanwhile', async () => {
    start([{ url: `${base}/hook`, on: ['held'] }]);
    const running: JobState = { name: 'running', engine: 'nemo', since: 1, step: 'asking' };
    for (const name of ['a.mp4', 'b.mp4', 'a.mp4']) notify.changed(...from(running, NO_CREDITS, name));
    notify.changed(...from(running, { ...NO_CREDITS, reason: REASON }));
    await notify.onIdle();
    expect(got.map(({ body }) => body)).toEqual([
      expect.objectContaining({
        title: 'a.mp4 needs you',
        text: expect.stringContaining(LINK),
        job: expect.objectContaining({ action: expect.objectContaining({ code: 'register', link: LINK }) }),
      }),
    ]);
    notify.changed(...from(running, DONE));
    notify.changed(...from(running, NO_CREDITS, 'c.mp4'));
    await notify.onIdle();
    expect(got).toHaveLength(2);
  });

  it('of a job that ends in the very moment in which the one before is sent goes out as well', async () => {
    start([{ url: `${base}/hook`, on: ['failed'] }]);
    for (let turns = 0; turns < 8; turns += 1) {
      let second = Promise.resolve();
      onOutcome = () => {
        onOutcome = () => {};
        second = microtasks(turns).then(() => notify.changed(...from(QUEUED, FAILED, 'second.mp4')));
      };
      notify.changed(...from(QUEUED, FAILED));
      await notify.onIdle();
      await second;
      await notify.onIdle();
      expect(got, `${turns} turns later`).toHaveLength(2 * (turns + 1));
    }
  });

  it('goes out when a job comes to an end somebody wants to hear of, and only then', async () => {
    start([{ url: `${base}/hook`, on: ['failed'] }]);
    notify.changed(...from(QUEUED, HELD));
    notify.changed(...from(QUEUED, { name: 'running', engine: 'local', step: 'x', since: 1 }));
    notify.changed(...from(FAILED, FAILED));
    notify.changed(...from(QUEUED, FAILED));
    await notify.onIdle();
    expect(got.map(({ body }) => [body.event, body.job.reason])).toEqual([['failed', 'there is no picture in it']]);
    expect(outcomes).toEqual(['delivered']);
  });

  it('is sent once to an address that stands there twice, and not at all without one', async () => {
    start([
      { url: `${base}/hook`, on: ALL },
      { url: `${base}/hook`, on: ALL },
    ]);
    notify.changed(...from(QUEUED, HELD));
    await notify.onIdle();
    expect(got).toHaveLength(1);
    await notify.stop();
    start([]);
    notify.changed(...from(QUEUED, HELD));
    await notify.onIdle();
    expect([got.length, outcomes]).toEqual([1, ['delivered']]);
  });

  it.each([429, 500, 503])('is tried again after %i, and arrives once', async status => {
    start([{ url: `${base}/hook`, on: ALL }]);
    answer = (response, n) => {
      response.statusCode = n < 3 ? status : 204;
      response.end();
    };
    notify.changed(...from(QUEUED, FAILED));
    await notify.onIdle();
    expect([got.length, outcomes]).toEqual([3, ['delivered']]);
    expect(log).not.toContain('"level":40');
  });

  it('is tried again when the connection breaks', async () => {
    start([{ url: `${base}/hook`, on: ALL }]);
    answer = (response, n) => void (n === 1 ? response.destroy() : response.end());
    notify.changed(...from(QUEUED, FAILED));
    await notify.onIdle();
    expect([got.length, outcomes]).toEqual([2, ['delivered']]);
  });

  it('is given up after some tries, with one line in the log that gives no secret away', async () => {
    start([{ url: `${base}/message?token=SeCrEt12345`, on: ALL }]);
    answer = response => {
      response.statusCode = 502;
      response.end();
    };
    notify.changed(...from(QUEUED, FAILED));
    await notify.onIdle();
    expect([got.length, outcomes]).toEqual([3, ['failed']]);
    expect(log.match(/"level":40/g)).toHaveLength(1);
    expect(log).toContain('status 502');
    expect(log).not.toContain('SeCrEt');
    expect(got[0]?.path).toBe('/message');
    expect(got[0]?.headers['x-gotify-key']).toBe('SeCrEt12345');
  });

  it('is not repeated where the address itself is wrong', async () => {
    start([{ url: `${base}/hook`, on: ALL }]);
    answer = response => {
      response.statusCode = 404;
      response.end();
    };
    notify.changed(...from(QUEUED, FAILED));
    await notify.onIdle();
    expect([got.length, outcomes]).toEqual([1, ['failed']]);
    expect(log).toContain('there is nothing at this address');
  });

  it('keeps the order, and an address that hangs holds up no other', async () => {
    const hanging = createServer(() => {});
    hanging.listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    start([
      { url: `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`, on: ALL },
      { url: `${base}/hook`, on: ALL },
    ]);
    for (const name of ['1.mov', '2.mov', '3.mov']) notify.changed(...from(QUEUED, FAILED, name));
    await eventually(() => got.length === 3);
    expect(got.map(({ body }) => body.title)).toEqual(['1.mov failed', '2.mov failed', '3.mov failed']);
    hanging.closeAllConnections();
    hanging.close();
  });

  it('is dropped, and counted, when too many wait', async () => {
    start([{ url: `${base}/hook`, on: ALL }]);
    answer = () => {};
    for (let n = 0; n < 120; n += 1) notify.changed(...from(QUEUED, FAILED));
    expect(outcomes.filter(outcome => outcome === 'dropped')).toHaveLength(20);
  });

  it('does not keep the daemon from ending', async () => {
    start([{ url: `${base}/hook`, on: ALL }], [3_600_000]);
    answer = response => {
      response.statusCode = 503;
      response.end();
    };
    notify.changed(...from(QUEUED, FAILED));
    await eventually(() => got.length === 1);
    const began = performance.now();
    await notify.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

it('a test says of each address whether it works, without its secret', async () => {
  start([]);
  answer = (response, n) => {
    response.statusCode = n === 1 ? 200 : 401;
    response.end();
  };
  const http = createHttp();
  const one = await testNotify([{ url: `${base}/message?token=SeCrEt`, on: ALL }], http);
  const two = await testNotify([{ url: `${base}/hook/SeCrEt`, on: ALL }], http);
  await http.close();
  expect(one).toEqual([{ url: `${base}/...`, ok: true, said: 'sent' }]);
  expect(two).toEqual([
    { url: `${base}/...`, ok: false, said: 'HTTP status 401: the token or password is wrong or missing' },
  ]);
});

describe('the films of a library', () => {
  const film = (n: number, name: JobState['name'] = 'done'): [Job, Job] => {
    const job = {
      ...aJob({ id: `film${n}`, path: `/srv/videos/${n}.mp4` }),
      library: true as const,
      inbox: '/srv/videos',
    };
    const done: JobState = {
      ...{ name: 'done', output: job.path, outputBytes: job.pin.sizeBytes - 1_000_000 },
      ...{ how: '', notes: [], evidence: '' },
    };
    return [{ ...job, state: name === 'done' ? done : HELD }, job];
  };
  const titles = () => got.map(({ body }) => body.title);

  it('are told of once a day with what they freed; what needs a person is said at once', async () => {
    const clock = new FakeClock();
    start([{ url: `${base}/#ntfy`, on: ALL }], [], clock);
    for (let n = 0; n < 300; n += 1) notify.changed(...film(n));
    notify.changed(...film(300, 'held'));
    await notify.onIdle();
    expect(titles()).toEqual(['300.mp4 needs you']);
    await clock.advance(86_400_000);
    await notify.onIdle();
    expect(titles()).toEqual(['300.mp4 needs you', '300 films of /srv/videos done']);
    expect(got[1]?.body.message).toContain('smaller by 300 MB');
    await clock.advance(2 * 86_400_000);
    await notify.onIdle();
    expect(got).toHaveLength(2);
  });

  it('of a day that a stop cuts short are told of before it', async () => {
    start([{ url: `${base}/#ntfy`, on: ['done'] }]);
    notify.changed(...film(1));
    await notify.stop();
    expect(titles()).toEqual(['1 film of /srv/videos done']);
  });
});
