import { expect, it } from 'vitest';
import { linesOf } from '../../src/platform/log-lines.ts';

const plain = (record: Record<string, unknown>, columns = 80) => linesOf(record, { columns, dim: text => text });

it('one line says what happened, and short facts beside it', () => {
  const record = {
    level: 30,
    time: 'now',
    job: 'abc1',
    file: 'clip.mov',
    state: 'running',
    engine: 'local',
    tries: 2,
    msg: 'running: sampling',
  };
  expect(plain(record)).toBe('abc1 clip.mov running: sampling (tries 2)');
  expect(plain({ msg: 'resumed' })).toBe('resumed');
});

it('sentences stand below it, a path whole, and no word is broken', () => {
  const output = '/srv/videos/outbox/a folder/holiday at the beach with everybody 2024.mp4';
  const said = plain(
    {
      job: 'abc1',
      msg: 'done: 212 MB -> 49.8 MB',
      output,
      notes: ['a note that is longer than there is room for in one line', 'another note'],
    },
    60,
  );
  const indent = `\n${' '.repeat(17)}`;
  expect(said.split(indent)).toEqual([
    'abc1 done: 212 MB -> 49.8 MB',
    `output: ${output}`,
    'a note that is longer than there is room',
    'for in one line',
    'another note',
  ]);
});

it('an error keeps its trace and its facts', () => {
  const said = plain({
    msg: 'failed',
    err: { type: 'Error', message: 'broken', stack: 'Error: broken\n    at a.ts:1', code: 'io' },
  });
  expect(said.split('\n').map(line => line.trim())).toEqual(['failed', 'Error: broken', 'at a.ts:1', '{"code":"io"}']);
});
