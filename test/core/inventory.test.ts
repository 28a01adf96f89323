import { describe, expect, it } from 'vitest';
import {
  type Compared,
  differences,
  type Fate,
  type Holding,
  holdingsOf,
  type Item,
  notesOf,
  refusalOf,
} from '../../src/core/inventory.ts';
import { say } from '../../src/messages/say.ts';

const note = say('local.alpha-dropped');
const how = say('local.becomes-upright');
const item = (changes: Partial<Item> = {}): Item => ({
  kind: 'sound',
  value: 'aac 2 eng',
  what: say('media.has-sound', { track: 'aac' }),
  ...changes,
});
const planned = (fate: Fate, changes?: Partial<Item>) => ({ item: item(changes), fate });

describe('what a plan promises', () => {
  it('is what it keeps, and what others become', () => {
    const into: Holding = { kind: 'sound', value: 'aac 1 eng' };
    const plan = [
      planned({ kind: 'kept' }, { startS: 1, endS: 5 }),
      planned({ kind: 'kept', as: { startS: 0 } }, { startS: -1, endS: 5 }),
      planned({ kind: 'converted', into: [into], how }),
      planned({ kind: 'left-out', note }),
    ];
    expect(holdingsOf(plan)).toEqual([
      { kind: 'sound', value: 'aac 2 eng', startS: 1, endS: 5 },
      { kind: 'sound', value: 'aac 2 eng', startS: 0, endS: 5 },
      into,
    ]);
  });

  it('says what is lost, but not what a person asked for or cannot miss', () => {
    const plan = [
      planned({ kind: 'kept' }),
      planned({ kind: 'converted', into: [], how }),
      planned({ kind: 'converted', into: [], how, note: say('local.deinterlaced') }),
      planned({ kind: 'left-out', note }),
      planned({ kind: 'left-out', note: say('local.sound-damaged'), asked: true }),
    ];
    expect(notesOf(plan)).toEqual([say('local.deinterlaced'), note]);
    expect(refusalOf(plan)).toBeUndefined();
  });
});

describe('a result that is not as planned', () => {
  const compare = (expected: Holding[], found: Holding[], compared: Compared = 'both') =>
    differences(expected, found, () => compared);
  const eng: Holding = { kind: 'sound', value: 'aac 2 eng', startS: 0, endS: 10 };
  const ger: Holding = { kind: 'sound', value: 'aac 2 ger', startS: 0, endS: 10 };

  it('is no other than the plan where nothing differs but the order, and a frame', () => {
    const found = [{ ...ger, startS: 0.05, endS: 10.1 }, eng];
    expect(compare([eng, ger], found)).toEqual({ missing: [], extra: [], moved: [] });
  });

  it('lacks a track', () => {
    expect(compare([eng, ger], [eng])).toEqual({ missing: [ger], extra: [], moved: [] });
    // Two of a kind are two.
    expect(compare([eng, eng], [eng]).missing).toEqual([eng]);
  });

  it('has a track too many', () => {
    expect(compare([eng], [eng, ger]).extra).toEqual([ger]);
    expect(compare([eng], [eng, ger], 'missing').extra).toEqual([]);
  });

  it('has the sound at another time', () => {
    const late = { ...eng, startS: 0.3, endS: 10.3 };
    expect(compare([eng], [late]).moved).toEqual([{ expected: eng, found: late }]);
    const short = { ...eng, endS: 9 };
    expect(compare([eng], [short]).moved).toEqual([{ expected: eng, found: short }]);
    // Where two are alike, each is compared with the one that fits.
    expect(compare([late, eng], [eng, late]).moved).toEqual([]);
  });

  it('is not looked at where a result cannot show it', () => {
    expect(compare([eng], [ger], 'never')).toEqual({ missing: [], extra: [], moved: [] });
  });
});
