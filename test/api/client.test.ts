import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { connectControl } from '../../src/api/client.ts';
import { controlSocket } from '../../src/api/socket.ts';
import { ShrinkError } from '../../src/core/errors.ts';
import { serving, tempDir } from '../support/serving.ts';

async function connected() {
  const { stateDir, control, server } = await serving();
  const client = await connectControl(stateDir);
  if (!client) throw new Error('the daemon was not found');
  onTestFinished(() => client.close());
  return { client, control, server };
}

it('asks everything a daemon can be asked', async () => {
  const { client, control } = await connected();
  control.add({ id: 'abc', state: 'failed' });
  control.add({ id: 'def' });
  expect((await client.status()).counts).toMatchObject({ failed: 1, queued: 1 });
  expect((await client.jobs()).map(job => job.id)).toEqual(['abc', 'def']);
  expect((await client.jobs({ state: 'failed', limit: 1 })).map(job => job.id)).toEqual(['abc']);
  expect((await client.job('def'))?.relative).toBe('def.mp4');
  expect(await client.job('nope')).toBeUndefined();
  expect((await client.explain('/in/a b&c=d.mp4')).path).toBe('/in/a b&c=d.mp4');
  expect(await client.act('retry', 'abc')).toMatchObject({ ok: true, job: { id: 'abc' } });
  expect((await client.turn('pause')).mode).toBe('paused');
});

it('passes refusals on as they were said', async () => {
  const { client, control } = await connected();
  control.add({ id: 'abc', state: 'done' });
  expect(await client.act('retry', 'abc')).toEqual({
    ok: false,
    problem: 'not-now',
    message: 'job abc is done; forget it to do it again',
  });
  expect(await client.act('cancel', 'zzz')).toMatchObject({ ok: false, problem: 'unknown' });
  expect(await client.act('cancel', '../status')).toMatchObject({ ok: false, problem: 'unknown' });
  control.failure = new ShrinkError('unavailable', 'the share is away', { hint: 'Mount it.' });
  await expect(client.explain('/in/a.mp4')).rejects.toMatchObject({
    code: 'unavailable',
    message: 'the share is away',
    hint: 'Mount it.',
  });
});

it('hears what happens until it has heard enough', async () => {
  const { client, control } = await connected();
  const enough = new AbortController();
  const heard: string[] = [];
  for await (const event of client.events(enough.signal)) {
    heard.push(event.kind);
    if (event.kind === 'status') control.emit({ kind: 'job', job: control.add({ id: 'abc' }) });
    if (event.kind === 'job') control.emit({ kind: 'forgotten', id: event.job.id });
    if (event.kind === 'forgotten') enough.abort();
  }
  expect(heard).toEqual(['status', 'job', 'forgotten']);
});

it('can ask while it listens', async () => {
  const { client } = await connected();
  const enough = new AbortController();
  for await (const _ of client.events(enough.signal)) {
    expect((await client.status()).mode).toBe('running');
    enough.abort();
  }
});

it('stops hearing when the daemon stops', async () => {
  const { client, server } = await connected();
  const heard: string[] = [];
  for await (const event of client.events(new AbortController().signal)) {
    heard.push(event.kind);
    void server.close();
  }
  expect(heard).toEqual(['status']);
  await server.close();
  await expect(client.status()).rejects.toMatchObject({ name: 'ShrinkError' });
});

it('finds nobody where nobody ever was', async () => {
  expect(await connectControl(await tempDir())).toBeUndefined();
  expect(await connectControl('/nonexistent/state')).toBeUndefined();
});

it('says that the daemon ended when it ends in the middle', async () => {
  const stateDir = await tempDir();
  let asked = 0;
  const rude = createServer((request, response) => {
    asked += 1;
    if (asked === 1) response.end('{}');
    else request.socket.destroy();
  });
  rude.listen(controlSocket(stateDir));
  await once(rude, 'listening');
  onTestFinished(() => {
    rude.closeAllConnections();
    rude.close();
  });
  const client = await connectControl(stateDir);
  await expect(client?.jobs()).rejects.toMatchObject({ code: 'unavailable' });
  await client?.close();
});
