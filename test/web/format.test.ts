import { expect, it } from 'vitest';
import { stepWithNote } from '../../src/web/format.ts';

it.each([
  ['pass 1 of 2', 'pass 1 of 2, 2.1x', 'pass 1 of 2, 2.1x'],
  ['pass 1 of 2, attempt 2', 'pass 1 of 2, 0.1x', 'pass 1 of 2, attempt 2, 0.1x'],
  ['第 1 遍，共 2 遍', '第 1 遍，1.8x', '第 1 遍，共 2 遍，1.8x'],
  ['encoding', 'pass 2 of 2, 1.8x', undefined],
  ['encoding', '', undefined],
])('%s with the note %s: the pass is said once (was: twice in a second attempt)', (step, note, said) => {
  expect(stepWithNote(step, note)).toBe(said);
});
