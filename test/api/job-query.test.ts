import { expect, it } from 'vitest';
import { ask, serving } from '../support/serving.ts';

it('gives jobs of several states, in order, by name, with everything about them', async () => {
  const { server, control } = await serving();
  control.add({ id: 'new1', source: '/in/Beach.mp4', state: 'failed', updated_at: 5, hint: 'try again' });
  control.add({ id: 'mid1', source: '/in/beach 2.mp4', state: 'held', updated_at: 9 });
  control.add({ id: 'old1', source: '/in/lake.mp4', state: 'done', updated_at: 7 });
  const ids = async (query: string) => {
    const { json } = await ask(server, `/api/jobs?${query}`);
    return json.map((job: { id: string }) => job.id);
  };
  expect(await ids('state=failed,held')).toEqual(['new1', 'mid1']);
  expect(await ids('order=oldest')).toEqual(['old1', 'mid1', 'new1']);
  expect(await ids('order=updated')).toEqual(['mid1', 'old1', 'new1']);
  expect(await ids('q=BEACH')).toEqual(['new1', 'mid1']);
  control.add({ id: 'big1', folder: '/other', rule: 'films', state: 'done', source_bytes: 9e9, output_bytes: 1e9 });
  control.queue = ['mid1', 'old1'];
  expect(await ids('order=queue&limit=2')).toEqual(['mid1', 'old1']);
  expect(await ids('order=saving&limit=1')).toEqual(['big1']);
  expect(await ids('folder=/other')).toEqual(['big1']);
  expect(await ids('rule=films&q=big')).toEqual(['big1']);
  expect(await ids('folder=/other&rule=default')).toEqual([]);
  expect((await ask(server, '/api/jobs?state=failed&detail=1')).json).toMatchObject([
    { hint: 'try again', attempts: 0 },
  ]);
  expect((await ask(server, '/api/jobs?q=beach&limit=1')).headers['x-total-count']).toBe('2');
  for (const query of ['state=failed,tired', 'order=size', 'state=']) {
    expect((await ask(server, `/api/jobs?${query}`)).status).toBe(400);
  }
});
