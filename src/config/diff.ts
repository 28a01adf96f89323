/** What changes between two texts, line by line, for people. Pure. */
import { maskUrl, withoutSecrets } from './redact.ts';

export interface DiffLine {
  kind: 'same' | 'old' | 'new' | 'gap';
  text: string;
}

/** Unchanged lines shown around a change. */
const AROUND = 2;
/** Comparing more than this many pairs of lines takes too long; all of them count as changed. */
const MAX_PAIRS = 4_000_000;

/** The changed lines with a few around them. Nothing in them looks like a secret. */
export function diffOf(before: string, after: string): DiffLine[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const same = (lines: readonly string[]) => lines.map((text): DiffLine => ({ kind: 'same', text }));
  return shortened([
    ...same(old.slice(0, head)),
    ...compared(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...same(old.slice(old.length - tail)),
  ]).map(({ kind, text }) => ({ kind, text: withoutSecrets(maskUrl(text)) }));
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** By the longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): DiffLine[] {
  const width = now.length + 1;
  if (old.length * now.length > MAX_PAIRS) return [...changed('old', old), ...changed('new', now)];
  const common = new Uint32Array((old.length + 1) * width);
  const commonFrom = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const skipped = Math.max(commonFrom(i + 1, j), commonFrom(i, j + 1));
      common[i * width + j] = old[i] === now[j] ? commonFrom(i + 1, j + 1) + 1 : skipped;
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      lines.push({ kind: 'same', text: old[i] ?? '' });
      [i, j] = [i + 1, j + 1];
    } else if (commonFrom(i + 1, j) >= commonFrom(i, j + 1)) lines.push(...changed('old', [old[i++] ?? '']));
    else lines.push(...changed('new', [now[j++] ?? '']));
  }
  return [...lines, ...changed('old', old.slice(i)), ...changed('new', now.slice(j))];
}

function changed(kind: 'old' | 'new', lines: readonly string[]): DiffLine[] {
  return lines.map(text => ({ kind, text }));
}

/** Leaves out what is far from every change. */
function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Set<number>();
  for (const [index, { kind }] of lines.entries()) {
    if (kind !== 'same') for (let at = index - AROUND; at <= index + AROUND; at += 1) near.add(at);
  }
  const shown: DiffLine[] = [];
  let last = -1;
  for (const [index, line] of lines.entries()) {
    if (!near.has(index)) continue;
    if (shown.length > 0 && index > last + 1) shown.push({ kind: 'gap', text: '' });
    shown.push(line);
    last = index;
  }
  return shown;
}
