import type { JournalWriter, ReplayedRecord } from '../../src/queue/ledger.ts';

/** A journal that only remembers, as text, what it was given: what comes back went through JSON like on a disk. */
export class MemoryJournal implements JournalWriter {
  readonly lines: string[] = [];

  async append(entries: { job: string | null; event: string; data: unknown; at?: number }[]): Promise<void> {
    for (const entry of entries) this.lines.push(JSON.stringify({ at: 0, ...entry }));
  }

  records(): ReplayedRecord[] {
    return this.lines.map(line => JSON.parse(line));
  }

  /** Names of the events a job met, in order. */
  eventsOf(job: string): string[] {
    return this.records().flatMap(record => (record.job === job ? [record.event] : []));
  }
}
