import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type JournalFile, type JournalFiles, realJournalFiles } from '../../src/journal/io.ts';

export type Operation = 'list' | 'open' | 'read' | 'write' | 'truncate' | 'datasync' | 'rename' | 'unlink' | 'syncDir';

/** What happens at the `nth` call (from 1) of an operation. */
export interface Fault {
  operation: Operation;
  nth: number;
  /** An errno to fail with, `short` to write half, `crash` or a power cut to do nothing any more from there on. */
  how: string;
}

/** What a power cut leaves of bytes and names that were not synced. */
export const POWER_CUTS = [
  'power cut, unsynced lost',
  'power cut, unsynced torn',
  'power cut, unsynced zeroed',
] as const;

/** The real files, failing as told, and counting. `before` is awaited before each operation. */
export class FailingFiles implements JournalFiles {
  readonly calls: { operation: Operation; path: string }[] = [];
  fault: Fault | undefined;
  before: ((operation: Operation) => Promise<void> | void) | undefined;
  openFiles = 0;
  #crashed = false;
  /** How far files were written, and how far of that a sync has seen. */
  readonly #written = new Map<string, { end: number; synced: number }>();
  /** Names made since the folder was synced, and what they were called before. */
  #names: { path: string; before: string | undefined }[] = [];

  constructor(fault?: Fault) {
    this.fault = fault;
  }

  count(operation: Operation): number {
    return this.calls.filter(call => call.operation === operation).length;
  }

  list(dir: string): Promise<string[]> {
    return this.#do('list', dir, () => realJournalFiles.list(dir));
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<JournalFile> {
    const file = await this.#do('open', path, () => realJournalFiles.open(path, mode));
    this.openFiles += 1;
    if (mode === 'create') this.#names.push({ path, before: undefined });
    const extent = { end: 0, synced: 0 };
    this.#written.set(path, extent);
    return {
      read: (into, position) => this.#do('read', path, () => file.read(into, position)),
      write: (bytes, position) => {
        const write = async (part: Uint8Array) => {
          const written = await file.write(part, position);
          extent.end = Math.max(extent.end, position + written);
          return written;
        };
        return this.#do(
          'write',
          path,
          () => write(bytes),
          () => write(bytes.subarray(0, bytes.length >> 1)),
        );
      },
      truncate: length => this.#do('truncate', path, () => file.truncate(length)),
      datasync: () =>
        this.#do('datasync', path, async () => {
          await file.datasync();
          extent.synced = extent.end;
        }),
      close: () => {
        this.openFiles -= 1;
        return file.close();
      },
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do('rename', to, async () => {
      await realJournalFiles.rename(from, to);
      this.#names.push({ path: to, before: from });
      const extent = this.#written.get(from);
      if (extent) this.#written.set(to, extent);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#do('unlink', path, () => realJournalFiles.unlink(path));
  }

  syncDir(dir: string): Promise<void> {
    return this.#do('syncDir', dir, async () => {
      await realJournalFiles.syncDir(dir);
      this.#names = [];
    });
  }

  async #do<T>(operation: Operation, path: string, real: () => Promise<T>, half = real): Promise<T> {
    await this.before?.(operation);
    this.calls.push({ operation, path });
    const { fault } = this;
    const hit = fault?.operation === operation && fault.nth === this.count(operation);
    if (hit && /^(crash|power cut)/.test(fault.how)) {
      if (fault.how !== 'crash') this.#cutPower(fault.how);
      this.#crashed = true;
    }
    if (this.#crashed) {
      throw Object.assign(new Error('crashed'), { code: 'ECRASHED' });
    }
    if (!hit) return real();
    if (fault.how === 'short') return half();
    throw Object.assign(new Error(`${fault.how}: injected, ${operation}`), { code: fault.how, errno: -1 });
  }

  /** Makes the disk look as if nothing had reached it but what was synced, or not in one piece. */
  #cutPower(how: string): void {
    for (const [path, { end, synced }] of this.#written) {
      if (end === synced || this.#names.some(({ before }) => before === path)) continue;
      const bytes = readFileSync(path);
      if (how.endsWith('lost')) writeFileSync(path, bytes.subarray(0, synced));
      if (how.endsWith('torn')) writeFileSync(path, bytes.subarray(0, (synced + end) >> 1));
      if (how.endsWith('zeroed')) writeFileSync(path, bytes.fill(0, synced));
    }
    if (!how.endsWith('lost')) return;
    for (const { path, before } of this.#names.reverse()) {
      if (before) renameSync(path, before);
      else rmSync(path);
    }
  }
}
