import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeRecord } from '../../../../src/journal/records.ts';
import { COMPACT_AFTER_RECORDS } from '../../../../src/journal/snapshot.ts';
import type { Box } from '../../../support/box.ts';
import { aDecision, aPin } from '../../../support/builders.ts';

/** A job of long ago that a compaction must carry over. */
export const OLD_JOB = 'oldone22';

let text: string | undefined;

/** So many records that the next start compacts them. */
export async function longJournal(box: Box): Promise<void> {
  mkdirSync(join(box.state, 'journal'), { recursive: true, mode: 0o700 });
  text ??= records();
  writeFileSync(join(box.state, 'journal/000001.jsonl'), text, { mode: 0o600 });
}

function records(): string {
  const lines: string[] = [];
  const add = (job: string | null, event: string, data: unknown) =>
    lines.push(encodeRecord({ seq: lines.length + 1, at: 1_700_000_000_000 + lines.length, job, event, data }));
  const reason = { code: 'skipped', text: 'it is small enough' };
  const place = { inbox: '/gone', path: '/gone/old.mp4', relative: 'old.mp4' };
  const admitted = { ...place, arrival: 1, pin: aPin(), fingerprint: 'old', version: 1, decision: aDecision() };
  add(OLD_JOB, 'admitted', admitted);
  add(OLD_JOB, 'skipped', { reason });
  while (lines.length <= COMPACT_AFTER_RECORDS) {
    add(null, 'paused', {});
    add(null, 'resumed', {});
  }
  return lines.join('');
}
