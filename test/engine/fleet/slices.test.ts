import { expect, it } from 'vitest';
import { SliceBook } from '../../../src/engine/fleet/slices.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const { signal } = new AbortController();

function book({ slots = 1, held = new Set<string>() } = {}) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const slices = new SliceBook({ maxBytes: 1000, slots: () => slots, isHeld: part => held.has(part), clock });
  const reserve = (part: string) => slices.reserve(part, { bytes: 10, drop: () => dropped.push(part) }, signal);
  return { clock, dropped, slices, reserve, held };
}

it('a film of more parts than two for each slot does not wait for ever for room for a slice', async () => {
  const { reserve, dropped, held } = book();
  for (const part of ['film.0', 'film.1', 'film.2', 'film.3']) {
    held.clear();
    held.add(part);
    await reserve(part);
  }
  expect(dropped).toEqual(['film.0', 'film.1']);
});

it('the slice of a part that somebody makes stays, until the lease is lost', async () => {
  const { reserve, dropped, held, clock } = book({ held: new Set(['film.0', 'film.1']) });
  await reserve('film.0');
  await reserve('film.1');
  let isCut = false;
  const waiting = reserve('film.2').then(() => {
    isCut = true;
  });
  await clock.advance(3_000);
  expect(isCut).toBe(false);
  held.delete('film.1');
  await clock.advance(1_000);
  await waiting;
  expect(dropped).toEqual(['film.1']);
});
