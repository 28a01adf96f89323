import { expect, it } from 'vitest';
import { daysOf } from '../../src/api/savings.ts';
import { ask, serving } from '../support/serving.ts';

it('adds up by day what was saved', async () => {
  const { server, control } = await serving();
  const day = (n: number) => new Date(2026, 10, n, 12).getTime();
  control.add({ id: 'a', state: 'done', source_bytes: 100, output_bytes: 30, updated_at: day(22) });
  control.add({ id: 'b', state: 'done', source_bytes: 50, output_bytes: 10, updated_at: day(21) });
  control.add({ id: 'c', state: 'done', source_bytes: 10, output_bytes: 5, updated_at: day(22) });
  control.add({ id: 'd', state: 'failed', updated_at: day(22) });
  expect((await ask(server, '/api/history/days')).json).toEqual([
    { day: '2026-11-21', done: 1, source_bytes: 50, output_bytes: 10, saved_bytes: 40 },
    { day: '2026-11-22', done: 2, source_bytes: 110, output_bytes: 35, saved_bytes: 75 },
  ]);
  expect(daysOf([])).toEqual([]);
});
