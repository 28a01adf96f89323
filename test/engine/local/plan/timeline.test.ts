import { describe, expect, it } from 'vitest';
import type { Item } from '../../../../src/core/inventory.ts';
import { planInventory, planNotes, type Route } from '../../../../src/engine/local/plan/fates.ts';
import { leadOf, leadOfCopy, lostAtEnd, pictureEnd } from '../../../../src/engine/local/plan/timeline.ts';
import { say } from '../../../../src/messages/say.ts';
import { facts } from '../facts.ts';

const sound = (track: number, startS: number | undefined): Item => ({
  kind: 'sound',
  value: 'aac 2 und',
  track,
  ...(startS === undefined ? {} : { startS, endS: 60 }),
  what: say('media.has-sound', { track: 'aac' }),
});
const heard = (...starts: (number | undefined)[]) =>
  facts({ inventory: starts.map((startS, at) => sound(at + 1, startS)) });
const tracks = [{ index: 1 }, { index: 2 }];

describe('a result begins', () => {
  it('with the first of its tracks, and one that is left out does not count', () => {
    expect(leadOf(heard(-3, -0.04), tracks)).toBe(3);
    expect(leadOf(heard(-3, -0.04), [{ index: 2 }])).toBe(0.04);
    expect(leadOf(heard(-3), [])).toBe(0);
  });

  it('with the picture if sound comes later, or nobody knows when', () => {
    expect(leadOf(heard(0.5, undefined), tracks)).toBe(0);
  });

  it('with the picture if there is but the padding of an encoder before; a copy has that as well', () => {
    expect(leadOf(heard(-0.0213), tracks)).toBe(0);
    expect(leadOfCopy(heard(-0.0213), tracks)).toBe(0.0213);
  });

  it('ten minutes before the picture at most: a stray packet of an old clock brings no hours of silence', () => {
    expect(leadOf(heard(-36_000), tracks)).toBe(600);
  });
});

describe('what becomes of sound before the picture', () => {
  const route = (how: 'copy' | 'aac', startS: number): Route => ({
    facts: heard(startS),
    target: { audio: { kind: 'keep' } },
    tools: { options: new Set() },
    way: 'encode',
    codec: 'h264',
    picture: { width: 1280, height: 720, colors: [] },
    sound: {
      tracks: [{ index: 1, how, bitsPerSecond: 64_000, channels: 2, sampleRate: 48_000 }],
      subtitles: [],
      dropped: [],
    },
  });

  it.each(['copy', 'aac'] as const)('it was cut off in silence: it is kept (%s)', how => {
    const plan = planInventory(route(how, -3));
    expect(plan[0]?.fate).toMatchObject(
      how === 'copy' ? { kind: 'kept', as: { startS: -3 } } : { kind: 'converted', into: [{ startS: -3, endS: 60 }] },
    );
    expect(planNotes(plan)).toEqual([]);
  });

  it.each(['copy', 'aac'] as const)('what is cut off after all is said (%s)', how => {
    const plan = planInventory(route(how, -36_000));
    expect(plan[0]?.fate).toMatchObject({ kind: 'converted', into: [{ startS: -600 }] });
    expect(planNotes(plan).map(({ text }) => text)).toEqual([
      'dropped: 35400.0 s of sound more than 600 s before the picture',
    ]);
  });
});

describe('the last picture', () => {
  const able = { options: new Set(['setts_duration']) };

  it('is left to the muxer where it stays as long as the others', () => {
    expect(pictureEnd(facts(), {}, able)).toBeUndefined();
  });

  it('is told to stay where it stays longer, where frames differ in length or where some are dropped', () => {
    expect(pictureEnd(facts({ video: { lastFrameS: 1.6 } }), {}, able)).toBe(60);
    expect(pictureEnd(facts({ video: { variableFrameRate: true } }), {}, able)).toBe(60);
    expect(pictureEnd(facts({ video: { fps: 1, lastFrameS: 1 } }), {}, able)).toBe(60);
    expect(pictureEnd(facts(), { fps: 10 }, able)).toBe(60);
  });

  it('ends early with an ffmpeg that cannot be told, and by how much is known', () => {
    const long = facts({ video: { lastFrameS: 1.6 } });
    expect(pictureEnd(long, {}, { options: new Set() })).toBeUndefined();
    expect(lostAtEnd(long, { options: new Set() })).toEqual({ seconds: 1.6, shows: true });
    expect(lostAtEnd(long, able)).toEqual({ seconds: 0, shows: false });
    expect(lostAtEnd(facts(), { options: new Set() })).toMatchObject({ shows: false });
  });
});
