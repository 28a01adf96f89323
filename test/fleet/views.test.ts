import { expect, it } from 'vitest';
import { FilmBoard, withInvited } from '../../src/fleet/views.ts';
import { aWorker } from '../support/fake-control.ts';

const heldBy = (worker: string, part: number, fraction: number) => ({
  ...{ task: `film.${part}`, want: 'a', n: 1, worker, sinceMs: 0, beatMs: 0, fps: 30, step: 'pass-1', fraction },
});

it('a film shows who makes which part, and of two that make the same the one that is further', () => {
  const board = new FilmBoard();
  for (const part of [2, 0, 1, 3]) board.set({ job: 'film', part, of: 9 }, { state: 'waiting', worker: null });
  board.set({ job: 'film', part: 1, of: 9 }, { state: 'made', worker: 'attic' });
  board.set({ job: 'film', part: 3, of: 9 }, { state: 'here', worker: null });
  const held = [heldBy('desk', 0, 0.2), heldBy('attic', 0, 0.7), heldBy('attic', 1, 0.9)];
  expect(board.view(held, () => true)).toEqual([
    {
      ...{ job: 'film', of: 9 },
      parts: [
        { part: 0, state: 'making', worker: 'attic', step: 'pass-1', fraction: 0.7 },
        { part: 1, state: 'made', worker: 'attic', step: null, fraction: null },
        { part: 2, state: 'waiting', worker: null, step: null, fraction: null },
        { part: 3, state: 'here', worker: null, step: null, fraction: null },
      ],
    },
  ]);
  expect(board.view(held, () => false)).toEqual([]);
  expect(board.view(held, () => true)).toEqual([]);
});

it('workers nobody has heard of since the start are shown as well', () => {
  const view = { queue: { up: true, since: 0, why: null }, queued: 0, leased: 0, films: [] };
  const roster = [
    { name: 'desk', token: 'x' },
    { name: 'attic', token: 'x' },
    { name: 'cellar' },
    { name: 'barn', token: 'x', benched: true },
  ];
  const { workers } = withInvited({ ...view, workers: [aWorker('desk', 'working')] }, roster);
  expect(workers.map(({ name, state, version }) => [name, state, version])).toEqual([
    ['attic', 'away', null],
    ['barn', 'benched', null],
    ['cellar', 'invited', null],
    ['desk', 'working', '0.1.0'],
  ]);
});
