/** What a process costs, read from /proc: nothing is attached to it, so that measuring changes nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { descendants } from '../../support/descendants.ts';

export interface Costs {
  cpuMs: number;
  /** Times any of its threads went to sleep and was woken again. */
  wakeUps: number;
  /** Bytes it caused to be written to a disk, and its write calls. */
  writtenBytes: number;
  writes: number;
  rssBytes: number;
  fds: number;
  threads: number;
  children: number;
}

/** USER_HZ of every Linux there is for user space. */
const TICK_MS = 10;

/** The most memory it ever had, bytes. */
export function peakRssOf(pid: number): number {
  const [, kB] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kB) * 1024;
}

export function costsOf(pid: number): Costs {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
  const stat = read('stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const threads = readdirSync(`/proc/${pid}/task`);
  const number = (text: string, key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  let wakeUps = 0;
  for (const thread of threads) {
    try {
      wakeUps += number(read(`task/${thread}/status`), 'voluntary_ctxt_switches');
    } catch {
      // The thread ended.
    }
  }
  const io = read('io');
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    wakeUps,
    writtenBytes: number(io, 'write_bytes'),
    writes: number(io, 'syscw'),
    rssBytes: number(read('status'), 'VmRSS') * 1024,
    fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: threads.length,
    children: descendants(pid).length,
  };
}
