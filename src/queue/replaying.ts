import { ShrinkError } from '../core/errors.ts';
import { IllegalEvent } from '../core/lifecycle.ts';
import type { Ledger, ReplayedRecord } from './ledger.ts';

/**
 * Applies a record of the journal. Records that do not fit each other were not written by us like that.
 * @throws ShrinkError `damaged`, naming file and line.
 */
export function replayInto(ledger: Ledger, record: ReplayedRecord, place: { file: string; line: number }): void {
  try {
    ledger.replay(record);
  } catch (error) {
    if (!(error instanceof IllegalEvent)) throw error;
    throw new ShrinkError('damaged', `${place.file}:${place.line}: ${error.message}`, {
      doing: 'reading the journal',
      subject: place.file,
      hint: 'Move the state directory aside to start anew; sources and results are untouched.',
      cause: error,
    });
  }
}
