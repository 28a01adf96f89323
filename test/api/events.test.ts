import { request as httpRequest } from 'node:http';
import { createParser } from 'eventsource-parser';
import { expect, it, onTestFinished } from 'vitest';
import type { ControlEvent } from '../../src/api/types.ts';
import { EventLog } from '../../src/api/events.ts';
import type { Serving } from '../../src/api/serve.ts';
import { serving } from '../support/serving.ts';

const forgotten = (id: string): ControlEvent => ({ kind: 'forgotten', id });

interface Heard {
  kind: string | undefined;
  id: string | undefined;
  data: any;
}

/** One listener at /api/events: what it heard so far, and a promise for the moment it has heard `count` things. */
function listen(server: Serving, headers: Record<string, string> = {}) {
  const heard: Heard[] = [];
  const comments: string[] = [];
  const waiting: { count: number; what: unknown[]; resolve(): void }[] = [];
  const check = () => {
    for (const wait of waiting.splice(0)) {
      if (wait.what.length >= wait.count) wait.resolve();
      else waiting.push(wait);
    }
  };
  const parser = createParser({
    onEvent: ({ event, id, data }) => heard.push({ kind: event, id, data: JSON.parse(data) }),
    onComment: comment => comments.push(comment),
  });
  let end: () => void = () => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  const request = httpRequest({ socketPath: server.socket, path: '/api/events', headers, agent: false }, response => {
    response.setEncoding('utf8');
    response.on('data', chunk => {
      parser.feed(chunk);
      check();
    });
    response.on('error', () => {});
    response.on('close', end);
  });
  request.on('error', end);
  request.end();
  onTestFinished(() => void request.destroy());
  const until = (what: unknown[], count: number) =>
    new Promise<void>(resolve => {
      waiting.push({ count, what, resolve });
      check();
    });
  return {
    heard,
    comments,
    ended,
    has: (count: number) => until(heard, count),
    breathes: (count: number) => until(comments, count),
    close: () => request.destroy(),
  };
}

it('begins with the status and tells every change after it, numbered', async () => {
  const { server, control } = await serving();
  const listener = listen(server);
  await listener.has(1);
  const job = control.add({ id: 'abc' });
  control.emit({ kind: 'job', job });
  control.emit(forgotten('abc'));
  await listener.has(3);
  expect(listener.heard.map(({ kind }) => kind)).toEqual(['status', 'job', 'forgotten']);
  expect(listener.heard[1]?.data).toMatchObject({ id: 'abc' });
  expect(listener.heard[2]?.data).toEqual({ id: 'abc' });
  expect(listener.heard.map(({ id }) => id?.split('-')[1])).toEqual(['0', '1', '2']);
});

it('continues after the last event a listener has seen, and repeats nothing', async () => {
  const { server, control } = await serving();
  const first = listen(server);
  await first.has(1);
  control.emit(forgotten('one'));
  control.emit(forgotten('two'));
  await first.has(3);
  first.close();
  await first.ended;
  control.emit(forgotten('three'));
  const second = listen(server, { 'last-event-id': first.heard[1]?.id ?? '' });
  await second.has(2);
  control.emit(forgotten('four'));
  await second.has(3);
  expect(second.heard.map(({ data }) => data.id)).toEqual(['two', 'three', 'four']);
});

it.each(['deadbeef-3', 'nonsense', '-1', '99999999999999999999'])(
  'says so when it does not know what was missed after %s',
  async id => {
    const { server, control } = await serving();
    control.emit(forgotten('one'));
    const listener = listen(server, { 'last-event-id': id });
    await listener.has(1);
    expect(listener.heard[0]).toMatchObject({ kind: 'reset', data: { mode: 'running' } });
  },
);

it('breathes while nothing happens', async () => {
  const { server } = await serving({ heartbeatMs: 10 });
  const listener = listen(server);
  await listener.breathes(2);
  expect(listener.comments[0]).toContain('still here');
});

it('ends every stream when the daemon stops, and lets go of the daemon', async () => {
  const { server, control } = await serving();
  const listeners = [listen(server), listen(server)];
  await Promise.all(listeners.map(listener => listener.has(1)));
  const before = performance.now();
  await server.close();
  await Promise.all(listeners.map(listener => listener.ended));
  expect(performance.now() - before).toBeLessThan(400);
  expect(control.listeners).toBe(0);
});

it('keeps the last events only, and knows that it did', () => {
  const log = new EventLog({ kept: 2 });
  const start = log.last;
  for (const id of ['a', 'b', 'c']) log.push(forgotten(id));
  expect(log.listen(start).missed).toBe(true);
  const number = start.split('-')[0];
  expect(log.listen(`${number}-1`).missed).toBe(false);
  expect(log.listen(log.last).missed).toBe(false);
  expect(log.listen(`${number}-4`).missed).toBe(true);
});

it('cuts off a listener that does not read', async () => {
  const log = new EventLog({ waiting: 3 });
  const { listener } = log.listen(undefined);
  for (let i = 0; i < 3; i += 1) log.push(forgotten(`${i}`));
  expect(await listener.next(0)).toHaveLength(3);
  for (let i = 0; i < 4; i += 1) log.push(forgotten(`${i}`));
  expect(await listener.next(0)).toBeUndefined();
});
