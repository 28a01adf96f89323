import { describe, expect, it } from 'vitest';
import { createLocks } from '../../../../src/engine/nemo/session/session.ts';
import { createSlots } from '../../../../src/engine/nemo/slots.ts';

const never = new AbortController().signal;

/** Something that is at work until it is told to end. */
function task(log: string[], name: string) {
  let end = () => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  return {
    end,
    act: async () => {
      log.push(`${name} begins`);
      await ended;
      log.push(`${name} ends`);
    },
  };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
}

describe.each([
  [
    'a turn at something only one may work at',
    () => {
      const exclusive = createLocks();
      return (signal: AbortSignal, act: () => Promise<void>) => exclusive('key', signal, act);
    },
  ],
  ['a slot, when there is one', () => createSlots(1)],
])('%s', (_, make) => {
  it('comes in the order of asking, one after another', async () => {
    const turn = make();
    const log: string[] = [];
    const [a, b] = [task(log, 'a'), task(log, 'b')];
    const all = Promise.all([turn(never, a.act), turn(never, b.act)]);
    await settle();
    expect(log).toEqual(['a begins']);
    b.end();
    a.end();
    await all;
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('is given up at once by who no longer waits, and passes to the next', async () => {
    const turn = make();
    const log: string[] = [];
    const [a, b, c] = [task(log, 'a'), task(log, 'b'), task(log, 'c')];
    const leaver = new AbortController();
    const first = turn(never, a.act);
    const second = expect(turn(leaver.signal, b.act)).rejects.toThrow('left');
    const third = turn(never, c.act);
    leaver.abort(new Error('left'));
    await second;
    expect(log).toEqual(['a begins']);
    c.end();
    a.end();
    await Promise.all([first, third]);
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  it('passes on after a failure', async () => {
    const turn = make();
    await expect(turn(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const log: string[] = [];
    const a = task(log, 'a');
    a.end();
    await turn(never, a.act);
    expect(log).toEqual(['a begins', 'a ends']);
  });

  it('is not taken by who left before', async () => {
    const turn = make();
    const log: string[] = [];
    await expect(turn(AbortSignal.abort(new Error('left')), task(log, 'a').act)).rejects.toThrow('left');
    expect(log).toEqual([]);
  });
});

it('slots are as many as asked for, and one at least', async () => {
  for (const [count, most] of [
    [3, 3],
    [0, 1],
  ] as const) {
    const turn = createSlots(count);
    const log: string[] = [];
    const tasks = ['a', 'b', 'c', 'd'].map(name => task(log, name));
    const all = Promise.all(tasks.map(one => turn(never, one.act)));
    await settle();
    expect(log).toHaveLength(most);
    for (const one of tasks) one.end();
    await all;
  }
});
