import { describe, expect, it } from 'vitest';
import { verbatim } from '../../../../src/core/message.ts';
import type { RenderRecord } from '../../../../src/engine/nemo/checkpoints.ts';
import {
  accepted,
  completed,
  discarded,
  failed,
  idTaken,
  nextRender,
  afterRetry,
  unanswered,
} from '../../../../src/engine/nemo/render/render-state.ts';

const BASE = { session: 's', id: 'render_1', since: 100, asked: 0 };
const ASKED: RenderRecord = { ...BASE, phase: 'asked', tries: 1 };
const ACCEPTED: RenderRecord = { ...ASKED, phase: 'accepted' };
const FAILED: RenderRecord = { ...ASKED, phase: 'failed', why: 'out of memory', whyCode: { code: 'verbatim' } };

describe('a render', () => {
  it.each<[string, RenderRecord, RenderRecord]>([
    ['is asked for', nextRender(undefined, BASE), ASKED],
    ['is asked for again after a failure', nextRender(FAILED, BASE), { ...ASKED, tries: 2 }],
    [
      'is accepted, under the id of the service',
      accepted(ASKED, 'theirs', 200),
      { ...ACCEPTED, id: 'theirs', since: 200 },
    ],
    ['completes', completed(ACCEPTED), { ...ACCEPTED, phase: 'completed' }],
    ['fails', failed(ACCEPTED, verbatim('out of memory')), FAILED],
    [
      'whose id was taken has not used up a try',
      idTaken(ASKED),
      { ...FAILED, tries: 0, why: 'the id was taken', whyCode: { code: 'nemo.render-id-taken' } },
    ],
    [
      'whose result is discarded gets all its tries again',
      discarded({ ...ACCEPTED, phase: 'completed', tries: 2 }, verbatim('rejected'), 1),
      { ...FAILED, tries: 0, asked: 1, why: 'rejected' },
    ],
    ['that runs is waited for anew after a retry', afterRetry(ACCEPTED, 1, 300), { ...ACCEPTED, asked: 1, since: 300 }],
    [
      'that failed gets all its tries after a retry',
      afterRetry({ ...FAILED, tries: 2 }, 1, 300),
      { ...FAILED, tries: 0, asked: 1, since: 300 },
    ],
    ['without an answer is waited for anew', unanswered(ACCEPTED, 300), { ...ACCEPTED, since: 300 }],
  ])('%s', (_, record, expected) => {
    expect(record).toEqual(expected);
  });
});
