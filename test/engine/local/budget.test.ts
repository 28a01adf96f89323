import { expect, it } from 'vitest';
import { videoTables } from '../../../src/engine/local/budget.ts';

it('tables: 12 bytes a frame, 20 where frames differ in length, as measured on 23 s at 30 frames a second', () => {
  expect(videoTables(690, 23, false)).toBe(690 * 12 + 23 * 32 + 2_000);
  expect(videoTables(690, 23, true)).toBe(690 * 20 + 23 * 32 + 2_000);
});
