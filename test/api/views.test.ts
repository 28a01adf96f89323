import { expect, it } from 'vitest';
import { viewOf } from '../../src/api/views.ts';
import { aJob, TO_DONE } from '../support/builders.ts';

it('shows a job as scripts know it: these fields and no others', () => {
  expect(viewOf(aJob({}, ...TO_DONE))).toEqual({
    id: 'aaaa',
    source: '/in/clip.mp4',
    folder: '/in',
    rule: 'default',
    engine: 'local',
    state: 'done',
    reason: null,
    step: null,
    progress: 1,
    source_bytes: 1_000_000,
    target_bytes: 500_000,
    output: '/out/clip.mp4',
    output_bytes: 400_000,
    created_at: 1,
    updated_at: 2,
  });
});
